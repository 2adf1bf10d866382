"""Real ports: 0 in the settings is chosen once, written to ``ports.json``, and kept at the next start.

Kept whatever happens: a box that was enrolled knows these ports by heart. A port that is taken at the next start is most
often held by a child of ours that was killed and is not quite gone: it is waited for, and never exchanged.
"""

from __future__ import annotations

import socket
import time
from typing import Final

import msgspec

from contracts.settled import settled
from fleet.enrolment.keys import alone, write_public
from fleet.settings import FleetSettings

FILE: Final = "ports.json"
PATIENCE_S: Final = 10.0
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
            kept = written.get(door, 0)
            chosen[door] = wish.port or kept or _free(wish.listen)
            if chosen[door] == kept:
                _await(wish.listen, kept)
        write_public(settings.folder / FILE, msgspec.json.encode(chosen))
    return _with(settings, chosen)


def _written(settings: FleetSettings) -> dict[str, int]:
    try:
        return msgspec.json.decode((settings.folder / FILE).read_bytes(), type=settled(dict[str, int]))
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


def _free(host: str, port: int = 0) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        return int(door.getsockname()[1])


def _await(host: str, port: int) -> None:
    """Until the port is free, at most `PATIENCE_S`; then whoever binds it says that it is not."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            _free(host, port)
        except OSError:
            time.sleep(0.1)  # nobody announces the end of somebody else's socket
        else:
            return
