"""Basic access control, both sides. ICAO 9303-11 §4.3 and appendix D."""

from __future__ import annotations

import hashlib
import hmac

from appliance.cards import cipher
from appliance.cards.agreement import RandomBytes
from appliance.cards.cipher import KeyUse, Suite
from appliance.cards.secure_messaging import SecureMessaging

CHALLENGE_BYTES = 8
_CRYPTOGRAM_BYTES = 32
_SUITE = Suite.TRIPLE_DES


def key_seed(mrz_information: bytes) -> bytes:
    """Sixteen bytes from document number, birth and expiry with their check digits."""
    return hashlib.sha1(mrz_information, usedforsecurity=False).digest()[:16]


class BacParty:
    """What both sides share: the static keys of one document."""

    def __init__(self, mrz_information: bytes) -> None:
        seed = key_seed(mrz_information)
        self._key_encryption = cipher.derive_key(_SUITE, seed, KeyUse.ENCRYPTION)
        self._key_authentication = cipher.derive_key(_SUITE, seed, KeyUse.AUTHENTICATION)

    def _seal(self, plain: bytes) -> bytes:
        encrypted = cipher.encrypt_cbc(_SUITE, self._key_encryption, plain)
        return encrypted + cipher.token_mac(_SUITE, self._key_authentication, encrypted)

    def _open(self, sealed: bytes) -> bytes | None:
        if len(sealed) != _CRYPTOGRAM_BYTES + cipher.MAC_BYTES:
            return None
        encrypted, mac = sealed[:_CRYPTOGRAM_BYTES], sealed[_CRYPTOGRAM_BYTES:]
        if not hmac.compare_digest(mac, cipher.token_mac(_SUITE, self._key_authentication, encrypted)):
            return None
        return cipher.decrypt_cbc(_SUITE, self._key_encryption, encrypted)


def _session(reader_key: bytes, card_key: bytes, card_random: bytes, reader_random: bytes) -> SecureMessaging:
    seed = bytes(a ^ b for a, b in zip(reader_key, card_key, strict=True))
    return SecureMessaging(
        _SUITE,
        cipher.derive_key(_SUITE, seed, KeyUse.ENCRYPTION),
        cipher.derive_key(_SUITE, seed, KeyUse.AUTHENTICATION),
        int.from_bytes(card_random[4:] + reader_random[4:], "big"),
    )


class BacReader(BacParty):
    def __init__(self, mrz_information: bytes, random_bytes: RandomBytes) -> None:
        super().__init__(mrz_information)
        self._random = random_bytes(CHALLENGE_BYTES)
        self._key = random_bytes(16)
        self._card_random = b""

    def authenticate(self, card_random: bytes) -> bytes:
        """The data of EXTERNAL AUTHENTICATE for the card's challenge."""
        self._card_random = card_random
        return self._seal(self._random + card_random + self._key)

    def finish(self, reply: bytes) -> SecureMessaging | None:
        """The session; None when the card's reply is not made with the same keys."""
        plain = self._open(reply)
        if plain is None or not hmac.compare_digest(plain[:16], self._card_random + self._random):
            return None
        return _session(self._key, plain[16:], self._card_random, self._random)


class BacCard(BacParty):
    def __init__(self, mrz_information: bytes, random_bytes: RandomBytes) -> None:
        super().__init__(mrz_information)
        self._random_bytes = random_bytes
        self._random: bytes | None = None

    def challenge(self) -> bytes:
        self._random = self._random_bytes(CHALLENGE_BYTES)
        return self._random

    def answer(self, sealed: bytes) -> tuple[bytes, SecureMessaging] | None:
        """Reply and session; None when the reader does not hold the keys or answers no challenge of ours."""
        plain = self._open(sealed)
        challenge, self._random = self._random, None
        if plain is None or challenge is None or not hmac.compare_digest(plain[8:16], challenge):
            return None
        key = self._random_bytes(16)
        reply = self._seal(challenge + plain[:8] + key)
        return reply, _session(plain[16:], key, challenge, plain[:8])
