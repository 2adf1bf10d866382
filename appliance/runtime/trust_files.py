"""The published trust bundle at rest, as `release_files` keeps every release: in ``state/trust``."""

from __future__ import annotations

from typing import Final

from appliance.runtime.release_files import ReleaseKind
from contracts.envelope import Purpose
from contracts.errors import PueError, WhoCanAct
from contracts.messages.releases import TrustRelease


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
