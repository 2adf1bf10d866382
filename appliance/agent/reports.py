"""Reports that are kept until the fleet has them: numbered, stored, sent, sent again, forgotten below the watermark.

A broker's PUBACK is not enough: it means "received by the broker", and a broker may lose its queue. Only
``down/stored`` says that a report is on the fleet's disk.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.runtime.files import StorageError, read_bounded, write_atomic
from contracts import codec
from contracts.errors import InvalidMessage
from contracts.messages.report import Event, EventState, Head
from contracts.topics import Up

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from appliance.agent.store import Store

RESEND_AFTER_S: Final = 60.0
WINDOW: Final = 200
"""At most so many reports are on the road at once."""
RESERVE: Final = 10_000
"""Numbers are reserved in blocks of this size outside the database, so that a lost database reuses none."""

MAX_SEQ: Final = 1 << 53
"""Beyond it JSON numbers lose their units; at one report a second a box gets there in 285 million years."""

_REPLACEABLE: Final = (Up.HEALTH.value, Up.TWIN.value)


class Kept(msgspec.Struct, frozen=True):
    """A report as it lies in the journal."""

    seq: int
    subject: Up
    payload: bytes


class Reports:
    """The journal of reports.

    Args:
        store: the agent's memory.
        reserve: file that remembers up to which number reports may have been given out.
        boot: first eight hex digits of the kernel's boot id, for reports the journal writes itself.
        now_ms: the hour of the box.
        limit_bytes: beyond it the oldest health and twin reports are dropped; events and results never.
    """

    def __init__(
        self,
        store: Store,
        reserve: Path,
        *,
        boot: str,
        now_ms: Callable[[], int],
        limit_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self._store = store
        self._reserve = reserve
        self._boot = boot
        self._now_ms = now_ms
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._sent_at_s: dict[int, float] = {}
        self.on_news: Callable[[], None] = lambda: None
        """Called after something was added; must only wake somebody."""
        self._begin()

    # ---- writing

    def add(self, *reports: tuple[Up, Head]) -> list[int]:
        """Number and keep reports in one durable commit.

        Returns:
            their numbers, in the order given.

        Raises:
            StoreFull, StoreError: none of them was kept.
        """
        with self._store.write() as db:
            numbers = [self._insert(db, subject, report) for subject, report in reports]
            self._keep_within_bounds(db)
        self.on_news()
        return numbers

    def event(
        self, key: str, *, state: EventState = EventState.INFO, severity: str = "info", **facts: object
    ) -> None:
        """Keep an event; `facts` are plain values, never personal."""
        plain = {k: v if isinstance(v, int | float | bool | None) else str(v) for k, v in facts.items()}
        report = Event(
            ts=self._now_ms(), boot=self._boot, key=key[:120], state=state, severity=severity, facts=plain
        )
        self.add((Up.EVENT, report))

    def stored(self, watermark: int) -> int:
        """Forget every report up to the fleet's watermark; how many were forgotten.

        A watermark beyond the last number given out means that this box lost its journal and began again:
        the numbers leap over it, and what waits is numbered anew, or the fleet would take it for old news.

        Raises:
            InvalidMessage: a number no box ever reaches.
            StoreError: nothing was forgotten.
        """
        if watermark > MAX_SEQ:
            raise InvalidMessage(f"a watermark is at most {MAX_SEQ}")
        with self._store.write() as db:
            if watermark > self._last(db):
                self._leap(db, watermark)
                return 0
            gone = db.execute("DELETE FROM report WHERE seq <= ?", (watermark,)).rowcount
        with self._lock:
            self._sent_at_s = {seq: at for seq, at in self._sent_at_s.items() if seq > watermark}
        return int(gone)

    # ---- sending

    def due(self, now_s: float) -> list[Kept]:
        """Reports to send now, oldest first: never sent on this connection, or not confirmed for a minute."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT seq, subject, payload FROM report ORDER BY seq LIMIT ?", (WINDOW,)
            ).fetchall()
        with self._lock:
            return [
                Kept(seq, Up(subject), bytes(payload))
                for seq, subject, payload in rows
                if now_s - self._sent_at_s.get(seq, -RESEND_AFTER_S) >= RESEND_AFTER_S
            ]

    def sent(self, seq: int, now_s: float) -> None:
        """Remember, in memory only, that this report is on the road."""
        with self._lock:
            self._sent_at_s[seq] = now_s

    def new_connection(self) -> None:
        """What was on the road of the old connection may be lost: all is due again."""
        with self._lock:
            self._sent_at_s.clear()

    def resend_in_s(self, now_s: float) -> float | None:
        """Seconds until something is due again; None when nothing is on the road."""
        with self._lock:
            first = min(self._sent_at_s.values(), default=None)
        return None if first is None else max(0.0, first + RESEND_AFTER_S - now_s)

    def waiting(self) -> int:
        """Reports not yet on the fleet's disk."""
        with self._store.read() as db:
            return int(db.execute("SELECT count(*) FROM report").fetchone()[0])

    # ---- inside

    def _begin(self) -> None:
        try:
            reserved = int(read_bounded(self._reserve, limit_bytes=32))
        except (StorageError, ValueError):
            reserved = 0
        with self._store.write() as db:
            if self._last(db) == 0 and reserved:
                self._set_last(db, reserved)
            self._reserved = max(reserved, self._last(db))
        if self._store.set_aside:
            self.event(
                "agent.store_damaged",
                state=EventState.RAISED,
                severity="warning",
                file=self._store.set_aside,
            )

    def _insert(self, db: sqlite3.Connection, subject: Up, report: Head) -> int:
        seq = self._last(db) + 1
        if seq > self._reserved:
            write_atomic(self._reserve, str(seq + RESERVE).encode())
            self._reserved = seq + RESERVE
        payload = codec.encode(msgspec.structs.replace(report, seq=seq))
        db.execute("INSERT INTO report VALUES (?, ?, ?)", (seq, subject.value, payload))
        return seq

    def _last(self, db: sqlite3.Connection) -> int:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'report'").fetchone()
        return 0 if row is None else int(row[0])

    def _set_last(self, db: sqlite3.Connection, seq: int) -> None:
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'report'")
        db.execute("INSERT INTO sqlite_sequence VALUES ('report', ?)", (seq,))

    def _leap(self, db: sqlite3.Connection, watermark: int) -> None:
        rows = db.execute("SELECT subject, payload FROM report ORDER BY seq").fetchall()
        db.execute("DELETE FROM report")
        self._set_last(db, watermark)
        for subject, payload in rows:
            plain = json.loads(payload)
            seq = self._last(db) + 1
            renumbered = json.dumps(
                plain | {"seq": seq}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            db.execute("INSERT INTO report VALUES (?, ?, ?)", (seq, subject, renumbered.encode()))
        if self._last(db) > self._reserved:
            write_atomic(self._reserve, str(self._last(db) + RESERVE).encode())
            self._reserved = self._last(db) + RESERVE
        with self._lock:
            self._sent_at_s.clear()

    def _keep_within_bounds(self, db: sqlite3.Connection) -> None:
        """Drop the oldest health down to nine tenths of the bound, so that it is not done at every report."""
        size = db.execute("SELECT coalesce(sum(length(payload)), 0) FROM report").fetchone()[0]
        if size <= self._limit_bytes:
            return
        over = size - self._limit_bytes * 9 // 10
        marks = ", ".join("?" for _ in _REPLACEABLE)
        rows = db.execute(
            f"SELECT seq, length(payload) FROM report WHERE subject IN ({marks}) ORDER BY seq",  # noqa: S608
            _REPLACEABLE,
        ).fetchall()
        dropped: list[int] = []
        for seq, length in rows:
            if over <= 0:
                break
            dropped.append(seq)
            over -= length
        if not dropped:
            return
        db.executemany("DELETE FROM report WHERE seq = ?", [(seq,) for seq in dropped])
        report = Event(
            ts=self._now_ms(),
            boot=self._boot,
            key="reports.dropped",
            state=EventState.INFO,
            severity="warning",
            facts={"reports": len(dropped), "first": dropped[0], "last": dropped[-1]},
        )
        self._insert(db, Up.EVENT, report)
