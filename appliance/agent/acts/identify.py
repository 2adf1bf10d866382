"""identify: blink, so that a person in the room finds the box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.desk_api.status import Blink

if TYPE_CHECKING:
    from appliance.agent.acts.port import Facts
    from appliance.agent.desk_door import DeskDoor
    from contracts.messages.orders import Order


def act(order: Order, door: DeskDoor) -> Facts:
    """Ask the desk to blink its light.

    Raises:
        PueError: the desk is down or has no light.
    """
    seconds = order.seconds or 30
    door.blink(Blink(seconds=seconds))
    return {"seconds": seconds}
