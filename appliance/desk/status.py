"""The agent's door, answered: health without citizens, the word about the link, the light."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.devices.port import DeviceError, DeviceKind
from contracts.desk_api import status as door
from contracts.messages.report import ClockHealth, DeviceHealth, SittingHealth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.desk.desk import Desk
    from appliance.desk.road import Road
    from appliance.desk.trust import Believed
    from appliance.devices.panel.port import Panel
    from appliance.devices.port import Device
    from appliance.runtime.clock import Clock

log = logging.getLogger(__name__)


class StatusService:
    """Implements `contracts.desk_api.status.StatusDoor`."""

    def __init__(
        self,
        desk: Desk,
        road: Road,
        devices: Mapping[DeviceKind, Device],
        panel: Panel,
        clock: Clock,
        trust: Believed,
        software: str,
    ) -> None:
        self._desk, self._road, self._devices = desk, road, devices
        self._panel, self._clock, self._trust, self._software = panel, clock, trust, software

    def facts(self, request: door.Nothing) -> door.DeskFacts:
        del request
        day, trust = self._desk.counts(), self._clock.trusted()
        active = self._desk.sitting is not None
        if not active:  # the best moment to take a new bundle: nobody waits for it
            self._trust.look()
            self._desk.take_catalogue()
        return door.DeskFacts(
            software=self._software,
            devices=[
                DeviceHealth(
                    kind=state.kind.value,
                    driver=state.driver,
                    condition=state.condition.value,
                    code=state.code,
                )
                for state in (device.state() for device in self._devices.values())
            ],
            sitting=SittingHealth(
                active=active,
                idle_s=max(0, self._desk.idle_s()),
                completed_today=day.completed,
                abandoned_today=day.abandoned,
            ),
            clock=ClockHealth(trusted=trust.trusted, why=trust.why.value),
            quiet=self._desk.quiet,
            trust=self._trust.use,
            catalogue=self._desk.catalogue_use,
        )

    def tell_link(self, request: door.LinkFacts) -> door.Nothing:
        if self._road.tell(request):
            self._desk.bell.ring()
        return door.Nothing()

    def blink(self, request: door.Blink) -> door.Nothing:
        try:
            self._panel.blink(request.seconds)
        except DeviceError as error:  # the light is a courtesy; the page blinks too
            log.info("no light to blink: %s", error.code)
        self._desk.note("desk.blink", seconds=request.seconds)
        return door.Nothing()
