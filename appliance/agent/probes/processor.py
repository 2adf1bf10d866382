"""Load and temperature of the processor, and whether the board slows it down."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

from appliance.agent.probes.port import ProbeFailed, read_text
from contracts.messages.report import Processor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VCGENCMD: Final = ("vcgencmd", "get_throttled")
_NOW_BITS: Final = 0xF
"""Under-voltage, capped, throttled, soft temperature limit, at this moment (Raspberry Pi documentation, get_throttled)."""
_SENSORS: Final = ("cpu-thermal", "cpu_thermal", "soc-thermal", "x86_pkg_temp")


def read(proc: Path, sys: Path, throttled_command: Sequence[str] = VCGENCMD) -> Processor:
    """The processor now.

    Args:
        proc: `/proc`.
        sys: `/sys`.
        throttled_command: prints ``throttled=0x…``; absent on every board but a Pi.
    """
    try:
        minutes_1 = float(read_text(proc / "loadavg").split()[0])
    except (ValueError, IndexError) as why:
        raise ProbeFailed("loadavg cannot be understood") from why
    cores = len(re.findall(r"^cpu\d+ ", read_text(proc / "stat"), re.MULTILINE)) or 1
    return Processor(
        load_ratio=round(min(1.0, max(0.0, minutes_1 / cores)), 3),
        temperature_c=_temperature_c(sys / "class" / "thermal"),
        throttled=_throttled(throttled_command),
    )


def _temperature_c(folder: Path) -> float | None:
    """Of the processor's own sensor, else of the first zone there is."""
    zones = sorted(folder.glob("thermal_zone*"))
    found: dict[str, float] = {}
    for zone in zones:
        try:
            found.setdefault(read_text(zone / "type").strip(), int(read_text(zone / "temp")) / 1000)
        except (ProbeFailed, ValueError):
            continue
    for name in _SENSORS:
        if name in found:
            return round(found[name], 1)
    return round(next(iter(found.values())), 1) if found else None


def _throttled(command: Sequence[str]) -> bool | None:
    try:
        answer = subprocess.run(command, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(rb"throttled=0x([0-9a-fA-F]+)", answer.stdout)
    return bool(int(match[1], 16) & _NOW_BITS) if match else None
