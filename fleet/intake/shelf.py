"""The shelf: sealed letters as files. What `length` says is on the disk; what is whole never changes again.

``incoming/<letter>.part`` grows, ``letters/<letter>.p7m`` is whole. One process holds the lock of a part while it
writes; the lock dies with it. Length is read from the file itself, so no record can disagree with the bytes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

from contracts.errors import PueError, WhoCanAct
from contracts.identity import LetterId, unique_id

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES: Final = 1 << 16
READ_BYTES: Final = 1 << 13
"""A server that loses its line throws away what it has gathered of one read: on a slow line seconds of work."""

FREE_MARGIN_BYTES: Final = 64 << 20
"""Left free for the database, so that a full shelf still answers."""

_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ShelfFull(PueError):
    """No room for more letters. What is here stays; the box keeps the rest and tries again."""

    code = "intake.full"
    who = WhoCanAct.OPERATOR
    http_status = 507


class ShelfBroken(PueError):
    """The disk of the post cannot be read or written."""

    code = "intake.disk"
    who = WhoCanAct.OPERATOR
    http_status = 503


class Busy(PueError):
    """Another connection is bringing this letter at this moment."""

    code = "intake.busy"
    who = WhoCanAct.WAIT
    http_status = 423


class Source(Protocol):
    """Where bytes come from: the body of a request."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end. May raise when the line is cut."""
        ...


class Shelf:
    """Files of sealed letters under one folder."""

    def __init__(self, root: Path, *, margin_bytes: int = FREE_MARGIN_BYTES) -> None:
        self._root, self._margin_bytes = root, margin_bytes
        self._incoming, self._whole = root / "incoming", root / "letters"
        for folder in (self._incoming, self._whole):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def check_room(self, size_bytes: int) -> None:
        """Refuse a letter that surely finds no room, before it has cost the box an hour of its line.

        Raises:
            ShelfFull: too little is free.
        """
        if shutil.disk_usage(self._root).free < size_bytes + self._margin_bytes:
            raise ShelfFull("the post's disk is full: free space or enlarge it", size_bytes=size_bytes)

    def length(self, letter: LetterId) -> int:
        """Bytes of a letter that are on the disk for good."""
        with _translated():
            if (whole := self._path(letter)).exists():
                return whole.stat().st_size
            try:
                descriptor = os.open(self._part(letter), os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                return 0
            try:
                # A killed process may have left bytes that only the page cache knows.
                os.fsync(descriptor)
                return os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def hold(self, letter: LetterId) -> Iterator[IO[bytes]]:
        """The part of a letter, open at its end, ours alone while the block runs.

        Raises:
            Busy: somebody else holds it.
        """
        with _translated():
            descriptor = os.open(self._part(letter), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as part:
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy("this letter is just coming in over another connection") from None
            part.seek(0, os.SEEK_END)
            yield part

    def append(self, part: IO[bytes], source: Source, at_most_bytes: int) -> int:
        """Write what comes, up to the bound; on the disk when it returns or raises.

        Returns:
            The length of the part now.

        Raises:
            ShelfFull: the disk took no more; what it took stays.
        """
        left = at_most_bytes
        try:
            while left > 0 and (chunk := source.read(min(READ_BYTES, left))):
                _write(part, chunk)
                left -= len(chunk)
        finally:
            with _translated():
                os.fsync(part.fileno())
        return part.tell()

    def finish(self, letter: LetterId, part: IO[bytes], sha256: str) -> bool:
        """Make a whole part a letter, if its bytes are the right ones; else empty it.

        Returns:
            Whether the letter is on the shelf, durable under its own name.
        """
        with _translated():
            part.seek(0)
            digest = hashlib.sha256()
            while chunk := part.read(CHUNK_BYTES):
                digest.update(chunk)
            if digest.hexdigest() != sha256:
                os.ftruncate(part.fileno(), 0)
                os.fsync(part.fileno())
                return False
            os.fsync(part.fileno())
            self._part(letter).rename(self._path(letter))
            for folder in (self._whole, self._incoming):
                _sync_folder(folder)
            return True

    def tidy(self, letter: LetterId) -> None:
        """Remove an empty part that a late knock has left beside a whole letter."""
        with _translated():
            if self._path(letter).exists():
                self._part(letter).unlink(missing_ok=True)

    def whole(self, letter: LetterId) -> bool:
        """Whether the letter is on the shelf."""
        return self._path(letter).exists()

    def open(self, letter: LetterId) -> IO[bytes]:
        """A whole letter, for reading.

        Raises:
            ShelfBroken: it cannot be read.
        """
        with _translated():
            return self._path(letter).open("rb")

    def erase(self, letter: LetterId) -> None:
        """Forget the bytes of a letter, whole or not."""
        with _translated():
            self._part(letter).unlink(missing_ok=True)
            self._path(letter).unlink(missing_ok=True)

    def _part(self, letter: LetterId) -> Path:
        return self._incoming / f"{unique_id(letter)}.part"

    def _path(self, letter: LetterId) -> Path:
        return self._whole / f"{unique_id(letter)}.p7m"


def _write(part: IO[bytes], chunk: bytes) -> None:
    view = memoryview(chunk)
    with _translated():
        while view:
            view = view[part.write(view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as why:
        if why.errno in _FULL:
            raise ShelfFull("the post's disk is full: free space or enlarge it") from None
        raise ShelfBroken(f"the post's disk: {why.strerror}") from None
