"""What the operators see: the board, one box, a day as a chart; and the writer of verdicts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from contracts.messages.report import Presence
from fleet.health.liveness import Heard, Life, judge
from fleet.health.reports import latest
from fleet.health.tables import HealthRow, LatestRow, TroubleRow, TwinRow
from fleet.link.tables import HeartbeatRow, RefusedRow
from fleet.registry import boxes, timeline
from fleet.registry.boxes import Box, BoxState
from fleet.registry.tables import BoxRow
from fleet.registry.timeline import Kind
from fleet.settings import Liveness

MAX_POINTS: Final = 2_000
SERIES: Final = (
    "load_ratio",
    "temperature_c",
    "memory_available_bytes",
    "memory_total_bytes",
    "disk_free_bytes",
    "disk_total_bytes",
    "outbox_waiting",
    "outbox_oldest_s",
)


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is raised now."""

    key: str
    severity: str
    since: datetime
    times: int
    facts: dict[str, Any]


class BoxLight(msgspec.Struct, frozen=True, kw_only=True):
    """One box on the board.

    Attributes:
        box: who and where.
        life: the verdict, with its age `life_since`.
        heard_at: last word, server's hour.
        presence: ``online``/``offline``: the link's own word, ``""`` if none; `why` of a goodbye.
        birth: last birth as plain values, ``{}`` if none.
        health: last report as plain values (contracts.messages.report.Health), ``{}`` if none.
        applied_rev: twin revision the box says it applied.
        troubles: what is raised.
    """

    box: Box
    life: Life
    life_since: datetime | None
    heard_at: datetime | None
    presence: str
    presence_at: datetime | None
    why: str
    birth: dict[str, Any]
    health: dict[str, Any]
    health_received_at: datetime | None
    applied_rev: int | None
    troubles: list[Trouble]


class Ears(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the fleet itself hears: last sign of life of each of its workers."""

    process: str
    at: datetime
    listening_since: datetime | None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Columns for a chart, oldest first: `at_s` Unix seconds, and one list per name of `SERIES`."""

    at_s: list[float]
    columns: dict[str, list[float | None]]


def board(session: Session) -> list[BoxLight]:
    """All boxes that are not retired, in four queries however many they are."""
    places = [box for box in boxes.every(session) if box.state is not BoxState.RETIRED]
    rows = {row.box: row for row in session.scalars(sa.select(LatestRow))}
    revs = {row.box: row.applied_rev for row in session.scalars(sa.select(TwinRow))}
    raised: dict[str, list[Trouble]] = {}
    for row in session.scalars(sa.select(TroubleRow).order_by(TroubleRow.since)):
        raised.setdefault(row.box, []).append(_trouble(row))
    return [_light(box, rows.get(box.box), revs.get(box.box), raised.get(box.box, [])) for box in places]


def light(session: Session, box: str) -> BoxLight:
    """One box.

    Raises:
        BoxUnknown: no such box.
    """
    place = boxes.get(session, box)
    twin = session.get(TwinRow, box)
    raised = sa.select(TroubleRow).where(TroubleRow.box == box).order_by(TroubleRow.since)
    troubles = [_trouble(row) for row in session.scalars(raised)]
    return _light(place, session.get(LatestRow, box), twin.applied_rev if twin else None, troubles)


def series(session: Session, box: str, *, now: datetime, span: timedelta = timedelta(hours=24)) -> Series:
    """The last `span` of a box for a chart, at most `MAX_POINTS` newest reports."""
    columns = [getattr(HealthRow, name) for name in SERIES]
    query = (
        sa.select(HealthRow.at, *columns)
        .where(HealthRow.box == box, HealthRow.at >= now - span)
        .order_by(HealthRow.at.desc())
        .limit(MAX_POINTS)
    )
    rows = list(session.execute(query))[::-1]
    return Series(
        at_s=[row[0].timestamp() for row in rows],
        columns={name: [row[index] for row in rows] for index, name in enumerate(SERIES, start=1)},
    )


def ears(session: Session) -> list[Ears]:
    """The fleet's own workers."""
    rows = session.scalars(sa.select(HeartbeatRow).order_by(HeartbeatRow.process))
    return [Ears(process=row.process, at=row.at, listening_since=row.listening_since) for row in rows]


def refused_count(session: Session, *, since: datetime) -> int:
    """Messages nobody could read since an hour."""
    query = sa.select(sa.func.count()).select_from(RefusedRow).where(RefusedRow.at >= since)
    return int(session.scalar(query) or 0)


def beat(session: Session, process: str, now: datetime, listening_since: datetime | None) -> None:
    """Write that a worker lives."""
    session.merge(HeartbeatRow(process=process, at=now, listening_since=listening_since))


def judge_all(
    session: Session, now: datetime, listening_since: datetime | None, rules: Liveness
) -> dict[str, Life]:
    """Write the verdicts that changed; returns them. While we do not hear, nobody is judged."""
    if listening_since is None:
        return {}
    changed: dict[str, Life] = {}
    enrolled = sa.select(BoxRow.box, BoxRow.health_every_s).where(BoxRow.state == BoxState.ENROLLED.value)
    known = {row.box: row for row in session.scalars(sa.select(LatestRow))}
    for box, every_s in session.execute(enrolled).all():
        row = known.get(box) or latest(session, box, now)
        heard = Heard(
            heard_at=row.heard_at,
            presence=Presence(row.presence) if row.presence else None,
            presence_at=row.presence_at,
            expected_s=every_s,
        )
        verdict = judge(heard, now=now, listening_since=listening_since, rules=rules)
        if verdict != row.liveness:
            _change(session, row, verdict, now)
            changed[box] = verdict
    return changed


def _change(session: Session, row: LatestRow, verdict: Life, now: datetime) -> None:
    severity = "warning" if verdict in {Life.OFFLINE, Life.LOST} else "info"
    before = row.liveness
    row.liveness, row.liveness_since = verdict.value, now
    timeline.note(
        session, row.box, Kind.LIVENESS, verdict.value, at=now, severity=severity, facts={"before": before}
    )


def _light(box: Box, row: LatestRow | None, applied_rev: int | None, troubles: list[Trouble]) -> BoxLight:
    return BoxLight(
        box=box,
        life=Life(row.liveness) if row else Life.NEVER,
        life_since=row.liveness_since if row else None,
        heard_at=row.heard_at if row else None,
        presence=row.presence if row else "",
        presence_at=row.presence_at if row else None,
        why=row.why if row else "",
        birth=row.birth if row else {},
        health=row.health if row else {},
        health_received_at=row.health_received_at if row else None,
        applied_rev=applied_rev,
        troubles=troubles,
    )


def _trouble(row: TroubleRow) -> Trouble:
    return Trouble(key=row.key, severity=row.severity, since=row.since, times=row.times, facts=row.facts)
