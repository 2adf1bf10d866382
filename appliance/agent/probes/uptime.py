"""How long the box runs, and which start of it this is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.agent.probes.port import ProbeFailed, read_text

if TYPE_CHECKING:
    from pathlib import Path


def read(proc: Path) -> int:
    """Seconds since the kernel started."""
    try:
        return int(float(read_text(proc / "uptime").split()[0]))
    except (ValueError, IndexError) as why:
        raise ProbeFailed("uptime cannot be understood") from why


def boot(proc: Path) -> str:
    """First eight hex digits of the kernel's boot id; zeros where the kernel hides it."""
    try:
        text = read_text(proc / "sys" / "kernel" / "random" / "boot_id").strip().lower()
    except ProbeFailed:
        return "00000000"
    return text[:8] if re.fullmatch(r"[0-9a-f]{8}", text[:8]) else "00000000"
