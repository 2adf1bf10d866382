"""The commands of this room."""

from __future__ import annotations

from typing import Any

from appliance.capture.codes_commands import add_codes
from appliance.capture.scan_command import add_scan


def add_commands(commands: Any) -> None:
    """Mount `scan`, `mrz` and `barcode` on argparse's subparsers."""
    add_scan(commands)
    add_codes(commands)
