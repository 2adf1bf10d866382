"""Anchors of trust: certificates of authorities whose signatures a box believes. ICAO 9303-12 §7.1, RFC 5280 §4.1.

A bundle holds hundreds and a reading needs a handful. So loading looks only at the outline of each (name of the
country, key identifier); the whole certificate is parsed when a document names it.
"""

from __future__ import annotations

import dataclasses
import enum
import functools

from asn1crypto import x509

from appliance.cards import tlv
from appliance.cards.errors import ASN1_FAULTS, MalformedData
from contracts.errors import PueError, WhoCanAct

MAX_CERTIFICATE_BYTES = 16 * 1024
_COUNTRY_OID = bytes.fromhex("550406")
_KEY_IDENTIFIER_OID = bytes.fromhex("551D0E")
_VERSION_TAG, _EXTENSIONS_TAG = 0xA0, 0xA3


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


@dataclasses.dataclass(frozen=True, eq=False)
class TrustAnchor:
    """One authority's certificate.

    Attributes:
        der: as published.
        country: two letters, upper case, of its subject; empty where it names none.
        key_identifier: of its key (subjectKeyIdentifier), None where it has none.
        sources: places of the bundle's sources that name it.
    """

    der: bytes = dataclasses.field(repr=False)
    country: str
    key_identifier: bytes | None = dataclasses.field(repr=False)
    purpose: Purpose = Purpose.TRAVEL_DOCUMENT
    sources: tuple[int, ...] = ()

    @classmethod
    def from_der(cls, der: bytes, purpose: Purpose = Purpose.TRAVEL_DOCUMENT) -> TrustAnchor:
        """Read and looked through as a whole.

        Raises:
            InvalidTrustBundle: too long, or damaged anywhere the chain looks.
        """
        anchor = cls.outlined(der, purpose)
        _ = anchor.certificate
        return anchor

    @classmethod
    def outlined(cls, der: bytes, purpose: Purpose, sources: tuple[int, ...] = ()) -> TrustAnchor:
        """Read as far as choosing among hundreds needs; the rest is parsed when a document names it.

        Raises:
            InvalidTrustBundle: too long, or not built like a certificate.
        """
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise InvalidTrustBundle("a certificate in the trust bundle is too long")
        try:
            country, key = _outline(der)
        except MalformedData as fault:
            raise InvalidTrustBundle("a certificate in the trust bundle cannot be read") from fault
        return cls(der, country, key, purpose, sources)

    @functools.cached_property
    def certificate(self) -> x509.Certificate:
        """The whole.

        Raises:
            InvalidTrustBundle: damaged within; bundles made by `trust_renewal` hold no such one.
        """
        try:
            certificate = x509.Certificate.load(self.der, strict=True)
            look_through(certificate)
        except ASN1_FAULTS as fault:
            raise InvalidTrustBundle("a certificate in the trust bundle cannot be read") from fault
        return certificate

    @property
    def readable(self) -> bool:
        """False for one whose outline is right and whose inside is not: nobody's signature can be checked with it."""
        try:
            _ = self.certificate
        except InvalidTrustBundle:
            return False
        return True


def look_through(certificate: x509.Certificate) -> None:
    """Parse what a chain will need: a damaged certificate is found now and not where nobody expects it.

    Raises:
        Any of `ASN1_FAULTS`.
    """
    for name in (certificate.subject, certificate.issuer):
        _ = name.hashable, name.native
    _ = certificate.public_key.algorithm, certificate["signature_algorithm"]["algorithm"].native
    _ = certificate.not_valid_before, certificate.not_valid_after, certificate["signature_value"].native
    for extension in (
        certificate.key_identifier_value,
        certificate.authority_key_identifier_value,
        certificate.key_usage_value,
        certificate.extended_key_usage_value,
        certificate.basic_constraints_value,
    ):
        _ = None if extension is None else extension.native


def _outline(der: bytes) -> tuple[str, bytes | None]:
    """Country and key identifier of the subject. RFC 5280 §4.1: the fields stand in a fixed order."""
    fields = tlv.parse_one(der, 0x30).children()
    if [field.tag for field in fields] != [0x30, 0x30, 0x03]:
        raise MalformedData("no certificate", reason="certificate")
    parts = fields[0].children()
    if parts and parts[0].tag == _VERSION_TAG:
        parts = parts[1:]
    if [part.tag for part in parts[:6]] != [0x02, 0x30, 0x30, 0x30, 0x30, 0x30]:
        raise MalformedData("no certificate", reason="certificate")
    extensions = tlv.first(parts[6:], _EXTENSIONS_TAG)
    return country_of(parts[4]), None if extensions is None else _key_identifier(extensions)


def country_of(name: tlv.Tlv) -> str:
    """The country a distinguished name speaks of, upper case; empty where it names none."""
    for relative in name.children():
        for pair in relative.children():
            words = pair.children()
            if len(words) == 2 and words[0].value == _COUNTRY_OID:
                return words[1].value.decode("latin-1").upper()
    return ""


def _key_identifier(extensions: bytes) -> bytes | None:
    for extension in tlv.parse_one(extensions, 0x30).children():
        words = extension.children()
        if len(words) >= 2 and words[0].value == _KEY_IDENTIFIER_OID:
            return tlv.parse_one(words[-1].value, 0x04).value
    return None
