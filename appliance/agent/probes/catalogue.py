"""Which published catalogue of practices lies on the box under the fleet's signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.agent.probes.port import held_version
from appliance.runtime.release_files import CATALOGUE
from contracts.messages.report import CatalogueHealth

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def read(folder: Path, fleet_key: Ed25519PublicKey) -> CatalogueHealth:
    """The version that lies there, 0 when none does.

    Raises:
        ProbeFailed: something lies there, and it is not the fleet's or not whole.
    """
    return CatalogueHealth(held=held_version(CATALOGUE, folder, fleet_key))
