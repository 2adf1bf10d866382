"""Pictures that somebody drops into a folder, in the order in which they came; what is no whole picture is passed over."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from appliance.devices.camera.port import STILL_LIMIT_BYTES
from appliance.runtime.files import StorageError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})
SETTLED_S: Final = 2.0
"""Whoever writes a file slowly writes again within this time."""
_BEGINNINGS: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_ENDS: Final = (b"\xff\xd9", b"IEND\xaeB`\x82")


class Arrival(NamedTuple):
    """One file as it came. The time is of its last change or of its renaming: what else a copier sets is not to be trusted."""

    arrived_ns: int
    name: str
    number: int
    path: Path


class Dropped:
    """Each picture once, in the order of arrival; when there is no new one, again from the first.

    Args:
        folder: need not exist yet.
        now_s: the hour that the disk stamps on files, in seconds.
    """

    def __init__(self, folder: Path, *, now_s: Callable[[], float] = time.time) -> None:
        self._folder, self._now_s = folder, now_s
        self._given: set[Arrival] = set()
        self._again = 0

    def any(self) -> bool:
        """Whether there is a file that calls itself a picture."""
        return next(self._arrivals(), None) is not None

    def next(self, *, take: bool) -> bytes | None:
        """The next picture as it is in its file, or None if there is none.

        Args:
            take: the one after it is next from now on.
        """
        there = sorted(self._arrivals())
        self._given &= set(there)
        fresh = [one for one in there if one not in self._given]
        turn = self._again % len(there) if there else 0
        for one in (*fresh, *there[turn:], *there[:turn]):
            if (picture := self._read(one.path)) is None:
                continue
            if take:
                self._again = 0 if one not in self._given else there.index(one) + 1
                self._given.add(one)
            return picture
        return None

    def _arrivals(self) -> Iterator[Arrival]:
        try:
            entries = list(os.scandir(self._folder))
        except OSError:
            return
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            try:
                about = entry.stat()
            except OSError:
                continue  # it vanished
            if stat.S_ISREG(about.st_mode):
                yield Arrival(about.st_ctime_ns, entry.name, about.st_ino, path)

    def _read(self, path: Path) -> bytes | None:
        """The file if it holds a whole picture of a kind and size that can be used."""
        try:
            picture = read_bounded(path, limit_bytes=STILL_LIMIT_BYTES)
            settled = self._now_s() - path.stat().st_mtime > SETTLED_S
        except (StorageError, OSError):
            return None
        # Some cameras write more after the end of the picture: such a file counts once nobody has changed it for a while.
        whole = picture.rstrip(b"\0").endswith(_ENDS) or settled
        return picture if whole and picture.startswith(_BEGINNINGS) else None
