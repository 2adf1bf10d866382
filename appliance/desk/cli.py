"""The commands of this room."""

from __future__ import annotations

from typing import Any

from appliance.desk.camera_command import add_camera
from appliance.desk.practice_command import add_practice


def add_commands(commands: Any) -> None:
    """Mount `camera` and `practice` on argparse's subparsers."""
    add_camera(commands)
    add_practice(commands)
