"""Certificates of an invented State, written by hand so that any key may stand in them. RFC 5280 §4.1, ICAO 9303-12 §7."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib

from appliance.cards import tlv
from appliance.cards.software import der
from appliance.cards.software.state_keys import StateKey

_UTF8, _PRINTABLE, _UTC_TIME, _GENERALIZED_TIME = 0x0C, 0x13, 0x17, 0x18
_ORGANISATION = "ESEMPIO - stato inventato per prove"


@dataclasses.dataclass(frozen=True)
class Validity:
    """Aware, whole seconds."""

    begins: datetime.datetime
    ends: datetime.datetime


def name(country: str, common_name: str) -> bytes:
    """A distinguished name; no country where the string is empty."""
    parts = [
        ("2.5.4.6", tlv.build(_PRINTABLE, country.encode("ascii"))),
        ("2.5.4.10", tlv.build(_UTF8, _ORGANISATION.encode())),
        ("2.5.4.3", tlv.build(_UTF8, common_name.encode())),
    ]
    if not country:
        del parts[0]
    return der.sequence(*(der.set_of(der.sequence(der.oid(kind), value)) for kind, value in parts))


def certificate(
    *,
    subject: bytes,
    key: StateKey,
    issuer: bytes,
    issuer_key: StateKey,
    serial: int,
    validity: Validity,
    authority: bool,
    usages: tuple[str, ...] = (),
) -> bytes:
    """One certificate, DER. `subject` and `issuer` as `name` gives them; `usages` are extended key usages, dotted."""
    return signed(
        issuer_key,
        tlv.build(0xA0, der.integer(2)),
        der.integer(serial),
        issuer_key.algorithm,
        issuer,
        der.sequence(time(validity.begins), time(validity.ends)),
        subject,
        key.public_key_info,
        tlv.build(0xA3, der.sequence(*_extensions(key, issuer_key, usages, authority=authority))),
    )


def signed(key: StateKey, *parts: bytes) -> bytes:
    """A sequence of these parts, signed: the form of certificates and of revocation lists. RFC 5280 §4.1, §5.1."""
    content = der.sequence(*parts)
    return der.sequence(content, key.algorithm, der.bits(key.sign(content)))


def _extensions(
    key: StateKey, issuer_key: StateKey, usages: tuple[str, ...], *, authority: bool
) -> list[bytes]:
    found = [extension("2.5.29.14", der.octets(key_identifier(key)))]
    if authority:
        found.append(extension("2.5.29.19", der.sequence(b"\x01\x01\xff", der.integer(0)), critical=True))
        found.append(extension("2.5.29.15", b"\x03\x02\x01\x06", critical=True))  # keyCertSign, cRLSign
    else:
        found.append(extension("2.5.29.35", der.sequence(tlv.build(0x80, key_identifier(issuer_key)))))
        found.append(extension("2.5.29.15", b"\x03\x02\x07\x80", critical=True))  # digitalSignature
    if usages:
        found.append(
            extension("2.5.29.37", der.sequence(*(der.oid(usage) for usage in usages)), critical=True)
        )
    return found


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(der.oid(oid), b"\x01\x01\xff" if critical else b"", der.octets(value))


def key_identifier(key: StateKey) -> bytes:
    """RFC 5280 §4.2.1.2 (1): over the bits of the key alone."""
    public = tlv.parse_one(key.public_key_info, 0x30).children()[1].value[1:]
    return hashlib.sha1(public, usedforsecurity=False).digest()


def time(moment: datetime.datetime) -> bytes:
    """UTCTime until 2049, GeneralizedTime afterwards. RFC 5280 §4.1.2.5."""
    if moment.year < 2050:
        return tlv.build(_UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode("ascii"))
    return tlv.build(_GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode("ascii"))
