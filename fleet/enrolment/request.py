"""A certificate request (PKCS #10, RFC 2986) as it comes from outside: bounded, proven, or refused."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from asn1crypto import algos as asn1_algos
from asn1crypto import csr as asn1_csr
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contracts.errors import PueError, WhoCanAct

MAX_REQUEST_BYTES: Final = 8_192


class RequestRefused(PueError):
    """The certificate request is not one this authority signs; the sentence says why."""

    code = "enrolment.request_refused"
    who = WhoCanAct.TECHNICIAN


def from_est_body(body: bytes) -> x509.CertificateSigningRequest:
    """The request in the body of an EST call: base64 of DER (RFC 7030 §4.2.1); PEM is taken too.

    Raises:
        RequestRefused: too large, not base64, not a request.
    """
    if len(body) > MAX_REQUEST_BYTES:
        msg = f"a certificate request is at most {MAX_REQUEST_BYTES} bytes"
        raise RequestRefused(msg)
    if b"-----BEGIN" in body:
        lines = [line for line in body.splitlines() if line and not line.startswith(b"-----")]
        body = b"".join(lines)
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        msg = "the certificate request is not base64"
        raise RequestRefused(msg) from None
    return _parse(der)


def proven_key(request: x509.CertificateSigningRequest, *, cn: str | None) -> ec.EllipticCurvePublicKey:
    """The P-256 key the request proves to hold.

    Args:
        request: as `from_est_body` gave it.
        cn: the common name it must carry; None if the name is ours to choose.

    Raises:
        RequestRefused: wrong name, wrong kind of key, wrong signature.
    """
    try:
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        msg = "the request's key or signature is of a kind this authority does not know"
        raise RequestRefused(msg) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        msg = "the key must be an elliptic curve key on P-256"
        raise RequestRefused(msg)
    if not proven:
        msg = "the request is not signed by its own key"
        raise RequestRefused(msg)
    names = [str(part.value) for part in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if cn is not None and names != [cn]:
        msg = "the common name in the request must be the box's own name, once"
        raise RequestRefused(msg)
    return key


def _parse(der: bytes) -> x509.CertificateSigningRequest:
    try:
        return x509.load_der_x509_csr(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    # tpm2-openssl 1.1 writes a NULL beside ecdsa-with-SHA256 (RFC 5758 §3.2 forbids it). It lies outside
    # the signed part, so taking it away changes nothing that was proven.
    try:
        request = asn1_csr.CertificationRequest.load(der, strict=True)
        name = request["signature_algorithm"]["algorithm"].native
        request["signature_algorithm"] = asn1_algos.SignedDigestAlgorithm({"algorithm": name})
        return x509.load_der_x509_csr(request.dump())
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        msg = "the body is not a PKCS #10 certificate request"
        raise RequestRefused(msg) from None
