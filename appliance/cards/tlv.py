"""Tag-length-value as cards write it: definite lengths, every bound checked. ISO/IEC 7816-4 §5.2.2, X.690 §8.1.

A tag is its own bytes read as a number: 0x61, 0x5F1F, 0x7F61.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from appliance.cards.errors import MalformedData

MAX_TAG_BYTES = 3
MAX_LENGTH_BYTES = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Tlv:
    """One data object; `raw` is the whole of it as read (hashes are made over raw bytes, never re-encoded)."""

    tag: int
    value: bytes = dataclasses.field(repr=False)
    raw: bytes = dataclasses.field(repr=False)

    def children(self) -> list[Tlv]:
        return parse(self.value)


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    tag: int
    header_bytes: int
    value_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.header_bytes + self.value_bytes


def _malformed(why: str) -> MalformedData:
    return MalformedData(f"TLV: {why}", reason="tlv")


def _read_tag(data: bytes, start: int) -> tuple[int, int]:
    position = start + 1
    if data[start] & 0x1F == 0x1F:
        while True:
            if position >= len(data):
                raise _malformed("tag cut short")
            if position - start >= MAX_TAG_BYTES:
                raise _malformed("tag too long")
            position += 1
            if not data[position - 1] & 0x80:
                break
    return int.from_bytes(data[start:position], "big"), position


def read_header(data: bytes, start: int = 0) -> Header:
    """Tag and length at `start`; the value itself need not be there yet (first bytes of a file).

    Raises:
        MalformedData: cut short, indefinite or longer than four length bytes.
    """
    if start >= len(data):
        raise _malformed("nothing there")
    tag, position = _read_tag(data, start)
    if position >= len(data):
        raise _malformed("length missing")
    first = data[position]
    position += 1
    if first < 0x80:
        return Header(tag, position - start, first)
    count = first & 0x7F
    if not 1 <= count <= MAX_LENGTH_BYTES:
        raise _malformed("indefinite or oversized length")
    if position + count > len(data):
        raise _malformed("length cut short")
    value_bytes = int.from_bytes(data[position : position + count], "big")
    return Header(tag, position + count - start, value_bytes)


def iterate(data: bytes) -> Iterator[Tlv]:
    position = 0
    while position < len(data):
        header = read_header(data, position)
        end = position + header.total_bytes
        if end > len(data):
            raise _malformed("value runs past the end")
        yield Tlv(header.tag, data[position + header.header_bytes : end], data[position:end])
        position = end


def parse(data: bytes) -> list[Tlv]:
    """All objects of one level, in order. Nothing may be left over."""
    return list(iterate(data))


def parse_one(data: bytes, tag: int) -> Tlv:
    """Exactly one object with this tag, filling `data`."""
    found = parse(data)
    if len(found) != 1 or found[0].tag != tag:
        raise _malformed(f"expected one object {tag:X}")
    return found[0]


def first(objects: list[Tlv], *tags: int) -> bytes | None:
    """The value of the first object that has one of these tags; None when absent."""
    return next((item.value for item in objects if item.tag in tags), None)


def need(objects: list[Tlv], tag: int) -> bytes:
    """The value of the one object with this tag; refused when missing or there twice."""
    values = [item.value for item in objects if item.tag == tag]
    if len(values) != 1:
        raise _malformed(f"expected exactly one {tag:X}, found {len(values)}")
    return values[0]


def build(tag: int, value: bytes) -> bytes:
    """One object with the shortest length form."""
    tag_bytes = tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big")
    size = len(value)
    if size < 0x80:
        return tag_bytes + bytes([size]) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag_bytes + bytes([0x80 | len(length)]) + length + value
