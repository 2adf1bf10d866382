"""The files of a travel document and what is in them. ICAO 9303-10 §4 (logical data structure 1.7 and 1.8)."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import unicodedata

from appliance.cards import face_record, tlv
from appliance.cards.errors import MalformedCode, MalformedData
from appliance.cards.mrz import Mrz

APPLICATION_ID = bytes.fromhex("A0000002471001")
CARD_ACCESS_FILE = 0x011C
CARD_SECURITY_FILE = 0x011D
"""In the master file; EF.SOD has the same number in the application."""
ATR_INFO_FILE = 0x2F01
MASTER_FILE = 0x3F00
COM_FILE = 0x011E
SOD_FILE = 0x011D
COM_TAG = 0x60
SOD_TAG = 0x77

_GROUP_TAGS = (0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70)
MAX_FILE_BYTES = {1: 1024, 2: 128 * 1024}
"""What a data group may weigh; the others, SOD and COM: 16 KiB."""
MAX_OTHER_FILE_BYTES = 16 * 1024


def group_file(number: int) -> int:
    """The file id of data group `number`, 1 to 16."""
    return 0x0100 + number


def group_tag(number: int) -> int:
    return _GROUP_TAGS[number - 1]


def group_max_bytes(number: int) -> int:
    return MAX_FILE_BYTES.get(number, MAX_OTHER_FILE_BYTES)


class ImageKind(enum.StrEnum):
    JPEG = "image/jpeg"
    JPEG2000 = "image/jp2"


_MAGIC = (
    (b"\xff\xd8\xff", ImageKind.JPEG),
    (bytes.fromhex("0000000C6A5020200D0A870A"), ImageKind.JPEG2000),
    (b"\xff\x4f\xff\x51", ImageKind.JPEG2000),
)


@dataclasses.dataclass(frozen=True)
class Portrait:
    """The face on the chip, still encoded. Decode it only after its data group proved authentic."""

    kind: ImageKind
    image: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, repr=False)
class PersonalDetails:
    """Data group 11. Every part may be absent.

    Attributes:
        full_name: in the State's own letters, accents kept; one run of words.
        surname: its first part, where the State divides it as the printed lines are (``<<``).
        given_names: its second part.
    """

    full_name: str | None = None
    surname: str | None = None
    given_names: str | None = None
    personal_number: str | None = None
    birth: datetime.date | None = None
    birth_place: str | None = None
    address: str | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class IssuingDetails:
    """Data group 12. Every part may be absent."""

    authority: str | None = None
    issued_on: datetime.date | None = None


@dataclasses.dataclass(frozen=True)
class Contents:
    """EF.COM. It is not signed: a hint, never a proof.

    Attributes:
        lds_version: four digits, ``0107`` or ``0108``; None when absent or no digits.
        groups: data group numbers in the card's order.
    """

    lds_version: str | None
    groups: tuple[int, ...]


_MARKS_MAX = 2
"""Marks on one letter, after composition; no written language of Europe stacks more."""
TEXT_MAX_SIGNS = 200
_INVISIBLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)
"""Letters and marks that show nothing (Default_Ignorable_Code_Point of Unicode): two names must not look the same."""


def clean_text(raw: bytes, max_signs: int = TEXT_MAX_SIGNS) -> str:
    """Text fit for a screen, a printer and a log: letters, marks, digits, plain punctuation; the rest becomes a space.

    Control characters, escapes, direction overrides, invisible letters and towers of marks do not pass.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    kept, marks = "", 0
    for sign in unicodedata.normalize("NFC", text[:max_signs]):
        kind = "C" if sign in _INVISIBLE else unicodedata.category(sign)[0]
        marks = marks + 1 if kind == "M" else 0
        if marks <= _MARKS_MAX:
            kept += sign if kind in "LMN" or sign in " '’-.,/()&+:°" else " "
    return " ".join(kept.split())


def parse_com(data: bytes) -> Contents:
    """ICAO 9303-10 §4.6.1."""
    objects = tlv.parse_one(data, COM_TAG).children()
    tags = tlv.need(objects, 0x5C)
    version = (tlv.first(objects, 0x5F01) or b"").decode("ascii", "replace")
    groups = tuple(_GROUP_TAGS.index(tag) + 1 for tag in tags if tag in _GROUP_TAGS)
    return Contents(version if version.isdecimal() and len(version) == 4 else None, groups)


def parse_dg1(data: bytes) -> Mrz:
    """The machine readable zone of the chip.

    Raises:
        MalformedData: not a data group 1, or its check digits are wrong.
    """
    value = tlv.need(tlv.parse_one(data, group_tag(1)).children(), 0x5F1F)
    try:
        return Mrz.parse(value.decode("ascii"))
    except (UnicodeDecodeError, MalformedCode) as fault:
        raise MalformedData("data group 1 holds no machine readable zone", reason="dg1") from fault


def parse_dg2(data: bytes) -> Portrait:
    """The first face of data group 2, in either encoding: ISO/IEC 19794-5:2005 or ISO/IEC 39794-5:2019.

    What the record says beside the image (format, size, landmarks, quality, who took it) is not believed and
    not kept: the image's own first bytes say what it is.

    Raises:
        MalformedData: no face record, or no image in it.
        Unsupported: a face that is no flat picture.
    """
    group = tlv.need(tlv.parse_one(data, group_tag(2)).children(), 0x7F61)
    template = tlv.first(tlv.parse(group), 0x7F60)
    if template is None:
        raise MalformedData("no biometric template", reason="dg2")
    block = tlv.first(tlv.parse(template), 0x5F2E, 0x7F2E)
    if block is None:
        raise MalformedData("no biometric data block", reason="dg2")
    image = face_record.image_of(block)
    for magic, kind in _MAGIC:
        if image.startswith(magic):
            return Portrait(kind, image)
    raise MalformedData("the face is neither JPEG nor JPEG 2000", reason="dg2")


def parse_dg11(data: bytes) -> PersonalDetails:
    objects = tlv.parse_one(data, group_tag(11)).children()

    def text(tag: int, joint: str = " ") -> str | None:
        value = tlv.first(objects, tag)
        if value is None:
            return None
        # no sign is longer than four bytes: what is cut off here could not be shown anyway
        parts = value[: 4 * TEXT_MAX_SIGNS].split(b"<")
        return joint.join(filter(None, map(clean_text, parts)))[:TEXT_MAX_SIGNS].rstrip() or None

    number = text(0x5F10, "")
    surname, given_names = _divided_name(tlv.first(objects, 0x5F0E) or b"")
    return PersonalDetails(
        full_name=text(0x5F0E),
        surname=surname,
        given_names=given_names,
        personal_number=number.upper() if number else None,
        birth=_day(tlv.first(objects, 0x5F2B)),
        birth_place=text(0x5F11, ", "),
        address=text(0x5F42, ", "),
    )


def _divided_name(value: bytes) -> tuple[str | None, str | None]:
    """Surname and given names, only where two fillers divide them: guessing would rename people."""
    first, fillers, second = value.partition(b"<<")
    surname, given_names = (clean_text(part.replace(b"<", b" ")) for part in (first, second))
    return (surname, given_names) if fillers and surname and given_names else (None, None)


def parse_dg12(data: bytes) -> IssuingDetails:
    """Who issued the document, and when. ICAO 9303-10 §4.7.12."""
    objects = tlv.parse_one(data, group_tag(12)).children()
    authority = clean_text((tlv.first(objects, 0x5F19) or b"").replace(b"<", b" "))
    return IssuingDetails(authority or None, _day(tlv.first(objects, 0x5F26)))


def _day(value: bytes | None) -> datetime.date | None:
    """Eight digits as ASCII, or packed in four bytes."""
    if value is None:
        return None
    digits = value.hex() if len(value) == 4 else value.decode("ascii", "replace")
    try:
        return (
            datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if len(digits) == 8 else None
        )
    except ValueError:
        return None


def parse_sod(data: bytes) -> bytes:
    """The CMS message inside EF.SOD."""
    return tlv.parse_one(data, SOD_TAG).value


def parse_dg14(data: bytes) -> bytes:
    """The SET OF SecurityInfo inside data group 14."""
    return tlv.parse_one(data, group_tag(14)).value


def parse_dg15(data: bytes) -> bytes:
    """The SubjectPublicKeyInfo inside data group 15."""
    return tlv.parse_one(data, group_tag(15)).value


def extended_lengths(atr_info: bytes) -> tuple[int, int] | None:
    """Largest command and response in bytes as EF.ATR/INFO announces them. ISO/IEC 7816-4 §12.7.1; None: short only."""
    try:
        block = tlv.first(tlv.parse(atr_info), 0x7F66)
        numbers = [int.from_bytes(item.value, "big") for item in tlv.parse(block or b"") if item.tag == 0x02]
    except MalformedData:
        return None
    return (numbers[0], numbers[1]) if len(numbers) == 2 and min(numbers) > 256 else None
