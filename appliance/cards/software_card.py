"""A card in software: it holds keys and files and answers commands as a chip does. Not a stub.

`issue` makes one of the cards in `CardName`; `SoftwareCard.transmit` is the contact plate. The chip side of
PACE, basic access control, secure messaging and chip authentication is here (ICAO 9303-11, BSI TR-03110).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import secrets
import struct
from collections.abc import Callable, Mapping

from appliance.cards import lds, mrz, tlv
from appliance.cards import security_infos as infos
from appliance.cards.agreement import DhAgreement, EcAgreement, RandomBytes
from appliance.cards.apdu import SECURE_MESSAGING, Command, Instruction, Response, StatusWord
from appliance.cards.authority import InventedAuthority, make_test_authority
from appliance.cards.bac import BacCard
from appliance.cards.chip_authentication import card_session
from appliance.cards.curves import by_standard_number as standard_curve
from appliance.cards.dh_groups import by_standard_number as standard_group
from appliance.cards.errors import CardError, CardGone, MalformedData
from appliance.cards.mrz import MrzKey
from appliance.cards.pace import PaceParty, PasswordKind
from appliance.cards.persona import ALDO, MARIA, Persona, portrait_jpeg2000
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.security_infos import ChipKey, PaceInfo


def _atr(historical: bytes) -> bytes:
    """Answer to reset of a contactless card as PC/SC makes it up. PC/SC part 3 §3.1.3.2.3."""
    body = bytes((0x80 | len(historical), 0x80, 0x01)) + historical
    check = 0
    for byte in body:
        check ^= byte
    return b"\x3b" + body + bytes([check])


ATR = _atr(bytes.fromhex("8031806549544A34") + b"ESEMPIO")
_ATR_INFO = tlv.build(0x7F66, tlv.build(0x02, b"\x04\x00") + tlv.build(0x02, b"\x04\x00"))
_OID_TERMINAL_AUTHENTICATION = bytes.fromhex("04007F0007020202")
_OID_DH_KEY_AGREEMENT = bytes.fromhex("2A864886F70D010301")
_OID_STANDARD_PARAMETERS = bytes.fromhex("04007F00070102")


class CardName(enum.StrEnum):
    """The cards on the shelf, by the name settings and the command line use."""

    CIE = "cie"
    CIE_ALDO = "cie_aldo"
    CIE_AES = "cie_aes"
    """PACE and chip authentication over a curve with AES, as newer chips."""
    CIE_BAC_ONLY = "cie_bac_only"
    CIE_WITHOUT_CHIP_KEY = "cie_without_chip_key"
    CIE_EXPIRED = "cie_expired"
    CIE_TAMPERED = "cie_tampered"
    """Data group 1 rewritten after issue."""
    CIE_UNKNOWN_AUTHORITY = "cie_unknown_authority"
    """Everything right, signed by a State nobody knows."""
    CIE_CLONED = "cie_cloned"
    """All files copied to a chip that does not hold the private key."""
    CIE_CLONED_SILENT = "cie_cloned_silent"
    """As above; refuses chip authentication instead of failing it."""
    CIE_TORN = "cie_torn"
    """Leaves the field in the middle of the photo."""


@dataclasses.dataclass(frozen=True, repr=False)
class Chip:
    """What personalisation leaves on a chip.

    Attributes:
        files: file id → content, in the travel document application.
        free_files: file id → content, in the master file, readable by anybody.
        pace: the one PACE offer, None for a chip with basic access control only.
        chip_private: None for a chip that cannot prove itself.
    """

    files: Mapping[int, bytes]
    free_files: Mapping[int, bytes]
    can: str
    mrz_key: MrzKey
    pace: PaceInfo | None
    chip_key: ChipKey | None
    chip_private: int | None
    accepts_chip_authentication: bool = True


class SoftwareCard:
    """Answers commands. One object is one card; `reset` is what a reader does when the card enters the field.

    Args:
        chip: what was personalised.
        random_bytes: the chip's source of randomness.
        leaves_after: from that many commands on, the card is gone (`CardGone`) until `reset`.
    """

    atr = ATR

    def __init__(
        self, chip: Chip, random_bytes: RandomBytes = secrets.token_bytes, leaves_after: int | None = None
    ) -> None:
        self.chip = chip
        self._random = random_bytes
        self._leaves_after = leaves_after
        self._handlers: dict[int, Callable[[Command], Response]] = {
            Instruction.SELECT: self._select,
            Instruction.READ_BINARY: self._read,
            Instruction.READ_BINARY_ODD: self._read_odd,
            Instruction.MANAGE_SECURITY_ENVIRONMENT: self._manage,
            Instruction.GENERAL_AUTHENTICATE: self._general_authenticate,
            Instruction.GET_CHALLENGE: self._challenge,
            Instruction.EXTERNAL_AUTHENTICATE: self._external_authenticate,
        }
        self.reset()

    @property
    def can(self) -> str:
        return self.chip.can

    @property
    def mrz_key(self) -> MrzKey:
        return self.chip.mrz_key

    def reset(self) -> None:
        """Field off and on: sessions and selections are gone."""
        self.commands_seen = 0
        self._in_application = False
        self._current: bytes | None = None
        self._bac = BacCard(self.chip.mrz_key.information(), self._random)
        self._end_session()

    def _end_session(self) -> None:
        self._session: SecureMessaging | None = None
        self._next_session: SecureMessaging | None = None
        self._pace: PaceParty | None = None
        self._pace_step = 0
        self._chip_agreement_open = False

    def transmit(self, raw: bytes) -> bytes:
        """One command as bytes, one response as bytes.

        Raises:
            CardGone: this card is a torn one and its moment has come.
        """
        self.commands_seen += 1
        if self._leaves_after is not None and self.commands_seen > self._leaves_after:
            raise CardGone("the software card left the field")
        try:
            command = Command.decode(raw)
        except MalformedData:
            return Response(b"", StatusWord.WRONG_LENGTH).encode()
        if command.cla & SECURE_MESSAGING == SECURE_MESSAGING:
            return self._transmit_protected(command).encode()
        if self._session is not None:
            self._end_session()  # a plain command ends a protected session
        return self._perform(command).encode()

    def _transmit_protected(self, outer: Command) -> Response:
        session = self._session
        if session is None:
            return Response(b"", StatusWord.SM_OBJECTS_WRONG)
        try:
            inner = session.open_command(outer)
        except CardError as fault:
            self._end_session()
            missing = fault.facts.get("reason") == "sm_missing"
            return Response(b"", StatusWord.SM_OBJECTS_MISSING if missing else StatusWord.SM_OBJECTS_WRONG)
        answer = session.seal_response(self._perform(inner), odd=bool(inner.ins & 1))
        if len(answer.data) > (65536 if outer.extended else 256):
            self._end_session()
            return Response(b"", StatusWord.WRONG_LENGTH)
        if self._next_session is not None:
            self._session, self._next_session = self._next_session, None
        return answer

    def _perform(self, command: Command) -> Response:
        handler = self._handlers.get(command.ins)
        if handler is None:
            return Response(b"", StatusWord.INSTRUCTION_UNKNOWN)
        try:
            return handler(command)
        except CardError:
            return Response(b"", StatusWord.WRONG_DATA)

    # files

    def _select(self, command: Command) -> Response:
        if command.p1 == 0x04:
            if command.data != lds.APPLICATION_ID:
                return Response(b"", StatusWord.FILE_NOT_FOUND)
            self._in_application, self._current = True, None
            return Response(b"", StatusWord.OK)
        if command.p1 == 0x00 and command.data in (b"", lds.MASTER_FILE.to_bytes(2, "big")):
            self._in_application, self._current = False, None
            return Response(b"", StatusWord.OK)
        if command.p1 != 0x02 or len(command.data) != 2:
            return Response(b"", StatusWord.WRONG_P1_P2)
        return self._choose(int.from_bytes(command.data, "big"))

    def _choose(self, file_id: int) -> Response:
        files = self.chip.files if self._in_application else self.chip.free_files
        if file_id not in files:
            return Response(b"", StatusWord.FILE_NOT_FOUND)
        if self._in_application and self._session is None:
            return Response(b"", StatusWord.SECURITY_NOT_SATISFIED)
        self._current = files[file_id]
        return Response(b"", StatusWord.OK)

    def _read(self, command: Command) -> Response:
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:  # short file identifier
            short, offset = command.p1 & 0x1F, command.p2
            chosen = self._choose(
                (lds.ATR_INFO_FILE & 0xFF00 if short == 1 and not self._in_application else 0x0100) | short
            )
            if not chosen.ok:
                return chosen
        return self._piece(offset, command.expected)

    def _read_odd(self, command: Command) -> Response:
        offset = int.from_bytes(tlv.parse_one(command.data, 0x54).value, "big")
        piece = self._piece(offset, None if command.expected is None else max(1, command.expected - 6))
        return Response(tlv.build(0x53, piece.data), piece.status_word) if piece.data else piece

    def _piece(self, offset: int, expected: int | None) -> Response:
        if self._current is None:
            return Response(b"", StatusWord.NO_CURRENT_FILE)
        if self._in_application and self._session is None:
            return Response(b"", StatusWord.SECURITY_NOT_SATISFIED)
        if offset > len(self._current):
            return Response(b"", StatusWord.WRONG_OFFSET)
        wanted = expected or 0
        data = self._current[offset : offset + wanted]
        short = len(data) < wanted and wanted not in (256, 65536)
        return Response(data, StatusWord.END_OF_FILE if short else StatusWord.OK)

    # opening

    def _challenge(self, command: Command) -> Response:
        if command.expected != 8 or not self._in_application:
            return Response(b"", StatusWord.CONDITIONS_NOT_SATISFIED)
        return Response(self._bac.challenge(), StatusWord.OK)

    def _external_authenticate(self, command: Command) -> Response:
        if not self._in_application:
            return Response(b"", StatusWord.CONDITIONS_NOT_SATISFIED)
        answer = self._bac.answer(command.data)
        if answer is None:
            return Response(b"", StatusWord.AUTHENTICATION_FAILED)
        reply, self._session = answer
        return Response(reply, StatusWord.OK)

    def _manage(self, command: Command) -> Response:
        where = (command.p1, command.p2)
        if where == (0xC1, 0xA4):
            return self._start_pace(command.data)
        if where in ((0x41, 0xA6), (0x41, 0xA4)):
            return self._start_chip_authentication(command.p2, command.data)
        return Response(b"", StatusWord.WRONG_P1_P2)

    def _start_pace(self, data: bytes) -> Response:
        offer = self.chip.pace
        fields = tlv.parse(data)
        if offer is None or tlv.need(fields, 0x80) != offer.oid:
            return Response(b"", StatusWord.WRONG_DATA)
        reference = tlv.need(fields, 0x83)
        passwords = {
            bytes([PasswordKind.CAN]): self.chip.can.encode("ascii"),
            bytes([PasswordKind.MRZ]): self.chip.mrz_key.pace_password(),
        }
        if reference not in passwords:
            return Response(b"", StatusWord.REFERENCE_NOT_FOUND)
        self._end_session()
        self._pace = PaceParty(offer.oid, offer.agreement(), passwords[reference], self._random)
        return Response(b"", StatusWord.OK)

    def _general_authenticate(self, command: Command) -> Response:
        fields = tlv.parse_one(command.data, 0x7C).children()
        if self._chip_agreement_open:
            self._chip_agreement_open = False
            return self._agree_chip(tlv.need(fields, 0x80), b"\x7c\x00")
        party, step = self._pace, self._pace_step
        expected = (None, 0x81, 0x83, 0x85)[step]
        if party is None or (fields[0].tag if fields else None) != expected:
            self._pace, self._pace_step = None, 0
            return Response(b"", StatusWord.CONDITIONS_NOT_SATISFIED)
        try:
            tag, value = self._pace_answer(party, step, fields[0].value if fields else b"")
        except CardError:
            self._pace, self._pace_step = None, 0
            return Response(b"", StatusWord.AUTHENTICATION_FAILED)
        self._pace_step = step + 1
        if step == 3:
            self._pace, self._pace_step = None, 0
        return Response(tlv.build(0x7C, tlv.build(tag, value)), StatusWord.OK)

    def _pace_answer(self, party: PaceParty, step: int, value: bytes) -> tuple[int, bytes]:
        if step == 0:
            return 0x80, party.make_nonce()
        if step == 1:
            mine = party.mapping_key()
            party.map_with(value)
            return 0x82, mine
        if step == 2:
            mine = party.ephemeral_key()
            party.agree_with(value)
            return 0x84, mine
        session = party.accept_token(value)
        if session is None:
            raise MalformedData("wrong token", reason="pace_token")
        self._session = session
        return 0x86, party.token()

    # the chip's proof

    def _start_chip_authentication(self, p2: int, data: bytes) -> Response:
        if self._session is None:
            return Response(b"", StatusWord.SECURITY_NOT_SATISFIED)
        if self.chip.chip_key is None or not self.chip.accepts_chip_authentication:
            return Response(b"", StatusWord.CONDITIONS_NOT_SATISFIED)
        fields = tlv.parse(data)
        if p2 == 0xA6:
            return self._agree_chip(tlv.need(fields, 0x91), b"")
        if tlv.need(fields, 0x80) != self.chip.chip_key.oid:
            return Response(b"", StatusWord.WRONG_DATA)
        self._chip_agreement_open = True
        return Response(b"", StatusWord.OK)

    def _agree_chip(self, ephemeral: bytes, answer: bytes) -> Response:
        key = self.chip.chip_key
        assert key is not None
        # a copy does not hold the private key: it can only guess one
        private = self.chip.chip_private or key.agreement.private_key(self._random)
        self._next_session = card_session(key, private, ephemeral)
        return Response(answer, StatusWord.OK)


# personalisation


class _Profile(enum.Enum):
    """Which protocols a chip is made with."""

    DH_3DES = enum.auto()
    """What every CIE seen so far does: RFC 5114 group 2, 3DES."""
    ECDH_AES = enum.auto()
    BAC = enum.auto()


def _integer(value: int) -> bytes:
    return tlv.build(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid_object(prefix: bytes, *arcs: int) -> bytes:
    return tlv.build(0x06, prefix + bytes(arcs))


def _pace_info(profile: _Profile) -> bytes | None:
    if profile is _Profile.BAC:
        return None
    arcs, parameter = ((1, 1), 2) if profile is _Profile.DH_3DES else ((2, 2), 13)
    return tlv.build(0x30, _oid_object(infos.PACE_PREFIX, *arcs) + _integer(2) + _integer(parameter))


def _chip_key_infos(profile: _Profile, random_bytes: RandomBytes) -> tuple[bytes, int]:
    """The SecurityInfos of a fresh chip key, and its private half."""
    if profile is _Profile.ECDH_AES:
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
    profile: _Profile = _Profile.DH_3DES,
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


def _rewritten(chip: Chip) -> Chip:
    """The same chip with another given name in data group 1: what a forger with a blank card can do."""
    files = dict(chip.files)
    number = lds.group_file(1)
    files[number] = files[number].replace(b"<<MARIA<", b"<<MARTA<")
    assert files[number] != chip.files[number]
    return dataclasses.replace(chip, files=files)


def issue(
    name: CardName | str,
    now: datetime.datetime,
    authority: InventedAuthority | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> SoftwareCard:
    """One card off the shelf.

    Args:
        name: see `CardName`.
        now: aware; expiry dates are made around it.
        authority: who signs; by default the one every demo trusts.
        random_bytes: for the chip's keys and its life.

    Raises:
        ValueError: no such card.
    """
    name = CardName(name)
    if name is CardName.CIE_UNKNOWN_AUTHORITY:
        authority = make_test_authority(now=now, seed=b"an authority nobody trusts")
    authority = authority or make_test_authority(now=now)
    person = ALDO if name is CardName.CIE_ALDO else MARIA
    profile = {CardName.CIE_AES: _Profile.ECDH_AES, CardName.CIE_BAC_ONLY: _Profile.BAC}.get(
        name, _Profile.DH_3DES
    )
    chip = personalise(
        person,
        authority,
        person.expiry(now.date(), expired=name is CardName.CIE_EXPIRED),
        profile=profile,
        with_chip_key=name is not CardName.CIE_WITHOUT_CHIP_KEY,
        random_bytes=random_bytes,
    )
    if name is CardName.CIE_TAMPERED:
        chip = _rewritten(chip)
    if name in (CardName.CIE_CLONED, CardName.CIE_CLONED_SILENT):
        chip = dataclasses.replace(
            chip, chip_private=None, accepts_chip_authentication=name is CardName.CIE_CLONED
        )
    return SoftwareCard(chip, random_bytes, leaves_after=30 if name is CardName.CIE_TORN else None)
