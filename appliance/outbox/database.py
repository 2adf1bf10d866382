"""The SQLite file under the letter box: opened, proved whole, set aside when damaged, errors translated.

Two processes share it (desk and agent), so it is in WAL mode with ``synchronous=FULL``: a commit that
returned survives a power cut (SQLite, "PRAGMA synchronous").
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

from appliance.outbox.errors import OutboxBusy, OutboxDamaged, OutboxError, OutboxFull, OutboxNewer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x50554531
"""``PUE1``: SQLite's own place for "whose file is this"."""

SHARED_FILE: Final = 0o660
BUSY_TIMEOUT_MS: Final = 10_000
WAL_LIMIT_BYTES: Final = 8 * 1024 * 1024
_PAD_LIMIT_BYTES: Final = 4 * 1024**3

_SCHEMA: Final = (
    """CREATE TABLE letters (
        letter TEXT PRIMARY KEY,
        label BLOB NOT NULL,
        practice_name TEXT NOT NULL,
        added_at_ms INTEGER NOT NULL,
        deadline INTEGER,
        size_bytes INTEGER NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 0,
        word TEXT NOT NULL,
        word_at INTEGER NOT NULL,
        step INTEGER NOT NULL DEFAULT 0,
        protocollo TEXT NOT NULL DEFAULT '',
        office TEXT NOT NULL DEFAULT '',
        answer_by TEXT NOT NULL DEFAULT '',
        code TEXT NOT NULL DEFAULT '',
        refused TEXT NOT NULL DEFAULT '',
        refused_who TEXT NOT NULL DEFAULT '',
        receipt BLOB,
        state BLOB,
        receipt_printed INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    # Apart from the rows, so that listing letters never touches megabytes.
    """CREATE TABLE sealed (
        letter TEXT PRIMARY KEY REFERENCES letters (letter),
        bytes BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "INSERT INTO counters VALUES ('revision', 1), ('cursor', 0)",
)


def translate(error: sqlite3.Error) -> OutboxError:
    """What SQLite said, as one of ours."""
    whole = getattr(error, "sqlite_errorcode", 0) or 0
    kind = {
        sqlite3.SQLITE_FULL: OutboxFull,
        sqlite3.SQLITE_BUSY: OutboxBusy,
        sqlite3.SQLITE_CORRUPT: OutboxDamaged,
        sqlite3.SQLITE_NOTADB: OutboxDamaged,
    }.get(whole & 0xFF, OutboxError)
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if kind is OutboxError and name in {"SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"}:
        # A quota (EFBIG, EDQUOT) or a full memory map does not reach us as SQLITE_FULL.
        kind = OutboxFull
    return kind(f"the outbox file refused: {name}", sqlite=name)


def open_database(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open (or make) the file, proved whole.

    Returns:
        The connection, and where a damaged file was moved to, if there was one.

    Raises:
        OutboxError: the folder or file cannot be used at all.
    """
    with _one_opener(path):
        aside: Path | None = None
        try:
            return _open_whole(path), None
        except OutboxDamaged as damage:
            log.warning("outbox file is damaged and is set aside: %s", damage)
            aside = set_aside(path)
        return _open_whole(path), aside


@contextlib.contextmanager
def _one_opener(path: Path) -> Iterator[None]:
    """Desk and agent start together: only one of them may judge and replace the file at a time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(
            path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SHARED_FILE
        )
    except OSError as error:
        raise _system_error(error) from error
    try:
        with contextlib.suppress(PermissionError):  # made by the other process' user, with this mode
            os.fchmod(handle, SHARED_FILE)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _system_error(error: OSError) -> OutboxError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = os.strerror(error.errno) if error.errno else "unknown"
    return (OutboxFull if full else OutboxError)(f"the outbox cannot be opened: {reason}", reason=reason)


def _open_whole(path: Path) -> sqlite3.Connection:
    try:
        # SQLite gives -wal and -shm the mode of the file itself, so it is made first.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SHARED_FILE)
        with contextlib.suppress(PermissionError):
            os.fchmod(handle, SHARED_FILE)
        os.close(handle)
    except OSError as error:
        raise _system_error(error) from error
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise translate(error) from error
    try:
        _prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        raise translate(error) from error
    except OutboxError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise OutboxNewer("the outbox file belongs to a newer version of the product", version=version)
    if version == 0:
        _make(connection)
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if verdict != "ok" or owner != APPLICATION_ID:
        raise OutboxDamaged("the outbox file does not hold together")


def _make(connection: sqlite3.Connection) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        raise OutboxDamaged("the outbox file holds something else")
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def set_aside(path: Path) -> Path:
    """Rename a damaged file (with its log) to the first free ``….damaged-N`` beside it; nothing is deleted.

    Raises:
        OutboxError: it cannot be renamed.
    """
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    try:
        for tail in ("-wal", "-shm"):
            companion = path.with_name(path.name + tail)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + tail))
        path.rename(aside)
    except OSError as error:
        raise _system_error(error) from error
    return aside


def readable_letters(aside: Path) -> Iterator[tuple[dict[str, object], bytes | None]]:
    """What can still be read of a damaged file, row by row, with the sealed bytes where they stand.

    Works on a copy, the original stays as it was found; each row is the caller's to judge.
    """
    copy = aside.with_name(f".{aside.name}.copy")
    try:
        _copy_padded(aside, copy)
        source = sqlite3.connect(copy, isolation_level=None)
        try:
            yield from _readable_rows(source)
        finally:
            source.close()
    except (OSError, sqlite3.Error) as error:
        log.warning("nothing more can be read of the damaged outbox: %s", type(error).__name__)
    finally:
        for tail in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                copy.with_name(copy.name + tail).unlink(missing_ok=True)


def _copy_padded(aside: Path, copy: Path) -> None:
    """SQLite reads nothing of a file shorter than its header says, so the copy is made as long as that.

    Header fields: "Database File Format" §1.3, page size at offset 16, pages at offset 28.
    """
    shutil.copyfile(aside, copy)
    log_file = aside.with_name(f"{aside.name}-wal")
    if log_file.exists():
        shutil.copyfile(log_file, copy.with_name(f"{copy.name}-wal"))
    with copy.open("r+b") as file:
        header = file.read(100)
        page_bytes = int.from_bytes(header[16:18], "big")
        wanted_bytes = int.from_bytes(header[28:32], "big") * (65_536 if page_bytes == 1 else page_bytes)
        if file.seek(0, os.SEEK_END) < wanted_bytes <= _PAD_LIMIT_BYTES:
            file.truncate(wanted_bytes)


def _readable_rows(source: sqlite3.Connection) -> Iterator[tuple[dict[str, object], bytes | None]]:
    source.row_factory = sqlite3.Row
    for rowid in _row_numbers(source):
        with contextlib.suppress(sqlite3.Error):
            row = source.execute("SELECT * FROM letters WHERE rowid = ?", (rowid,)).fetchone()
            if row is not None:
                yield dict(row), _readable_bytes(source, row["letter"])


def _readable_bytes(source: sqlite3.Connection, letter: str) -> bytes | None:
    with contextlib.suppress(sqlite3.Error):
        found = source.execute("SELECT bytes FROM sealed WHERE letter = ?", (letter,)).fetchone()
        return bytes(found[0]) if found else None
    return None


def _row_numbers(source: sqlite3.Connection) -> list[int]:
    numbers: list[int] = []
    with contextlib.suppress(sqlite3.Error):
        cursor = source.execute("SELECT rowid FROM letters NOT INDEXED")
        while (row := cursor.fetchone()) is not None:
            numbers.append(row[0])
    return numbers
