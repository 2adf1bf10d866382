"""What the operators' pages stand on."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fleet.clock import Clock
from fleet.console.pulse import Pulse
from fleet.database import Database
from fleet.faces.accounts import Accounts
from fleet.settings import FleetSettings


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Handed to every page. `key` gives the fleet's signing key: asked for with each order, kept nowhere."""

    database: Database
    settings: FleetSettings
    clock: Clock
    accounts: Accounts
    key: Callable[[], Ed25519PrivateKey]
    pulse: Pulse
