"""The list of probes: to add one, write its file and name it here (docs/how-to/add-a-probe.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from appliance.agent.desk_door import DeskDoor
from appliance.agent.probes import (
    catalogue,
    certificate_days,
    clock,
    desk,
    disk,
    memory,
    network,
    outbox,
    processor,
    trust,
    uptime,
)
from appliance.outbox.store import Outbox
from appliance.runtime.clock import Clock
from appliance.runtime.release_files import CATALOGUE
from appliance.runtime.trust_files import TRUST

if TYPE_CHECKING:
    from appliance.agent.probes.port import Probe


class Ground(msgspec.Struct, frozen=True):
    """Where probes look. Tests put a tree of files there."""

    proc: Path
    sys: Path
    state: Path
    certificate: Path
    broker: tuple[str, int] | None
    clock: Clock
    outbox: Outbox
    door: DeskDoor
    fleet_key: Ed25519PublicKey


def probes(ground: Ground) -> dict[str, Probe]:
    """Every probe, by the name under which a failure of it is reported."""

    def now_ms() -> int:
        return int(ground.clock.now().timestamp() * 1000)

    return {
        "uptime_s": lambda: uptime.read(ground.proc),
        "processor": lambda: processor.read(ground.proc, ground.sys),
        "memory": lambda: memory.read(ground.proc),
        "disk": lambda: disk.read(ground.state),
        "network": lambda: network.read(ground.proc, ground.sys, ground.broker),
        "outbox": lambda: outbox.read(ground.outbox, now_ms()),
        "clock": lambda: clock.read(ground.clock),
        "certificate_days": lambda: certificate_days.read(ground.certificate, ground.clock.now()),
        "trust": lambda: trust.read(TRUST.folder(ground.state), ground.fleet_key),
        "catalogue": lambda: catalogue.read(CATALOGUE.folder(ground.state), ground.fleet_key),
        "desk": lambda: desk.read(ground.door),
    }
