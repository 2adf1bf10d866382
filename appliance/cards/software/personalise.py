"""What an issuing State writes on a chip: files signed by an authority, keys made fresh."""

from __future__ import annotations

import datetime
import enum
import secrets
import struct

from appliance.cards import lds, mrz, tlv
from appliance.cards import security_infos as infos
from appliance.cards.agreement import DhAgreement, EcAgreement, RandomBytes
from appliance.cards.curves import by_standard_number as standard_curve
from appliance.cards.dh_groups import by_standard_number as standard_group
from appliance.cards.mrz import MrzKey
from appliance.cards.software.authority import InventedAuthority
from appliance.cards.software.persona import Persona, portrait_jpeg2000
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
    BAC = enum.auto()


def _integer(value: int) -> bytes:
    return tlv.build(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid_object(prefix: bytes, *arcs: int) -> bytes:
    return tlv.build(0x06, prefix + bytes(arcs))


def _pace_info(profile: Profile) -> bytes | None:
    if profile is Profile.BAC:
        return None
    arcs, parameter = ((1, 1), 2) if profile is Profile.DH_3DES else ((2, 2), 13)
    return tlv.build(0x30, _oid_object(infos.PACE_PREFIX, *arcs) + _integer(2) + _integer(parameter))


def _chip_key_infos(profile: Profile, random_bytes: RandomBytes) -> tuple[bytes, int]:
    """The SecurityInfos of a fresh chip key, and its private half."""
    if profile is Profile.ECDH_AES:
        curve = EcAgreement(standard_curve(13))
        private = curve.private_key(random_bytes)
        algorithm = tlv.build(0x30, tlv.build(0x06, _OID_STANDARD_PARAMETERS) + _integer(13))
        bits = curve.public_key(private, curve.base)
        kind, suite = 2, 2
    else:
        group = standard_group(2)
        numbers = DhAgreement(group)
        private = numbers.private_key(random_bytes)
        parameters = tlv.build(0x30, _integer(group.p) + _integer(group.g) + _integer(256))
        algorithm = tlv.build(0x30, tlv.build(0x06, _OID_DH_KEY_AGREEMENT) + parameters)
        bits = _integer(int.from_bytes(numbers.public_key(private, numbers.base), "big"))
        kind, suite = 1, 1
    public = tlv.build(0x30, algorithm + tlv.build(0x03, b"\x00" + bits))
    key = tlv.build(0x30, _oid_object(infos.PUBLIC_KEY_PREFIX, kind) + public)
    use = tlv.build(0x30, _oid_object(infos.CHIP_AUTHENTICATION_PREFIX, kind, suite) + _integer(1))
    return key + use, private


def _face_group(image: bytes) -> bytes:
    """Data group 2 with one face. ISO/IEC 19794-5:2005."""
    information = struct.pack(">IHBBB3sH3s3s", 20 + 12 + len(image), 0, 0, 0, 0, b"", 0, b"", b"")
    about_image = struct.pack(">BBHHBBHH", 1, 1, 480, 640, 0, 0, 0, 0)
    record = struct.pack(">4s4sIH", b"FAC", b"010", 14 + len(information) + 12 + len(image), 1)
    header = tlv.build(
        0xA1, tlv.build(0x80, b"\x01\x01") + tlv.build(0x87, b"\x01\x01") + tlv.build(0x88, b"\x00\x08")
    )
    block = tlv.build(0x5F2E, record + information + about_image + image)
    template = tlv.build(0x02, b"\x01") + tlv.build(0x7F60, header + block)
    return tlv.build(lds.group_tag(2), tlv.build(0x7F61, template))


def _details_group(person: Persona) -> bytes:
    name = f"{person.surname.replace(' ', '<')}<<{person.given_names.replace(' ', '<')}"
    fields = (
        (0x5F0E, name),
        (0x5F10, person.codice_fiscale),
        (0x5F2B, f"{person.birth:%Y%m%d}"),
        (0x5F11, person.birth_place),
        (0x5F42, person.address),
    )
    tags = b"".join(tag.to_bytes(2, "big") for tag, _ in fields)
    content = b"".join(tlv.build(tag, text.encode("utf-8")) for tag, text in fields)
    return tlv.build(lds.group_tag(11), tlv.build(0x5C, tags) + content)


def zone_of(person: Persona, expiry: datetime.date) -> str:
    """The ninety signs on the back of this person's invented CIE."""
    return mrz.build_td1(
        document_code="C",
        issuing_state="ITA",
        document_number=person.document_number,
        birth=f"{person.birth:%y%m%d}",
        sex=person.sex,
        expiry=f"{expiry:%y%m%d}",
        nationality="ITA",
        surname=person.surname,
        given_names=person.given_names,
    )


def personalise(
    person: Persona,
    authority: InventedAuthority,
    expiry: datetime.date,
    *,
    profile: Profile = Profile.DH_3DES,
    with_chip_key: bool = True,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Chip:
    """Files signed by `authority`, keys made fresh."""
    zone = zone_of(person, expiry)
    groups = {
        1: tlv.build(lds.group_tag(1), tlv.build(0x5F1F, zone.encode("ascii"))),
        2: _face_group(portrait_jpeg2000(person.hue)),
        11: _details_group(person),
    }
    pace_raw = _pace_info(profile)
    key, private = None, None
    if with_chip_key:
        key_infos, private = _chip_key_infos(profile, random_bytes)
        terminal = tlv.build(0x30, tlv.build(0x06, _OID_TERMINAL_AUTHENTICATION) + _integer(1))
        listed = tlv.build(0x31, key_infos + terminal + (pace_raw or b""))
        groups[14] = tlv.build(lds.group_tag(14), listed)
        key = infos.chip_keys(listed)[0]
    files = {lds.group_file(number): data for number, data in groups.items()}
    files[lds.SOD_FILE] = authority.security_object(groups)
    tags = bytes(lds.group_tag(number) for number in sorted(groups))
    files[lds.COM_FILE] = tlv.build(
        lds.COM_TAG, tlv.build(0x5F01, b"0107") + tlv.build(0x5F36, b"040000") + tlv.build(0x5C, tags)
    )
    free = {lds.ATR_INFO_FILE: _ATR_INFO}
    if pace_raw is not None:
        free[lds.CARD_ACCESS_FILE] = tlv.build(0x31, pace_raw)
    return Chip(
        files=files,
        free_files=free,
        can=person.can,
        mrz_key=MrzKey.from_lines(zone),
        pace=infos.pace_infos(tlv.build(0x31, pace_raw))[0] if pace_raw is not None else None,
        chip_key=key,
        chip_private=private,
    )
