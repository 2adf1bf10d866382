"""Reports of the boxes in typed columns, their latest state, events and twins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fleet.database import Base


class HealthRow(Base):
    """One health report. `at` is the box's hour where it is plausible, else ours."""

    __tablename__ = "health_reports"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    life: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    boot: Mapped[str] = mapped_column(sa.String(8))
    uptime_s: Mapped[int]
    load_ratio: Mapped[float | None]
    temperature_c: Mapped[float | None]
    throttled: Mapped[bool | None]
    memory_total_bytes: Mapped[int | None]
    memory_available_bytes: Mapped[int | None]
    disk_total_bytes: Mapped[int | None]
    disk_free_bytes: Mapped[int | None]
    disk_read_only: Mapped[bool | None]
    net_kind: Mapped[str | None] = mapped_column(sa.String(120))
    net_up: Mapped[bool | None]
    net_rtt_ms: Mapped[float | None]
    net_sent_bytes: Mapped[int | None]
    net_received_bytes: Mapped[int | None]
    devices_bad: Mapped[int]
    outbox_waiting: Mapped[int | None]
    outbox_oldest_s: Mapped[int | None]
    outbox_bytes: Mapped[int | None]
    outbox_sent: Mapped[int | None]
    outbox_refused: Mapped[int | None]
    clock_trusted: Mapped[bool | None]
    clock_skew_ms: Mapped[int | None]
    sitting_active: Mapped[bool | None]
    sittings_completed: Mapped[int | None]
    sittings_abandoned: Mapped[int | None]
    certificate_days: Mapped[float | None]
    desk_up: Mapped[bool]
    failed: Mapped[int]

    __table_args__ = (sa.Index("ix_health_reports_box_at", "box", "at"),)


class LatestRow(Base):
    """What a board needs of one box, in one row: link, last words, last report, verdict of liveness."""

    __tablename__ = "latest"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    heard_at: Mapped[datetime | None]
    presence: Mapped[str] = mapped_column(sa.String(8), default="")
    presence_at: Mapped[datetime | None]
    connection: Mapped[str] = mapped_column(sa.String(36), default="")
    why: Mapped[str] = mapped_column(sa.String(120), default="")
    birth: Mapped[dict[str, Any]]
    health_life: Mapped[int] = mapped_column(default=0)
    health_seq: Mapped[int] = mapped_column(default=0)
    health_received_at: Mapped[datetime | None]
    health: Mapped[dict[str, Any]]
    liveness: Mapped[str] = mapped_column(sa.String(8), index=True)
    liveness_since: Mapped[datetime]


class EventRow(Base):
    """One event as the box told it."""

    __tablename__ = "events"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    life: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    key: Mapped[str] = mapped_column(sa.String(120))
    state: Mapped[str] = mapped_column(sa.String(10))
    severity: Mapped[str] = mapped_column(sa.String(120))
    facts: Mapped[dict[str, Any]]


class TroubleRow(Base):
    """An event key that is raised and not yet cleared: what needs attention now."""

    __tablename__ = "troubles"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    severity: Mapped[str] = mapped_column(sa.String(120))
    since: Mapped[datetime]
    times: Mapped[int]
    facts: Mapped[dict[str, Any]]


class TwinRow(Base):
    """What a box says it applied."""

    __tablename__ = "twins_reported"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    life: Mapped[int]
    seq: Mapped[int]
    applied_rev: Mapped[int]
    errors: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
