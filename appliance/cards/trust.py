"""Whom we believe: the country signing certificates of a trust bundle, as a value. ICAO 9303-12 §5."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Iterable

import msgspec
from asn1crypto import pem, x509

from appliance.cards.errors import ASN1_FAULTS
from contracts.errors import PueError, WhoCanAct

MAX_ANCHORS = 5000
MAX_CERTIFICATE_BYTES = 16 * 1024


class InvalidTrustBundle(PueError, ValueError):
    """Bytes that are no trust bundle, or one that is damaged."""

    code = "trust.invalid"
    who = WhoCanAct.OPERATOR


class Purpose(enum.StrEnum):
    """What an anchor's signature is believed for; an authority for cards vouches for no passport."""

    TRAVEL_DOCUMENT = "travel_document"
    """Country signing authorities: CIE, passports, residence permits."""
    CNS = "cns"
    """Authorities that issue the certificates of Carte Nazionali dei Servizi and TS-CNS."""


class _Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trust bundle at rest: canonical JSON."""

    origin: str
    version: int
    dated: datetime.date
    certificates: list[bytes]


@dataclasses.dataclass(frozen=True, eq=False)
class TrustAnchor:
    """One country signing certificate. `certificate` is an `asn1crypto.x509.Certificate`."""

    der: bytes = dataclasses.field(repr=False)
    certificate: x509.Certificate = dataclasses.field(repr=False)
    country: str
    purpose: Purpose = Purpose.TRAVEL_DOCUMENT

    @classmethod
    def from_der(cls, der: bytes, purpose: Purpose = Purpose.TRAVEL_DOCUMENT) -> TrustAnchor:
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise InvalidTrustBundle("a certificate in the trust bundle is too long")
        try:
            certificate = x509.Certificate.load(der, strict=True)
            country = str(certificate.subject.native.get("country_name", "")).upper()
            # lazily parsed parts that the chain will need: damaged ones are found now, not at the desk
            _ = certificate.issuer.hashable, certificate.public_key.algorithm, certificate.key_identifier
        except ASN1_FAULTS as fault:
            raise InvalidTrustBundle("a certificate in the trust bundle cannot be read") from fault
        return cls(der, certificate, country, purpose)


@dataclasses.dataclass(frozen=True, eq=False)
class TrustStore:
    """All anchors of one bundle.

    Attributes:
        origin: who published it, for the screen's details: ``"BSI German Master List"``.
        version: grows with each bundle; an older one never replaces a newer one.
        dated: the bundle's day. No reading can honestly be older: a lower bound when the clock is not trusted.
    """

    anchors: tuple[TrustAnchor, ...]
    origin: str
    version: int
    dated: datetime.date

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
        """From a bundle as `to_bytes` writes it. Whether its signature is good is the bundle carrier's affair."""
        try:
            bundle = msgspec.json.decode(raw, type=_Bundle)
        except (msgspec.DecodeError, ValueError) as fault:
            raise InvalidTrustBundle("the trust bundle is damaged") from fault
        return cls.from_certificates(
            bundle.certificates, origin=bundle.origin, version=bundle.version, dated=bundle.dated
        )

    @classmethod
    def from_pem(cls, raw: bytes, *, origin: str, version: int, dated: datetime.date) -> TrustStore:
        """From one or more PEM certificates, as `openssl` writes them."""
        try:
            ders = [der for kind, _, der in pem.unarmor(raw, multiple=True) if kind == "CERTIFICATE"]
        except ValueError as fault:
            raise InvalidTrustBundle("this is not a PEM file of certificates") from fault
        return cls.from_certificates(ders, origin=origin, version=version, dated=dated)

    def to_bytes(self) -> bytes:
        ders = sorted(anchor.der for anchor in self.anchors)
        return msgspec.json.encode(
            _Bundle(self.origin, self.version, self.dated, ders), order="deterministic"
        )

    def issuers_of(
        self, certificate: x509.Certificate, purpose: Purpose = Purpose.TRAVEL_DOCUMENT
    ) -> tuple[TrustAnchor, ...]:
        """Every anchor of this purpose that may have signed this certificate: same name, or the key it names."""
        key = certificate.authority_key_identifier
        return tuple(
            anchor
            for anchor in self.anchors
            if anchor.purpose is purpose
            and (
                anchor.certificate.subject == certificate.issuer
                or (key is not None and anchor.certificate.key_identifier == key)
            )
        )


def empty(dated: datetime.date) -> TrustStore:
    """A store that believes nobody: every document stays unverified."""
    return TrustStore((), "none", 0, dated)
