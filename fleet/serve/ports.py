"""Real ports: 0 in the settings is chosen once, written to ``ports.json``, and kept at the next start.

Kept, because a box that was enrolled knows the broker's port by heart.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Final

import msgspec

from fleet.enrolment.keys import alone, write_public
from fleet.settings import FleetSettings

FILE: Final = "ports.json"
DOORS: Final = ("gate", "broker", "console")


def actual(settings: FleetSettings) -> FleetSettings:
    """The settings with the ports written down at the last `choose`; 0 where none was."""
    return _with(settings, _written(settings))


def choose(settings: FleetSettings) -> FleetSettings:
    """The settings with a real port for every door; new choices are written down."""
    with alone(settings.folder):
        written = _written(settings)
        chosen: dict[str, int] = {}
        for door in DOORS:
            wish = getattr(settings, door)
            chosen[door] = wish.port or _free(wish.listen, written.get(door, 0))
        write_public(settings.folder / FILE, msgspec.json.encode(chosen))
    return _with(settings, chosen)


def _written(settings: FleetSettings) -> dict[str, int]:
    try:
        return msgspec.json.decode((settings.folder / FILE).read_bytes(), type=dict[str, int])
    except (OSError, msgspec.DecodeError):
        return {}


def _with(settings: FleetSettings, ports: dict[str, int]) -> FleetSettings:
    changes = {
        door: msgspec.structs.replace(
            getattr(settings, door), port=getattr(settings, door).port or ports.get(door, 0)
        )
        for door in DOORS
    }
    return msgspec.structs.replace(settings, **changes)


def _free(host: str, preferred: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (preferred, 0):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((host, port))
            return int(door.getsockname()[1])
    msg = f"no free port on {host}"
    raise OSError(msg)
