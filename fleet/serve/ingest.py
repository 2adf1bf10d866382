"""The ingest process: which room listens to what, and what is done at regular times."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from contracts.identity import SHARDS, BoxName
from contracts.messages.report import Notice
from contracts.topics import Up
from fleet.clock import Clock, SystemClock, unix_ms
from fleet.database import Database
from fleet.health import board, reports
from fleet.link import outbound
from fleet.link.broker import INGEST_NAME
from fleet.link.router import Arrival, Router
from fleet.link.worker import Rooms, Tick, Worker, close_gaps
from fleet.orders import book
from fleet.registry.boxes import BoxState
from fleet.registry.tables import BoxRow
from fleet.serve.material import post
from fleet.settings import FleetSettings

NOTICE_EVERY_S: Final = 3_600.0
SLOW_S: Final = 5.0


def make_worker(settings: FleetSettings, database: Database, clock: Clock, *, number: int = 0) -> Worker:
    """The worker with every room that listens. `settings` with real ports; `number` 0 takes all shards."""
    name = f"{INGEST_NAME}-{number}"
    return Worker(
        post(settings, name),
        database,
        rooms(settings, name),
        clock=clock,
        rules=settings.ingest,
        shards=[f"{shard:02x}" for shard in range(SHARDS)],
    )


def rooms(settings: FleetSettings, name: str) -> Rooms:
    """Who listens to what, and what is done at regular times."""
    patience = timedelta(seconds=settings.ingest.gap_patience_s)

    def pulse(session: Session, now: datetime, listening_since: datetime | None) -> None:
        board.beat(session, name, now, listening_since)
        board.judge_all(session, now, listening_since, settings.liveness)

    def slow(session: Session, now: datetime, _listening_since: datetime | None) -> None:
        book.expire(session, now)
        close_gaps(session, now, patience, reports.on_gap)

    def notice(session: Session, now: datetime, _listening_since: datetime | None) -> None:
        words = Notice(server_time=unix_ms(now), reconnect_spread_s=settings.boxes.reconnect_spread_s)
        outbound.publish_notice(session, words, now=now)

    return Rooms(
        router=Router(
            {
                Up.STATUS: _on_status,
                Up.HEALTH: reports.on_health,
                Up.EVENT: reports.on_event,
                Up.TWIN: reports.on_twin,
                Up.RESULT: _on_result,
            }
        ),
        life_of=_life_of,
        on_sent=book.on_sent,
        on_gap=reports.on_gap,
        ticks=[Tick(settings.ingest.heartbeat_s, pulse), Tick(SLOW_S, slow), Tick(NOTICE_EVERY_S, notice)],
    )


def run(settings: FleetSettings) -> None:
    """Ingest until SIGTERM or SIGINT.

    Raises:
        LinkDied: the network thread ended unasked.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    database = Database(settings.url)
    worker = make_worker(settings, database, SystemClock())

    def end(_signal: int, _frame: Any) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    threading.Thread(target=_say_ready, args=(worker,), name="ready", daemon=True).start()
    try:
        worker.run()
    finally:
        database.close()


def _say_ready(worker: Worker) -> None:
    worker.ready.wait()
    print("ready ingest", flush=True)  # noqa: T201 - the promise of every process


def _life_of(session: Session, box: BoxName) -> int | None:
    row = session.get(BoxRow, box)
    return row.life if row is not None and row.state == BoxState.ENROLLED else None


def _on_status(session: Session, arrival: Arrival) -> None:
    reports.on_status(session, arrival)
    book.on_birth(session, arrival)


def _on_result(session: Session, arrival: Arrival) -> None:
    book.on_result(session, arrival)
    reports.on_heard(session, arrival)
