"""Durable ordinals: a number once given is never given again, not even after a pulled plug."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.runtime.files import StorageMissing, read_bounded, write_atomic
from contracts.settled import settled

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT_BYTES: Final = 64 * 1024


class Ordinals:
    """A counter for each year, kept in one small file and its twin.

    Both hold the same; the higher one counts, so that losing one of them loses no number.
    """

    def __init__(self, path: Path) -> None:
        self._files = (path, path.with_name(f"{path.name}.twin"))
        self._lock = threading.Lock()

    def next(self, year: int) -> int:
        """The next ordinal of a year, from 1; durable before it is returned.

        Raises:
            StorageError: it could not be written down, so it is not given.
        """
        with self._lock:
            last: dict[str, int] = {}
            for path in self._files:
                for known, value in _read(path).items():
                    last[known] = max(value, last.get(known, 0))
            last[str(year)] = last.get(str(year), 0) + 1
            for path in self._files:
                write_atomic(path, msgspec.json.encode(last, order="sorted"))
            return last[str(year)]


def _read(path: Path) -> dict[str, int]:
    with contextlib.suppress(StorageMissing, msgspec.DecodeError, msgspec.ValidationError):
        return msgspec.json.decode(read_bounded(path, limit_bytes=_LIMIT_BYTES), type=settled(dict[str, int]))
    return {}
