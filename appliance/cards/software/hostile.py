"""Cards that mean harm, by name: each is a genuine card of ours with one thing wrong.

None may get more out of a box than one of its own errors, within its bounds of commands, bytes and time, and none may
ever be green for a lie. What is wrong with each stands beside its name; how it is done is in `twists`.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib
import struct
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.serialization import Encoding

from appliance.cards import curves, dh_groups, lds, tlv
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import Command, Instruction, Response, StatusWord
from appliance.cards.software import der, twists
from appliance.cards.software.authority import InventedAuthority
from appliance.cards.software.cns_card import CnsCard, CnsKind, issue_cns
from appliance.cards.software.personalise import Blank, Profile, personalise
from appliance.cards.software.security_object import Writing, security_object
from appliance.cards.software.state_keys import hash_algorithm
from appliance.cards.software.travel_document import Chip
from appliance.cards.software.twists import MAC_TAG, Twist, TwistedCard, TwistedDocument

_GROUP = dh_groups.by_standard_number(2)
_MODULUS_BITS = 16384


class Hostility(enum.StrEnum):
    """What is wrong with a hostile card."""

    # lengths and files
    FILE_OVER_CAP = "file_over_cap"
    FILE_CLAIMS_4_GIB = "file_claims_4_gib"
    FILE_BYTE_BY_BYTE = "file_byte_by_byte"
    FILE_STANDS_STILL = "file_stands_still"
    """Reads succeed and bring nothing."""
    FILE_INDEFINITE = "file_indefinite"
    FILES_TOO_MANY_BYTES = "files_too_many_bytes"
    """Each file within its cap, all together not, and in small pieces."""
    MORE_TO_COME_FOREVER = "more_to_come_forever"
    """61xx to everything."""
    MORE_TO_COME_WITH_DATA = "more_to_come_with_data"
    OTHER_LENGTH_FOREVER = "other_length_forever"
    """6Cxx to everything."""
    END_OF_FILE_FOREVER = "end_of_file_forever"
    """6282 with nothing to every read."""
    LONGER_THAN_ASKED = "longer_than_asked"
    """Protected reads bring more than asked for."""
    SELECT_FLOODS = "select_floods"
    """64 kB where nothing was asked for."""
    LONG_READS_ANNOUNCED = "long_reads_announced"
    """Announces long answers and refuses them, always."""
    # the security object
    SOD_NESTED = "sod_nested"
    SOD_LISTS_200 = "sod_lists_200"
    SOD_LISTS_TWICE = "sod_lists_twice"
    """Genuinely signed, data group 1 listed twice."""
    SOD_OVERLONG_OID = "sod_overlong_oid"
    SIGNER_EXPONENT_ONE = "signer_exponent_one"
    """An RSA key every signature of which is its own message; the certificate around it is the real signer's."""
    SIGNER_HUGE_MODULUS = "signer_huge_modulus"
    # key agreement
    OFFERS_OVERLONG_OID = "offers_overlong_oid"
    DH_ZERO = "dh_zero"
    DH_ONE = "dh_one"
    DH_MINUS_ONE = "dh_minus_one"
    DH_MODULUS = "dh_modulus"
    DH_WRONG_SUBGROUP = "dh_wrong_subgroup"
    EC_OFF_CURVE = "ec_off_curve"
    EC_INFINITY = "ec_infinity"
    EC_TWIN_OF_OURS = "ec_twin_of_ours"
    """Our own point mirrored: no echo byte by byte, and its sum with ours is the point at infinity."""
    ECHO_MAPPING = "echo_mapping"
    ECHO_AGREEMENT = "echo_agreement"
    ECHO_PROOF = "echo_proof"
    """Our own authentication token sent back."""
    NONCE_EMPTY = "nonce_empty"
    WRONG_CODE_FOREVER = "wrong_code_forever"
    """6300 to every step of opening."""
    CHIP_KEY_OFF_CURVE = "chip_key_off_curve"
    CHIP_KEY_WITHOUT_FIELD = "chip_key_without_field"
    """Explicit curve parameters modulo zero."""
    CHIP_KEY_UNKNOWN_SUITE = "chip_key_unknown_suite"
    # secure messaging
    SM_PLAIN = "sm_plain"
    SM_NO_MAC = "sm_no_mac"
    SM_SHORT_MAC = "sm_short_mac"
    SM_EMPTY_MAC = "sm_empty_mac"
    SM_EXTRA_OBJECT = "sm_extra_object"
    SM_TWO_CRYPTOGRAMS = "sm_two_cryptograms"
    SM_OTHER_STATUS = "sm_other_status"
    SM_REPLAYED = "sm_replayed"
    # what people and decoders see
    NAME_ESCAPES = "name_escapes"
    """Terminal escapes, direction overrides, markup and nulls in a genuinely signed name."""
    NAME_ENDLESS = "name_endless"
    PHOTO_BOMB = "photo_bomb"
    """A genuinely signed photo of 60000 by 60000 pixels."""
    PHOTO_CUT = "photo_cut"
    ATR_GARBAGE = "atr_garbage"
    SILENT = "silent"
    """Answers of no byte at all."""
    # service cards
    CNS_LENGTH_LIES = "cns_length_lies"
    CNS_FIELD_PAST_END = "cns_field_past_end"
    CNS_CERTIFICATE_ENDLESS = "cns_certificate_endless"
    CNS_NAME_ESCAPES = "cns_name_escapes"
    CNS_FLOODS = "cns_floods"


# ---------------------------------------------------------------- parts of travel documents


class _Twice(dict[int, bytes]):
    """Data groups that are all listed twice."""

    def items(self) -> list[tuple[int, bytes]]:  # type: ignore[override]
        return [*super().items(), *super().items()]


_HONEST_READS = (8, 256)
"""A header, or one of the free files before opening: there these cards behave, to get further."""


def _gives(bytes_each: int) -> Callable[[Command, Response], Response]:
    def change(command: Command, response: Response) -> Response:
        if command.expected in _HONEST_READS:
            return response
        return dataclasses.replace(response, data=response.data[:bytes_each])

    return change


def _longer(_: Command, response: Response) -> Response:
    return dataclasses.replace(response, data=response.data + bytes(40)) if response.data else response


def _many_bytes(chip: Chip, authority: InventedAuthority) -> Chip:
    sizes = {2: 128 * 1024 - 4, 11: 16000, 12: 16000, 15: 16000}
    groups = twists.groups_of(chip) | {
        number: tlv.build(lds.group_tag(number), bytes(size)) for number, size in sizes.items()
    }
    files = {**chip.files, **{lds.group_file(number): data for number, data in groups.items()}}
    free = {lds.CARD_ACCESS_FILE: chip.free_files[lds.CARD_ACCESS_FILE]}
    return dataclasses.replace(
        chip, files=files | {lds.SOD_FILE: authority.security_object(groups)}, free_files=free
    )


def _refuses_long(command: Command, response: Response) -> Response:
    return Response(b"", StatusWord.WRONG_LENGTH) if (command.expected or 0) > 256 else response


def _in_cms(content: bytes) -> bytes:
    """A security object whose ContentInfo holds this instead of SignedData."""
    return tlv.build(0x77, der.sequence(der.oid("1.2.840.113549.1.7.2"), content))


def _nested(depth: int = 4000) -> bytes:
    return b"\xa0\x80" * depth


_LONG_OID = tlv.build(0x06, b"\x04" + b"\xff" * 3000 + b"\x01")


@dataclasses.dataclass(frozen=True)
class _IdentityKey:
    """An RSA key with exponent one: the padded digest is its own signature. RFC 8017 §9.2."""

    exponent: int
    bits: int
    hash_name: str = "sha256"

    @property
    def algorithm(self) -> bytes:
        return der.sequence(der.oid("1.2.840.113549.1.1.11"), der.NULL)

    @property
    def public_key_info(self) -> bytes:
        numbers = der.sequence(der.integer((1 << self.bits) - 1), der.integer(self.exponent))
        return der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1"), der.NULL), der.bits(numbers))

    def sign(self, message: bytes) -> bytes:
        digest = der.sequence(hash_algorithm(self.hash_name), der.octets(hashlib.sha256(message).digest()))
        return b"\x00\x01".ljust(self.bits // 8 - len(digest) - 1, b"\xff") + b"\x00" + digest


def _signed_by(key: _IdentityKey) -> Twist:
    """The real signer's certificate with another key in it: its own signature no longer fits."""

    def rewrite(chip: Chip, authority: InventedAuthority) -> Chip:
        true = authority.signer_certificate.public_bytes(Encoding.DER)
        content, algorithm, signature = tlv.parse_one(true, 0x30).children()
        fields = content.children()
        parts = [key.public_key_info if place == 6 else field.raw for place, field in enumerate(fields)]
        forged = der.sequence(der.sequence(*parts), algorithm.raw, signature.raw)
        sid = der.sequence(fields[3].raw, fields[1].raw)
        sod = security_object(twists.groups_of(chip), Writing(), key, forged, sid)
        return dataclasses.replace(chip, files={**chip.files, lds.SOD_FILE: sod})

    return Twist(rewrite=rewrite)


def _dh(value: int) -> Callable[[], Twist]:
    said = value.to_bytes(_GROUP.value_bytes, "big")
    return lambda: twists.public_value(0x84, lambda _, __: said)


def _mirrored(ours: bytes, _: bytes) -> bytes:
    curve = curves.by_standard_number(13)
    x, y = curve.decode(ours)
    return curve.encode((x, curve.p - y))


def _with_chip_infos(*entries: bytes) -> Twist:
    """Data group 14, genuinely signed, with these SecurityInfos in place of its chip key."""

    def change(groups: dict[int, bytes]) -> dict[int, bytes]:
        offers = [
            item.raw for item in tlv.parse(lds.parse_dg14(groups[14])) if b"\x02\x02\x04" in item.raw[:16]
        ]
        return groups | {14: tlv.build(0x6E, tlv.build(0x31, b"".join((*entries, *offers))))}

    return twists.signed(change)


_OID_PK_ECDH = tlv.build(0x06, bytes.fromhex("04007F000702020102"))
_OID_CA_UNKNOWN = tlv.build(0x06, bytes.fromhex("04007F000702020302") + b"\x09")


def _chip_key(parameters: bytes, point: bytes) -> bytes:
    """ChipAuthenticationPublicKeyInfo over a curve. TR-03110-3 A.1.1.2."""
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), parameters)
    return der.sequence(_OID_PK_ECDH, der.sequence(algorithm, der.bits(point)))


_NO_FIELD = der.sequence(
    der.integer(1),
    der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(0)),
    der.sequence(der.octets(b"\x01"), der.octets(b"\x01")),
    der.octets(b"\x04" + bytes(64)),
    der.integer(7),
)
_BRAINPOOL = der.oid("1.3.36.3.3.2.8.1.1.7")


def _details(name: bytes) -> Callable[[dict[int, bytes]], dict[int, bytes]]:
    content = tlv.build(0x5C, bytes.fromhex("5F0E5F11")) + tlv.build(0x5F0E, name) + tlv.build(0x5F11, name)
    return lambda groups: groups | {11: tlv.build(lds.group_tag(11), content)}


ESCAPES = "\x1b[2J\x07ESEMPIO\u202e\x00<<\u2066MARIA\x9b31m\r\n<script>&lt;".encode()
"""A name that would clear a terminal, turn the reading direction and end a string; underneath it is MARIA ESEMPIO."""


def _photo(change: Callable[[bytes], bytes]) -> Callable[[dict[int, bytes]], dict[int, bytes]]:
    def rewritten(groups: dict[int, bytes]) -> dict[int, bytes]:
        image = lds.parse_dg2(groups[2]).image
        return groups | {2: groups[2].replace(image, change(image))}

    return rewritten


def bomb(image: bytes, side_px: int = 60_000) -> bytes:
    """The same JPEG 2000 file with huge sizes in its image header box and in its codestream. ISO/IEC 15444-1 A.5.1, I.5.3.1."""
    size = struct.pack(">II", side_px, side_px)
    for marker, skip in ((b"ihdr", 4), (b"\xff\x51", 6)):
        place = image.index(marker) + skip
        image = image[:place] + size + image[place + len(size) :]
    return image


# ---------------------------------------------------------------- the table


@dataclasses.dataclass(frozen=True)
class _Recipe:
    twist: Callable[[], Twist]
    profile: Profile = Profile.ECDH_AES


def _reads(change: Callable[[Command, Response], Response]) -> Callable[[], Twist]:
    return lambda: twists.reads(change)


def _group_file(number: int, content: bytes) -> Callable[[], Twist]:
    return lambda: twists.with_file(lds.group_file(number), content)


def _sod(content: bytes) -> Callable[[], Twist]:
    return lambda: twists.with_file(lds.SOD_FILE, content)


def _protected(change: Callable[[list[tlv.Tlv], bytes], bytes]) -> Callable[[], Twist]:
    return lambda: twists.protected(change)


def _short_mac(bytes_left: int) -> Callable[[list[tlv.Tlv], bytes], bytes]:
    return lambda said, status: (
        twists.joined(said[:-1]) + tlv.build(MAC_TAG, said[-1].value[:bytes_left]) + status
    )


_EXTRA = tlv.build(0x80, b"extra")
_GENERAL = Instruction.GENERAL_AUTHENTICATE
_TABLE: Mapping[Hostility, _Recipe] = {
    Hostility.FILE_OVER_CAP: _Recipe(_group_file(1, tlv.build(0x61, bytes(5000)))),
    Hostility.FILE_CLAIMS_4_GIB: _Recipe(_group_file(2, bytes.fromhex("7584FFFFFFFF") + bytes(64))),
    Hostility.FILE_BYTE_BY_BYTE: _Recipe(_reads(_gives(1))),
    Hostility.FILE_STANDS_STILL: _Recipe(_reads(_gives(0))),
    Hostility.FILE_INDEFINITE: _Recipe(_group_file(11, b"\x6b\x80" + bytes(60))),
    Hostility.FILES_TOO_MANY_BYTES: _Recipe(lambda: Twist(rewrite=_many_bytes)),
    Hostility.MORE_TO_COME_FOREVER: _Recipe(lambda: twists.always(b"\x61\x00")),
    Hostility.MORE_TO_COME_WITH_DATA: _Recipe(lambda: twists.always(bytes(256) + b"\x61\x00")),
    Hostility.OTHER_LENGTH_FOREVER: _Recipe(lambda: twists.always(b"\x6c\x10")),
    Hostility.END_OF_FILE_FOREVER: _Recipe(_reads(lambda _, __: Response(b"", StatusWord.END_OF_FILE))),
    Hostility.LONGER_THAN_ASKED: _Recipe(_reads(_longer)),
    Hostility.SELECT_FLOODS: _Recipe(lambda: twists.always(bytes(65000) + b"\x90\x00", Instruction.SELECT)),
    Hostility.LONG_READS_ANNOUNCED: _Recipe(_reads(_refuses_long)),
    Hostility.SOD_NESTED: _Recipe(_sod(_in_cms(_nested()))),
    Hostility.SOD_LISTS_200: _Recipe(
        lambda: Twist(
            rewrite=lambda chip, authority: dataclasses.replace(
                chip,
                files={
                    **chip.files,
                    lds.SOD_FILE: authority.security_object(dict.fromkeys(range(1, 201), b"")),
                },
            )
        )
    ),
    Hostility.SOD_LISTS_TWICE: _Recipe(lambda: twists.signed(_Twice)),
    Hostility.SOD_OVERLONG_OID: _Recipe(_sod(tlv.build(0x77, der.sequence(_LONG_OID, b"\xa0\x02\x30\x00")))),
    Hostility.SIGNER_EXPONENT_ONE: _Recipe(lambda: _signed_by(_IdentityKey(1, 2048))),
    Hostility.SIGNER_HUGE_MODULUS: _Recipe(lambda: _signed_by(_IdentityKey(65537, _MODULUS_BITS))),
    Hostility.OFFERS_OVERLONG_OID: _Recipe(
        lambda: twists.with_free_file(lds.CARD_ACCESS_FILE, tlv.build(0x31, der.sequence(_LONG_OID)))
    ),
    Hostility.DH_ZERO: _Recipe(_dh(0), Profile.DH_3DES),
    Hostility.DH_ONE: _Recipe(_dh(1), Profile.DH_3DES),
    Hostility.DH_MINUS_ONE: _Recipe(_dh(_GROUP.p - 1), Profile.DH_3DES),
    Hostility.DH_MODULUS: _Recipe(_dh(_GROUP.p), Profile.DH_3DES),
    Hostility.DH_WRONG_SUBGROUP: _Recipe(_dh(2), Profile.DH_3DES),
    Hostility.EC_OFF_CURVE: _Recipe(
        lambda: twists.public_value(0x82, lambda _, true: true[:-1] + bytes([true[-1] ^ 1]))
    ),
    Hostility.EC_INFINITY: _Recipe(lambda: twists.public_value(0x84, lambda _, __: b"\x00")),
    Hostility.EC_TWIN_OF_OURS: _Recipe(lambda: twists.public_value(0x84, _mirrored)),
    Hostility.ECHO_MAPPING: _Recipe(lambda: twists.public_value(0x82, lambda ours, _: ours)),
    Hostility.ECHO_AGREEMENT: _Recipe(lambda: twists.public_value(0x84, lambda ours, _: ours)),
    Hostility.ECHO_PROOF: _Recipe(lambda: twists.public_value(0x86, lambda ours, _: ours)),
    Hostility.NONCE_EMPTY: _Recipe(lambda: twists.public_value(0x80, lambda _, __: b"")),
    Hostility.WRONG_CODE_FOREVER: _Recipe(lambda: twists.always(b"\x63\x00", _GENERAL)),
    Hostility.CHIP_KEY_OFF_CURVE: _Recipe(
        lambda: _with_chip_infos(_chip_key(_BRAINPOOL, b"\x04" + bytes(63) + b"\x01"))
    ),
    Hostility.CHIP_KEY_WITHOUT_FIELD: _Recipe(
        lambda: _with_chip_infos(_chip_key(_NO_FIELD, b"\x04" + bytes(64)))
    ),
    Hostility.CHIP_KEY_UNKNOWN_SUITE: _Recipe(
        lambda: _with_chip_infos(
            _chip_key(_BRAINPOOL, b"\x04" + bytes(64)), der.sequence(_OID_CA_UNKNOWN, der.integer(1))
        )
    ),
    Hostility.SM_PLAIN: _Recipe(_protected(lambda _, status: status)),
    Hostility.SM_NO_MAC: _Recipe(_protected(lambda said, status: twists.joined(said[:-1]) + status)),
    Hostility.SM_SHORT_MAC: _Recipe(_protected(_short_mac(4))),
    Hostility.SM_EMPTY_MAC: _Recipe(_protected(_short_mac(0))),
    Hostility.SM_EXTRA_OBJECT: _Recipe(
        _protected(lambda said, status: _EXTRA + twists.joined(said) + status)
    ),
    Hostility.SM_TWO_CRYPTOGRAMS: _Recipe(
        _protected(lambda said, status: said[0].raw + twists.joined(said) + status)
    ),
    Hostility.SM_OTHER_STATUS: _Recipe(_protected(lambda said, _: twists.joined(said) + b"\x62\x82")),
    Hostility.SM_REPLAYED: _Recipe(twists.replayed),
    Hostility.NAME_ESCAPES: _Recipe(lambda: twists.signed(_details(ESCAPES))),
    Hostility.NAME_ENDLESS: _Recipe(lambda: twists.signed(_details(b"A<" * 3000 + b"\xcc\x81" * 1000))),
    Hostility.PHOTO_BOMB: _Recipe(lambda: twists.signed(_photo(bomb))),
    Hostility.PHOTO_CUT: _Recipe(
        lambda: twists.signed(_photo(lambda image: image[:200].ljust(len(image), b"\xff")))
    ),
    Hostility.ATR_GARBAGE: _Recipe(lambda: Twist(atr=bytes(range(255, 205, -1)))),
    Hostility.SILENT: _Recipe(lambda: twists.always(b"")),
}

_CNS_DATA, _CNS_CERTIFICATE = bytes.fromhex("11001102"), bytes.fromhex("11001101")
_CNS_TABLE: Mapping[Hostility, Callable[[Mapping[bytes, bytes]], dict[bytes, bytes]]] = {
    Hostility.CNS_LENGTH_LIES: lambda files: {_CNS_DATA: b"FFFFFF" + files[_CNS_DATA][6:]},
    Hostility.CNS_FIELD_PAST_END: lambda files: {_CNS_DATA: files[_CNS_DATA][:6] + b"FF" * 197},
    Hostility.CNS_CERTIFICATE_ENDLESS: lambda _: {
        _CNS_CERTIFICATE: b"\x30\x84\xff\xff\xff\xff" + bytes(60000)
    },
    Hostility.CNS_NAME_ESCAPES: lambda files: {
        _CNS_DATA: files[_CNS_DATA].replace(b"07ESEMPIO", b"07\x1b[2J\xe2\x80\xae")
    },
    Hostility.CNS_FLOODS: lambda _: {},
}


def issue_hostile(
    hostility: Hostility, now: datetime.datetime, authority: InventedAuthority, random_bytes: RandomBytes
) -> TwistedCard:
    """One hostile card, made around a genuine one that `authority` signed."""
    if hostility in _CNS_TABLE:
        card = issue_cns(CnsKind.CLASSIC, now)
        files = {**card.chip.files, **_CNS_TABLE[hostility](card.chip.files)}
        floods = twists.always(bytes(65000) + b"\x90\x00")
        outside = floods.outside if hostility is Hostility.CNS_FLOODS else Twist().outside
        return TwistedCard(CnsCard(dataclasses.replace(card.chip, files=files)), outside)
    recipe = _TABLE[hostility]
    blank = Blank(profile=recipe.profile)
    expiry = blank.person.expiry(now.date())
    twist = recipe.twist()
    chip = twist.rewrite(personalise(blank, authority, expiry, random_bytes=random_bytes), authority)
    return TwistedCard(TwistedDocument(chip, twist.inside, random_bytes), twist.outside, twist.atr)
