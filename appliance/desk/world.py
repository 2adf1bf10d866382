"""The back door of a simulated desk: play the devices as a scenario does, one deed at a time.

``POST /v1/do`` with ``{"device": "card_reader", "do": "insert", "with": {"card": "cie"}}`` answers ``{}``, or a
Problem. Deeds are the allow-list of `appliance.devices.scenario.DEEDS`. Exists only where the settings say
``simulate = true``; a box that serves people has no such socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from appliance.devices import scenario
from appliance.devices.port import DeviceKind

if TYPE_CHECKING:
    from appliance.devices.scenario import World


class Deed(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"arguments": "with"}
):
    """One deed on the back of a simulator."""

    device: DeviceKind
    do: str
    arguments: dict[str, str | int | float | bool] = {}


class Done(msgspec.Struct, frozen=True):
    """It was done."""


class WorldDoor(Protocol):
    """What may be asked of a simulated world."""

    def do(self, request: Deed) -> Done:
        """Do it."""
        ...


class WorldService:
    """Implements `WorldDoor`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def do(self, request: Deed) -> Done:
        try:
            step = scenario.Step(device=request.device, do=request.do, on="now", arguments=request.arguments)
        except ValueError as error:
            raise scenario.UnplayableStep(str(error), device=request.device, do=request.do) from None
        try:
            scenario.perform(self._world, step)
        except ValueError:
            raise scenario.UnplayableStep("the simulator knows no such thing", do=request.do) from None
        return Done()
