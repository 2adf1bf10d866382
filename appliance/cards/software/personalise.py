"""What an issuing State writes on a chip: files signed by an authority, keys made fresh."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import secrets
import struct
from typing import Protocol

from appliance.cards import lds, mrz, names, tlv
from appliance.cards import security_infos as infos
from appliance.cards.agreement import DhAgreement, EcAgreement, RandomBytes
from appliance.cards.curves import by_standard_number as standard_curve
from appliance.cards.dh_groups import by_standard_number as standard_group
from appliance.cards.mrz import MrzKey
from appliance.cards.software import der
from appliance.cards.software.active_key import ActiveKeyKind, make_active_key
from appliance.cards.software.authority import InventedAuthority
from appliance.cards.software.persona import MARIA, Persona, portrait_jpeg2000
from appliance.cards.software.travel_document import Chip

_ATR_INFO = tlv.build(0x7F66, tlv.build(0x02, b"\x04\x00") + tlv.build(0x02, b"\x04\x00"))
_OID_TERMINAL_AUTHENTICATION = bytes.fromhex("04007F0007020202")
_OID_DH_KEY_AGREEMENT = bytes.fromhex("2A864886F70D010301")
_OID_STANDARD_PARAMETERS = bytes.fromhex("04007F00070102")


class Profile(enum.Enum):
    """Which protocols a chip is made with."""

    DH_3DES = enum.auto()
    """What every CIE seen so far does: RFC 5114 group 2, 3DES."""
    ECDH_AES = enum.auto()
    ECDH_CAM = enum.auto()
    """The opening itself proves the chip."""
    BAC = enum.auto()


class Form(enum.Enum):
    """What kind of document it is."""

    CIE = enum.auto()
    """Three lines, a CAN; codice fiscale and address in data group 11."""
    PASSPORT = enum.auto()
    """Two lines, no CAN; no codice fiscale; who issued it and when in data group 12."""
    PERMIT = enum.auto()
    """A residence permit in the form of Regulation (EU) 2017/1954: three lines, a CAN; no codice fiscale."""
    IDENTITY_CARD = enum.auto()
    """An identity card of another State in the form of Regulation (EU) 2019/1157: three lines, a CAN; no codice fiscale."""

    @property
    def is_card(self) -> bool:
        return self is not Form.PASSPORT


_DOCUMENT_CODES = {Form.CIE: "C", Form.PASSPORT: "P", Form.PERMIT: "IR", Form.IDENTITY_CARD: "ID"}


class FaceEncoding(enum.Enum):
    ISO_19794 = enum.auto()
    ISO_39794 = enum.auto()


@dataclasses.dataclass(frozen=True)
class Blank:
    """What a document is made of, before anybody signs it.

    Attributes:
        issuing_state: as in the printed lines.
        chip_key: with a key for chip authentication.
        active_key: with a key for active authentication, of this kind.
    """

    person: Persona = MARIA
    form: Form = Form.CIE
    issuing_state: str = "ITA"
    profile: Profile = Profile.DH_3DES
    chip_key: bool = True
    active_key: ActiveKeyKind | None = None
    face: FaceEncoding = FaceEncoding.ISO_19794


def _pace_info(profile: Profile) -> bytes | None:
    if profile is Profile.BAC:
        return None
    arcs, parameter = {
        Profile.DH_3DES: ((1, 1), 2),
        Profile.ECDH_AES: ((2, 2), 13),
        Profile.ECDH_CAM: ((6, 2), 13),
    }[profile]
    return der.sequence(_oid_object(infos.PACE_PREFIX, *arcs), der.integer(2), der.integer(parameter))


def _oid_object(prefix: bytes, *arcs: int) -> bytes:
    return tlv.build(0x06, prefix + bytes(arcs))


def _chip_key_infos(profile: Profile, random_bytes: RandomBytes) -> tuple[bytes, int]:
    """The SecurityInfos of a fresh chip key, and its private half."""
    if profile in (Profile.ECDH_AES, Profile.ECDH_CAM):
        curve = EcAgreement(standard_curve(13))
        private = curve.private_key(random_bytes)
        algorithm = tlv.build(0x30, tlv.build(0x06, _OID_STANDARD_PARAMETERS) + der.integer(13))
        bits = curve.public_key(private, curve.base)
        kind, suite = 2, 2
    else:
        group = standard_group(2)
        numbers = DhAgreement(group)
        private = numbers.private_key(random_bytes)
        parameters = tlv.build(0x30, der.integer(group.p) + der.integer(group.g) + der.integer(256))
        algorithm = tlv.build(0x30, tlv.build(0x06, _OID_DH_KEY_AGREEMENT) + parameters)
        bits = der.integer(int.from_bytes(numbers.public_key(private, numbers.base), "big"))
        kind, suite = 1, 1
    public = tlv.build(0x30, algorithm + tlv.build(0x03, b"\x00" + bits))
    key = tlv.build(0x30, _oid_object(infos.PUBLIC_KEY_PREFIX, kind) + public)
    use = tlv.build(0x30, _oid_object(infos.CHIP_AUTHENTICATION_PREFIX, kind, suite) + der.integer(1))
    return key + use, private


def _face_group(image: bytes, encoding: FaceEncoding) -> bytes:
    """Data group 2 with one face."""
    if encoding is FaceEncoding.ISO_19794:
        block, format_type = tlv.build(0x5F2E, _record_19794(image)), b"\x00\x08"
    else:
        block, format_type = tlv.build(0x7F2E, _record_39794(image)), b"\x00\x2a"
    header = tlv.build(
        0xA1, tlv.build(0x80, b"\x01\x01") + tlv.build(0x87, b"\x01\x01") + tlv.build(0x88, format_type)
    )
    template = tlv.build(0x02, b"\x01") + tlv.build(0x7F60, header + block)
    return tlv.build(lds.group_tag(2), tlv.build(0x7F61, template))


def _record_19794(image: bytes) -> bytes:
    """ISO/IEC 19794-5:2005 §5."""
    information = struct.pack(">IHBBB3sH3s3s", 20 + 12 + len(image), 0, 0, 0, 0, b"", 0, b"", b"")
    about_image = struct.pack(">BBHHBBHH", 1, 1, 480, 640, 0, 0, 0, 0)
    record = struct.pack(">4s4sIH", b"FAC", b"010", 14 + len(information) + 12 + len(image), 1)
    return record + information + about_image + image


def _record_39794(image: bytes) -> bytes:
    """ISO/IEC 39794-5:2019 with ICAO's application profile: third generation, JPEG 2000 lossy, the size."""
    size = tlv.build(0x80, (480).to_bytes(2, "big")) + tlv.build(0x81, (640).to_bytes(2, "big"))
    about_image = tlv.build(0xA0, tlv.build(0x80, b"\x03")) + tlv.build(0xA7, size)
    picture = tlv.build(0x80, image) + tlv.build(0xA1, about_image)
    chosen = tlv.build(0xA1, tlv.build(0xA0, tlv.build(0xA0, picture)))
    representation = tlv.build(0x30, tlv.build(0x80, b"\x00") + chosen)
    version = tlv.build(0xA0, tlv.build(0x80, b"\x03") + tlv.build(0x81, (2019).to_bytes(2, "big")))
    return tlv.build(0xA1, tlv.build(0x65, version + tlv.build(0xA1, representation)))


def _details_group(blank: Blank) -> bytes:
    person = blank.person
    name = f"{person.surname.replace(' ', '<')}<<{person.given_names.replace(' ', '<')}"
    fields = [
        (0x5F0E, name),
        (0x5F10, person.codice_fiscale if blank.form is Form.CIE else ""),
        (0x5F2B, f"{person.birth:%Y%m%d}"),
        (0x5F11, person.birth_place),
        (0x5F42, person.address if blank.form is Form.CIE else ""),
    ]
    return _tagged_group(11, [(tag, text) for tag, text in fields if text])


def _issue_group(issued_on: datetime.date) -> bytes:
    return _tagged_group(12, [(0x5F19, "UFFICIO DELLE PROVE"), (0x5F26, f"{issued_on:%Y%m%d}")])


def _tagged_group(number: int, fields: list[tuple[int, str]]) -> bytes:
    tags = b"".join(tag.to_bytes(2, "big") for tag, _ in fields)
    content = b"".join(tlv.build(tag, text.encode("utf-8")) for tag, text in fields)
    return tlv.build(lds.group_tag(number), tlv.build(0x5C, tags) + content)


class _ZoneWriter(Protocol):
    def __call__(
        self,
        *,
        document_code: str,
        issuing_state: str,
        document_number: str,
        birth: str,
        sex: str,
        expiry: str,
        nationality: str,
        surname: str,
        given_names: str,
    ) -> str: ...


def zone_of(blank: Blank, expiry: datetime.date) -> str:
    """The printed lines of this invented document, in one run."""
    person = blank.person
    write: _ZoneWriter = mrz.build_td1 if blank.form.is_card else mrz.build_td3
    return write(
        document_code=_DOCUMENT_CODES[blank.form],
        issuing_state=blank.issuing_state,
        document_number=person.document_number,
        birth=f"{person.birth:%y%m%d}",
        sex=person.sex,
        expiry=f"{expiry:%y%m%d}",
        nationality=person.nationality,
        surname=names.printed(person.surname),
        given_names=names.printed(person.given_names),
    )


def personalise(
    blank: Blank,
    authority: InventedAuthority,
    expiry: datetime.date,
    *,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Chip:
    """Files signed by `authority`, keys made fresh."""
    zone = zone_of(blank, expiry)
    pace_raw = _pace_info(blank.profile)
    groups = {
        1: tlv.build(lds.group_tag(1), tlv.build(0x5F1F, zone.encode("ascii"))),
        2: _face_group(portrait_jpeg2000(blank.person.hue), blank.face),
        11: _details_group(blank),
    }
    if blank.form is Form.PASSPORT:
        groups[12] = _issue_group(expiry.replace(year=expiry.year - 10))
    key, private = None, None
    listed = b"" if blank.form is Form.CIE else pace_raw or b""
    if blank.chip_key:
        key_infos, private = _chip_key_infos(blank.profile, random_bytes)
        terminal = der.sequence(tlv.build(0x06, _OID_TERMINAL_AUTHENTICATION), der.integer(1))
        listed = key_infos + terminal + (pace_raw or b"")
        key = infos.chip_keys(tlv.build(0x31, listed))[0]
    active = None if blank.active_key is None else make_active_key(blank.active_key, random_bytes)
    if active is not None:
        groups[15] = tlv.build(lds.group_tag(15), active.public_key_info)
        listed += active.security_info
    if listed:
        groups[14] = tlv.build(lds.group_tag(14), tlv.build(0x31, listed))
    return Chip(
        files=_files(groups, authority),
        free_files={**_free_files(pace_raw), **_card_security(blank, listed, authority)},
        can=blank.person.can if blank.form.is_card else None,
        mrz_key=MrzKey.from_lines(zone),
        pace=infos.pace_infos(tlv.build(0x31, pace_raw))[0] if pace_raw is not None else None,
        chip_key=key,
        chip_private=private,
        active_key=active,
    )


def _files(groups: dict[int, bytes], authority: InventedAuthority) -> dict[int, bytes]:
    files = {lds.group_file(number): data for number, data in groups.items()}
    files[lds.SOD_FILE] = authority.security_object(groups)
    tags = bytes(lds.group_tag(number) for number in sorted(groups))
    files[lds.COM_FILE] = tlv.build(
        lds.COM_TAG, tlv.build(0x5F01, b"0107") + tlv.build(0x5F36, b"040000") + tlv.build(0x5C, tags)
    )
    return files


def _card_security(blank: Blank, listed: bytes, authority: InventedAuthority) -> dict[int, bytes]:
    if blank.profile is not Profile.ECDH_CAM:
        return {}
    return {lds.CARD_SECURITY_FILE: authority.card_security(tlv.build(0x31, listed))}


def _free_files(pace_raw: bytes | None) -> dict[int, bytes]:
    free = {lds.ATR_INFO_FILE: _ATR_INFO}
    if pace_raw is not None:
        free[lds.CARD_ACCESS_FILE] = tlv.build(0x31, pace_raw)
    return free
