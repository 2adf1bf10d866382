"""Revocation lists: which certificates an authority took back, and on what day it said so. RFC 5280 §5.

Lists are fetched with the bundle, never for one citizen: nobody learns whose card lies on which desk.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
from collections.abc import Iterator

from asn1crypto import crl, x509

from appliance.cards import anchors, tlv
from appliance.cards.anchors import Purpose
from appliance.cards.errors import ASN1_FAULTS, MalformedData
from contracts.errors import PueError, WhoCanAct

MAX_LIST_BYTES = 4 * 1024 * 1024
LONGEST_LIFE = datetime.timedelta(days=90)
"""Of a list that does not say when the next one comes: a State writes one at least so often (ICAO 9303-12 §6)."""
_KNOWN_CRITICAL: frozenset[str] = frozenset({"crl_number", "authority_key_identifier"})
_UTC_TIME, _GENERALIZED_TIME, _EXTENSIONS_TAG = 0x17, 0x18, 0xA0
_CRL_NUMBER_OID = bytes.fromhex("551D14")


class InvalidRevocationList(PueError, ValueError):
    """Bytes that are no revocation list this box can rest upon."""

    code = "trust.crl_invalid"
    who = WhoCanAct.OPERATOR


class RevocationState(enum.StrEnum):
    NOT_CHECKED = "not_checked"
    """No list of this authority is here."""
    GOOD = "good"
    """Not on the list of the day that is said."""
    REVOKED = "revoked"


@dataclasses.dataclass(frozen=True)
class Revocation:
    """What is known about one certificate.

    Attributes:
        state: see `RevocationState`.
        dated: day of the list that was looked at; None without one.
        until: last day on which that list is the current one.
    """

    state: RevocationState
    dated: datetime.date | None = None
    until: datetime.date | None = None

    def current(self, today: datetime.date) -> bool:
        """The list that was looked at is still the newest there should be."""
        return self.until is not None and today <= self.until


@dataclasses.dataclass(frozen=True, eq=False)
class RevocationList:
    """One list, its signature checked by whoever put it into the bundle.

    Attributes:
        country: of its issuer, upper case.
        number: grows with each list of an issuer; None where it has none.
        this_update: when it was made (aware).
        next_update: when the next one is due (aware).
    """

    der: bytes = dataclasses.field(repr=False)
    purpose: Purpose
    country: str
    number: int | None
    this_update: datetime.datetime
    next_update: datetime.datetime
    _revoked: bytes = dataclasses.field(repr=False)

    @classmethod
    def from_der(cls, der: bytes, purpose: Purpose) -> RevocationList:
        """Read, not verified.

        Raises:
            InvalidRevocationList: too long or damaged.
        """
        if len(der) > MAX_LIST_BYTES:
            raise InvalidRevocationList("the revocation list is too long", limit_bytes=MAX_LIST_BYTES)
        try:
            return cls(der, purpose, *_outline(der))
        except (MalformedData, ValueError, OverflowError) as fault:
            raise InvalidRevocationList("this is no revocation list") from fault

    @functools.cached_property
    def parsed(self) -> crl.CertificateList:
        """The whole, without its entries looked at.

        Raises:
            InvalidRevocationList: damaged within.
        """
        try:
            found = crl.CertificateList.load(self.der, strict=True)
            _ = found.issuer.hashable, found.authority_key_identifier, found["signature"].native
        except ASN1_FAULTS as fault:
            raise InvalidRevocationList("this is no revocation list") from fault
        return found

    @functools.cached_property
    def serials(self) -> frozenset[int]:
        """Serial numbers that were taken back; looked through when first asked for.

        Raises:
            InvalidRevocationList: damaged in the middle.
        """
        try:
            return frozenset(_serials(self._revoked))
        except MalformedData as fault:
            raise InvalidRevocationList("this is no revocation list") from fault

    def speaks_of(self, certificate: x509.Certificate) -> bool:
        """This issuer's certificates only: serial numbers mean nothing across authorities. A damaged list is silent."""
        try:
            return bool(self.parsed.issuer == certificate.issuer) and self.serials is not None
        except InvalidRevocationList:
            return False

    def critical_unknown(self) -> str | None:
        """A critical extension that changes what the list covers (parts of it, others' certificates); None if none.

        RFC 5280 §5.2: a list with one must not be used by whoever does not know it.
        """
        for extension in self.parsed["tbs_cert_list"]["crl_extensions"] or ():
            name = str(extension["extn_id"].native)
            if extension["critical"].native and name not in _KNOWN_CRITICAL:
                return name
        return None


def _outline(der: bytes) -> tuple[str, int | None, datetime.datetime, datetime.datetime, bytes]:
    """Country, number, thisUpdate, nextUpdate and the entries, still closed. RFC 5280 §5.1."""
    fields = tlv.parse_one(der, 0x30).children()
    if [field.tag for field in fields] != [0x30, 0x30, 0x03]:
        raise MalformedData("no revocation list", reason="crl")
    parts = fields[0].children()
    if parts and parts[0].tag == 0x02:
        parts = parts[1:]
    if [part.tag for part in parts[:2]] != [0x30, 0x30] or len(parts) < 3:
        raise MalformedData("no revocation list", reason="crl")
    made, rest = _time(parts[2]), parts[3:]
    due = made + LONGEST_LIFE
    if rest and rest[0].tag in (_UTC_TIME, _GENERALIZED_TIME):
        due, rest = _time(rest[0]), rest[1:]
    entries = tlv.first(rest, 0x30) or b""
    number = _number(tlv.first(rest, _EXTENSIONS_TAG))
    return anchors.country_of(parts[1]), number, made, due, entries


def _time(field: tlv.Tlv) -> datetime.datetime:
    """UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 allows them: to the second, in Zulu."""
    text = field.value.decode("ascii", "replace")
    if field.tag == _UTC_TIME and len(text) == 13:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif field.tag != _GENERALIZED_TIME:
        raise MalformedData("no time", reason="crl")
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.UTC)


def _number(extensions: bytes | None) -> int | None:
    if extensions is None:
        return None
    for extension in tlv.parse_one(extensions, 0x30).children():
        words = extension.children()
        if len(words) >= 2 and words[0].value == _CRL_NUMBER_OID:
            return int.from_bytes(tlv.parse_one(words[-1].value, 0x02).value, "big")
    return None


def _serials(entries: bytes) -> Iterator[int]:
    """Serial number of each entry. Regional lists have a hundred thousand: nothing but the number is looked at."""
    position = 0
    while position < len(entries):
        entry = tlv.read_header(entries, position)
        start = position + entry.header_bytes
        position += entry.total_bytes
        number = tlv.read_header(entries, start)
        end = start + number.total_bytes
        if entry.tag != 0x30 or number.tag != 0x02 or not start < end <= position <= len(entries):
            raise MalformedData("no entry of a revocation list", reason="crl")
        yield int.from_bytes(entries[start + number.header_bytes : end], "big", signed=True)
