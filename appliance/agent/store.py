"""The agent's own memory: one SQLite file for reports, orders and the twin, so that a step and its report are one commit."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Final

from appliance.runtime.files import make_private_dir
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS report (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS report_subject ON report (subject, seq);
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    payload BLOB NOT NULL,
    deadline_ms INTEGER NOT NULL,
    final INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


class StoreError(PueError):
    """The agent's memory refused to write or read."""

    code = "agent.store_failed"
    who = WhoCanAct.TECHNICIAN


class StoreFull(StoreError):
    """No room on the disk for one more report."""

    code = "agent.store_full"


class Store:
    """One file, many threads, one writer at a time.

    A file that SQLite cannot read is set aside under another name, never deleted, and a new one begun:
    a box that does not report is worse than a box that reports a loss.

    Args:
        path: the database; its folder is created private.
    """

    def __init__(self, path: Path) -> None:
        make_private_dir(path.parent)
        self.set_aside: str | None = None
        self._lock = threading.RLock()
        try:
            self._db = _opened(path)
        except sqlite3.DatabaseError as why:
            if not _damaged(why):
                raise _translated(why) from why
            self.set_aside = _put_aside(path)
            self._db = _opened(path)

    def close(self) -> None:
        """End the use of the file; later calls fail."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """All that happens inside is one durable commit, or nothing. May be nested; the outermost commits.

        Raises:
            StoreFull: no room; nothing was written.
            StoreError: the disk failed; nothing was written.
        """
        with self._lock:
            if self._db.in_transaction:
                yield self._db
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as why:
                self._roll_back()
                raise _translated(why) from why
            except BaseException:
                self._roll_back()
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection, for reading.

        Raises:
            StoreError: the disk failed.
        """
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as why:
                raise _translated(why) from why

    def remember(self, name: str, value: bytes) -> None:
        """Keep a small fact under a name."""
        with self.write() as db:
            db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def recall(self, name: str) -> bytes | None:
        """The fact last kept under this name."""
        with self.read() as db:
            row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 1048576")
        db.executescript(_SCHEMA)
        _prove_whole(db)
    except BaseException:
        db.close()
        raise
    return db


def _prove_whole(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("malformed")


def _damaged(why: sqlite3.DatabaseError) -> bool:
    code = getattr(why, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _put_aside(path: Path) -> str:
    """Move the file and its companions out of the way; the first free number names them."""
    number = 1
    while path.with_name(f"{path.name}.damaged-{number}").exists():
        number += 1
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.damaged-{number}{ending}"))
    return f"{path.name}.damaged-{number}"


def _translated(why: sqlite3.Error) -> StoreError:
    code = getattr(why, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("the disk has no room for the agent's memory")
    return StoreError(f"the agent's memory failed: {why}", sqlite=code)
