"""The list of acts: to add one, write its file, name its kind in `contracts.messages.orders`, and name it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.agent.acts import identify, ping, restart_desk
from contracts.messages.orders import OrderKind

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from appliance.agent.acts.port import Act
    from appliance.agent.desk_door import DeskDoor


def acts(
    proc: Path, door: DeskDoor, restart_command: Sequence[str], stopping: threading.Event
) -> dict[OrderKind, Act]:
    """Every order this box understands."""
    return {
        OrderKind.PING: lambda _order, _claim: ping.act(proc),
        OrderKind.IDENTIFY: lambda order, _claim: identify.act(order, door),
        OrderKind.RESTART_DESK: lambda _order, claim: restart_desk.act(
            claim, door, restart_command, stopping=stopping
        ),
    }
