"""The published trust bundle at rest, as `release_files` keeps every release: in ``state/trust``."""

from __future__ import annotations

from typing import Final

from appliance.runtime.release_files import (
    PUBLIC_DIR,
    PUBLIC_FILE,
    RELEASE,
    STATEMENT_LIMIT_BYTES,
    ReleaseKind,
    make_release_folder,
)
from contracts.envelope import Purpose
from contracts.errors import PueError, WhoCanAct
from contracts.messages.releases import TrustRelease

__all__ = [
    "PUBLIC_DIR",
    "PUBLIC_FILE",
    "RELEASE",
    "STATEMENT_LIMIT_BYTES",
    "TRUST",
    "TrustBundleDamaged",
    "TrustReleaseOlder",
    "TrustReleaseRefused",
    "bundle_lies",
    "bundle_path",
    "held_release",
    "lay_release",
    "make_trust_folder",
    "prove_file",
    "read_bundle",
    "read_release",
    "trust_folder",
]


class TrustReleaseRefused(PueError):
    """The description of a trust bundle is not one the fleet signed for this use."""

    code = "trust.release_refused"
    who = WhoCanAct.OPERATOR


class TrustReleaseOlder(PueError):
    """Well signed, but not the version that was asked for, or an older one than was there before."""

    code = "trust.release_older"
    who = WhoCanAct.OPERATOR


class TrustBundleDamaged(PueError):
    """The bundle is not, or no longer, the one its description speaks of; it is fetched again."""

    code = "trust.bundle_damaged"
    who = WhoCanAct.WAIT


TRUST: Final = ReleaseKind(
    name="trust",
    release=TrustRelease,
    purpose=Purpose.TRUST_RELEASE,
    refused=TrustReleaseRefused,
    older=TrustReleaseOlder,
    damaged=TrustBundleDamaged,
)
trust_folder = TRUST.folder
bundle_path = TRUST.bundle_path
read_release = TRUST.read_release
held_release = TRUST.held_release
read_bundle = TRUST.read_bundle
prove_file = TRUST.prove_file
lay_release = TRUST.lay_release
bundle_lies = TRUST.bundle_lies
make_trust_folder = make_release_folder
