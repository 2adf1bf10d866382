"""Chip authentication version 1: the chip proves it holds the private half of a signed key. BSI TR-03110-2 §3.4.

The proof is not in the exchange itself but in the first protected answer after it.
"""

from __future__ import annotations

from appliance.cards.agreement import RandomBytes
from appliance.cards.cipher import Suite
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.security_infos import ChipKey


def choose_key(keys: list[ChipKey]) -> ChipKey | None:
    """AES before 3DES, curves before numbers; None when the card offers nothing."""
    return max(keys, key=lambda key: (key.suite, key.agreement.public_tag), default=None)


class ChipAuthenticationReader:
    def __init__(self, key: ChipKey, random_bytes: RandomBytes) -> None:
        self._key = key
        self._private = key.agreement.private_key(random_bytes)
        self.ephemeral = key.agreement.public_key(self._private, key.agreement.base)

    def session(self) -> SecureMessaging:
        """The new session; it works only with the chip that holds the private key."""
        secret = self._key.agreement.shared_secret(self._private, self._key.public_key)
        return SecureMessaging.from_secret(self._key.suite, secret)


def card_session(key: ChipKey, private: int, ephemeral: bytes, suite: Suite | None = None) -> SecureMessaging:
    """The card's side of the same exchange."""
    secret = key.agreement.shared_secret(private, ephemeral)
    return SecureMessaging.from_secret(suite or key.suite, secret)
