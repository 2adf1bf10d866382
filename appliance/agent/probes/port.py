"""What all probes promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from appliance.runtime.release_files import ReleaseKind
from contracts.errors import PueError, WhoCanAct
from contracts.messages.releases import Release

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

R = TypeVar("R", bound=Release)
Probe = Callable[[], object]
"""Takes nothing, returns its part of `contracts.messages.report.Health`."""


class ProbeFailed(PueError):
    """A fact could not be had; the report says so and goes out without it."""

    code = "probe.failed"
    who = WhoCanAct.TECHNICIAN


def read_text(path: Path, limit_bytes: int = 65_536) -> str:
    """A small text file of the kernel.

    Raises:
        ProbeFailed: it is not there or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit_bytes).decode("ascii", "replace")
    except OSError as why:
        raise ProbeFailed(f"cannot read {path.name}", file=path.name) from why


def held_version(kind: ReleaseKind[R], folder: Path, fleet_key: Ed25519PublicKey) -> int:
    """The version that lies there, 0 when none does. What the desk makes of it is the desk's to say.

    Raises:
        ProbeFailed: something lies there, and it is not the fleet's or not whole.
    """
    try:
        release = kind.held_release(folder, fleet_key)
    except PueError as why:
        raise ProbeFailed(f"the {kind.name} release is of no use: {why.code}") from why
    if release is None:
        return 0
    if not kind.bundle_lies(folder, release):
        raise ProbeFailed(f"the {kind.name} bundle is missing or cut")
    return release.version
