"""The four symmetric suites of travel documents, their keys and their MACs.

ICAO 9303-11 §9.7 (key derivation) and §9.8.6 (secure messaging); BSI TR-03110-3 A.2.3, A.2.4.
"""

from __future__ import annotations

import enum
import hashlib

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from appliance.cards.errors import MalformedData

MAC_BYTES = 8


class Suite(enum.IntEnum):
    """Numbered as the last arc of the protocol OIDs."""

    TRIPLE_DES = 1
    AES_128 = 2
    AES_192 = 3
    AES_256 = 4

    @property
    def block_bytes(self) -> int:
        return 8 if self is Suite.TRIPLE_DES else 16


class KeyUse(enum.IntEnum):
    """The counter of the key derivation function."""

    ENCRYPTION = 1
    AUTHENTICATION = 2
    PASSWORD = 3


def derive_key(suite: Suite, secret: bytes, use: KeyUse) -> bytes:
    """KDF(secret, use): 16, 16, 24 or 32 bytes; a 3DES key with odd parity."""
    material = secret + use.to_bytes(4, "big")
    if suite is Suite.AES_256:
        return hashlib.sha256(material).digest()
    if suite is Suite.AES_192:
        return hashlib.sha256(material).digest()[:24]
    key = hashlib.sha1(material, usedforsecurity=False).digest()[:16]
    return odd_parity(key) if suite is Suite.TRIPLE_DES else key


def odd_parity(key: bytes) -> bytes:
    return bytes((byte & 0xFE) | (1 - (byte >> 1).bit_count() % 2) for byte in key)


def _algorithm(suite: Suite, key: bytes) -> TripleDES | algorithms.AES:
    if suite is Suite.TRIPLE_DES:
        return TripleDES(key + key[:8])  # two-key 3DES, spelled with three keys
    return algorithms.AES(key)


def encrypt_cbc(suite: Suite, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
    """No padding; `iv` defaults to zeros."""
    mode = modes.CBC(iv or bytes(suite.block_bytes))
    encryptor = Cipher(_algorithm(suite, key), mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def decrypt_cbc(suite: Suite, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
    if not data or len(data) % suite.block_bytes:
        raise MalformedData("ciphertext is not whole blocks", reason="cipher_length")
    mode = modes.CBC(iv or bytes(suite.block_bytes))
    decryptor = Cipher(_algorithm(suite, key), mode).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def pad(data: bytes, block_bytes: int) -> bytes:
    """ISO/IEC 9797-1 padding method 2."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block_bytes)


def unpad(data: bytes) -> bytes:
    stripped = data.rstrip(b"\x00")
    if not stripped.endswith(b"\x80"):
        raise MalformedData("padding is wrong", reason="padding")
    return stripped[:-1]


def mac(suite: Suite, key: bytes, message: bytes) -> bytes:
    """Eight bytes. 3DES: retail MAC (ISO/IEC 9797-1 algorithm 3) over whole blocks; AES: CMAC cut to eight."""
    if suite is not Suite.TRIPLE_DES:
        authenticator = cmac.CMAC(algorithms.AES(key))
        authenticator.update(message)
        return authenticator.finalize()[:MAC_BYTES]
    if not message or len(message) % 8:
        raise MalformedData("a retail MAC needs whole blocks", reason="mac_length")
    single = key[:8] * 3
    chained = bytes(8)
    if len(message) > 8:
        encryptor = Cipher(TripleDES(single), modes.CBC(bytes(8))).encryptor()
        chained = (encryptor.update(message[:-8]) + encryptor.finalize())[-8:]
    return encrypt_cbc(suite, key, message[-8:], chained)


def token_mac(suite: Suite, key: bytes, message: bytes) -> bytes:
    """A MAC outside secure messaging (PACE token, BAC): 3DES pads, AES does not need to."""
    return mac(suite, key, pad(message, 8) if suite is Suite.TRIPLE_DES else message)
