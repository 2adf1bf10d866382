"""What the desk says through its status door: devices, the day in numbers, its clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.desk_api.status import DeskFacts, Nothing

if TYPE_CHECKING:
    from appliance.agent.desk_door import DeskDoor


def read(door: DeskDoor) -> DeskFacts:
    """The desk's facts.

    Raises:
        DoorClosed: nobody answers: the desk is down.
    """
    return door.facts(Nothing())
