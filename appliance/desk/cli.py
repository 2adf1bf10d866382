"""The commands of this room."""

from __future__ import annotations

from typing import Any

from appliance.desk.camera_command import add_camera


def add_commands(commands: Any) -> None:
    """Mount `camera` on argparse's subparsers."""
    add_camera(commands)
