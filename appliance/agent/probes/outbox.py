"""Letters waiting on the box, in numbers only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.outbox.store import Outbox
    from contracts.messages.report import OutboxHealth


def read(outbox: Outbox, now_ms: int) -> OutboxHealth:
    """The outbox's own count.

    Raises:
        PueError: as the outbox says (damaged, full).
    """
    return outbox.health(now_ms)
