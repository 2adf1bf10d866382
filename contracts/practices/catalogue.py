"""The catalogue: practices read from their files, checked as a whole, chosen by date."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import TypeVar

import msgspec

from contracts.errors import PueError, WhoCanAct
from contracts.practices import notice, soundness, yaml_text
from contracts.practices.model import Practice, StateWord
from contracts.practices.notice import Notice, NoticeText, is_notice
from contracts.practices.soundness import Blocks, States
from contracts.practices.yaml_text import NotYaml
from contracts.settled import settled

Kind = TypeVar("Kind")

BLOCKS_FILE = "blocchi.yaml"
STATES_FILE = "stati.yaml"


class CatalogueInvalid(PueError):
    """A catalogue file that does not hold together; the sentence names file and place."""

    code = "catalogue.invalid"
    who = WhoCanAct.OPERATOR


class PracticeUnknown(PueError):
    """No such practice, or none valid on that day."""

    code = "catalogue.unknown_practice"
    who = WhoCanAct.OPERATOR


class NoticeUnknown(PueError):
    """No such notice on the use of data, or none valid on that day: nobody may be served without."""

    code = "catalogue.no_notice"
    who = WhoCanAct.OPERATOR


class Catalogue(msgspec.Struct, frozen=True):
    """All versions of all practices and notices, and the bodies' words for the states of a case."""

    practices: list[Practice]
    states: dict[str, StateWord] = {}
    notices: list[Notice] = []

    def notice(self, key: str) -> Notice:
        """The notice of an ``id@version`` key.

        Raises:
            NoticeUnknown: this catalogue does not hold it.
        """
        for one in self.notices:
            if one.key == key:
                return one
        msg = "this catalogue does not hold that version of the notice"
        raise NoticeUnknown(msg, key=key)

    def notices_on(self, day: dt.date) -> list[Notice]:
        """What is to be told on a day, the reception's notice first.

        Raises:
            NoticeUnknown: the reception has none on that day.
        """
        found = notice.valid_on(self.notices, day)
        if not any(one.text.body == notice.RECEPTION for one in found):
            msg = "no notice on the use of data is valid on that day: add one to the catalogue"
            raise NoticeUnknown(msg, day=day.isoformat())
        return found

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


@functools.cache
def shipped() -> Catalogue:
    """The catalogue that comes with the product."""
    return load(shipped_files())


def shipped_files() -> dict[str, bytes]:
    """Its files, by name."""
    folder = resources.files("contracts.practices") / "data"
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.name.endswith(".yaml")}


def load(files: Mapping[str, bytes]) -> Catalogue:
    """Read a catalogue from its files' bytes, by name.

    Raises:
        CatalogueInvalid: the first thing that is wrong, with the file it is in.
    """
    blocks, states = shared(files)
    practices = []
    notices = [
        notice.made_of(_decode(name, files[name], NoticeText), files[name])
        for name in sorted(files)
        if is_notice(name)
    ]
    for name in sorted(practice_files(files)):
        practice = _decode(name, files[name], Practice)
        for found in soundness.mistakes(practice, blocks, states):
            raise CatalogueInvalid(f"{name}: {found.says}", file=name)
        practices.append(with_blocks(practice, blocks))
    for key in soundness.clashes([*(one.key for one in practices), *(one.key for one in notices)]):
        raise CatalogueInvalid(f"{key} stands in two files", key=key)
    return Catalogue(practices, states, notices)


def practice_files(names: Iterable[str]) -> set[str]:
    """Those that hold a practice each."""
    return {name for name in names if name not in {BLOCKS_FILE, STATES_FILE} and not is_notice(name)}


def shared(files: Mapping[str, bytes]) -> tuple[Blocks, States]:
    """What all practices of a catalogue share: lists of fields, and words for states.

    Raises:
        CatalogueInvalid: one of the two files is not sound.
    """
    return (
        _decode(BLOCKS_FILE, files.get(BLOCKS_FILE, b"{}"), Blocks),
        _decode(STATES_FILE, files.get(STATES_FILE, b"{}"), States),
    )


def with_blocks(practice: Practice, blocks: Blocks) -> Practice:
    """The practice with the fields of its blocks in their place."""
    steps = [
        msgspec.structs.replace(step, fields=soundness.fields_of(step, blocks)) for step in practice.steps
    ]
    return msgspec.structs.replace(practice, steps=steps)


def _decode(name: str, data: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(yaml_text.read(data)[0], settled(kind))
    except (NotYaml, msgspec.ValidationError) as why:
        raise CatalogueInvalid(f"{name}: {why}", file=name) from None
