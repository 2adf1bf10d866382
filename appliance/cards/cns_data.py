"""What a Carta Nazionale dei Servizi (TS-CNS, CNS) holds, as bytes: the holder's data, its number, its certificate.

AgID "CNS File System" v10 (10 June 2016): EF_Dati_personali, EF_ID_Carta, EF_C_Carta. Nothing of it is signed by
itself: the certificate's common name carries a hash of the data, and the certificate is signed.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import hashlib
import hmac
import re

from asn1crypto import x509

from appliance.cards import codice_fiscale, lds, tlv
from appliance.cards.errors import ASN1_FAULTS, MalformedData

PERSONAL_DATA_MAX_BYTES = 400
"""The size of EF_Dati_personali on every card; what it says of itself must fit in it."""
CERTIFICATE_MAX_BYTES = 4096
CARD_NUMBER_DIGITS = 16
_TOTAL_DIGITS = 6
_FIELDS = (
    "issuer",
    "issued",
    "expiry",
    "surname",
    "given_names",
    "birth",
    "sex",
    "height",
    "codice_fiscale",
    "citizenship",
    "birth_comune",
    "birth_country",
    "birth_certificate",
    "residence_comune",
    "residence_address",
    "annotations",
)
"""Sixteen fields, in this order; a TS-CNS leaves most of the second half empty."""
_NEEDED = ("expiry", "surname", "given_names", "birth", "codice_fiscale")
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_COMMON_NAME = re.compile(r"([A-Z0-9]{16})/([0-9]{16})\.([A-Za-z0-9+/]{27}=)")


def _wrong(reason: str) -> MalformedData:
    return MalformedData("the personal data of the card cannot be read", reason=reason)


@dataclasses.dataclass(frozen=True, repr=False)
class PersonalData:
    """EF_Dati_personali, cleaned for screen and paper.

    Attributes:
        expiry: last day of the card.
        birth_comune: Belfiore code; empty where the card does not say. So all texts.
        content_bytes: how much of the file the data fill; the rest is padding.
    """

    issuer: str
    issued: datetime.date | None
    expiry: datetime.date
    surname: str
    given_names: str
    birth: datetime.date
    sex: str
    codice_fiscale: str
    citizenship: str
    birth_comune: str
    residence_comune: str
    residence_address: str
    content_bytes: int


def parse_personal_data(raw: bytes) -> PersonalData:
    """Six hexadecimal digits of total length, then sixteen fields of two hexadecimal digits of length and text.

    Raises:
        MalformedData: a length that does not fit, or a field without which this names nobody.
    """
    total = _hex_number(raw[:_TOTAL_DIGITS], _TOTAL_DIGITS)
    end = _TOTAL_DIGITS + total
    if end > min(len(raw), PERSONAL_DATA_MAX_BYTES):
        raise _wrong("cns_length")
    fields = dict(zip(_FIELDS, _split(raw[_TOTAL_DIGITS:end]), strict=True))
    if any(not fields[name] for name in _NEEDED):
        raise _wrong("cns_field_missing")
    code = fields["codice_fiscale"].upper()
    if not codice_fiscale.is_well_formed(code):
        raise _wrong("cns_codice_fiscale")
    expiry, birth = _date(fields["expiry"]), _date(fields["birth"])
    if expiry is None or birth is None:
        raise _wrong("cns_date")
    return PersonalData(
        issuer=fields["issuer"],
        issued=_date(fields["issued"]),
        expiry=expiry,
        surname=fields["surname"],
        given_names=fields["given_names"],
        birth=birth,
        sex=fields["sex"].upper() if fields["sex"].upper() in ("M", "F") else "X",
        codice_fiscale=code,
        citizenship=fields["citizenship"],
        birth_comune=fields["birth_comune"].upper(),
        residence_comune=fields["residence_comune"].upper(),
        residence_address=fields["residence_address"],
        content_bytes=end,
    )


def _hex_number(raw: bytes, digits: int) -> int:
    if len(raw) != digits or not _HEX.fullmatch(raw):
        raise _wrong("cns_length")
    return int(raw, 16)


def _split(content: bytes) -> list[str]:
    """The fields that are there, the missing last ones as empty: some issuers end early."""
    found: list[str] = []
    position = 0
    while position < len(content):
        size = _hex_number(content[position : position + 2], 2)
        position += 2 + size
        if position > len(content) or len(found) == len(_FIELDS):
            raise _wrong("cns_length")
        found.append(lds.clean_text(content[position - size : position]))
    return found + [""] * (len(_FIELDS) - len(found))


def _date(text: str) -> datetime.date | None:
    """DDMMYYYY."""
    if not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        return datetime.date(int(text[4:]), int(text[2:4]), int(text[:2]))
    except ValueError:
        return None


def parse_card_number(raw: bytes) -> str:
    """EF_ID_Carta: sixteen digits, the last of them by Luhn over the others.

    Raises:
        MalformedData: something else.
    """
    text = raw[:CARD_NUMBER_DIGITS].decode("ascii", "replace")
    if not re.fullmatch(rf"[0-9]{{{CARD_NUMBER_DIGITS}}}", text) or luhn_digit(text[:-1]) != text[-1]:
        raise MalformedData("the number of the card is none", reason="cns_number")
    return text


def luhn_digit(digits: str) -> str:
    """The digit that completes `digits`. ISO/IEC 7812-1 annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def certificate_in(raw: bytes) -> bytes:
    """The DER certificate at the start of EF_C_Carta, its padding taken off.

    One issuer (Infocamere 1204) writes a marker and a length of five bytes before it.

    Raises:
        MalformedData: no certificate, or one longer than any.
    """
    for start in (0, 5):
        if raw[start : start + 1] != b"\x30":
            continue
        total = tlv.read_header(raw, start).total_bytes
        if start + total <= len(raw) and total <= CERTIFICATE_MAX_BYTES:
            return raw[start : start + total]
    raise MalformedData("the card holds no certificate", reason="cns_certificate")


def load_certificate(der: bytes) -> x509.Certificate:
    """The parsed certificate.

    Raises:
        MalformedData: it cannot be parsed whole.
    """
    try:
        certificate = x509.Certificate.load(der, strict=True)
        _ = certificate.native  # asn1crypto parses late: whatever is wrong is found here
    except ASN1_FAULTS as fault:
        raise MalformedData("the card's certificate cannot be read", reason="cns_certificate") from fault
    return certificate


@dataclasses.dataclass(frozen=True, repr=False)
class Binding:
    """What the certificate's common name says of the card: ``CF/number.base64(SHA-1 of the data)``."""

    codice_fiscale: str
    card_number: str
    data_sha1: bytes

    def covers(self, data: bytes, content_bytes: int) -> bool:
        """Whether the hash is that of the data: of the whole file, or of the part that is filled. Issuers differ."""
        return any(
            hmac.compare_digest(hashlib.sha1(part, usedforsecurity=False).digest(), self.data_sha1)
            for part in (data, data[:content_bytes])
        )


def binding_of(certificate: x509.Certificate) -> Binding | None:
    """None for a common name of another shape: such a certificate vouches for no data file."""
    name = certificate.subject.native.get("common_name")
    found = _COMMON_NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        return None
    try:
        return Binding(found[1], found[2], base64.b64decode(found[3], validate=True))
    except (binascii.Error, ValueError):
        return None


def common_name(code: str, card_number: str, data: bytes) -> str:
    """What an issuer writes: the other direction of `binding_of`."""
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return f"{code}/{card_number}.{base64.b64encode(digest).decode('ascii')}"
