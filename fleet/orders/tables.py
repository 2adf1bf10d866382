"""The book of orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fleet.database import Base


class OrderRow(Base):
    """One order to one box, and its newest state. Each step is a line of the timeline."""

    __tablename__ = "orders"

    order: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    box: Mapped[str] = mapped_column(sa.ForeignKey("boxes.box"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    by: Mapped[str] = mapped_column(sa.String(120))
    statement: Mapped[str] = mapped_column(sa.Text)
    issued_at: Mapped[datetime]
    deadline: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(20), index=True)
    state_at: Mapped[datetime]
    state_seq: Mapped[int] = mapped_column(default=0)
    code: Mapped[str] = mapped_column(sa.String(120), default="")
    who: Mapped[str] = mapped_column(sa.String(120), default="")
    facts: Mapped[dict[str, Any]]


class ResultRow(Base):
    """A step a box told, kept once by its report number."""

    __tablename__ = "order_results"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    life: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order: Mapped[str] = mapped_column(sa.String(36), index=True)
    state: Mapped[str] = mapped_column(sa.String(20))
    received_at: Mapped[datetime]
