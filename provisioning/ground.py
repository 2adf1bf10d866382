"""What the steps of one run stand on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from contracts.identity import BoxName
from contracts.messages.enrolment import KeyUse


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """One box at one station.

    Attributes:
        box: its name.
        state_dir: the box's state folder; everything a step makes lies under it.
        fleet_url: https root of the gate.
        fleet_ca: the fleet's authority, PEM: the pin. Nothing else is trusted.
        token: one-time enrolment token; empty on a run that needs none any more.
        new_voucher: make a new hand-over code even if one was given.
    """

    box: BoxName
    state_dir: Path
    fleet_url: str
    fleet_ca: Path
    token: str = ""
    new_voucher: bool = False

    def key_file(self, use: KeyUse) -> Path:
        """Private key of the agent (link) or the desk."""
        return self.state_dir / "identity" / use.value / "key.pem"

    def certificate_file(self, use: KeyUse) -> Path:
        """Certificate of the agent (link) or the desk."""
        return self.state_dir / "identity" / use.value / "cert.pem"

    @property
    def belongings_file(self) -> Path:
        """What the fleet gave the box."""
        return self.state_dir / "identity" / "belongings.json"
