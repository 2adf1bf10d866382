"""Names of boxes, sites, letters and keys: small values that refuse to be wrong."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from msgspec import Meta

from contracts.errors import InvalidName

SHARDS = 16
"""Shards of one cell. Fixed at enrolment: a topic carries its shard for the life of the box."""

BoxName = Annotated[str, Meta(pattern=r"^[a-z0-9]{8,32}$")]
"""Common name of the box certificate, MQTT user name and client id. No `+ # /` by grammar."""

SiteName = Annotated[str, Meta(pattern=r"^[a-z][0-9]{3}-[0-9]{1,2}$")]
"""A desk's place: Belfiore code of the comune in lower case, a dash, the desk's ordinal."""

Shard = Annotated[str, Meta(pattern=r"^[0-9a-f]{2}$")]
LetterId = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]
"""UUID version 7 (RFC 9562 §5.7) in lower case. Orders, sittings and connections use the same form."""

Fingerprint = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a DER certificate or of a file, in lower-case hex."""

CodiceIstat = Annotated[str, Meta(pattern=r"^[0-9]{6}$")]

_BOX = re.compile(r"[a-z0-9]{8,32}")
_SITE = re.compile(r"[a-z][0-9]{3}-[0-9]{1,2}")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def box_name(text: str) -> BoxName:
    """The text, if it can name a box.

    Raises:
        InvalidName: it cannot; the sentence says the grammar.
    """
    if not _BOX.fullmatch(text):
        msg = "a box name is 8 to 32 lower-case letters and digits"
        raise InvalidName(msg)
    return text


def site_name(text: str) -> SiteName:
    """The text, if it can name a site, e.g. ``a074-1``.

    Raises:
        InvalidName: it cannot.
    """
    if not _SITE.fullmatch(text):
        msg = "a site name is a lower-case Belfiore code, a dash and the desk's number, like a074-1"
        raise InvalidName(msg)
    return text


def unique_id(text: str) -> LetterId:
    """The text, if it is a UUID version 7.

    Raises:
        InvalidName: it is not.
    """
    if not _UUID7.fullmatch(text):
        msg = "an id is a UUID version 7 in lower case"
        raise InvalidName(msg)
    return text


def make_id(unix_ms: int, random: bytes) -> LetterId:
    """UUID version 7 from a time and ten random bytes, both given by the caller.

    Args:
        unix_ms: milliseconds since 1970, 48 bits.
        random: exactly 10 bytes; 74 of their 80 bits are used.
    """
    if len(random) != 10 or not 0 <= unix_ms < 1 << 48:
        msg = "make_id needs 10 random bytes and a 48-bit time"
        raise InvalidName(msg)
    raw = bytearray(unix_ms.to_bytes(6, "big") + random)
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def shard_of(box: BoxName, shards: int = SHARDS) -> Shard:
    """The shard of a box: first byte of SHA-256 of its name, modulo a power of two."""
    return f"{hashlib.sha256(box.encode()).digest()[0] % shards:02x}"


def fingerprint(data: bytes) -> Fingerprint:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def provisional_number(site: SiteName, year: int, ordinal: int) -> str:
    """The box's own register number, e.g. ``A074-1/2026/000012``.

    It names a case until the recipient's *protocollo* replaces it; it never looks like one
    (DPR 445/2000 art. 53 reserves the protocol number to the body's register).
    """
    return f"{site.upper()}/{year:04d}/{ordinal:06d}"
