"""Encrypted drafts: what a sitting keeps at rest until its dossier is sealed.

A draft is a folder of parts (its state, each captured page, the chip's photo), each part one file sealed by
AES-256-GCM and bound by its associated data to its draft and its name: a part that was moved, renamed or
changed does not open. A part is replaced whole or not at all.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.runtime.files import (
    StorageMissing,
    make_private_dir,
    read_bounded,
    storage_error,
    sync_dir,
    write_atomic,
)
from appliance.vault.keystore import NONCE_BYTES, VaultError, set_aside
from contracts.errors import WhoCanAct
from contracts.identity import unique_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

log = logging.getLogger(__name__)

STATE: Final = "state"
PART_LIMIT_BYTES: Final = 40 * 1024 * 1024
_MAGIC: Final = b"PUED1"
_PART: Final = re.compile(r"[a-z0-9-]{1,40}")
_ERASING: Final = ".erasing-"
_ASIDE: Final = ".aside-"


class DraftMissing(VaultError):
    """No such draft, or it has no such part."""

    code = "draft.missing"
    who = WhoCanAct.CLERK


class DraftUnreadable(VaultError):
    """Half written, altered, or closed with another key."""

    code = "draft.unreadable"


class Drafts:
    """All drafts of this desk. Used from one thread at a time.

    Args:
        folder: made with mode 0700.
        key: 32 bytes.

    Raises:
        StorageError: the folder cannot be made.
    """

    def __init__(self, folder: Path, key: bytes, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._folder = make_private_dir(folder)
        self._cipher = AESGCM(key)
        self._random = random
        for leftover in folder.glob(f"{_ERASING}*"):  # erased before, interrupted half-way
            _remove(leftover)

    def save(self, draft: str, part: str, data: bytes) -> None:
        """Write one part; durable when it returns.

        Raises:
            StorageError: the old part still stands.
        """
        path = self._path(draft, part)
        if not path.parent.exists():
            make_private_dir(path.parent)
            sync_dir(self._folder)
        nonce = self._random(NONCE_BYTES)
        write_atomic(path, _MAGIC + nonce + self._cipher.encrypt(nonce, data, _bound_to(draft, part)))

    def load(self, draft: str, part: str) -> bytes:
        """Read one part.

        Raises:
            DraftMissing: there is none.
            DraftUnreadable: it is not what was written there.
        """
        try:
            data = read_bounded(self._path(draft, part), limit_bytes=PART_LIMIT_BYTES)
        except StorageMissing:
            raise DraftMissing("this desk keeps no such draft", part=part) from None
        start = len(_MAGIC) + NONCE_BYTES
        if not data.startswith(_MAGIC):
            raise DraftUnreadable("a draft cannot be read any more", part=part)
        try:
            return self._cipher.decrypt(data[len(_MAGIC) : start], data[start:], _bound_to(draft, part))
        except (InvalidTag, ValueError):
            raise DraftUnreadable("a draft cannot be read any more", part=part) from None

    def names(self) -> list[str]:
        """Ids of all drafts, oldest first."""
        found = []
        for entry in self._folder.iterdir():
            with contextlib.suppress(ValueError):
                found.append(unique_id(entry.name))
        return sorted(found)

    def parts(self, draft: str) -> list[str]:
        """Names of a draft's parts."""
        folder = self._path(draft, STATE).parent
        return (
            sorted(entry.name for entry in folder.iterdir() if _PART.fullmatch(entry.name))
            if folder.exists()
            else []
        )

    def erase_part(self, draft: str, part: str) -> None:
        """Remove one part; one that is not there is no error."""
        path = self._path(draft, part)
        try:
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_dir(path.parent)
        except OSError as error:
            raise storage_error(error, path, "erase") from error

    def erase(self, draft: str) -> None:
        """Remove a draft with all its parts. From the first moment it is no draft any more."""
        folder = self._path(draft, STATE).parent
        if not folder.exists():
            return
        doomed = self._folder / f"{_ERASING}{draft}"
        try:
            folder.rename(doomed)
            sync_dir(self._folder)
        except OSError as error:
            raise storage_error(error, folder, "erase") from error
        _remove(doomed)

    def set_aside(self, draft: str) -> None:
        """Keep an unreadable draft out of the way; it is no longer listed."""
        try:
            set_aside(self._path(draft, STATE).parent)
            sync_dir(self._folder)
        except OSError as error:
            raise storage_error(error, self._folder, "rename") from error

    def erase_set_aside(self, older_than: datetime) -> int:
        """Erase what was set aside before an hour; returns how many."""
        old = [
            entry
            for entry in self._folder.iterdir()
            if _ASIDE in entry.name and entry.stat().st_mtime < older_than.timestamp()
        ]
        for entry in old:
            _remove(entry)
        return len(old)

    def _path(self, draft: str, part: str) -> Path:
        if not _PART.fullmatch(part):
            raise DraftMissing("no draft has such a part", part="")
        return self._folder / unique_id(draft) / part


def _bound_to(draft: str, part: str) -> bytes:
    return f"pue draft v1|{draft}|{part}".encode()


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        failure = storage_error(error, folder, "erase")
        log.warning("an erased draft still lies there: %s", failure.code)
