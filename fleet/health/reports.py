"""What the boxes say, written down: status, health, events, twins. Handlers of the ingest worker."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from contracts import codec
from contracts.messages.report import Birth, Event, EventState, Goodbye, Health, Presence
from contracts.messages.twin import Reported
from fleet.clock import from_unix_ms
from fleet.database import Base
from fleet.health.liveness import Life
from fleet.health.tables import EventRow, HealthRow, LatestRow, TroubleRow, TwinRow
from fleet.link.router import Arrival
from fleet.registry import timeline
from fleet.registry.timeline import Kind

BELIEVED_AGE: Final = timedelta(days=14)
BELIEVED_AHEAD: Final = timedelta(minutes=5)


def box_hour(ts_ms: int, received_at: datetime) -> datetime:
    """The box's hour of a report where it is plausible, else ours: a chart must not show 1970."""
    told = from_unix_ms(ts_ms)
    return told if received_at - BELIEVED_AGE <= told <= received_at + BELIEVED_AHEAD else received_at


def on_status(session: Session, arrival: Arrival) -> None:
    """Birth, planned goodbye, or will. A goodbye of a connection that is not the current one is old news."""
    message, now = arrival.message, arrival.received_at
    row = latest(session, arrival.box, now)
    if isinstance(message, Birth):
        if message.connection == row.connection and row.presence == Presence.ONLINE:
            return  # the same birth again: after a kept word, or a redelivery
        row.connection, row.presence, row.why = message.connection, Presence.ONLINE.value, ""
        row.birth = codec.to_plain(message)
        row.presence_at = now
        if not arrival.retained:
            row.heard_at = now
        facts = {"software": message.software, "os": message.os, "boot": message.boot}
        timeline.note(session, arrival.box, Kind.BIRTH, "online", at=now, ref=message.connection, facts=facts)
    elif isinstance(message, Goodbye):
        if message.connection != row.connection or row.presence == Presence.OFFLINE:
            return
        row.presence, row.presence_at, row.why = Presence.OFFLINE.value, now, message.why
        timeline.note(session, arrival.box, Kind.GOODBYE, message.why, at=now, ref=message.connection)


def on_health(session: Session, arrival: Arrival) -> None:
    """One report into its row, and into the latest state if it is the newest."""
    message, now = arrival.message, arrival.received_at
    assert isinstance(message, Health)
    if message.seq:
        key = {"box": arrival.box, "life": arrival.life, "seq": message.seq}
        insert_once(session, HealthRow, key | _columns(message, now))
    row = latest(session, arrival.box, now)
    _heard(row, now)
    if (arrival.life, message.seq) >= (row.health_life, row.health_seq):
        row.health_life, row.health_seq = arrival.life, message.seq
        row.health_received_at = now
        row.health = codec.to_plain(message)


def on_event(session: Session, arrival: Arrival) -> None:
    """An event: kept once, shown on the timeline, and as a trouble while it is raised."""
    message, now = arrival.message, arrival.received_at
    assert isinstance(message, Event)
    at = box_hour(message.ts, now)
    new = insert_once(
        session,
        EventRow,
        {
            "box": arrival.box,
            "life": arrival.life,
            "seq": message.seq,
            "at": at,
            "received_at": now,
            "key": message.key,
            "state": message.state.value,
            "severity": message.severity,
            "facts": message.facts,
        },
    )
    _heard(latest(session, arrival.box, now), now)
    if not new:
        return
    line = {**message.facts, "state": message.state.value}
    timeline.note(session, arrival.box, Kind.EVENT, message.key, at=at, severity=message.severity, facts=line)
    _trouble(session, arrival.box, message, at)


def on_twin(session: Session, arrival: Arrival) -> None:
    """What the box applied of its twin."""
    message, now = arrival.message, arrival.received_at
    assert isinstance(message, Reported)
    _heard(latest(session, arrival.box, now), now)
    row = session.get(TwinRow, arrival.box)
    if row is not None and (arrival.life, message.seq) < (row.life, row.seq):
        return
    same = row is not None and (row.applied_rev, row.errors) == (message.applied_rev, message.errors)
    if row is None:
        row = TwinRow(box=arrival.box)
    row.life, row.seq, row.applied_rev = arrival.life, message.seq, message.applied_rev
    row.errors, row.received_at = dict(message.errors), now
    session.add(row)
    session.flush()
    if not same:
        code = "refused" if message.errors else "applied"
        timeline.note(session, arrival.box, Kind.TWIN, code, at=now, facts={"rev": message.applied_rev})


def on_heard(session: Session, arrival: Arrival) -> None:
    """A word another room listens to is a sign of life too."""
    _heard(latest(session, arrival.box, arrival.received_at), arrival.received_at)


def on_gap(session: Session, box: str, lost: range, now: datetime) -> None:
    """Reports that never came are said, not forgotten."""
    timeline.note(
        session,
        box,
        Kind.GAP,
        "reports_missing",
        at=now,
        severity="warning",
        facts={"first": lost.start, "last": lost.stop - 1},
    )


def latest(session: Session, box: str, now: datetime) -> LatestRow:
    """The box's row of latest words, made when it is missing."""
    row = session.get(LatestRow, box)
    if row is None:
        row = LatestRow(
            box=box,
            presence="",
            connection="",
            why="",
            birth={},
            health={},
            health_life=0,
            health_seq=0,
            liveness=Life.NEVER.value,
            liveness_since=now,
        )
        session.add(row)
        session.flush()
    return row


def insert_once(session: Session, table: type[Base], values: dict[str, Any]) -> bool:
    """Insert a row unless its key is there; whether it was new. Works on SQLite and PostgreSQL."""
    connection = session.connection()
    return bool(connection.execute(_insert(connection.dialect.name, table), values).rowcount)


@functools.cache
def _insert(dialect: str, table: type[Base]) -> sa.Executable:
    # Built once a table: building and compiling it for each report cost more than storing it.
    build = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return build(table).on_conflict_do_nothing()


def _heard(row: LatestRow, now: datetime) -> None:
    row.heard_at = now


def _trouble(session: Session, box: str, event: Event, at: datetime) -> None:
    if event.state is EventState.INFO:
        return
    row = session.get(TroubleRow, (box, event.key))
    if event.state is EventState.CLEARED:
        if row is not None:
            session.delete(row)
            session.flush()
        return
    if row is None:
        row = TroubleRow(box=box, key=event.key, since=at, times=0)
    row.times += 1
    row.severity, row.facts = event.severity, dict(event.facts)
    session.add(row)
    session.flush()


def _columns(message: Health, now: datetime) -> dict[str, Any]:
    processor, memory, disk, net = message.processor, message.memory, message.disk, message.network
    outbox, clock, sitting = message.outbox, message.clock, message.sitting
    return {
        "at": box_hour(message.ts, now),
        "received_at": now,
        "boot": message.boot,
        "uptime_s": message.uptime_s,
        "load_ratio": processor and processor.load_ratio,
        "temperature_c": processor and processor.temperature_c,
        "throttled": processor and processor.throttled,
        "memory_total_bytes": memory and memory.total_bytes,
        "memory_available_bytes": memory and memory.available_bytes,
        "disk_total_bytes": disk and disk.total_bytes,
        "disk_free_bytes": disk and disk.free_bytes,
        "disk_read_only": disk and disk.read_only,
        "net_kind": net and net.kind,
        "net_up": net and net.up,
        "net_rtt_ms": net and net.rtt_ms,
        "net_sent_bytes": net and net.sent_bytes,
        "net_received_bytes": net and net.received_bytes,
        "devices_bad": sum(1 for device in message.devices if device.code),
        "outbox_waiting": outbox and outbox.waiting,
        "outbox_oldest_s": outbox and outbox.oldest_s,
        "outbox_bytes": outbox and outbox.bytes,
        "outbox_sent": outbox and outbox.sent,
        "outbox_refused": outbox and outbox.refused,
        "clock_trusted": clock and clock.trusted,
        "clock_skew_ms": clock and clock.skew_ms,
        "sitting_active": sitting and sitting.active,
        "sittings_completed": sitting and sitting.completed_today,
        "sittings_abandoned": sitting and sitting.abandoned_today,
        "certificate_days": message.certificate_days,
        "desk_up": message.desk_up,
        "failed": len(message.failed),
    }
