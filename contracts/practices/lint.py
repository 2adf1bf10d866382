"""A practice's file judged as its author needs it: every mistake at once, each with its line and what to do."""

from __future__ import annotations

import difflib
import enum
import inspect
import itertools
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
import yaml

from contracts.practices import soundness, yaml_text
from contracts.practices.model import Practice
from contracts.practices.notice import NoticeText, is_notice
from contracts.practices.soundness import Blocks, Mistake, Path, States
from contracts.practices.yaml_text import NotYaml
from contracts.settled import settled

LONGEST_SENTENCE: Final = 25
"""Words. What is read aloud must be understood at the first hearing."""
SPOKEN: Final = "say_aloud"
MOST_MISTAKES: Final = 100
"""Told of one file."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake of a file.

    Attributes:
        line: from 1.
        where: keys from the top of the file, with points; empty for the whole of it.
        says: what is wrong and what to do.
    """

    file: str
    line: int
    where: str
    says: str


def lint(name: str, data: bytes, blocks: Blocks, states: States) -> list[Found]:
    """All mistakes of the file of one practice or one notice, by line.

    Args:
        name: of the file, for the answer; with its folder or without.
        data: the file.
        blocks: shared lists of fields it may name.
        states: words for states it may name.
    """
    try:
        value, root = yaml_text.read(data)
    except NotYaml as why:
        return [Found(file=name, line=why.line, where="", says=why.says)]
    judged = _notice(value) if is_notice(name.rpartition("/")[2]) else _mistakes(value, blocks, states)
    found = list(itertools.islice(judged, MOST_MISTAKES))
    lined = [
        Found(file=name, line=_line(root, one.path), where=".".join(map(str, one.path)), says=one.says)
        for one in found
    ]
    return sorted(lined, key=lambda one: one.line)


def _mistakes(value: object, blocks: Blocks, states: States) -> Iterator[Mistake]:
    shape = list(itertools.islice(_shape(value, Practice, ()), MOST_MISTAKES))
    yield from shape
    if not shape:
        practice = msgspec.convert(value, settled(Practice))
        yield from soundness.mistakes(practice, blocks, states)
        yield from _long_sentences(practice)


def _notice(value: object) -> Iterator[Mistake]:
    shape = list(itertools.islice(_shape(value, NoticeText, ()), MOST_MISTAKES))
    yield from shape
    if not shape:
        yield from _too_long(msgspec.convert(value, settled(NoticeText)).spoken, ("spoken",))


def _long_sentences(practice: Practice) -> Iterator[Mistake]:
    for at, step in enumerate(practice.steps):
        yield from _too_long(step.say_aloud, ("steps", at, SPOKEN))


def _too_long(spoken: str, path: Path) -> Iterator[Mistake]:
    for sentence in spoken.replace("?", ".").replace("!", ".").split("."):
        if (words := len(sentence.split())) > LONGEST_SENTENCE:
            says = (
                f"a sentence of {words} words is hard to follow by ear: at most {LONGEST_SENTENCE}, make two"
            )
            yield Mistake(path, says)


# ---- shape ---------------------------------------------------------------------------------------------------


def _shape(value: object, kind: Any, path: Path) -> Iterator[Mistake]:
    """Every place at which a value is not of its kind, not only the first."""
    bare = _bare(kind, value)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        yield from _struct(value, bare, path)
    elif get_origin(bare) is list and isinstance(value, list):
        for at, one in enumerate(value):
            yield from _shape(one, get_args(bare)[0], (*path, at))
    elif get_origin(bare) is dict and isinstance(value, dict):
        key_kind, value_kind = get_args(bare)
        for key, one in value.items():
            yield from _leaf(key, key_kind, (*path, key))
            yield from _shape(one, value_kind, (*path, key))
    else:
        yield from _leaf(value, kind, path)


def _bare(kind: Any, value: object) -> Any:
    """`kind` without what is said about it, and without None where a value is given."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0], value)
    if get_origin(kind) in {Union, types.UnionType} and value is not None:
        some = [one for one in get_args(kind) if one is not types.NoneType]
        return _bare(some[0], value) if len(some) == 1 else kind
    return kind


def _struct(value: object, kind: type[msgspec.Struct], path: Path) -> Iterator[Mistake]:
    if not isinstance(value, dict):
        yield Mistake(path, f"here stands {_named(value)}; it must be a list of names with values")
        return
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in value:
        if key not in fields:
            yield Mistake(
                (*path, key), f"there is nothing called {key} here{_nearest(str(key), list(fields))}"
            )
    for name, field in fields.items():
        if name in value:
            yield from _shape(value[name], hints[field.name], (*path, name))
        elif field.required:
            yield Mistake(path, f"{name} is missing: add it")


def _leaf(value: object, kind: Any, path: Path) -> Iterator[Mistake]:
    try:
        msgspec.convert(value, settled(kind))
    except msgspec.ValidationError as why:
        bare = _bare(kind, value)
        if isinstance(bare, type) and issubclass(bare, enum.Enum):
            known = [str(one.value) for one in bare]
            yield Mistake(
                path, f"{value!r} is none of {', '.join(known)}{_nearest(str(value), known, said=True)}"
            )
        else:
            yield Mistake(path, f"{_named(value)} does not fit: {str(why).partition(' - at')[0]}")


def _nearest(word: str, known: list[str], *, said: bool = False) -> str:
    if close := difflib.get_close_matches(word, known, n=1):
        return f"; did you mean {close[0]}?"
    return "" if said else f"; there are: {', '.join(known)}"


def _named(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


# ---- lines ---------------------------------------------------------------------------------------------------


def _line(root: yaml.Node | None, path: Path) -> int:
    """Of the deepest part of the path that the file has; lines are counted from 1."""
    node, line = root, 1
    for key in path:
        if isinstance(node, yaml.MappingNode):
            entry = next((pair for pair in node.value if pair[0].value == str(key)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line


# ---- the shape, published ------------------------------------------------------------------------------------


def schema_text() -> str:
    """JSON Schema (2020-12) of a practice's file; `practice.schema.json` beside this module holds the same."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Practice)}
    for part in whole["$defs"].values():
        part["description"] = inspect.cleandoc(part["description"])
    return msgspec.json.format(msgspec.json.encode(whole)).decode() + "\n"
