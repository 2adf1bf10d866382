"""Whether the box may believe its clock, as the agent sees it (used while the desk is down)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.messages.report import ClockHealth

if TYPE_CHECKING:
    from appliance.runtime.clock import Clock


def read(clock: Clock) -> ClockHealth:
    """The clock's own judgement."""
    trust = clock.trusted()
    return ClockHealth(trusted=trust.trusted, why=trust.why.value)
