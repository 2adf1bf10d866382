"""What all probes promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from pathlib import Path

Probe = Callable[[], object]
"""Takes nothing, returns its part of `contracts.messages.report.Health`."""


class ProbeFailed(PueError):
    """A fact could not be had; the report says so and goes out without it."""

    code = "probe.failed"
    who = WhoCanAct.TECHNICIAN


def read_text(path: Path, limit_bytes: int = 65_536) -> str:
    """A small text file of the kernel.

    Raises:
        ProbeFailed: it is not there or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit_bytes).decode("ascii", "replace")
    except OSError as why:
        raise ProbeFailed(f"cannot read {path.name}", file=path.name) from why
