"""Where a trust bundle is made: a folder with the bundle in it, replaced whole or not at all, by one hand at a time."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
from typing import TYPE_CHECKING, Final

from appliance.cards.trust import MAX_BUNDLE_BYTES, TrustStore, empty
from appliance.runtime.files import StorageMissing, read_bounded, storage_error, write_atomic
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUNDLE: Final = "trust.bundle"
_LOCK: Final = ".lock"
_PUBLIC_FILE: Final = 0o644
"""Certificates of States are no secret."""
_NOBODY: Final = empty(datetime.date(1970, 1, 1))


class FolderBusy(PueError):
    """Somebody else is changing this bundle at this moment."""

    code = "trust.busy"
    who = WhoCanAct.WAIT


class NoBundle(PueError):
    """Nothing was imported there yet."""

    code = "trust.none"
    who = WhoCanAct.OPERATOR


def read(path: Path) -> TrustStore:
    """The bundle in this folder, or of this file.

    Raises:
        NoBundle: there is none.
        StorageError, InvalidTrustBundle: it is of no use.
    """
    file = path / BUNDLE if path.is_dir() else path
    try:
        return TrustStore.from_bytes(read_bounded(file, limit_bytes=MAX_BUNDLE_BYTES))
    except StorageMissing:
        raise NoBundle(f"there is no trust bundle at {path}: make one with `pue-box trust import`") from None


def read_or_nobody(folder: Path) -> TrustStore:
    """As `read`; a folder without a bundle believes nobody yet."""
    try:
        return read(folder / BUNDLE)
    except NoBundle:
        return _NOBODY


def write(folder: Path, store: TrustStore) -> int:
    """Replace the folder's bundle; gives its length in bytes.

    Raises:
        StorageError, InvalidTrustBundle: the old one still stands.
    """
    raw = store.to_bytes()
    TrustStore.from_bytes(raw)  # what a box would refuse is not laid here either
    write_atomic(folder / BUNDLE, raw, mode=_PUBLIC_FILE)
    return len(raw)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder if need be, and keep others from changing it meanwhile.

    Raises:
        FolderBusy: somebody else does.
        StorageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as why:
        raise storage_error(why, folder, "create") from why
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as why:
            raise FolderBusy(f"{folder.name} is being changed by somebody else") from why
        yield
    finally:
        os.close(handle)
