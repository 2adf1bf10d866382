"""Were these bytes signed by that State? ICAO 9303-11 §5.1, 9303-10 §4.6.2 (EF.SOD), RFC 5652 §5.

Own checks on purpose: security objects in the field are BER, signers use explicit curve parameters, and what
counts is not "a valid CMS" but which data groups *as read* the signature covers.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hmac
from collections.abc import Collection, Mapping

from asn1crypto import x509

from appliance.cards import lds, signatures, signed_data, states, tlv
from appliance.cards.errors import ASN1_FAULTS, CardError, MalformedData, Unsupported
from appliance.cards.signed_data import SignatureFault, SignedMessage
from appliance.cards.trust import Purpose, Revocation, RevocationState, TrustAnchor, TrustStore

_SECURITY_OBJECT_TYPES = ("2.23.136.1.1.1", "1.3.27.1.1.1")
"""id-icao-mrtd-security-ldsSecurityObject, and the number early Belgian and French documents carry."""


CARD_SECURITY_TYPE = "0.4.0.127.0.7.3.2.1"
"""id-SecurityObject of BSI TR-03110-3 A.1.2.5."""


class Finding(enum.StrEnum):
    """What passive authentication found wrong or could not establish."""

    SOD_MISSING = "sod.missing"
    SOD_MALFORMED = "sod.malformed"
    SOD_DIGEST_MISMATCH = "sod.digest_mismatch"
    SOD_SIGNATURE_INVALID = "sod.signature_invalid"
    SOD_SIGNER_MISSING = "sod.signer_missing"
    ALGORITHM_UNSUPPORTED = "sod.algorithm_unsupported"
    SIGNER_AUTHORITY_UNKNOWN = "signer.authority_unknown"
    SIGNER_AUTHORITY_NOT_VALID = "signer.authority_not_valid"
    """The authority's own time does not cover the day it signed."""
    SIGNER_FORGED = "signer.forged"
    SIGNER_REVOKED = "signer.revoked"
    """Its authority took the certificate back."""
    SIGNER_EXPIRED = "signer.expired"
    SIGNER_NOT_YET_VALID = "signer.not_yet_valid"
    SIGNER_OF_OTHER_STATE = "signer.other_state"
    GROUP_ALTERED = "group.altered"


TAMPERED = frozenset(
    {
        Finding.SOD_DIGEST_MISMATCH,
        Finding.SOD_SIGNATURE_INVALID,
        Finding.SIGNER_FORGED,
        Finding.SIGNER_OF_OTHER_STATE,
        Finding.GROUP_ALTERED,
    }
)
"""Findings that mean somebody changed or invented something."""
REFUSING = TAMPERED | {Finding.SIGNER_REVOKED}
"""With these no document is acceptable; the others mean we do not know."""


@dataclasses.dataclass(frozen=True)
class SecurityObject:
    """LDSSecurityObject: the hash of each data group the document has.

    Attributes:
        lds_version: as signed in version 1; None in version 0, where only the unsigned EF.COM says it.
    """

    hash_algorithm: str
    hashes: Mapping[int, bytes] = dataclasses.field(repr=False)
    lds_version: str | None = None


@dataclasses.dataclass(frozen=True)
class PassiveAuthentication:
    """The outcome.

    Attributes:
        findings: empty when everything holds.
        listed: data groups the security object lists.
        authentic: data groups read whose bytes the State signed; empty when the chain does not hold.
        anchor: the certificate that closed the chain.
        revocation: what the lists here say about the document signer; None where no chain was closed.
    """

    findings: tuple[Finding, ...]
    listed: frozenset[int] = frozenset()
    authentic: frozenset[int] = frozenset()
    anchor: TrustAnchor | None = None
    revocation: Revocation | None = None

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def tampered(self) -> bool:
        return not TAMPERED.isdisjoint(self.findings)


def parse_security_object(content: bytes, numbers: Collection[int] = range(1, 17)) -> SecurityObject:
    """ICAO 9303-10 appendix D; `numbers` are those a file may have.

    Raises:
        MalformedData: not an LDSSecurityObject, or a data group listed twice.
    """
    fields = tlv.parse_one(content, 0x30).children()
    if len(fields) < 3 or [field.tag for field in fields[:3]] != [0x02, 0x30, 0x30]:
        raise MalformedData("no LDSSecurityObject", reason="sod")
    oid = tlv.first(fields[1].children()[:1], 0x06)
    name = _HASH_OIDS.get(oid or b"")
    if name is None:
        raise Unsupported("a hash this box does not know")
    hashes: dict[int, bytes] = {}
    for entry in fields[2].children():
        parts = entry.children()
        if [part.tag for part in parts] != [0x02, 0x04]:
            raise MalformedData("no data group hash", reason="sod")
        number, value = parts
        group = int.from_bytes(number.value, "big")
        if group not in numbers or group in hashes:
            raise MalformedData("a data group listed twice or out of range", reason="sod")
        hashes[group] = value.value
    return SecurityObject(name, hashes, _signed_version(fields))


def _signed_version(fields: list[tlv.Tlv]) -> str | None:
    """LDSVersionInfo, the fourth field of version 1."""
    if fields[0].value != b"\x01" or len(fields) < 4:
        return None
    words = fields[3].children() if fields[3].tag == 0x30 else []
    text = words[0].value.decode("ascii", "replace") if words else ""
    return text if text.isdecimal() and len(text) == 4 else None


_HASH_OIDS = {
    bytes.fromhex("2B0E03021A"): "sha1",
    bytes.fromhex("608648016503040204"): "sha224",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}


def unverified(sod: bytes) -> tuple[SecurityObject, x509.Certificate | None]:
    """What EF.SOD says of itself and who it says signed it, nothing verified yet.

    Raises:
        MalformedData: not a security object.
        Unsupported: its hashes are of a kind this box does not know.
    """
    try:
        signed = _open(lds.parse_sod(sod))
        return parse_security_object(signed.content), signed.certificate
    except CardError:
        raise
    except ASN1_FAULTS as fault:
        raise MalformedData("the security object cannot be read", reason="sod") from fault


def listed_groups(sod: bytes) -> frozenset[int]:
    """The data groups EF.SOD lists, nothing verified yet: what is worth reading."""
    return frozenset(unverified(sod)[0].hashes)


def check(
    sod: bytes | None,
    groups: Mapping[int, bytes],
    trust: TrustStore,
    at: datetime.datetime,
    issuing_state: str,
) -> PassiveAuthentication:
    """All checks of one document.

    Args:
        sod: EF.SOD as read.
        groups: number → whole data group as read; never re-encoded.
        trust: whom we believe.
        at: the instant the signer's certificate must be valid at (aware).
        issuing_state: three letters from data group 1.
    """
    if sod is None:
        return PassiveAuthentication((Finding.SOD_MISSING,))
    try:
        message = lds.parse_sod(sod)
    except MalformedData:
        return PassiveAuthentication((Finding.SOD_MALFORMED,))
    return check_files(message, groups, trust, at, issuing_state)


def check_files(
    message: bytes,
    files: Mapping[int, bytes],
    trust: TrustStore,
    at: datetime.datetime,
    issuing_state: str,
    numbers: Collection[int] = range(1, 17),
) -> PassiveAuthentication:
    """The same for any files whose hashes a CMS message of a document signer lists; `message` without tag 77."""
    try:
        signed = _open(message)
        return _check(signed, parse_security_object(signed.content, numbers), files, trust, at, issuing_state)
    except Unsupported:
        return PassiveAuthentication((Finding.ALGORITHM_UNSUPPORTED,))
    except (CardError, *ASN1_FAULTS):
        return PassiveAuthentication((Finding.SOD_MALFORMED,))


def _check(
    signed: SignedMessage,
    security_object: SecurityObject,
    groups: Mapping[int, bytes],
    trust: TrustStore,
    at: datetime.datetime,
    issuing_state: str,
) -> PassiveAuthentication:
    findings = [*_signature_findings(signed)]
    anchor, signer = None, signed.certificate
    if signer is not None:
        anchor, chain_findings = chain(signer, trust, at)
        findings += chain_findings
        # Only a known authority's word for its country counts; an unknown one's says nothing either way.
        if anchor is not None and anchor.country != states.two_letters(issuing_state):
            findings.append(Finding.SIGNER_OF_OTHER_STATE)
    same = {
        number
        for number, data in groups.items()
        if number in security_object.hashes
        and hmac.compare_digest(
            signatures.digest(security_object.hash_algorithm, data), security_object.hashes[number]
        )
    }
    if any(number in security_object.hashes and number not in same for number in groups):
        findings.append(Finding.GROUP_ALTERED)
    proven = not findings or set(findings) == {Finding.GROUP_ALTERED}
    return PassiveAuthentication(
        tuple(findings),
        listed=frozenset(security_object.hashes),
        authentic=frozenset(same) if proven else frozenset(),
        anchor=anchor,
        revocation=None if anchor is None or signer is None else trust.revocation(signer),
    )


def card_security_keys(card_security: bytes) -> bytes:
    """The SET OF SecurityInfo inside EF.CardSecurity, nothing verified yet. ICAO 9303-11 §3.11.

    Raises:
        MalformedData: no such message.
    """
    try:
        return _open(card_security, (CARD_SECURITY_TYPE,)).content
    except ASN1_FAULTS as fault:
        raise MalformedData("EF.CardSecurity cannot be read", reason="card_security") from fault


def vouches_for(card_security: bytes, trust: TrustStore, at: datetime.datetime, issuing_state: str) -> bool:
    """Whether that State signed EF.CardSecurity, in time and by a signer of an authority we believe."""
    try:
        signed = _open(card_security, (CARD_SECURITY_TYPE,))
        if signed.certificate is None or _signature_findings(signed):
            return False
        anchor, findings = chain(signed.certificate, trust, at)
    except (CardError, *ASN1_FAULTS):
        return False
    return anchor is not None and not findings and anchor.country == states.two_letters(issuing_state)


def _open(message: bytes, content_types: Collection[str] = _SECURITY_OBJECT_TYPES) -> SignedMessage:
    return signed_data.open_message(message, content_types)


def _signature_findings(signed: SignedMessage) -> list[Finding]:
    fault = signed_data.fault_of(signed)
    return [] if fault is None else [_FINDING_OF[fault]]


_FINDING_OF = {
    SignatureFault.SIGNER_MISSING: Finding.SOD_SIGNER_MISSING,
    SignatureFault.DIGEST_DIFFERS: Finding.SOD_DIGEST_MISMATCH,
    SignatureFault.SIGNATURE_INVALID: Finding.SOD_SIGNATURE_INVALID,
}


def chain(
    certificate: x509.Certificate,
    trust: TrustStore,
    at: datetime.datetime,
    purpose: Purpose = Purpose.TRAVEL_DOCUMENT,
) -> tuple[TrustAnchor | None, list[Finding]]:
    """The anchor that signed this certificate, and what is wrong about it. A CSCA inside the SOD is ignored.

    The authority itself may have expired since: documents outlive the key that signed their signers; it must
    have been valid when it signed.
    """
    signed_part = certificate["tbs_certificate"].dump()
    signature, algorithm = certificate["signature_value"].native, certificate["signature_algorithm"]
    candidates = trust.issuers_of(certificate, purpose)
    answers = {one: _signed_by(one, algorithm, signed_part, signature) for one in candidates}
    signers = [one for one, answer in answers.items() if answer]
    anchor = next((one for one in signers if _may_have_signed(one, certificate)), None)
    if anchor is None and not signers and None in answers.values():
        raise Unsupported("an authority that may have signed, with a key this box does not know")
    if anchor is None:
        return None, [_why_no_anchor(certificate, candidates, signers)]
    if trust.revocation(certificate, purpose).state is RevocationState.REVOKED:
        return anchor, [Finding.SIGNER_REVOKED]
    if at < certificate.not_valid_before:
        return anchor, [Finding.SIGNER_NOT_YET_VALID]
    if at > certificate.not_valid_after:
        return anchor, [Finding.SIGNER_EXPIRED]
    return anchor, []


def _may_have_signed(anchor: TrustAnchor, certificate: x509.Certificate) -> bool:
    """The authority was valid on the day it signed, and speaks for the State the signer names."""
    authority = anchor.certificate
    return (
        authority.not_valid_before <= certificate.not_valid_before <= authority.not_valid_after
        and anchor.country == _country(certificate.issuer)
    )


def _why_no_anchor(
    certificate: x509.Certificate, candidates: tuple[TrustAnchor, ...], signers: list[TrustAnchor]
) -> Finding:
    if signers:
        same_state = any(one.country == _country(certificate.issuer) for one in signers)
        return Finding.SIGNER_AUTHORITY_NOT_VALID if same_state else Finding.SIGNER_OF_OTHER_STATE
    if _claims_known_key(certificate, candidates):
        return Finding.SIGNER_FORGED
    return Finding.SIGNER_AUTHORITY_UNKNOWN


def _signed_by(anchor: TrustAnchor, algorithm: object, signed_part: bytes, signature: bytes) -> bool | None:
    """Whether this authority signed; None where its key or way of signing is unknown here, so nothing follows."""
    try:
        return signatures.verify(anchor.certificate.public_key, algorithm, None, signed_part, signature)
    except Unsupported:
        return None
    except MalformedData:
        return False


def _claims_known_key(certificate: x509.Certificate, candidates: tuple[TrustAnchor, ...]) -> bool:
    """It names the very key of an anchor, and yet that key did not sign it."""
    key = certificate.authority_key_identifier
    return key is not None and any(candidate.certificate.key_identifier == key for candidate in candidates)


def _country(name: x509.Name) -> str:
    return str(name.native.get("country_name", "")).upper()
