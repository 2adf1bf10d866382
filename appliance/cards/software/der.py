"""The few ASN.1 objects software cards are made of, as bytes. X.690: DER, and BER where a State writes it."""

from __future__ import annotations

from appliance.cards import tlv
from appliance.cards.security_infos import tlv_oid

NULL = b"\x05\x00"
_CONSTRUCTED = 0x20
_OCTETS, _CONSTRUCTED_OCTETS = 0x04, 0x24
_PIECE_BYTES = 48


def sequence(*parts: bytes) -> bytes:
    return tlv.build(0x30, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    return tlv.build(0x31, b"".join(sorted(parts)))


def oid(dotted: str) -> bytes:
    return tlv.build(0x06, tlv_oid(dotted))


def integer(value: int) -> bytes:
    return tlv.build(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bits(value: bytes) -> bytes:
    return tlv.build(0x03, b"\x00" + value)


def octets(value: bytes) -> bytes:
    return tlv.build(_OCTETS, value)


def indefinite(tag: int, value: bytes) -> bytes:
    """As `tlv.build`, with a constructed object's length left open until its end. X.690 §8.1.3.6."""
    if not tag & _CONSTRUCTED:
        return tlv.build(tag, value)
    return bytes((tag, 0x80)) + value + b"\x00\x00"


def octets_in_pieces(value: bytes) -> bytes:
    """An octet string written as a stream writes it. X.690 §8.7.3.2."""
    pieces = (value[start : start + _PIECE_BYTES] for start in range(0, len(value), _PIECE_BYTES))
    return indefinite(_CONSTRUCTED_OCTETS, b"".join(octets(piece) for piece in pieces))
