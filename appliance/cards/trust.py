"""Whom we believe: anchors, revocation lists and where they come from, as one value that never goes backwards.

Bundles are made by `trust_renewal`, from signed lists; a box only loads them (`TrustStore.from_bytes`).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
from collections.abc import Iterable
from typing import Annotated

import msgspec
from asn1crypto import pem, x509
from msgspec import Meta

from appliance.cards.anchors import InvalidTrustBundle, Purpose, TrustAnchor
from appliance.cards.revocation import (
    InvalidRevocationList,
    Revocation,
    RevocationList,
    RevocationState,
)
from contracts.settled import settled

__all__ = [
    "InvalidTrustBundle",
    "Purpose",
    "Revocation",
    "RevocationState",
    "Source",
    "SourceKind",
    "TrustAnchor",
    "TrustStore",
    "Unusable",
    "empty",
]

MAX_ANCHORS = 5000
MAX_REVOCATION_LISTS = 1000
MAX_BUNDLE_BYTES = 16 * 1024 * 1024
MAX_AGE_DAYS = 365
"""States found new authorities and lose keys; a list older than a year speaks of another world."""
_FORMAT = 1

_Text = Annotated[str, Meta(max_length=200)]
_Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Count = Annotated[int, Meta(ge=0, lt=1 << 31)]


class SourceKind(enum.StrEnum):
    MASTER_LIST = "master_list"
    """Signed by a State whose authority an operator has pinned."""
    BY_HAND = "by_hand"
    """Certificates whose fingerprints an operator has compared."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where anchors of a bundle come from.

    Attributes:
        kind: see `SourceKind`.
        publisher: two letters of the State that signed the list; empty for what came by hand.
        dated: when the list was signed; when the last certificate came by hand.
        sha256: of the list's file; of the last certificate by hand.
        authority_sha256: of the certificate its signer was traced to; empty by hand.
    """

    kind: SourceKind
    publisher: Annotated[str, Meta(max_length=3)]
    dated: datetime.datetime
    sha256: _Sha256
    authority_sha256: Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")] = ""


class Unusable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate of a list that this box cannot rest upon: named, so that nobody wonders why a document is grey.

    Attributes:
        country: as its subject says; empty where even that cannot be read.
        reason: a `census.Standing`.
        sha256: of its bytes.
        source: place of the source that names it.
    """

    country: _Text
    reason: _Text
    sha256: _Sha256
    source: _Count


class _Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    purpose: Purpose
    der: bytes
    sources: list[_Count]


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    purpose: Purpose
    der: bytes


class _Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trust bundle at rest: canonical JSON, certificates and lists in base64."""

    format: int
    origin: _Text
    version: _Count
    dated: datetime.date
    sources: Annotated[list[Source], Meta(max_length=300)]
    anchors: Annotated[list[_Anchor], Meta(max_length=MAX_ANCHORS)]
    revocation_lists: Annotated[list[_List], Meta(max_length=MAX_REVOCATION_LISTS)]
    unusable: Annotated[list[Unusable], Meta(max_length=MAX_ANCHORS)]


@dataclasses.dataclass(frozen=True, eq=False)
class TrustStore:
    """All of one bundle.

    Attributes:
        anchors: whom we believe, each for one purpose.
        origin: who published it, for the screen's details: ``"Master List DE 2026-05-28"``.
        version: grows with each bundle; an older one never replaces a newer one.
        dated: the newest day in it. No reading can honestly be older: a lower bound when the clock is not trusted.
        revocation_lists: at most one of each issuer and purpose.
        sources: where the anchors come from.
        unusable: what the sources name and this box cannot use.
    """

    anchors: tuple[TrustAnchor, ...]
    origin: str
    version: int
    dated: datetime.date
    revocation_lists: tuple[RevocationList, ...] = ()
    sources: tuple[Source, ...] = ()
    unusable: tuple[Unusable, ...] = ()

    @classmethod
    def from_certificates(
        cls, certificates: Iterable[bytes], *, origin: str, version: int, dated: datetime.date
    ) -> TrustStore:
        """From DER certificates.

        Raises:
            InvalidTrustBundle: one of them is damaged, or there are too many.
        """
        ders = list(certificates)
        if len(ders) > MAX_ANCHORS:
            raise InvalidTrustBundle("too many certificates in the trust bundle", count=len(ders))
        return cls(tuple(TrustAnchor.from_der(der) for der in ders), origin, version, dated)

    @classmethod
    def from_bytes(cls, raw: bytes) -> TrustStore:
        """From a bundle as `to_bytes` writes it. Whether its signature is good is the bundle carrier's affair.

        Raises:
            InvalidTrustBundle: too large, damaged, or saying something twice.
        """
        if len(raw) > MAX_BUNDLE_BYTES:
            raise InvalidTrustBundle("the trust bundle is too large", limit_bytes=MAX_BUNDLE_BYTES)
        try:
            bundle = msgspec.json.decode(raw, type=settled(_Bundle))
        except (msgspec.DecodeError, ValueError) as fault:
            raise InvalidTrustBundle("the trust bundle is damaged") from fault
        if bundle.format != _FORMAT:
            raise InvalidTrustBundle("a trust bundle of another kind", format=bundle.format)
        places = {place for one in bundle.anchors for place in one.sources}
        places.update(one.source for one in bundle.unusable)
        if places and max(places) >= len(bundle.sources):
            raise InvalidTrustBundle("the trust bundle names a source it does not have")
        if any(source.dated.tzinfo is None for source in bundle.sources):
            raise InvalidTrustBundle("the trust bundle has an hour without a zone")
        if len({(one.purpose, one.der) for one in bundle.anchors}) != len(bundle.anchors):
            raise InvalidTrustBundle("the trust bundle names an authority twice")
        return cls(
            tuple(TrustAnchor.outlined(one.der, one.purpose, tuple(one.sources)) for one in bundle.anchors),
            bundle.origin,
            bundle.version,
            bundle.dated,
            _lists_of(bundle),
            tuple(bundle.sources),
            tuple(bundle.unusable),
        )

    @classmethod
    def from_pem(cls, raw: bytes, *, origin: str, version: int, dated: datetime.date) -> TrustStore:
        """From one or more PEM certificates, as `openssl` writes them."""
        return cls.from_certificates(pem_certificates(raw), origin=origin, version=version, dated=dated)

    def to_bytes(self) -> bytes:
        """Canonical: the same store gives the same bytes.

        Raises:
            InvalidTrustBundle: it has grown larger than any box would load.
        """
        raw = msgspec.json.encode(
            _Bundle(
                _FORMAT,
                self.origin,
                self.version,
                self.dated,
                list(self.sources),
                [
                    _Anchor(one.purpose, one.der, list(one.sources))
                    for one in sorted(self.anchors, key=lambda one: (one.purpose, one.der))
                ],
                [
                    _List(one.purpose, one.der)
                    for one in sorted(self.revocation_lists, key=lambda one: (one.purpose, one.der))
                ],
                sorted(self.unusable, key=lambda one: (one.source, one.country, one.sha256)),
            ),
            order="deterministic",
        )
        if len(raw) > MAX_BUNDLE_BYTES:
            raise InvalidTrustBundle("the trust bundle is too large", limit_bytes=MAX_BUNDLE_BYTES)
        return raw

    def issuers_of(
        self, certificate: x509.Certificate, purpose: Purpose = Purpose.TRAVEL_DOCUMENT
    ) -> tuple[TrustAnchor, ...]:
        """Every anchor of this purpose that may have signed this certificate: same name, or the key it names."""
        return self.anchors_named(certificate.issuer, certificate.authority_key_identifier, purpose)

    def anchors_named(
        self, name: x509.Name, key_identifier: bytes | None, purpose: Purpose
    ) -> tuple[TrustAnchor, ...]:
        """Every anchor of this purpose with this name or this key."""
        country = str(name.native.get("country_name", "")).upper()
        return tuple(
            anchor
            for anchor in self.anchors
            if anchor.purpose is purpose
            and (
                (key_identifier is not None and anchor.key_identifier == key_identifier)
                or anchor.country == country
            )
            and anchor.readable
            and (
                anchor.certificate.subject == name
                or (key_identifier is not None and anchor.key_identifier == key_identifier)
            )
        )

    def revocation(
        self, certificate: x509.Certificate, purpose: Purpose = Purpose.TRAVEL_DOCUMENT
    ) -> Revocation:
        """What the lists here say about a certificate, by its issuer's name and its number."""
        lists = [
            one for one in self.revocation_lists if one.purpose is purpose and one.speaks_of(certificate)
        ]
        if not lists:
            return Revocation(RevocationState.NOT_CHECKED)
        newest = max(lists, key=lambda one: one.this_update)
        revoked = any(certificate.serial_number in one.serials for one in lists)
        return Revocation(
            RevocationState.REVOKED if revoked else RevocationState.GOOD,
            newest.this_update.date(),
            newest.next_update.date(),
        )

    @functools.cached_property
    def listed(self) -> datetime.date:
        """Day of the newest master list; of the bundle itself where it was made by hand alone."""
        days = [one.dated.date() for one in self.sources if one.kind is SourceKind.MASTER_LIST]
        return max(days, default=self.dated)

    def age_days(self, today: datetime.date) -> int:
        """How long ago anybody signed what this box believes. What came by hand later makes no list younger."""
        return max(0, (today - self.listed).days)

    def stale(self, today: datetime.date) -> bool:
        """Too old for a green verdict."""
        return self.age_days(today) > MAX_AGE_DAYS


def _lists_of(bundle: _Bundle) -> tuple[RevocationList, ...]:
    try:
        return tuple(RevocationList.from_der(one.der, one.purpose) for one in bundle.revocation_lists)
    except InvalidRevocationList as fault:
        raise InvalidTrustBundle("a revocation list in the trust bundle is damaged") from fault


def pem_certificates(raw: bytes) -> list[bytes]:
    """DER of each certificate in a PEM text.

    Raises:
        InvalidTrustBundle: it is none, or damaged.
    """
    try:
        return [der for kind, _, der in pem.unarmor(raw, multiple=True) if kind == "CERTIFICATE"]
    except (ValueError, TypeError) as fault:
        raise InvalidTrustBundle("this is not a PEM file of certificates") from fault


def empty(dated: datetime.date) -> TrustStore:
    """A store that believes nobody: every document stays unverified."""
    return TrustStore((), "none", 0, dated)
