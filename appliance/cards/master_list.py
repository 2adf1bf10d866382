"""Master lists: the country signing authorities a State has verified, in one signed file. ICAO 9303-12 §8.

Published by Germany (BSI), the Netherlands, ICAO and others; a CMS message around a set of certificates.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Iterable

from asn1crypto import x509

from appliance.cards import signed_data, tlv
from appliance.cards.anchors import look_through
from appliance.cards.census import signed_by
from appliance.cards.errors import ASN1_FAULTS, CardError, MalformedData
from appliance.cards.signed_data import SignatureFault
from contracts.errors import PueError, WhoCanAct

MAX_LIST_BYTES = 16 * 1024 * 1024
MAX_CERTIFICATES = 5000
CONTENT_TYPE = "2.23.136.1.1.2"
"""id-icao-cscaMasterList."""
_CONTENT_TYPE_DER = bytes.fromhex("0606678108010102")
SIGNER_USAGE = "2.23.136.1.1.3"
"""id-icao-cscaMasterListSigningKey, ICAO 9303-12 §7.1.1 table 8."""


class InvalidMasterList(PueError, ValueError):
    """A file that is no master list, or one that was changed. Fact ``reason`` says what is the matter."""

    code = "trust.list_invalid"
    who = WhoCanAct.OPERATOR

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message, reason=reason)


@dataclasses.dataclass(frozen=True, repr=False)
class MasterList:
    """One list whose signature holds; whether its signer is to be believed is `authority_of`'s affair.

    Attributes:
        certificates: DER, in the list's order, each once.
        repeated: how many stood there again.
        signed_at: as its signer says (aware).
        signer: certificate of the master list signer.
        carried: other certificates in the message, its authority usually among them. Not believed for being there.
        sha256: of the file.
    """

    certificates: tuple[bytes, ...]
    repeated: int
    signed_at: datetime.datetime
    signer: x509.Certificate
    carried: tuple[x509.Certificate, ...]
    sha256: str

    @property
    def publisher(self) -> str:
        """Two letters, or three: the State the signer belongs to."""
        return _country(self.signer.issuer)


def looks_like_master_list(raw: bytes) -> bool:
    """A quick look at what kind of file this is: the content type stands near the beginning."""
    return _CONTENT_TYPE_DER in raw[:200]


def open_master_list(raw: bytes) -> MasterList:
    """Take the list apart and check its signature.

    Raises:
        InvalidMasterList: not a master list, changed after signing, or signed by one who may not.
    """
    if len(raw) > MAX_LIST_BYTES:
        raise InvalidMasterList("the file is larger than any master list", "too_large")
    try:
        return _open(raw)
    except InvalidMasterList:
        raise
    except CardError as fault:
        raise InvalidMasterList(f"this is no master list this box can read: {fault}", "malformed") from fault
    except ASN1_FAULTS as fault:
        raise InvalidMasterList("this is no master list", "malformed") from fault


def _open(raw: bytes) -> MasterList:
    message = signed_data.open_message(raw, (CONTENT_TYPE,))
    fault = signed_data.fault_of(message)
    if fault is not None:
        raise InvalidMasterList(_SENTENCES[fault], str(fault))
    signer = message.certificate
    assert signer is not None
    look_through(signer)
    usage = signer.extended_key_usage_value
    if usage is None or SIGNER_USAGE not in [item.dotted for item in usage]:
        raise InvalidMasterList("who signed the list may not sign master lists", "signer_usage")
    signed_at = message.signing_time()
    if signed_at is None:
        raise InvalidMasterList("the list does not say when it was signed", "undated")
    if not signer.not_valid_before <= signed_at <= signer.not_valid_after:
        raise InvalidMasterList("the list was signed outside its signer's time", "signer_time")
    publisher = _country(signer.issuer)
    if not (publisher.isascii() and publisher.isalpha() and len(publisher) in (2, 3)):
        raise InvalidMasterList("the list does not say which State published it", "publisher")
    certificates = _certificates(message.content)
    once = tuple(dict.fromkeys(certificates))
    carried = tuple(one for one in message.certificates if one is not signer and _whole(one))
    return MasterList(
        once, len(certificates) - len(once), signed_at, signer, carried, hashlib.sha256(raw).hexdigest()
    )


def _whole(certificate: x509.Certificate) -> bool:
    try:
        look_through(certificate)
    except ASN1_FAULTS:
        return False
    return True


_SENTENCES = {
    SignatureFault.SIGNER_MISSING: "the list does not carry its signer's certificate",
    SignatureFault.DIGEST_DIFFERS: "the list was changed after it was signed",
    SignatureFault.SIGNATURE_INVALID: "the signature of the list does not hold",
}


def _certificates(content: bytes) -> list[bytes]:
    """CscaMasterList ::= SEQUENCE { version INTEGER, certList SET OF Certificate }."""
    fields = tlv.parse_one(content, 0x30).children()
    if [field.tag for field in fields] != [0x02, 0x31]:
        raise MalformedData("no CscaMasterList", reason="master_list")
    found: list[bytes] = []
    for item in tlv.iterate(fields[1].value):
        if len(found) == MAX_CERTIFICATES:
            raise InvalidMasterList(
                f"the list has more than {MAX_CERTIFICATES} certificates: no State's has", "too_many"
            )
        found.append(item.raw)
    if not found:
        raise InvalidMasterList("the list is empty", "empty")
    return found


def authority_of(signer: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """The candidate that signed the list's signer, or is the signer; None when none of them is.

    The authority must have been valid when it certified the signer, and be of the same State.
    """
    for candidate in candidates:
        if candidate.dump() == signer.dump():
            return candidate
        if (
            signed_by(signer, candidate)
            and candidate.not_valid_before <= signer.not_valid_before <= candidate.not_valid_after
            and _country(candidate.subject) == _country(signer.issuer)
        ):
            return candidate
    return None


def _country(name: x509.Name) -> str:
    return str(name.native.get("country_name", "")).upper()
