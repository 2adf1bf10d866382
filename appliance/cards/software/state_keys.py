"""Keys an invented State signs with: RSA and ECDSA, also in the odd forms real document signers use."""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from appliance.cards import signatures, tlv
from appliance.cards.curves import Curve
from appliance.cards.software import der

HASH_OIDS = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_ECDSA_OIDS = {
    "sha1": "1.2.840.10045.4.1",
    "sha224": "1.2.840.10045.4.3.1",
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
_PLAIN_ECDSA_OIDS = {name: dotted for dotted, name in signatures.PLAIN_ECDSA_HASHES.items()}
_RSA_OIDS = {
    "sha1": "1.2.840.113549.1.1.5",
    "sha224": "1.2.840.113549.1.1.14",
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}


class StateKey(Protocol):
    @property
    def hash_name(self) -> str: ...

    @property
    def public_key_info(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        ...

    @property
    def algorithm(self) -> bytes:
        """AlgorithmIdentifier of its signatures, DER."""
        ...

    def sign(self, message: bytes) -> bytes: ...


def hash_algorithm(name: str) -> bytes:
    return der.sequence(der.oid(HASH_OIDS[name]))


class RsaStateKey:
    def __init__(self, private: rsa.RSAPrivateKey, hash_name: str, *, pss: bool) -> None:
        self._private = private
        self._pss = pss
        self.hash_name = hash_name

    @property
    def public_key_info(self) -> bytes:
        return self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def algorithm(self) -> bytes:
        """PSS with a salt as long as the hash; what is the default is left out, as DER wants it. RFC 4055 §3.1."""
        if not self._pss:
            return der.sequence(der.oid(_RSA_OIDS[self.hash_name]), der.NULL)
        if self.hash_name == "sha1":
            return der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence())
        digest = hash_algorithm(self.hash_name)
        mask = der.sequence(der.oid("1.2.840.113549.1.1.8"), digest)
        parameters = (
            tlv.build(0xA0, digest),
            tlv.build(0xA1, mask),
            tlv.build(0xA2, der.integer(self._hash_bytes)),
        )
        return der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence(*parameters))

    @property
    def _hash_bytes(self) -> int:
        return hashlib.new(self.hash_name, usedforsecurity=False).digest_size

    def sign(self, message: bytes) -> bytes:
        chosen = signatures.hash_named(self.hash_name)()
        shape = padding.PSS(padding.MGF1(chosen), self._hash_bytes) if self._pss else padding.PKCS1v15()
        return self._private.sign(message, shape, chosen)


class CurveStateKey:
    """ECDSA with our own arithmetic: on curves and in forms no library of ours writes.

    Args:
        explicit: spell the curve out in numbers instead of naming it (RFC 3279 §2.3.5).
        plain: r and s side by side instead of DER (BSI TR-03111 §5.2.1).
    """

    def __init__(
        self, curve: Curve, private: int, hash_name: str, *, explicit: bool = False, plain: bool = False
    ) -> None:
        self._curve, self._private = curve, private
        self._explicit, self._plain = explicit, plain
        self._public = curve.encode(curve.multiply(private, curve.generator))
        self.hash_name = hash_name

    @property
    def public_key_info(self) -> bytes:
        parameters = explicit_parameters(self._curve) if self._explicit else der.oid(self._curve.oid)
        return der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), parameters), der.bits(self._public))

    @property
    def algorithm(self) -> bytes:
        return der.sequence(der.oid((_PLAIN_ECDSA_OIDS if self._plain else _ECDSA_OIDS)[self.hash_name]))

    def sign(self, message: bytes) -> bytes:
        """The nonce follows from key and message, so the same seed makes the same State."""
        seed = hmac.digest(self._private.to_bytes(self._curve.order_bytes, "big"), message, "sha512")
        nonce = int.from_bytes(seed, "big") % (self._curve.n - 1) + 1
        r, s = self._curve.sign(self._private, signatures.digest(self.hash_name, message), nonce)
        if self._plain:
            return b"".join(number.to_bytes(self._curve.order_bytes, "big") for number in (r, s))
        return der.sequence(der.integer(r), der.integer(s))


def explicit_parameters(curve: Curve) -> bytes:
    size = curve.field_bytes
    field = der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(curve.p))
    coefficients = der.sequence(
        der.octets(curve.a.to_bytes(size, "big")), der.octets(curve.b.to_bytes(size, "big"))
    )
    return der.sequence(
        der.integer(1),
        field,
        coefficients,
        der.octets(curve.encode(curve.generator)),
        der.integer(curve.n),
        der.integer(1),
    )
