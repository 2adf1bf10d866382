"""How far a box's reports are on disk without a hole. Pure: numbers in, numbers out.

The box forgets a report only when the watermark has passed it, so the watermark never passes a number that
was not seen, except after patience has ended: then the hole is given up, aloud.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

MAX_BEYOND: Final = 5_000
"""Numbers remembered beyond a hole. More than that and the hole is given up without waiting."""


class Mark(msgspec.Struct, frozen=True):
    """Where a box's reports stand.

    Attributes:
        stored: every number up to this one is on disk, or was given up.
        beyond: numbers above it that are on disk, ascending.
        gap_since: when the hole between them was first seen.
    """

    stored: int = 0
    beyond: tuple[int, ...] = ()
    gap_since: datetime | None = None


def advance(mark: Mark, seq: int, now: datetime) -> Mark:
    """The mark after report `seq` was stored. A number seen before changes nothing."""
    if seq <= mark.stored or seq in mark.beyond:
        return mark
    return _closed(mark.stored, tuple(sorted((*mark.beyond, seq))), mark.gap_since, now)


def give_up(mark: Mark, now: datetime, patience: timedelta) -> tuple[Mark, range]:
    """Close the lowest hole if patience has ended; the range of numbers given up is empty if it has not."""
    if not mark.beyond or mark.gap_since is None:
        return mark, range(0)
    if now - mark.gap_since < patience and len(mark.beyond) <= MAX_BEYOND:
        return mark, range(0)
    lost = range(mark.stored + 1, mark.beyond[0])
    return _closed(mark.beyond[0] - 1, mark.beyond, None, now), lost


def _closed(stored: int, beyond: tuple[int, ...], since: datetime | None, now: datetime) -> Mark:
    index = 0
    while index < len(beyond) and beyond[index] == stored + 1:
        stored += 1
        index += 1
    rest = beyond[index:]
    if not rest:
        return Mark(stored)
    # A hole that moved is a new hole: its patience begins now.
    return Mark(stored, rest, now if index or since is None else since)
