"""The commands of this room."""

from __future__ import annotations

from typing import Any

from appliance.capture.scan_command import add_scan


def add_commands(commands: Any) -> None:
    """Mount `scan` on argparse's subparsers."""
    add_scan(commands)
