"""The chip's side of active authentication: keys that sign a reader's challenge. ICAO 9303-11 §6.1."""

from __future__ import annotations

import enum
import secrets
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.cards import active_authentication, curves, signatures, tlv
from appliance.cards import security_infos as infos
from appliance.cards.agreement import EcAgreement, RandomBytes
from appliance.cards.software import der
from appliance.cards.software.state_keys import CurveStateKey


class ActiveKeyKind(enum.StrEnum):
    """What an invented chip signs with."""

    RSA = "rsa"
    EC = "ec"


class ActiveKeyPair(Protocol):
    @property
    def public_key_info(self) -> bytes:
        """SubjectPublicKeyInfo, DER: the content of data group 15."""
        ...

    @property
    def security_info(self) -> bytes:
        """ActiveAuthenticationInfo for data group 14; empty where none is needed."""
        ...

    def answer(self, challenge: bytes) -> bytes: ...


class RsaActiveKey:
    """ISO/IEC 9796-2 scheme 1, partial recovery.

    Args:
        trailer: one of `active_authentication.TRAILERS`.
    """

    def __init__(
        self,
        private: rsa.RSAPrivateKey,
        trailer: bytes = b"\x34\xcc",
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        self._private, self._trailer, self._random = private, trailer, random_bytes

    @property
    def public_key_info(self) -> bytes:
        return self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def security_info(self) -> bytes:
        return b""

    def answer(self, challenge: bytes) -> bytes:
        numbers = self._private.private_numbers()
        modulus = numbers.public_numbers.n
        size = modulus.bit_length() // 8
        hash_name = active_authentication.TRAILERS[self._trailer]
        hash_bytes = len(signatures.digest(hash_name, b""))
        own = self._random(size - hash_bytes - len(self._trailer) - 1)
        digest = signatures.digest(hash_name, own + challenge)
        block = bytes([active_authentication.HEADER]) + own + digest + self._trailer
        return pow(int.from_bytes(block, "big"), numbers.d, modulus).to_bytes(size, "big")


class EcActiveKey:
    """ECDSA over the challenge.

    Args:
        der_encoded: answer with a DER sequence, as some chips do, instead of r and s side by side.
        tells_hash: name the hash in data group 14, as the standard wants it.
    """

    def __init__(
        self,
        curve: curves.Curve,
        private: int,
        hash_name: str = "sha256",
        *,
        der_encoded: bool = False,
        tells_hash: bool = True,
    ) -> None:
        self._key = CurveStateKey(curve, private, hash_name, plain=not der_encoded)
        self._tells_hash = tells_hash

    @property
    def public_key_info(self) -> bytes:
        return self._key.public_key_info

    @property
    def security_info(self) -> bytes:
        if not self._tells_hash:
            return b""
        algorithm = tlv.parse_one(self._key.algorithm, 0x30).value
        return der.sequence(tlv.build(0x06, infos.ACTIVE_AUTHENTICATION), der.integer(1), algorithm)

    def answer(self, challenge: bytes) -> bytes:
        return self._key.sign(challenge)


def make_active_key(kind: ActiveKeyKind, random_bytes: RandomBytes = secrets.token_bytes) -> ActiveKeyPair:
    """A fresh key of the size passports carry."""
    if kind is ActiveKeyKind.RSA:
        return RsaActiveKey(rsa.generate_private_key(65537, 2048), random_bytes=random_bytes)
    curve = curves.by_standard_number(13)
    return EcActiveKey(curve, EcAgreement(curve).private_key(random_bytes))
