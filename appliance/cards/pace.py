"""Password authenticated connection establishment, generic and chip authentication mapping, both sides. ICAO 9303-11 §4.4, BSI TR-03110-2 §3.2.

Only the cryptography: which commands carry these values is the conversation's affair.
"""

from __future__ import annotations

import enum
import hmac

from appliance.cards import cipher, tlv
from appliance.cards.agreement import EcAgreement, KeyAgreement, RandomBytes
from appliance.cards.cipher import KeyUse, Suite
from appliance.cards.errors import MalformedData
from appliance.cards.secure_messaging import SecureMessaging

_NONCE_BYTES = (8, 16, 24, 32)


class PasswordKind(enum.IntEnum):
    """The reference in MSE:Set AT."""

    MRZ = 1
    CAN = 2


def authentication_token(
    suite: Suite, key: bytes, oid: bytes, agreement: KeyAgreement, public: bytes
) -> bytes:
    """Eight bytes over the *other* side's ephemeral public key."""
    template = tlv.build(0x7F49, tlv.build(0x06, oid) + tlv.build(agreement.public_tag, public))
    return cipher.token_mac(suite, key, template)


class PaceParty:
    """One side of a run. The chip makes the nonce; the rest is the same on both sides.

    Call in order: `set_nonce`, `mapping_key`, `map_with`, `ephemeral_key`, `agree_with`, `token`, `accept_token`.
    """

    def __init__(
        self, oid: bytes, agreement: KeyAgreement, password: bytes, random_bytes: RandomBytes
    ) -> None:
        self._oid = oid
        self._agreement = agreement
        self._random = random_bytes
        self.suite = Suite(oid[-1])
        self._key_pi = cipher.derive_key(self.suite, password, KeyUse.PASSWORD)
        self._nonce = 0
        self._private = 0
        self._mine = b""
        self._base = b""
        self._theirs = b""
        self._mapping_private = 0
        self._their_mapping = b""
        self._session: SecureMessaging | None = None

    def make_nonce(self) -> bytes:
        """The chip's side: a fresh nonce, encrypted."""
        nonce = self._random(8 if self.suite is Suite.TRIPLE_DES else 16)
        self._nonce = int.from_bytes(nonce, "big")
        return cipher.encrypt_cbc(self.suite, self._key_pi, nonce)

    def set_nonce(self, encrypted: bytes) -> None:
        """The reader's side: the nonce as the chip sent it (8 or 16 bytes with 3DES, as chips differ)."""
        if len(encrypted) not in _NONCE_BYTES:
            raise MalformedData("a PACE nonce of strange length", reason="pace_nonce")
        self._nonce = int.from_bytes(cipher.decrypt_cbc(self.suite, self._key_pi, encrypted), "big")

    def mapping_key(self) -> bytes:
        self._private = self._mapping_private = self._agreement.private_key(self._random)
        self._mine = self._agreement.public_key(self._private, self._agreement.base)
        return self._mine

    def map_with(self, theirs: bytes) -> None:
        if theirs == self._mine:
            raise MalformedData("the card echoed our mapping key", reason="pace_echo")
        self._their_mapping = theirs
        self._base = self._agreement.map_generic(self._nonce, self._private, theirs)

    def ephemeral_key(self) -> bytes:
        self._private = self._agreement.private_key(self._random)
        self._mine = self._agreement.public_key(self._private, self._base)
        return self._mine

    def agree_with(self, theirs: bytes) -> None:
        if theirs == self._mine:
            raise MalformedData("the card echoed our ephemeral key", reason="pace_echo")
        self._theirs = theirs
        secret = self._agreement.shared_secret(self._private, theirs)
        self._session = SecureMessaging.from_secret(self.suite, secret)

    def token(self) -> bytes:
        """The token this side sends."""
        return self._token_over(self._theirs)

    def accept_token(self, token: bytes) -> SecureMessaging | None:
        """The session when the other side's token is right; None when it is not (a wrong password)."""
        if self._session is None or not hmac.compare_digest(token, self._token_over(self._mine)):
            return None
        return self._session

    # chip authentication mapping, ICAO 9303-11 §4.4.3.3.3 and §4.4.3.5

    def make_mapping_proof(self, chip_private: int) -> bytes:
        """The chip's side: its mapping key as a multiple of its static one, encrypted for the reader."""
        if self._session is None or not isinstance(self._agreement, EcAgreement):
            raise MalformedData("no agreement yet", reason="pace_order")
        order = self._agreement.curve.n
        data = self._mapping_private * pow(chip_private, -1, order) % order
        size_bytes = (order.bit_length() + 7) // 8
        padded = cipher.pad(data.to_bytes(size_bytes, "big"), self.suite.block_bytes)
        return cipher.encrypt_cbc(self.suite, self._session.key_encryption, padded, self._proof_iv())

    def accept_mapping_proof(self, encrypted: bytes, chip_public: bytes) -> bool:
        """The reader's side: only who holds the private half of `chip_public` can have made both keys fit."""
        if self._session is None or not isinstance(self._agreement, EcAgreement):
            return False
        curve = self._agreement.curve
        try:
            padded = cipher.decrypt_cbc(self.suite, self._session.key_encryption, encrypted, self._proof_iv())
            data = int.from_bytes(cipher.unpad(padded), "big")
            if not 0 < data < curve.n:
                return False
            product = curve.encode(curve.multiply(data, curve.decode(chip_public)))
        except MalformedData:
            return False
        return hmac.compare_digest(product, self._their_mapping)

    def _proof_iv(self) -> bytes:
        """-1 encrypted: no counter of the session ever gets there."""
        assert self._session is not None
        ones = b"\xff" * self.suite.block_bytes
        return cipher.encrypt_cbc(self.suite, self._session.key_encryption, ones)

    def _token_over(self, public: bytes) -> bytes:
        if self._session is None:
            raise MalformedData("no agreement yet", reason="pace_order")
        return authentication_token(
            self.suite, self._session.key_authentication, self._oid, self._agreement, public
        )
