"""The catalogue: practices read from their files, checked as a whole, chosen by date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from importlib import resources

import msgspec

from contracts.errors import PueError, WhoCanAct
from contracts.practices.model import Field, FieldKind, Practice, Step

BLOCKS_FILE = "blocchi.yaml"


class CatalogueInvalid(PueError):
    """A catalogue file that does not hold together; the sentence names file and place."""

    code = "catalogue.invalid"
    who = WhoCanAct.OPERATOR


class PracticeUnknown(PueError):
    """No such practice, or none valid on that day."""

    code = "catalogue.unknown_practice"
    who = WhoCanAct.OPERATOR


class Catalogue(msgspec.Struct, frozen=True):
    """All versions of all practices."""

    practices: list[Practice]

    def on(self, day: dt.date) -> list[Practice]:
        """Practices valid on a day, newest version of each, by name."""
        newest: dict[str, Practice] = {}
        for practice in sorted(self.practices, key=lambda p: p.valido_dal):
            if practice.valido_dal <= day and (practice.valido_al is None or day <= practice.valido_al):
                newest[practice.id] = practice
        return sorted(newest.values(), key=lambda p: p.name)

    def get(self, key: str) -> Practice:
        """The practice of an ``id@version`` key.

        Raises:
            PracticeUnknown: this catalogue does not hold it.
        """
        for practice in self.practices:
            if practice.key == key:
                return practice
        msg = "this catalogue does not hold that version"
        raise PracticeUnknown(msg, key=key)

    def valid(self, ident: str, day: dt.date) -> Practice:
        """The version of a practice that is valid on a day.

        Raises:
            PracticeUnknown: none is.
        """
        for practice in self.on(day):
            if practice.id == ident:
                return practice
        msg = "no version of this practice is valid on that day"
        raise PracticeUnknown(msg, id=ident, day=day.isoformat())


def shipped() -> Catalogue:
    """The catalogue that comes with the product."""
    folder = resources.files("contracts.practices") / "data"
    return load({f.name: f.read_bytes() for f in folder.iterdir() if f.name.endswith(".yaml")})


def load(files: Mapping[str, bytes]) -> Catalogue:
    """Read a catalogue from its files' bytes, by name.

    Raises:
        CatalogueInvalid: the first thing that is wrong, with the file it is in.
    """
    blocks = _decode(BLOCKS_FILE, files.get(BLOCKS_FILE, b"{}"), dict[str, list[Field]])
    practices = []
    for name in sorted(files):
        if name != BLOCKS_FILE:
            practice = _with_blocks(name, _decode(name, files[name], Practice), blocks)
            _check(name, practice)
            practices.append(practice)
    keys = [practice.key for practice in practices]
    for key in keys:
        if keys.count(key) > 1:
            msg = f"{key} stands in two files"
            raise CatalogueInvalid(msg, key=key)
    return Catalogue(practices)


def _decode(name: str, data: bytes, kind: type) -> object:
    try:
        return msgspec.yaml.decode(data, type=kind, strict=True)
    except (msgspec.DecodeError, msgspec.ValidationError) as why:
        raise CatalogueInvalid(f"{name}: {why}", file=name) from None


def _with_blocks(name: str, practice: object, blocks: object) -> Practice:
    assert isinstance(practice, Practice)
    assert isinstance(blocks, dict)
    steps: list[Step] = []
    for step in practice.steps:
        if step.block and step.block not in blocks:
            msg = f"{name}: step {step.id}: no block {step.block}"
            raise CatalogueInvalid(msg, file=name)
        shared = list(blocks[step.block]) if step.block else []
        steps.append(msgspec.structs.replace(step, fields=shared + list(step.fields)))
    return msgspec.structs.replace(practice, steps=steps)


def _check(name: str, practice: Practice) -> None:
    def wrong(what: str) -> CatalogueInvalid:
        return CatalogueInvalid(f"{name}: {what}", file=name)

    seen: dict[str, Field] = {}
    for field in practice.fields():
        if field.name in seen:
            raise wrong(f"field {field.name} stands twice")
        if (field.kind is FieldKind.CHOICE) != bool(field.options):
            raise wrong(f"field {field.name}: options belong to a choice, and a choice has some")
        if field.when is not None and field.when.field not in seen:
            raise wrong(f"field {field.name}: its rule looks at {field.when.field}, not asked before it")
        seen[field.name] = field
    for paper in practice.attachments:
        if paper.when is not None and paper.when.field not in seen:
            raise wrong(f"attachment {paper.id}: its rule looks at {paper.when.field}, which is not asked")
    for deadline in practice.deadlines:
        if deadline.after not in seen or seen[deadline.after].kind is not FieldKind.DATE:
            raise wrong(f"deadline {deadline.id}: {deadline.after} is not a date that is asked")
