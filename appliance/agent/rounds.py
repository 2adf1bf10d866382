"""The agent's rounds: looks at every probe, writes the report, tells the desk how the line is."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from contracts.desk_api.status import DeskFacts, LinkFacts
from contracts.errors import PueError
from contracts.messages.report import CatalogueHealth, EventState, Health, TrustHealth
from contracts.topics import Up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.agent.desk_door import DeskDoor
    from appliance.agent.probes.port import Probe
    from appliance.agent.reports import Reports

log = logging.getLogger(__name__)

TELL_EVERY_S: Final = 60.0
TELL_AGAIN_S: Final = 10.0
"""A desk that did not hear is told again so soon."""
BAD: Final = frozenset({"warning", "trouble", "absent"})
"""Conditions of a device that somebody should hear of; a busy or lent one is only at work."""
_DESK: Final = "desk"


def gather(probes: Mapping[str, Probe], *, ts: int, boot: str, software: str) -> Health:
    """One report of all probes. A failing probe is named in `failed` and never takes the report with it."""
    parts: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, probe in probes.items():
        try:
            parts[name] = probe()
        except PueError as why:
            failed[name] = why.code
        except Exception:
            log.exception("probe %s broke", name)
            failed[name] = "probe.broke"
    desk = parts.pop(_DESK, None)
    if isinstance(desk, DeskFacts):
        parts |= {"devices": desk.devices, "sitting": desk.sitting, "clock": desk.clock}
        held, use = parts.get("trust"), desk.trust
        if isinstance(held, TrustHealth) and use is not None:
            parts["trust"] = TrustHealth(held=held.held, used=use.version, dated=use.dated, code=use.code)
        lies, served = parts.get("catalogue"), desk.catalogue
        if isinstance(lies, CatalogueHealth) and served is not None:
            parts["catalogue"] = CatalogueHealth(held=lies.held, used=served.version, code=served.code)
    parts.setdefault("uptime_s", 0)
    return Health(
        ts=ts, boot=boot, software=software, desk_up=isinstance(desk, DeskFacts), failed=failed, **parts
    )


class Rounds:
    """A worker's body: a report whenever one is due, a word to the desk whenever the line changed.

    Args:
        probes: all of them.
        reports: takes the health reports and the events of devices.
        door: the desk, told of the line.
        line: how the line is now.
        every_s: seconds between reports, asked each time.
        now_ms: the hour of the box.
        boot: first eight hex digits of the boot id.
        software: our version.
    """

    def __init__(
        self,
        probes: Mapping[str, Probe],
        *,
        reports: Reports,
        door: DeskDoor,
        line: Callable[[], LinkFacts],
        every_s: Callable[[], float],
        now_ms: Callable[[], int],
        boot: str,
        software: str,
    ) -> None:
        self._probes, self._reports, self._door = probes, reports, door
        self._line, self._every_s, self._now_ms = line, every_s, now_ms
        self._boot, self._software = boot, software
        self._bell = threading.Event()
        self._reported_s: float | None = None
        self._told: tuple[bool, str] | None = None
        self._told_s = 0.0
        self._troubles: dict[str, str] = {}

    def wake(self) -> None:
        """Look up: the line or the twin changed, or somebody asked to stop. Any thread."""
        self._bell.set()

    def run(self, stopping: threading.Event) -> None:
        """The body of the rounds' worker."""
        while not stopping.is_set():
            self._bell.clear()
            if stopping.is_set():  # it may have rung just before
                return
            now_s = time.monotonic()
            if self._reported_s is None or now_s - self._reported_s >= self._every_s():
                self._reported_s = now_s
                self._report()
            self._tell_desk()
            due_s = self._reported_s + self._every_s() - time.monotonic()
            self._bell.wait(max(0.05, min(due_s, TELL_EVERY_S if self._told else TELL_AGAIN_S)))

    def _report(self) -> None:
        health = gather(self._probes, ts=self._now_ms(), boot=self._boot, software=self._software)
        try:
            self._reports.add((Up.HEALTH, health))
            self._events(health)
        except PueError as why:
            log.warning("report not kept: %s", why.code)

    def _events(self, health: Health) -> None:
        """A device trouble that came or went since the last report is told at once, under its own key."""
        now = {
            device.code: device.kind for device in health.devices if device.code and device.condition in BAD
        }
        if not health.desk_up:
            now = {**self._troubles, "desk.down": "desk"}
        for key, kind in now.items():
            if key not in self._troubles:
                self._reports.event(key, state=EventState.RAISED, severity="warning", device=kind)
        for key, kind in self._troubles.items():
            if key not in now:
                self._reports.event(key, state=EventState.CLEARED, device=kind)
        self._troubles = now

    def _tell_desk(self) -> None:
        facts = self._line()
        mark = (facts.connected, facts.waiting_why)
        if mark == self._told and time.monotonic() - self._told_s < TELL_EVERY_S:
            return
        try:
            self._door.tell_link(facts)
        except PueError as why:
            log.debug("the desk was not told: %s", why.code)
            self._told = None
        else:
            self._told, self._told_s = mark, time.monotonic()
