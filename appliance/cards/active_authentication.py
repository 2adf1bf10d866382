"""Active authentication: the chip signs our challenge with a key it cannot give away. ICAO 9303-11 §6.1.

RSA: ISO/IEC 9796-2 digital signature scheme 1 with partial recovery; the chip's own random part comes out of the
signature, our challenge is the part that does not. ECDSA: the challenge alone, signed as in BSI TR-03111.
"""

from __future__ import annotations

import hmac

from asn1crypto import keys

from appliance.cards import lds, signatures
from appliance.cards import security_infos as infos
from appliance.cards.errors import ASN1_FAULTS, CardError, MalformedData, Unsupported

CHALLENGE_BYTES = 8
HEADER = 0x6A
"""Two bits 01, more data follows, no padding, 1010: the recovered part fills the block. ISO/IEC 9796-2 §8.1."""
TRAILERS = {
    b"\xbc": "sha1",
    b"\x33\xcc": "sha1",
    b"\x38\xcc": "sha224",
    b"\x34\xcc": "sha256",
    b"\x36\xcc": "sha384",
    b"\x35\xcc": "sha512",
}
"""How a block ends → which hash it holds; the numbers are those of ISO/IEC 10118-3."""
_LAST_NIBBLE = 0xC
_HASHES_TO_TRY = ("sha256", "sha1", "sha224", "sha384", "sha512")


class ActiveKey:
    """The public key of data group 15, and how the chip uses it.

    Args:
        group15: the whole data group as read.
        group14: the whole data group as read, where an ECDSA chip names its hash; None when it was not read.

    Raises:
        Unsupported: a key of a kind or on a curve this box does not know.
        MalformedData: no key at all, or one nobody can mean honestly.
    """

    def __init__(self, group15: bytes, group14: bytes | None = None) -> None:
        try:
            self._info = keys.PublicKeyInfo.load(lds.parse_dg15(group15), strict=True)
            self.signature_bytes = self._longest_signature()
        except ASN1_FAULTS as fault:
            if isinstance(fault, CardError):
                raise
            raise MalformedData("data group 15 holds no public key", reason="dg15") from fault
        named = None
        if group14 is not None and not signatures.is_rsa(self._info):
            named = infos.active_authentication_hash(lds.parse_dg14(group14))
        self._hash_names = _HASHES_TO_TRY if named is None else (named,)

    def _longest_signature(self) -> int:
        if signatures.is_rsa(self._info):
            bits = signatures.rsa_numbers(self._info).n.bit_length()
            if bits % 8:
                raise Unsupported("an RSA key whose length is not whole bytes")
            return bits // 8
        if self._info.algorithm != "ec":
            raise Unsupported("active authentication with a key of an unknown kind")
        curve = signatures.curve_of(self._info)
        curve.decode(self._info["public_key"].native)
        return 2 * curve.order_bytes + 9

    def accepts(self, challenge: bytes, signature: bytes) -> bool:
        """True when the owner of the private half answered this very challenge."""
        try:
            if signatures.is_rsa(self._info):
                return self._accepts_rsa(challenge, signature)
            return self._accepts_ec(challenge, signature)
        except CardError:
            return False

    def _accepts_rsa(self, challenge: bytes, signature: bytes) -> bool:
        numbers = signatures.rsa_numbers(self._info)
        value = int.from_bytes(signature, "big")
        if len(signature) != self.signature_bytes or not 0 < value < numbers.n:
            return False
        opened = pow(value, numbers.e, numbers.n)
        # a signer may send the smaller of s and n - s; the last four bits tell which one it was
        if opened & 0xF != _LAST_NIBBLE:
            opened = numbers.n - opened
        return _block_fits(opened.to_bytes(self.signature_bytes, "big"), challenge)

    def _accepts_ec(self, challenge: bytes, signature: bytes) -> bool:
        """Plain as the standard wants it, or DER as some chips do.

        A chip that does not name its hash may have used any: what it signs are eight bytes of our own choice,
        so a weak hash gains a forger nothing.
        """
        return any(
            way(self._info, name, challenge, signature)
            for name in self._hash_names
            for way in (signatures.verify_plain_ec, signatures.verify_ec)
        )


def _block_fits(block: bytes, challenge: bytes) -> bool:
    """Header, what the chip chose, hash over that and the challenge, trailer."""
    trailer = block[-1:] if block[-1:] in TRAILERS else block[-2:]
    name = TRAILERS.get(trailer)
    if name is None or block[0] != HEADER:
        return False
    hash_bytes = len(signatures.digest(name, b""))
    recovered = block[1 : -hash_bytes - len(trailer)]
    found = block[1 + len(recovered) : -len(trailer)]
    return hmac.compare_digest(found, signatures.digest(name, recovered + challenge))
