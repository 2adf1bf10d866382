"""A step of questions between the desk's view and a web form, in both directions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from flask_babel import gettext

from contracts.desk_api.clerk import Direction, FormView, SaveStep
from contracts.practices.model import MAX_VALUE_CHARS, Field, FieldKind, Option, Step
from web_local.presenting import in_field
from web_local.words import tell_answer

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

Saving = SaveStep
RADIO_AT_MOST = 6
OPEN_RADIO_AT_MOST = 3
SHORT_LABEL = 12
NO_ROWS_ASKED = "-"
"""In the address after a row was taken away: nothing is added, and nothing is complained about yet."""


class Question(msgspec.Struct, frozen=True):
    """One input of the page.

    Attributes:
        ident: id in the page; unique also among repeated rows.
        ticked: the options chosen, of a list to tick.
        asked: false where another answer of this page must first call for it.
        rule: how the page's script decides `asked` without asking us; empty = always asked.
    """

    ident: str
    input_name: str
    field: Field
    value: str
    problem: str = ""
    from_card: bool = False
    asked: bool = True
    ticked: list[str] = []
    rule: dict[str, str] = {}
    options: list[Option] = []

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Options as value and label."""
        return [(option.value, option.label) for option in self.options]

    @property
    def to_tick(self) -> bool:
        """More than one option may be chosen."""
        return _to_tick(self.field)

    @property
    def as_radio(self) -> bool:
        """Few options are shown all at once; an answer that may stay open takes less of the page."""
        return len(self.options) <= (RADIO_AT_MOST if self.field.required else OPEN_RADIO_AT_MOST)

    @property
    def in_a_row(self) -> bool:
        """Two short options stand side by side."""
        short = all(len(option.label) <= SHORT_LABEL for option in self.options)
        return len(self.options) <= OPEN_RADIO_AT_MOST and short


class Row(msgspec.Struct, frozen=True):
    """One round of a repeated group."""

    number: int
    questions: list[Question]


class Block(msgspec.Struct, frozen=True):
    """A single question, or a group that repeats."""

    name: str
    repeats: bool
    rows: list[Row]
    may_add: bool = False
    may_remove: bool = False


class Shown(msgspec.Struct, frozen=True):
    """A whole step, ready to be drawn."""

    blocks: list[Block]
    problems: list[tuple[str, str, str]]
    """id of the input, its label, what is wrong."""


class Button(msgspec.Struct, frozen=True):
    """What the pressed button of the form wants."""

    then: Direction
    more: str = ""
    drop: tuple[str, int] | None = None
    anchor: str = ""


def draw(form: FormView, *, extra_rows: str = "") -> Shown:
    """The step as blocks of questions.

    Args:
        form: the desk's view of the step.
        extra_rows: name of a group that gets one empty row more, or `NO_ROWS_ASKED`.
    """
    quiet = bool(extra_rows)
    asked = {field.name for field in form.fields}
    here = {field.name for field in form.step.fields}
    blocks: list[Block] = []
    for members in _together(form.step):
        visible = [
            field for field in members if field.name in asked or (field.when and field.when.field in here)
        ]
        if visible:
            blocks.append(_block(form, visible, asked, here, extra_rows, quiet=quiet))
    return Shown(blocks, [] if quiet else _summary(blocks))


def read_answers(
    step: Step, posted: MultiDict[str, str], *, drop: tuple[str, int] | None = None
) -> dict[str, list[str]]:
    """What was typed, by field. Rows of a group stay side by side; empty rows fall away.

    Args:
        step: whose fields are looked for; anything else in the form is ignored.
        posted: the form.
        drop: group and row (from 0) to be left out.
    """
    answers: dict[str, list[str]] = {}
    for members in _together(step):
        if _repeats(members):
            rows = _typed_rows(members, posted, drop)
            for at, field in enumerate(members):
                answers[field.name] = [row[at] for row in rows]
            continue
        for field in members:
            if _to_tick(field):
                ticked = [_clean(value) for value in posted.getlist(input_name(field.name, 0))]
                answers[field.name] = list(dict.fromkeys(ticked))[: field.repeat]
                continue
            value = _clean(posted.get(input_name(field.name, 0), ""))
            answers[field.name] = [value] if value else []
    return answers


def read_button(pressed: str) -> Button:
    """The meaning of the button's value: ``next``, ``back``, ``stay``, ``add:GROUP``, ``drop:GROUP:ROW``."""
    word, _, rest = pressed.partition(":")
    if word == "add":
        return Button(Direction.STAY, more=rest, anchor=f"gruppo-{rest}")
    if word == "drop":
        group, _, number = rest.rpartition(":")
        return Button(
            Direction.STAY,
            drop=(group, int(number)) if number.isdecimal() else None,
            anchor=f"gruppo-{group}",
        )
    return Button(Direction(word) if word in set(Direction) else Direction.NEXT)


def input_name(field: str, row: int) -> str:
    """Name of an input: ``f.iban`` or, in the third row of a group, ``f.figlio_cf.2``."""
    return f"f.{field}.{row}" if row else f"f.{field}"


def _together(step: Step) -> list[list[Field]]:
    """Fields in order, those of one group side by side."""
    groups: dict[str, list[Field]] = {}
    for field in step.fields:
        groups.setdefault(field.group or f"={field.name}", []).append(field)
    return list(groups.values())


def _repeats(members: list[Field]) -> bool:
    return members[0].repeat > 1 and not _to_tick(members[0])


def _to_tick(field: Field) -> bool:
    return field.kind is FieldKind.CHOICE and field.repeat > 1 and not field.group


def _group_name(members: list[Field]) -> str:
    return members[0].group or members[0].name


def _block(
    form: FormView, members: list[Field], asked: set[str], here: set[str], extra_rows: str, *, quiet: bool
) -> Block:
    name, repeats = _group_name(members), _repeats(members)
    filled = max([len(form.answers.get(field.name, [])) for field in members], default=0)
    most = members[0].repeat
    wanted = filled + (1 if extra_rows == name else 0)
    count = min(most, max(1, wanted)) if repeats else 1
    rows = [
        Row(row, [_question(form, field, row, asked, here, quiet=quiet) for field in members])
        for row in range(count)
    ]
    return Block(name, repeats, rows, may_add=repeats and count < most, may_remove=repeats and count > 1)


def _question(
    form: FormView, field: Field, row: int, asked: set[str], here: set[str], *, quiet: bool
) -> Question:
    values = form.answers.get(field.name, [])
    value = values[row] if row < len(values) else ""
    problem = ""
    for found in form.problems:
        if not quiet and found.field == field.name and (found.index == row or _to_tick(field)):
            problem = tell_answer(found.code, found.facts)
    rule: dict[str, str] = {}
    if field.when and field.when.field in here:
        rule = {
            "field": input_name(field.when.field, 0),
            "one-of": " ".join(field.when.one_of),
            "none-of": " ".join(field.when.none_of),
        }
    return Question(
        ident=f"c-{field.name}-{row}",
        input_name=input_name(field.name, row),
        field=field,
        value=in_field(field.kind, value),
        problem=problem,
        from_card=field.name in form.from_card,
        asked=field.name in asked,
        ticked=values if _to_tick(field) else [],
        rule=rule,
        options=_options(field),
    )


def _options(field: Field) -> list[Option]:
    if field.kind is FieldKind.BOOL:
        return [Option("true", gettext("Sì")), Option("false", gettext("No"))]
    return field.options


def _summary(blocks: list[Block]) -> list[tuple[str, str, str]]:
    return [
        (question.ident, question.field.label, question.problem)
        for block in blocks
        for row in block.rows
        for question in row.questions
        if question.problem
    ]


def _typed_rows(
    members: list[Field], posted: Mapping[str, str], drop: tuple[str, int] | None
) -> list[list[str]]:
    rows = []
    for row in range(members[0].repeat):
        if drop == (_group_name(members), row):
            continue
        values = [_clean(posted.get(input_name(field.name, row), "")) for field in members]
        if any(values):
            rows.append(values)
    return rows


def _clean(text: str) -> str:
    return " ".join(text.split())[:MAX_VALUE_CHARS]
