"""The life of a box as one list: every room writes its line in the transaction that makes it true."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from fleet.registry.tables import TimelineRow

MAX_PAGE = 500


class Kind(enum.StrEnum):
    """What a line is about."""

    BOX = "box"
    """Created, enrolled, certificate renewed, revoked, retired."""
    BIRTH = "birth"
    GOODBYE = "goodbye"
    LIVENESS = "liveness"
    EVENT = "event"
    ORDER = "order"
    TWIN = "twin"
    LETTERS = "letters"
    """A letter came in, was fetched, got a state. Never what is inside."""
    GAP = "gap"
    """Reports that never came."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line as the console shows it. `entry` grows; ask for what is below it to page back."""

    entry: int
    box: str
    at: datetime
    kind: Kind
    code: str
    severity: str
    ref: str
    facts: dict[str, Any]


def note(
    session: Session,
    box: str,
    kind: Kind,
    code: str,
    *,
    at: datetime,
    severity: str = "info",
    ref: str = "",
    facts: Mapping[str, Any] | None = None,
    **more: str | float | bool | None,
) -> None:
    """Write a line. It becomes true with the caller's transaction.

    `facts` takes names that come from outside; `more` is for names written in our own code.
    """
    session.add(
        TimelineRow(
            box=box,
            at=at,
            kind=kind.value,
            code=code[:120],
            severity=severity[:16],
            ref=ref[:40],
            facts={**(facts or {}), **more},
        )
    )


def lines(session: Session, box: str, *, limit: int = 100, below: int | None = None) -> list[Line]:
    """The newest lines of a box, newest first; one query, whatever is in them.

    Args:
        session: of `Database.read()`.
        box: whose.
        limit: at most `MAX_PAGE`.
        below: only entries older than this one.
    """
    query = sa.select(TimelineRow).where(TimelineRow.box == box)
    if below is not None:
        query = query.where(TimelineRow.entry < below)
    query = query.order_by(TimelineRow.entry.desc()).limit(max(1, min(limit, MAX_PAGE)))
    return [
        Line(
            entry=row.entry,
            box=row.box,
            at=row.at,
            kind=Kind(row.kind),
            code=row.code,
            severity=row.severity,
            ref=row.ref,
            facts=row.facts,
        )
        for row in session.scalars(query)
    ]
