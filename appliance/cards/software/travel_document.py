"""The chip of a travel document, chip's side: PACE, basic access control, secure messaging and its own proofs.

ICAO 9303-10 (files), 9303-11 (protocols), BSI TR-03110. What is on it comes from `personalise`.
"""

from __future__ import annotations

import dataclasses
import enum
import secrets
from collections.abc import Callable, Mapping

from appliance.cards import lds, tlv
from appliance.cards.active_authentication import CHALLENGE_BYTES
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import CHAINING, SECURE_MESSAGING, Command, Instruction, Response, StatusWord
from appliance.cards.bac import BacCard
from appliance.cards.chip_authentication import card_session
from appliance.cards.errors import CardError, CardGone, MalformedData
from appliance.cards.mrz import MrzKey
from appliance.cards.pace import PaceParty, PasswordKind
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.security_infos import PACE_ECDH_CAM, ChipKey, PaceInfo
from appliance.cards.software.active_key import ActiveKeyPair
from appliance.cards.steps import Can, Secret


def _atr(historical: bytes) -> bytes:
    """Answer to reset of a contactless card as PC/SC makes it up. PC/SC part 3 §3.1.3.2.3."""
    body = bytes((0x80 | len(historical), 0x80, 0x01)) + historical
    check = 0
    for byte in body:
        check ^= byte
    return b"\x3b" + body + bytes([check])


ATR = _atr(bytes.fromhex("8031806549544A34") + b"ESEMPIO")


class Chaining(enum.Enum):
    """What a chip takes for GENERAL AUTHENTICATE with long values; makers differ."""

    ANY = enum.auto()
    REFUSES_THE_BIT = enum.auto()
    """Class 10 is answered 6985, as reported of some CIE."""
    BLOCKS_ONLY = enum.auto()
    """Long commands are answered 6700: short ones, chained."""
    NO_BLOCKS = enum.auto()
    """Chained short commands are answered 6884."""


@dataclasses.dataclass(frozen=True, repr=False)
class Chip:
    """What personalisation leaves on a chip.

    Attributes:
        files: file id → content, in the travel document application.
        free_files: file id → content, in the master file, readable by anybody.
        can: None for a document that has none printed on it.
        pace: the one PACE offer, None for a chip with basic access control only.
        chip_private: None for a chip that cannot prove itself.
        active_key: what answers a challenge; None for a chip that does not know how.
    """

    files: Mapping[int, bytes]
    free_files: Mapping[int, bytes]
    can: str | None
    mrz_key: MrzKey
    pace: PaceInfo | None
    chip_key: ChipKey | None
    chip_private: int | None
    accepts_chip_authentication: bool = True
    active_key: ActiveKeyPair | None = None
    chaining: Chaining = Chaining.ANY
    short_identifiers: bool = True


class TravelDocument:
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
            Instruction.GET_RESPONSE: self._fetch,
            Instruction.MANAGE_SECURITY_ENVIRONMENT: self._manage,
            Instruction.GENERAL_AUTHENTICATE: self._general_authenticate,
            Instruction.GET_CHALLENGE: self._challenge,
            Instruction.EXTERNAL_AUTHENTICATE: self._external_authenticate,
            Instruction.INTERNAL_AUTHENTICATE: self._internal_authenticate,
        }
        self.reset()

    @property
    def can(self) -> str:
        """Empty for a document without one."""
        return self.chip.can or ""

    @property
    def mrz_key(self) -> MrzKey:
        return self.chip.mrz_key

    @property
    def opens_with(self) -> Secret:
        """The CAN, or the printed lines where there is none or the chip has basic access control only."""
        without_can = self.chip.pace is None or self.chip.can is None
        return self.chip.mrz_key if without_can else Can(self.can)

    @property
    def printed_lines(self) -> list[str]:
        """The two or three lines on the document, as a person types them."""
        group = tlv.parse_one(self.chip.files[lds.group_file(1)], lds.group_tag(1))
        text = tlv.need(group.children(), 0x5F1F).decode("ascii")
        width = 30 if len(text) == 90 else 44
        return [text[start : start + width] for start in range(0, len(text), width)]

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
        self._chained = b""
        self._in_blocks = False
        self._unsent = b""

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
        return self._in_pieces(command, self._perform(command)).encode()

    def _in_pieces(self, command: Command, answer: Response) -> Response:
        """A short command gets a short answer; the rest waits to be fetched."""
        if command.extended or len(answer.data) <= 256:
            return answer
        self._unsent = answer.data[256:]
        return Response(answer.data[:256], 0x6100 | min(len(self._unsent), 0xFF))

    def _fetch(self, _: Command) -> Response:
        piece, self._unsent = self._unsent[:256], self._unsent[256:]
        return Response(piece, 0x6100 | min(len(self._unsent), 0xFF) if self._unsent else StatusWord.OK)

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
        if command.cla & CHAINING and not self._is_whole(command):
            if self.chip.chaining is Chaining.NO_BLOCKS:
                return Response(b"", StatusWord.CHAINING_NOT_SUPPORTED)
            self._chained += command.data
            return Response(b"", StatusWord.OK)
        self._in_blocks = bool(self._chained)
        if self._chained:
            whole, self._chained = self._chained + command.data, b""
            command = dataclasses.replace(command, data=whole)
        handler = self._handlers.get(command.ins)
        if handler is None:
            return Response(b"", StatusWord.INSTRUCTION_UNKNOWN)
        try:
            return handler(command)
        except CardError:
            return Response(b"", StatusWord.WRONG_DATA)

    @staticmethod
    def _is_whole(command: Command) -> bool:
        """The same bit says "more of this command" and "more of this protocol": the object's length tells them apart."""
        if command.ins != Instruction.GENERAL_AUTHENTICATE:
            return False
        return tlv.read_header(command.data).total_bytes == len(command.data)

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
        if (self._in_application or file_id == lds.CARD_SECURITY_FILE) and self._session is None:
            return Response(b"", StatusWord.SECURITY_NOT_SATISFIED)
        self._current = files[file_id]
        return Response(b"", StatusWord.OK)

    def _read(self, command: Command) -> Response:
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:  # short file identifier
            if not self.chip.short_identifiers:
                return Response(b"", StatusWord.WRONG_P1_P2)
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
        passwords = {bytes([PasswordKind.MRZ]): self.chip.mrz_key.pace_password()}
        if self.chip.can is not None:
            passwords[bytes([PasswordKind.CAN])] = self.chip.can.encode("ascii")
        if reference not in passwords:
            return Response(b"", StatusWord.REFERENCE_NOT_FOUND)
        self._end_session()
        self._pace = PaceParty(offer.oid, offer.agreement(), passwords[reference], self._random)
        return Response(b"", StatusWord.OK)

    def _general_authenticate(self, command: Command) -> Response:
        if self._pace is not None:
            if command.cla & CHAINING and self.chip.chaining is not Chaining.ANY:
                return Response(b"", StatusWord.CONDITIONS_NOT_SATISFIED)
            if command.extended and not self._in_blocks and self.chip.chaining is Chaining.BLOCKS_ONLY:
                return Response(b"", StatusWord.WRONG_LENGTH)
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
            answer = self._pace_answer(party, step, fields[0].value if fields else b"")
        except CardError:
            self._pace, self._pace_step = None, 0
            return Response(b"", StatusWord.AUTHENTICATION_FAILED)
        self._pace_step = step + 1
        if step == 3:
            self._pace, self._pace_step = None, 0
        return Response(tlv.build(0x7C, answer), StatusWord.OK)

    def _pace_answer(self, party: PaceParty, step: int, value: bytes) -> bytes:
        if step == 0:
            return tlv.build(0x80, party.make_nonce())
        if step == 1:
            mine = party.mapping_key()
            party.map_with(value)
            return tlv.build(0x82, mine)
        if step == 2:
            mine = party.ephemeral_key()
            party.agree_with(value)
            return tlv.build(0x84, mine)
        session = party.accept_token(value)
        if session is None:
            raise MalformedData("wrong token", reason="pace_token")
        self._session = session
        return tlv.build(0x86, party.token()) + self._mapping_proof(party)

    def _mapping_proof(self, party: PaceParty) -> bytes:
        """What the reader gets beside the token where the mapping proves the chip; a copy can only guess a key."""
        offer, key = self.chip.pace, self.chip.chip_key
        if offer is None or offer.mapping != PACE_ECDH_CAM or key is None:
            return b""
        private = self.chip.chip_private or key.agreement.private_key(self._random)
        return tlv.build(0x8A, party.make_mapping_proof(private))

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

    def _internal_authenticate(self, command: Command) -> Response:
        if self._session is None:
            return Response(b"", StatusWord.SECURITY_NOT_SATISFIED)
        if self.chip.active_key is None:
            return Response(b"", StatusWord.CONDITIONS_NOT_SATISFIED)
        if len(command.data) != CHALLENGE_BYTES:
            return Response(b"", StatusWord.WRONG_LENGTH)
        return Response(self.chip.active_key.answer(command.data), StatusWord.OK)
