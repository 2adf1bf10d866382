"""ping: are you there, and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.agent.probes import uptime

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.agent.acts.port import Facts


def act(proc: Path) -> Facts:
    """The box's uptime."""
    return {"uptime_s": uptime.read(proc)}
