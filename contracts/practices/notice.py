"""What a citizen is told of the use of their data before anything is captured (GDPR art. 13): a dated file for each body."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from contracts.identity import fingerprint
from contracts.practices.model import Text

NOTICE_PREFIX: Final = "informativa_"
"""How the files of notices begin; every other file of a catalogue is a practice or a shared list."""
RECEPTION: Final = "COMUNE"
"""The body that receives everybody, whoever decides: its notice is part of every case."""


class NoticeSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A heading of the full text and its paragraphs."""

    title: Text
    text: Annotated[list[Text], Meta(min_length=1, max_length=12)]


class NoticeText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of one body's notice, as its file says it.

    Attributes:
        spoken: what the clerk reads aloud.
        sections: the full text, as it is printed.
    """

    id: Annotated[str, Meta(pattern=rf"^{NOTICE_PREFIX}[a-z0-9_]{{1,28}}$")]
    version: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    valido_dal: dt.date
    valido_al: dt.date | None = None
    body: Text
    title: Text
    source: Text
    spoken: Text
    sections: Annotated[list[NoticeSection], Meta(min_length=1, max_length=20)]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice of the catalogue.

    Attributes:
        sha256: of the bytes of its file: whoever holds the file can compare.
    """

    text: NoticeText
    sha256: str

    @property
    def key(self) -> str:
        """``id@version``, as drafts and dossiers carry it."""
        return f"{self.text.id}@{self.text.version}"


def is_notice(name: str) -> bool:
    """Whether a file of that name holds a notice."""
    return name.startswith(NOTICE_PREFIX)


def made_of(text: NoticeText, file: bytes) -> Notice:
    """The notice of a file."""
    return Notice(text=text, sha256=fingerprint(file))


def valid_on(notices: Iterable[Notice], day: dt.date) -> list[Notice]:
    """The newest version of each body's notice on a day, the one of `RECEPTION` first."""
    newest: dict[str, Notice] = {}
    for notice in sorted(notices, key=lambda one: one.text.valido_dal):
        text = notice.text
        if text.valido_dal <= day and (text.valido_al is None or day <= text.valido_al):
            newest[text.body] = notice
    return sorted(newest.values(), key=lambda one: (one.text.body != RECEPTION, one.text.body))
