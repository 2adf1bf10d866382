"""What waits to be published, what was refused, and how far each box's reports are on disk."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fleet.database import Base


class OutboundRow(Base):
    """A message of the fleet waiting for the link; gone once the broker has acknowledged it."""

    __tablename__ = "outbound"

    entry: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(sa.String(200))
    shard: Mapped[str] = mapped_column(sa.String(2))
    payload: Mapped[bytes] = mapped_column(sa.LargeBinary)
    retain: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ref: Mapped[str] = mapped_column(sa.String(60), default="")


class WatermarkRow(Base):
    """Per box and life: every report up to `stored` is on disk; `beyond` came before their turn."""

    __tablename__ = "watermarks"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    life: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stored: Mapped[int]
    beyond: Mapped[list[int]] = mapped_column(sa.JSON)
    gap_since: Mapped[datetime | None]


class RefusedRow(Base):
    """A message nobody could read: counted and described, its bytes are not kept."""

    __tablename__ = "refused_messages"

    entry: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    topic: Mapped[str] = mapped_column(sa.String(200))
    code: Mapped[str] = mapped_column(sa.String(80))
    why: Mapped[str] = mapped_column(sa.String(300))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(sa.String(64))


class HeartbeatRow(Base):
    """The last sign of life of each of the fleet's own processes."""

    __tablename__ = "heartbeats"

    process: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    at: Mapped[datetime]
    listening_since: Mapped[datetime | None]
