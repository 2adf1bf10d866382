"""The journal: what happened at this desk, as codes and ids, each record chained to the one before.

One JSON object a line; ``hash`` is SHA-256 over the record without it, and ``prev`` is the hash of the record
before. A changed, removed or inserted record breaks the chain. Records cut from the end cannot be noticed
from the file alone; whoever needs that compares the last hash with one noted elsewhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import re
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from appliance.runtime.files import PRIVATE_FILE, make_private_dir, storage_error
from appliance.runtime.logs import redact
from appliance.vault.keystore import VaultError, set_aside
from contracts.errors import WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

log = logging.getLogger(__name__)

START: Final = "0" * 64
_LINE_LIMIT_BYTES: Final = 2_000
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_VALUE: Final = re.compile(r"[A-Za-z0-9._:@/-]{0,80}")


class JournalBroken(VaultError):
    """A record does not follow from the one before it."""

    code = "journal.broken"


class NotForJournal(VaultError, ValueError):
    """Something that is no code and no id was about to be written down."""

    code = "journal.refused"
    who = WhoCanAct.OPERATOR


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading of the whole chain found.

    Attributes:
        records: good records from the start.
        last: hash of the last good one.
        good_bytes: up to where the file is good.
        torn: an unfinished last line follows (a pulled plug), nothing else.
        broken_at: line number of the first record that does not follow, or 0.
    """

    records: int
    last: str
    good_bytes: int
    torn: bool = False
    broken_at: int = 0


def verify(path: Path) -> Verified:
    """Follow the chain from the first record.

    Raises:
        StorageError: the file cannot be read.
    """
    records, last, good_bytes = 0, START, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LINE_LIMIT_BYTES + 1), b""), 1):
                if not line.endswith(b"\n") and len(line) <= _LINE_LIMIT_BYTES:
                    return Verified(records=records, last=last, good_bytes=good_bytes, torn=True)
                found = _hash_of(line, last, number)
                if found is None:
                    return Verified(records=records, last=last, good_bytes=good_bytes, broken_at=number)
                records, last, good_bytes = number, found, good_bytes + len(line)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise storage_error(error, path, "read") from error
    return Verified(records=records, last=last, good_bytes=good_bytes)


def _hash_of(line: bytes, prev: str, number: int) -> str | None:
    try:
        record = json.loads(line)
        said = record.pop("hash")
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
    if record.get("prev") != prev or record.get("n") != number or _digest(record) != said:
        return None
    return str(said)


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(record)).hexdigest()


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


class Journal:
    """The open journal of a desk; append only.

    Args:
        path: made with mode 0600.
        now: stamps the records.

    Attributes:
        repaired: a torn last line was cut off when it was opened.
        replaced: a broken file was set aside and a new chain begun.

    Raises:
        StorageError: the file cannot be opened.
        VaultError: another process has it open.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime]) -> None:
        self._path, self._now = path, now
        self._lock = threading.Lock()
        make_private_dir(path.parent)
        found = verify(path)
        self.repaired, self.replaced = found.torn, bool(found.broken_at)
        if found.broken_at:
            log.error("journal breaks at record %d; it is set aside", found.broken_at)
            with contextlib.suppress(FileNotFoundError):
                set_aside(path)
        self._handle = self._open()
        if found.torn:
            os.ftruncate(self._handle, found.good_bytes)
        fresh = bool(found.broken_at)
        self._number, self._last = (0, START) if fresh else (found.records, found.last)
        if found.broken_at:
            self.write("journal.replaced", broken_at=found.broken_at)
        elif found.torn:
            log.warning("the journal's last line was unfinished and was cut off")
            self.write("journal.repaired")

    def _open(self) -> int:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise storage_error(error, self._path, "open") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise VaultError("another desk is running on this vault") from None
        return handle

    @property
    def head(self) -> str:
        """Hash of the last record."""
        return self._last

    def write(self, what: str, **facts: str | int | bool) -> None:
        """Append one record, durably.

        Args:
            what: a dotted code, like ``sitting.begun``.
            facts: ids, codes, numbers. Never a name, a codice fiscale, a word somebody typed.

        Raises:
            NotForJournal: a value that is none of these.
            StorageError: the disk refused; the journal is as before.
        """
        if not _WORD.fullmatch(what):
            raise NotForJournal("a journal record is named by a code")
        for name, value in facts.items():
            if isinstance(value, str) and (not _VALUE.fullmatch(value) or redact(value) != value):
                raise NotForJournal("only codes and ids go into the journal", fact=name)
        with self._lock:
            record: dict[str, Any] = {
                "n": self._number + 1,
                "at": self._now().isoformat(timespec="milliseconds"),
                "what": what,
                "facts": facts,
                "prev": self._last,
            }
            record["hash"] = _digest(record)
            self._append(_canonical(record) + b"\n")
            self._number, self._last = record["n"], record["hash"]

    def _append(self, line: bytes) -> None:
        end = os.lseek(self._handle, 0, os.SEEK_END)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, end)
            raise storage_error(error, self._path, "write") from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
