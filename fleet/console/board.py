"""The board: every box as a row that says how it is and why, with counters and filters; nothing but values."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from fleet.console import causes
from fleet.console.causes import Cause, Device, Level
from fleet.health.board import BoxLight
from fleet.health.liveness import Life
from fleet.registry.boxes import BoxState

MAX_TEXT_CHARS: Final = 60
MAX_ROWS: Final = 250
"""Nobody reads more rows; the worst come first, and a filter finds the others."""

_WORST_FIRST: Final = {Level.BAD: 0, Level.WATCH: 1, Level.WAITING: 2, Level.FINE: 3}


class Show(enum.StrEnum):
    """Words of the state filter: all, those that need somebody, or one verdict."""

    ALL = "all"
    ATTENTION = "attention"
    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"
    LOST = "lost"
    NEW = "new"
    """Never heard yet."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A box on the board.

    Attributes:
        life: verdict of liveness; ``new`` for a box that never spoke.
        heard: last word in words, empty if none.
        waiting: letters on the box, None if it never said.
        oldest: age of the oldest letter in words, empty if none waits.
        clock: None if unknown.
        stale: what the last report said may no longer be so.
    """

    box: str
    site: str
    office: str
    comune: str
    provincia: str
    region: str
    life: str
    cause: Cause
    heard_at: datetime | None
    heard: str
    devices: list[Device]
    waiting: int | None
    oldest: str
    clock: bool | None
    stale: bool


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants to see."""

    show: Show = Show.ALL
    region: str = ""
    text: str = ""


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that pass the filter, worst first, and counters over all boxes.

    Attributes:
        beyond: rows that pass and are not shown.
    """

    rows: list[Row]
    beyond: int
    total: int
    counts: dict[Show, int]
    letters: int
    oldest: str
    regions: list[str]


def build(lights: Sequence[BoxLight], wanted: Filter, now: datetime) -> Board:
    """The board of these boxes."""
    rows = [row(light, now) for light in lights]
    oldest_s = max((_outbox(light, "oldest_s") or 0 for light in lights), default=0)
    kept = [one for one in rows if _passes(one, wanted)]
    kept.sort(key=lambda one: (_WORST_FIRST[one.cause.level], one.comune, one.site))
    return Board(
        rows=kept[:MAX_ROWS],
        beyond=max(0, len(kept) - MAX_ROWS),
        total=len(rows),
        counts={show: sum(_shows(one, show) for one in rows) for show in Show},
        letters=sum(one.waiting or 0 for one in rows),
        oldest=causes.span(oldest_s) if oldest_s else "",
        regions=sorted({one.region for one in rows}),
    )


def row(light: BoxLight, now: datetime) -> Row:
    """One box as a row."""
    site, clock = light.box.site, light.health.get("clock")
    waiting, oldest_s = _outbox(light, "waiting"), _outbox(light, "oldest_s")
    never = light.box.state is BoxState.EXPECTED or light.life is Life.NEVER
    return Row(
        box=light.box.box,
        site=site.site,
        office=site.office,
        comune=site.comune,
        provincia=site.provincia,
        region=light.box.region,
        life="new" if never else light.life.value,
        cause=causes.why(light, now),
        heard_at=light.heard_at,
        heard=causes.ago(light.heard_at, now) if light.heard_at else "",
        devices=causes.devices(light),
        waiting=waiting,
        oldest=causes.span(oldest_s) if waiting and oldest_s else "",
        clock=clock.get("trusted") if isinstance(clock, dict) else None,
        stale=light.life not in {Life.ONLINE, Life.LATE},
    )


def _outbox(light: BoxLight, key: str) -> int | None:
    outbox = light.health.get("outbox")
    value = outbox.get(key) if isinstance(outbox, dict) else None
    return value if isinstance(value, int) else None


def _shows(one: Row, show: Show) -> bool:
    if show is Show.ALL:
        return True
    if show is Show.ATTENTION:
        return one.cause.level in {Level.BAD, Level.WATCH}
    return one.life == show.value


def _passes(one: Row, wanted: Filter) -> bool:
    if not _shows(one, wanted.show) or (wanted.region and one.region != wanted.region):
        return False
    haystack = f"{one.box} {one.site} {one.office} {one.comune} {one.provincia} {one.region}".casefold()
    return all(word in haystack for word in wanted.text.casefold().split())
