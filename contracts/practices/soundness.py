"""What must hold in a practice beyond the shape of its file. Each mistake says where it is and what to do."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from contracts.practices.model import (
    PLACE,
    Deadline,
    Field,
    FieldKind,
    Practice,
    Rule,
    StateWord,
    Step,
    Worth,
)

Blocks = dict[str, list[Field]]
"""Shared lists of fields, by name."""
States = dict[str, StateWord]
"""Bodies' words for states, by name."""
Path = tuple[str | int, ...]
YES_NO: Final = ("true", "false")
MOST_VALUES: Final = 20
"""Told of a choice."""


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    Attributes:
        path: keys and places from the top of the file; it may point into a part that is not there.
        says: a sentence that ends with what to do.
    """

    path: Path
    says: str


def fields_of(step: Step, blocks: Blocks) -> list[Field]:
    """The step's fields, those of its block first; an unknown block has none."""
    return [*blocks.get(step.block, []), *step.fields]


def mistakes(practice: Practice, blocks: Blocks, states: Mapping[str, object]) -> list[Mistake]:
    """All that is wrong with a practice, in the order of its file."""
    asked = _Asked(practice, blocks)
    return [
        *_validity(practice),
        *_parameters(practice),
        *asked.mistakes,
        *_attachments(practice, asked.seen),
        *_deadlines(practice, asked.seen),
        *_terms(practice, asked.seen),
        *(
            Mistake(
                ("states", at), f"state {name} is not in the list of states: add it there or use one of them"
            )
            for at, name in enumerate(practice.states)
            if name not in states
        ),
    ]


def clashes(keys: Iterable[str]) -> list[str]:
    """Those that stand more than once."""
    return sorted(key for key, times in Counter(keys).items() if times > 1)


class _Asked:
    """Walks the questions in their order and remembers what was asked before."""

    def __init__(self, practice: Practice, blocks: Blocks) -> None:
        self.seen: dict[str, Field] = {}
        self.mistakes: list[Mistake] = []
        steps = set[str]()
        for at, step in enumerate(practice.steps):
            path: Path = ("steps", at)
            if step.id in steps:
                self._wrong((*path, "id"), f"step {step.id} stands twice: give one of them another id")
            steps.add(step.id)
            if step.block and step.block not in blocks:
                known = ", ".join(sorted(blocks)) or "none"
                self._wrong((*path, "block"), f"step {step.id}: no block {step.block}; there are: {known}")
            own = len(blocks.get(step.block, []))
            fields = fields_of(step, blocks)
            if not fields:
                self._wrong(path, f"step {step.id} asks nothing: give it fields or a block")
            for number, field in enumerate(fields):
                self._ask((*path, "fields", number - own) if number >= own else (*path, "block"), field)
            self._groups(path, step, fields)

    def _wrong(self, path: Path, says: str) -> None:
        self.mistakes.append(Mistake(path, says))

    def _ask(self, path: Path, field: Field) -> None:
        if field.name in self.seen:
            self._wrong((*path, "name"), f"field {field.name} stands twice: give one of them another name")
        if (field.kind is FieldKind.CHOICE) != bool(field.options):
            self._wrong(path, f"field {field.name}: options belong to a choice, and a choice has some")
        for value in clashes(option.value for option in field.options):
            self._wrong((*path, "options"), f"field {field.name}: option {value} stands twice: take one away")
        if field.when is not None:
            says = f"field {field.name}: its rule looks at {{field}}, not asked before it: ask that first"
            self.mistakes += _rule((*path, "when"), field.when, self.seen, says)
        self.seen[field.name] = field

    def _groups(self, path: Path, step: Step, fields: Sequence[Field]) -> None:
        for name in dict.fromkeys(field.group for field in fields if field.group):
            times = {field.repeat for field in fields if field.group == name}
            if len(times) > 1:
                self._wrong(path, f"group {name}: all its fields must repeat equally often")
        for name in step.groups:
            if name not in {field.group for field in fields}:
                self._wrong((*path, "groups", name), f"group {name} has no fields in this step: take it away")


def _rule(path: Path, rule: Rule, seen: Mapping[str, Field], unknown: str) -> Iterator[Mistake]:
    if bool(rule.one_of) == bool(rule.none_of):
        yield Mistake(path, f"a rule on {rule.field} has one_of or none_of, one of the two: add or take away")
    field = seen.get(rule.field)
    if field is None:
        yield Mistake((*path, "field"), unknown.format(field=rule.field))
        return
    if field.repeat > 1:
        yield Mistake(
            (*path, "field"), f"{field.name} has several answers: a rule looks at a field that has one"
        )
    if field.kind is FieldKind.CHOICE:
        known = [option.value for option in field.options]
    elif field.kind is FieldKind.BOOL:
        known = list(YES_NO)
    else:
        return
    for value in (*rule.one_of, *rule.none_of):
        if value not in known:
            yield Mistake(path, f"{rule.field} is never {value}; it can be: {', '.join(known[:MOST_VALUES])}")


def _validity(practice: Practice) -> Iterator[Mistake]:
    if practice.valido_al is not None and practice.valido_al < practice.valido_dal:
        yield Mistake(("valido_al",), "it ends before it begins: put valido_al on or after valido_dal")


def _parameters(practice: Practice) -> Iterator[Mistake]:
    for name, dated in practice.parameters.items():
        for at, (before, after) in enumerate(zip(dated, [*dated[1:], None], strict=True)):
            yield from _worth(("parameters", name, at), name, before, after)
    used = {name for text in practice.good_to_know for name in PLACE.findall(text)}
    for at, text in enumerate(practice.good_to_know):
        for name in PLACE.findall(text):
            if name not in practice.parameters:
                yield Mistake(
                    ("good_to_know", at), f"there is no parameter {name}: write it down under parameters"
                )
    for name in practice.parameters:
        if name not in used:
            yield Mistake(
                ("parameters", name), f"parameter {name} is in no sentence of good_to_know: take it away"
            )


def _worth(path: Path, name: str, worth: Worth, after: Worth | None) -> Iterator[Mistake]:
    end = worth.valido_al or dt.date.max
    if end < worth.valido_dal:
        yield Mistake(
            path, f"parameter {name}: it ends before it begins: put valido_al on or after valido_dal"
        )
    if after is not None and after.valido_dal <= end:
        yield Mistake(
            path, f"parameter {name} has two values on {after.valido_dal}: let one end the day before"
        )


def _attachments(practice: Practice, seen: Mapping[str, Field]) -> Iterator[Mistake]:
    names = Counter(paper.id for paper in practice.attachments)
    for at, paper in enumerate(practice.attachments):
        path: Path = ("attachments", at)
        if names[paper.id] > 1:
            yield Mistake((*path, "id"), f"attachment {paper.id} stands twice: give one of them another id")
        if paper.when is not None:
            says = f"attachment {paper.id}: its rule looks at {{field}}, which is not asked"
            yield from _rule((*path, "when"), paper.when, seen, says)


def _deadlines(practice: Practice, seen: Mapping[str, Field]) -> Iterator[Mistake]:
    for at, deadline in enumerate(practice.deadlines):
        path: Path = ("deadlines", at)
        yield from _length(path, deadline)
        field = seen.get(deadline.after or "")
        if deadline.after is not None and (field is None or field.kind is not FieldKind.DATE):
            says = f"deadline {deadline.id}: {deadline.after} is not a date that is asked"
            yield Mistake((*path, "after"), says)
        elif field is not None and field.repeat > 1:
            says = f"deadline {deadline.id}: {deadline.after} has several answers: count from a date that is asked once"
            yield Mistake((*path, "after"), says)
        if deadline.when is not None:
            says = f"deadline {deadline.id}: its rule looks at {{field}}, which is not asked"
            yield from _rule((*path, "when"), deadline.when, seen, says)


def _length(path: Path, deadline: Deadline) -> Iterator[Mistake]:
    lengths = (deadline.days, deadline.working_days, deadline.months, deadline.years)
    if (deadline.by is not None) == any(lengths):
        yield Mistake(
            path, f"deadline {deadline.id}: give it a length (days, months …) or a day of the year (by)"
        )
    if any(lengths) and deadline.after is None:
        yield Mistake(path, f"deadline {deadline.id}: say with after from which date it counts")


def _terms(practice: Practice, seen: Mapping[str, Field]) -> Iterator[Mistake]:
    if practice.other_terms and practice.answer_term is None:
        yield Mistake(("other_terms",), "other terms need an answer_term that they differ from: add it")
    for at, term in enumerate(practice.other_terms):
        says = "a term to answer looks at {field}, which is not asked"
        yield from _rule(("other_terms", at, "when"), term.when, seen, says)
