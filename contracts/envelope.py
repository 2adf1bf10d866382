"""The sealed letter and the signed statement: the only cryptography two houses share.

A *letter* is CMS (RFC 5652): SignedData by the box's desk key inside EnvelopedData for the
recipient. A stranger who holds the recipient's key opens it with two plain commands::

    openssl cms -decrypt -inform DER -in letter.p7m -recip recipient.pem -inkey recipient.key -out signed.p7
    openssl cms -verify -inform DER -in signed.p7 -CAfile fleet-ca.pem -purpose any -out dossier.zip

A *statement* is a small message with an Ed25519 signature over its exact bytes and a
purpose, so a receipt can never be played as an order.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import enum
from typing import TypeVar

import msgspec
from asn1crypto import cms as asn1_cms
from asn1crypto import core as asn1_core
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7

from contracts import codec
from contracts.errors import PueError, WhoCanAct
from contracts.messages.letters import MAX_LETTER_BYTES

MAX_STATEMENT_BYTES = 16_384
_WRONG_SIGNATURE = "the signature of the letter is wrong"
_NOT_READABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, UnsupportedAlgorithm)
"""All that the two ASN.1 readers raise over bytes that are not what they claim (found by changing bytes)."""
SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
M = TypeVar("M", bound=codec.Message)


class LetterUnreadable(PueError):
    """A letter that cannot be opened with this key: not CMS, not for us, or damaged."""

    code = "letter.unreadable"
    who = WhoCanAct.OPERATOR


class LetterNotAuthentic(PueError):
    """A letter that opened, but whose signature is not that of a box of this fleet."""

    code = "letter.not_authentic"
    who = WhoCanAct.OPERATOR


class StatementRefused(PueError):
    """A statement whose signature, purpose or shape is wrong."""

    code = "statement.refused"
    who = WhoCanAct.OPERATOR


class Purpose(enum.StrEnum):
    """What a statement says; it is part of what is signed."""

    ORDER = "pue.order.v1"
    RECEIPT = "pue.receipt.v1"
    LETTER_STATE = "pue.letter-state.v1"
    TRUST_RELEASE = "pue.trust-release.v1"
    CATALOGUE_RELEASE = "pue.catalogue-release.v1"


class Statement(codec.Message, frozen=True, kw_only=True):
    """Signed bytes: base64 of the message, its purpose, and an Ed25519 signature (RFC 8032).

    The signature covers ``purpose | 0x00 | payload``.
    """

    purpose: Purpose
    payload: str
    signature: str


def seal(
    content: bytes, *, signer: SigningKey, certificate: x509.Certificate, recipient: x509.Certificate
) -> bytes:
    """Sign and envelope a dossier.

    Args:
        content: the dossier's bytes.
        signer: private key of `certificate` (P-256 or RSA).
        certificate: the box's desk certificate; travels inside, hidden by the envelope.
        recipient: RSA certificate of the body that may open it.

    Returns:
        DER of a CMS EnvelopedData, AES-256-CBC, at most `MAX_LETTER_BYTES`.

    Raises:
        LetterUnreadable: the content does not fit into a letter.
    """
    signed = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(content)
        .add_signer(certificate, signer, hashes.SHA256())
        .sign(Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities])
    )
    sealed = (
        pkcs7.PKCS7EnvelopeBuilder()
        .set_data(signed)
        .add_recipient(recipient)
        .set_content_encryption_algorithm(algorithms.AES256)
        .encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )
    if len(sealed) > MAX_LETTER_BYTES:
        msg = "the dossier is larger than a letter may be: take fewer or smaller pages"
        raise LetterUnreadable(msg, size_bytes=len(sealed), limit_bytes=MAX_LETTER_BYTES)
    return sealed


class Opened(msgspec.Struct, frozen=True):
    """An opened letter: its content and the certificate that signed it."""

    content: bytes
    signer: x509.Certificate


def open_letter(
    sealed: bytes,
    *,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    authorities: list[x509.Certificate],
    at: dt.datetime,
) -> Opened:
    """Open and verify a sealed letter. Only the recipient's side calls this.

    Args:
        sealed: DER as `seal` made it.
        key: the recipient's private key.
        certificate: the recipient's certificate.
        authorities: certificate authorities of the fleet, old and new.
        at: the instant at which the signer's certificate must be valid (when the letter arrived).

    Raises:
        LetterUnreadable: it does not open with this key, or what is inside is not CMS.
        LetterNotAuthentic: it opens, but no authority vouches for it or its bytes were changed.
    """
    if len(sealed) > MAX_LETTER_BYTES:
        msg = "larger than any letter"
        raise LetterUnreadable(msg, limit_bytes=MAX_LETTER_BYTES)
    try:
        signed = pkcs7.pkcs7_decrypt_der(sealed, certificate, key, [])
    except _NOT_READABLE:
        msg = "the letter does not open with this key"
        raise LetterUnreadable(msg) from None
    return _verify_signed(signed, authorities, at)


def _verify_signed(signed: bytes, authorities: list[x509.Certificate], at: dt.datetime) -> Opened:
    try:
        outer = asn1_cms.ContentInfo.load(signed, strict=True)
        data = outer["content"]
        content = bytes(data["encap_content_info"]["content"].native)
        (info,) = data["signer_infos"]
        certificates = [x509.load_der_x509_certificate(c.chosen.dump()) for c in data["certificates"]]
        signer = _signer_of(info, certificates)
        digest = _attribute(info, "message_digest")
    except _NOT_READABLE:
        msg = "what was sealed is not a signed dossier"
        raise LetterUnreadable(msg) from None
    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(content)
    if digest != hasher.finalize():
        msg = "the dossier is not the one that was signed"
        raise LetterNotAuthentic(msg)
    _check_signature(info, signer)
    _check_issuer(signer, authorities, at)
    return Opened(content, signer)


def _signer_of(info: asn1_cms.SignerInfo, certificates: list[x509.Certificate]) -> x509.Certificate:
    serial = info["sid"].chosen["serial_number"].native
    (match,) = [c for c in certificates if c.serial_number == serial]
    return match


def _attribute(info: asn1_cms.SignerInfo, name: str) -> bytes:
    (found,) = [a for a in info["signed_attrs"] if a["type"].native == name]
    return bytes(found["values"][0].native)


def _check_signature(info: asn1_cms.SignerInfo, signer: x509.Certificate) -> None:
    # RFC 5652 §5.4: the signature covers the attributes as a SET OF, not with their implicit tag.
    attributes = asn1_core.SetOf.dump(info["signed_attrs"].untag())
    signature = info["signature"].native
    try:
        key = signer.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, attributes, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, attributes, padding.PKCS1v15(), hashes.SHA256())
        else:
            raise LetterNotAuthentic(_WRONG_SIGNATURE)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise LetterNotAuthentic(_WRONG_SIGNATURE) from None


def _check_issuer(signer: x509.Certificate, authorities: list[x509.Certificate], at: dt.datetime) -> None:
    for authority in authorities:
        try:
            signer.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        if signer.not_valid_before_utc <= at <= signer.not_valid_after_utc:
            return
        msg = "the box's certificate was not valid when the letter arrived"
        raise LetterNotAuthentic(msg)
    msg = "no authority of this fleet vouches for the box that signed"
    raise LetterNotAuthentic(msg)


def sign_statement(message: codec.Message, purpose: Purpose, key: Ed25519PrivateKey) -> Statement:
    """Make a signed statement of a message."""
    payload = codec.encode(message)
    signature = key.sign(purpose.value.encode() + b"\0" + payload)
    return Statement(
        purpose=purpose,
        payload=base64.b64encode(payload).decode(),
        signature=base64.b64encode(signature).decode(),
    )


def read_statement(statement: Statement, kind: type[M], purpose: Purpose, key: Ed25519PublicKey) -> M:
    """The message inside a statement, after its signature and purpose were checked.

    Raises:
        StatementRefused: wrong purpose, wrong signature, or not base64.
        InvalidMessage: well signed, but not a `kind`.
    """
    if statement.purpose != purpose:
        msg = "the statement says something else than expected"
        raise StatementRefused(msg, purpose=statement.purpose.value)
    try:
        payload = base64.b64decode(statement.payload, validate=True)
        key.verify(
            base64.b64decode(statement.signature, validate=True), purpose.value.encode() + b"\0" + payload
        )
    except (InvalidSignature, binascii.Error, ValueError):
        msg = "the statement's signature is wrong"
        raise StatementRefused(msg) from None
    return codec.decode(kind, payload, limit=MAX_STATEMENT_BYTES)


def public_key_text(key: Ed25519PublicKey) -> str:
    """Base64 of the 32 raw bytes of a verification key, as `Belongings` carries it."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def public_key_from_text(text: str) -> Ed25519PublicKey:
    """The reverse of `public_key_text`.

    Raises:
        StatementRefused: not 32 bytes of base64.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        msg = "a verification key is 32 bytes in base64"
        raise StatementRefused(msg) from None
