"""Which published trust bundle lies on the box under the fleet's signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.agent.probes.port import ProbeFailed
from appliance.runtime.trust_files import bundle_lies, held_release
from contracts.errors import PueError
from contracts.messages.report import TrustHealth

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def read(folder: Path, fleet_key: Ed25519PublicKey) -> TrustHealth:
    """The version that lies there, 0 when none does. What the desk makes of it is the desk's to say.

    Raises:
        ProbeFailed: something lies there, and it is not the fleet's or not whole.
    """
    try:
        release = held_release(folder, fleet_key)
    except PueError as why:
        raise ProbeFailed(f"the trust release is of no use: {why.code}") from why
    if release is None:
        return TrustHealth()
    if not bundle_lies(folder, release):
        raise ProbeFailed("the trust bundle is missing or cut")
    return TrustHealth(held=release.version)
