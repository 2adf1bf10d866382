"""Releases: what the fleet publishes for every box, described in a few signed words.

The bytes of a release travel beside its description, over HTTPS: ``GET /releases/<kind>/<version>`` is the statement,
``GET /releases/<kind>/<version>/bundle`` the bytes it speaks of. Kinds are ``trust``
(`contracts.envelope.Purpose.TRUST_RELEASE`) and ``catalogue`` (`CATALOGUE_RELEASE`); each counts its own versions.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import Meta

from contracts.codec import Message
from contracts.identity import Fingerprint

MAX_TRUST_BYTES = 32 * 1024 * 1024
"""Bound of a trust bundle; a bundle of all States' certificates has two or three million bytes."""
MAX_CATALOGUE_BYTES = 4 * 1024 * 1024
"""Bound of a catalogue's bundle; the one that ships has eighty thousand bytes."""

Version = Annotated[int, Meta(ge=1, lt=1 << 31)]


class Release(Message, frozen=True, kw_only=True):
    """What all kinds of releases say of themselves.

    Attributes:
        version: grows with each release of its kind; a box never goes back to a lower one.
        dated: the day the bundle was made.
        sha256: of the bundle's bytes.
        size_bytes: of the bundle.
        origin: where it comes from, for people: "BSI German Master List".
    """

    v: int = 1
    version: Version
    dated: dt.date
    sha256: Fingerprint
    size_bytes: Annotated[int, Meta(ge=1, le=MAX_TRUST_BYTES)]
    origin: Annotated[str, Meta(min_length=1, max_length=120)]


class TrustRelease(Release, frozen=True, kw_only=True):
    """A trust bundle, described: whom the boxes shall believe about documents."""


class CatalogueRelease(Release, frozen=True, kw_only=True):
    """A catalogue of practices, described: what citizens can ask for (`contracts.practices.bundle`)."""

    size_bytes: Annotated[int, Meta(ge=1, le=MAX_CATALOGUE_BYTES)]
