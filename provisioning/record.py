"""The manufacturing book: who was given which name and keys, when. Only ever added to, each line sealed by the next.

A line is canonical JSON with the SHA-256 of the line before it; who changes a line must change all that follow.
Never a key, a token or a hand-over code.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from typing import TYPE_CHECKING, Final

import msgspec

from contracts.settled import settled
from provisioning.errors import BookDamaged, ProvisioningError
from provisioning.files import private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

NOTHING_BEFORE: Final = "0" * 64
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line.

    Attributes:
        number: from 1.
        at: ISO 8601, UTC.
        box: whom it is about.
        what: what was done, e.g. ``enrolled``.
        facts: fingerprints, serial number, place.
        before: SHA-256 of the line before, hex.
    """

    number: int
    at: str
    box: str
    what: str
    facts: dict[str, str]
    before: str


class Book:
    """The book in one file, for many stations at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[Line]:
        """Every line, after the chain was checked.

        Raises:
            BookDamaged: a line was changed, taken out or put in.
        """
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            return _checked(file.read())[0]

    def add(self, *, at: str, box: str, what: str, facts: dict[str, str]) -> Line:
        """Add a line, durably.

        Raises:
            BookDamaged: what is there does not hold; nothing was added.
            ProvisioningError: the disk refused.
        """
        private_folder(self._path.parent)
        try:
            with self._locked() as file:
                data = file.read()
                lines, whole_bytes, last = _checked(data)
                if whole_bytes < len(data):
                    # A line without its end was being written when the power went: it never counted.
                    write_private(
                        self._path.with_name(f"{self._path.name}.torn-{len(lines) + 1}"), data[whole_bytes:]
                    )
                    file.truncate(whole_bytes)
                line = Line(number=len(lines) + 1, at=at, box=box, what=what, facts=facts, before=last)
                file.seek(whole_bytes)
                file.write(_ENCODER.encode(line) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as why:
            raise ProvisioningError(f"the book cannot be written: {why.strerror}") from why
        return line

    @contextlib.contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _checked(data: bytes) -> tuple[list[Line], int, str]:
    """Lines, bytes of them, hash of the last one; an unfinished last line is left out."""
    lines: list[Line] = []
    before, at = NOTHING_BEFORE, 0
    while (end := data.find(b"\n", at)) >= 0:
        raw = data[at:end]
        number = len(lines) + 1
        try:
            line = msgspec.json.decode(raw, type=settled(Line), strict=True)
        except (msgspec.DecodeError, UnicodeDecodeError) as why:
            raise BookDamaged(f"line {number} of the book cannot be read", line=number) from why
        if line.before != before or line.number != number or _ENCODER.encode(line) != raw:
            raise BookDamaged(f"line {number} of the book does not follow from the one before", line=number)
        lines.append(line)
        before, at = hashlib.sha256(raw).hexdigest(), end + 1
    return lines, at, before
