"""What all acts promise."""

from __future__ import annotations

from collections.abc import Callable

from appliance.agent.desk_door import Claim
from contracts.errors import PueError, WhoCanAct
from contracts.messages.orders import Order

Facts = dict[str, str | int | float | bool | None]
Act = Callable[[Order, Claim | None], Facts]
"""Takes the order and the quiet claim if the order asked for one; gives small facts for the result.
Raises `PueError` when it could not be done; its code and who can act go into the result."""


class ActFailed(PueError):
    """The order was begun and could not be done."""

    code = "order.failed"
    who = WhoCanAct.TECHNICIAN
