"""What the desk looks after by itself: the idle lock, the other process' news, the light, what is old or idle."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final

from appliance.desk.wiring import show_mood
from appliance.runtime.clock import TimeUntrusted
from appliance.runtime.workers import Worker, WorkerError
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.capture.darkroom import Darkroom
    from appliance.desk.desk import Desk
    from appliance.desk.logins import Logins
    from appliance.desk.settings import DeskSettings
    from appliance.devices.panel.port import Panel
    from appliance.devices.port import Device, DeviceKind
    from appliance.outbox.store import Outbox
    from appliance.runtime.clock import SystemClock

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
RARELY_S: Final = 3_600.0


class Tending:
    """One worker with a slow tick. Nothing it does may end the desk."""

    def __init__(
        self,
        desk: Desk,
        logins: Logins,
        outbox: Outbox,
        clock: SystemClock,
        devices: dict[DeviceKind, Device],
        panel: Panel,
        settings: DeskSettings,
        darkrooms: Sequence[Darkroom] = (),
    ) -> None:
        self._darkrooms, self._rest_s = darkrooms, settings.paper.rest_s
        self._desk, self._logins, self._outbox = desk, logins, outbox
        self._clock, self._devices, self._panel = clock, devices, panel
        self._receipt_days, self._forgotten_s = settings.receipt_days, settings.forgotten_s
        self._outbox_seen = 0
        self._rarely_s = -RARELY_S
        self.worker = Worker("desk-tending", tick=self.tick, tick_every_s=TICK_S)

    def tick(self) -> None:
        """Look at everything once."""
        if self._logins.lock_if_idle():
            self._desk.note("clerk.idle_lock")
            self._desk.bell.ring()
        with contextlib.suppress(PueError):
            revision = self._outbox.revision()
            if revision != self._outbox_seen:  # the agent sent something, or heard of something
                self._outbox_seen = revision
                self._desk.bell.ring()
        with contextlib.suppress(PueError):
            self._desk.clear_away(self._forgotten_s)
        for darkroom in self._darkrooms:
            darkroom.rest(self._rest_s)
        show_mood(self._desk, self._devices, self._panel)
        if self._clock.monotonic_s() - self._rarely_s >= RARELY_S:
            self._rarely_s = self._clock.monotonic_s()
            self._rarely()

    def _rarely(self) -> None:
        with contextlib.suppress(PueError):
            self._desk.forget_catalogues()
        try:
            self._clock.raise_floor()
            self._desk.retire(self._receipt_days)
        except TimeUntrusted:
            log.info("nothing is erased by an hour that is not certain")
        except PueError as error:
            log.warning("looking after old drafts failed: %s", error.code)

    def card_noticed(self, news: Worker, *, present: bool) -> None:
        """A watcher of the reader: only enqueues."""
        with contextlib.suppress(WorkerError):
            news.submit(self._desk.card_noticed, present=present)
