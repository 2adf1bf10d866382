"""The pulse of the page: one thread looks whether the fleet's memory has changed and wakes every open stream.

The memory is written by other processes, so somebody has to look; one look a second serves all operators, and
none is taken while nobody watches.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from contracts.errors import PueError
from fleet.database import Database
from fleet.health.tables import LatestRow
from fleet.orders.tables import OrderRow
from fleet.registry.tables import BoxRow, TimelineRow

log = logging.getLogger(__name__)
LOOK_EVERY_S: Final = 1.0
TICK_S: Final = 15.0
"""A stream says something at least this often: ages on the page move on, and a closed page is noticed."""

SPACING_S: Final = 1.5
"""A page is not redrawn more often than this, however busy the fleet is."""


class Pulse:
    """Wakes streams when something changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._change = threading.Condition()
        self._listeners = 0
        self._looking = False
        self._revision = 0
        self._closing = threading.Event()

    def beats(self, box: str | None = None) -> Iterator[int]:
        """Numbers that grow, one whenever the page should be drawn again; ends when the process does.

        Args:
            box: only what concerns this box.
        """
        with self._change:
            self._listeners += 1
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look, name="pulse", daemon=True).start()
        try:
            yield from self._beats(box)
        finally:
            with self._change:
                self._listeners -= 1

    def _beats(self, box: str | None) -> Iterator[int]:
        seen, number, ticked = None, 0, True
        while not self._closing.is_set():
            # Read before looking: what changes meanwhile ends the wait at once.
            revision = self._revision
            now = self._state(box)
            if ticked or now != seen:
                seen, number = now, number + 1
                yield number
                self._closing.wait(SPACING_S)
            ticked = self._wait(revision)

    def close(self) -> None:
        """End every stream."""
        self._closing.set()
        with self._change:
            self._change.notify_all()

    def _wait(self, revision: int) -> bool:
        """Wait for a change or a tick; True if the tick came."""
        with self._change:
            return not self._change.wait_for(
                lambda: self._revision != revision or self._closing.is_set(), timeout=TICK_S
            )

    def _look(self) -> None:
        seen = None
        while not self._closing.wait(LOOK_EVERY_S):
            with self._change:
                if self._listeners == 0:
                    self._looking = False
                    return
            now = self._state(None)
            if now != seen:
                seen = now
                with self._change:
                    self._revision += 1
                    self._change.notify_all()

    def _state(self, box: str | None) -> tuple[Any, ...]:
        try:
            with self._database.read() as session:
                return _fingerprint(session, box)
        except PueError as why:
            log.warning("the fleet's memory cannot be read: %s", why.code)
            return ("unreadable",)


def _fingerprint(session: Session, box: str | None) -> tuple[Any, ...]:
    """A few maxima that change whenever what a page shows does."""
    looks = (
        (sa.func.max(TimelineRow.entry), TimelineRow.box),
        (sa.func.max(LatestRow.heard_at), LatestRow.box),
        (sa.func.max(LatestRow.liveness_since), LatestRow.box),
        (sa.func.max(OrderRow.state_at), OrderRow.box),
        (sa.func.count(BoxRow.box), BoxRow.box),
    )
    return tuple(
        session.scalar(sa.select(what) if box is None else sa.select(what).where(of == box))
        for what, of in looks
    )
