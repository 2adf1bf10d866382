"""Where a machine takes its trust store from: a file somebody named, or the bundle the fleet published."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.cards.trust import MAX_BUNDLE_BYTES, InvalidTrustBundle, TrustStore
from appliance.runtime.files import read_bounded
from appliance.runtime.trust_files import TRUST
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    import datetime
    from pathlib import Path

    from contracts.messages.releases import TrustRelease

log = logging.getLogger(__name__)


class TrustReleaseMismatch(PueError):
    """The bundle calls itself another version or day than the release under which it was published."""

    code = "trust.release_mismatch"
    who = WhoCanAct.OPERATOR


def named_store(path: Path, today: datetime.date) -> TrustStore:
    """From a trust bundle, or from a PEM file of country certificates, which counts as listed today.

    Raises:
        StorageError: it cannot be read, or is too large.
        InvalidTrustBundle: it is neither.
    """
    raw = read_bounded(path, limit_bytes=MAX_BUNDLE_BYTES)
    if raw.lstrip().startswith(b"{"):
        return TrustStore.from_bytes(raw)
    return TrustStore.from_pem(raw, origin=path.name, version=0, dated=today)


def published_store(folder: Path, release: TrustRelease) -> TrustStore:
    """The bundle of a release that `runtime.trust_files` read and believed.

    Raises:
        TrustBundleDamaged, StorageError: it is not the one the release speaks of, or not to be had.
        InvalidTrustBundle, TrustReleaseMismatch: the fleet signed something that is no bundle, or another one.
    """
    store = _parsed(TRUST.read_bundle(folder, release))
    if (store.version, store.dated) != (release.version, release.dated):
        raise TrustReleaseMismatch("the bundle and its release name different versions or days")
    return store


def _parsed(bundle: bytes) -> TrustStore:
    try:
        return TrustStore.from_bytes(bundle)
    except PueError:
        raise
    except Exception as error:
        # One odd certificate in a bundle the fleet signed must not end every desk of the country at its start.
        log.exception("a trust bundle broke its reader")
        raise InvalidTrustBundle("the trust bundle cannot be read") from error
