"""Memory of the box."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.agent.probes.port import ProbeFailed, read_text
from contracts.messages.report import Memory

if TYPE_CHECKING:
    from pathlib import Path


def read(proc: Path) -> Memory:
    """What the kernel says in `/proc/meminfo`, in bytes."""
    lines = dict(re.findall(r"^(\w+):\s+(\d+) kB$", read_text(proc / "meminfo"), re.MULTILINE))
    try:
        return Memory(
            total_bytes=int(lines["MemTotal"]) * 1024,
            available_bytes=int(lines["MemAvailable"]) * 1024,
        )
    except KeyError as why:
        raise ProbeFailed("meminfo lacks a line") from why
