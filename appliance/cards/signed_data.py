"""A CMS message with one signer, as States write them: opened, and its signature judged. RFC 5652 §5, BER and DER.

Own checks on purpose: messages in the field are BER, signers use explicit curve parameters, and who may have signed
is another question for each content (a security object, a master list).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hmac
from collections.abc import Collection

from asn1crypto import cms, x509

from appliance.cards import signatures
from appliance.cards.errors import MalformedData


class SignatureFault(enum.StrEnum):
    SIGNER_MISSING = "signer_missing"
    """The certificate of who signed is not in the message."""
    DIGEST_DIFFERS = "digest_differs"
    """The content is not the one that was signed."""
    SIGNATURE_INVALID = "signature_invalid"


@dataclasses.dataclass(frozen=True, repr=False)
class SignedMessage:
    """The parts the checks need; nothing verified yet.

    Attributes:
        content: what is signed, taken out of its wrapping.
        content_type: dotted.
        signer: its one SignerInfo.
        certificate: of the signer, None when the message does not carry it.
        certificates: all the message carries.
    """

    content: bytes
    content_type: str
    signer: cms.SignerInfo
    certificate: x509.Certificate | None
    certificates: tuple[x509.Certificate, ...]

    def signing_time(self) -> datetime.datetime | None:
        """When the signer says it signed (RFC 5652 §11.3); believed as far as the signature is."""
        for attribute in self.signer["signed_attrs"] or ():
            if attribute["type"].native == "signing_time":
                moment = attribute["values"][0].native
                return moment if isinstance(moment, datetime.datetime) else None
        return None


def open_message(raw: bytes, content_types: Collection[str]) -> SignedMessage:
    """Take a message apart. asn1crypto's own errors come through: the caller knows what it was meant to be.

    Raises:
        MalformedData: another kind of message, another content, or not exactly one signer.
    """
    info = cms.ContentInfo.load(raw)
    if info["content_type"].native != "signed_data":
        raise MalformedData("no SignedData", reason="cms")
    signed_data = info["content"]
    inner = signed_data["encap_content_info"]
    content_type = inner["content_type"].dotted
    if content_type not in content_types or len(signed_data["signer_infos"]) != 1:
        raise MalformedData("not the signed content that was expected", reason="cms")
    signer = signed_data["signer_infos"][0]
    carried = tuple(
        choice.chosen for choice in signed_data["certificates"] or () if choice.name == "certificate"
    )
    return SignedMessage(
        bytes(inner["content"]), content_type, signer, _certificate_of(carried, signer), carried
    )


def _certificate_of(carried: tuple[x509.Certificate, ...], signer: cms.SignerInfo) -> x509.Certificate | None:
    sid = signer["sid"].chosen
    for certificate in carried:
        if signer["sid"].name == "issuer_and_serial_number":
            if (
                certificate.serial_number == sid["serial_number"].native
                and certificate.issuer == sid["issuer"]
            ):
                return certificate
        elif certificate.key_identifier == sid.native:
            return certificate
    return None


def fault_of(message: SignedMessage) -> SignatureFault | None:
    """MessageDigest and contentType, then the signature over the signed attributes in DER (RFC 5652 §5.4).

    Raises:
        Unsupported: an algorithm this box does not know.
        MalformedData: attributes or key cannot be what they claim.
    """
    if message.certificate is None:
        return SignatureFault.SIGNER_MISSING
    signer = message.signer
    hash_name = signer["digest_algorithm"]["algorithm"].native
    text = message.content
    attributes = signer["signed_attrs"]
    if attributes:
        values: dict[str, list[cms.CMSAttribute]] = {}
        for attribute in attributes:
            values.setdefault(attribute["type"].native, []).append(attribute)
        digests = values.get("message_digest", [])
        types = values.get("content_type", [])
        if len(digests) != 1 or len(types) != 1:
            raise MalformedData("signed attributes are not what they must be", reason="cms")
        expected = signatures.digest(hash_name, message.content)
        if not hmac.compare_digest(digests[0]["values"][0].native, expected):
            return SignatureFault.DIGEST_DIFFERS
        if types[0]["values"][0].dotted != message.content_type:
            return SignatureFault.SIGNATURE_INVALID
        text = b"\x31" + attributes.dump()[1:]
    key = message.certificate.public_key
    candidates = [text] if not attributes else [text, attributes.untag().dump(force=True)]
    algorithm = signer["signature_algorithm"]
    if any(
        signatures.verify(key, algorithm, hash_name, one, signer["signature"].native) for one in candidates
    ):
        return None
    return SignatureFault.SIGNATURE_INVALID
