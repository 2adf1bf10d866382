"""Opening a travel document: PACE with CAN or printed lines, else basic access control. ICAO 9303-11 §4."""

from __future__ import annotations

import dataclasses
import enum

from appliance.cards import lds, tlv
from appliance.cards import security_infos as infos
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import CHAINING, Command, Instruction, Response, StatusWord
from appliance.cards.bac import BacReader
from appliance.cards.channel import EXTENDED_CHUNK_MAX_BYTES, Channel
from appliance.cards.errors import (
    CardError,
    CardRefused,
    MalformedData,
    MrzNeeded,
    NotADocument,
    SecureMessagingLost,
    WrongCan,
    WrongMrz,
)
from appliance.cards.evidence import Access, ChipProof
from appliance.cards.mrz import MrzKey
from appliance.cards.pace import PaceParty, PasswordKind
from appliance.cards.passive_authentication import card_security_keys
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.security_infos import PaceInfo
from appliance.cards.steps import SHORT_RESPONSE_BYTES, Can, CanAndMrz, Exchange, Secret

_LONGEST_DH_COMMAND_BYTES = 280
_SEQUENCE = 0x30
_PACE_STEP = "pace"


class _Rung(enum.Enum):
    """Chips differ in what they take for GENERAL AUTHENTICATE with numbers of 256 bytes."""

    PROTOCOL_BIT = enum.auto()
    """Class 10 on all but the last, as ICAO 9303-11 §4.4.4 has it; long commands."""
    NO_BIT = enum.auto()
    """Class 00 throughout; long commands."""
    BLOCKS = enum.auto()
    """Short commands, chained as ISO/IEC 7816-4 has it: the only way through a small reader."""


_PACE_RETRY = frozenset(
    {
        StatusWord.WRONG_LENGTH,
        StatusWord.CONDITIONS_NOT_SATISFIED,
        StatusWord.LAST_OF_CHAIN_EXPECTED,
        StatusWord.CHAINING_NOT_SUPPORTED,
        StatusWord.CLASS_UNKNOWN,
    }
)
"""What chips answer that dislike the chaining bit in GENERAL AUTHENTICATE."""


@dataclasses.dataclass(frozen=True)
class Opened:
    """How the card was opened, and EF.CardAccess as read (None when it has none)."""

    access: Access
    card_access: bytes | None = dataclasses.field(repr=False)
    card_security: bytes | None = dataclasses.field(default=None, repr=False)
    mapping_proof: ChipProof = ChipProof.NOT_OFFERED


class Opening:
    """One try to open a card; the channel has its session afterwards, with the application selected.

    Args:
        channel: fresh or just reset.
        secret: tried once; a code the card refused is never repeated, nor tried another way.
        random_bytes: source of ephemeral keys.
    """

    def __init__(self, channel: Channel, secret: Secret, random_bytes: RandomBytes) -> None:
        self._channel = channel
        self._can = (
            secret.can if isinstance(secret, CanAndMrz) else secret if isinstance(secret, Can) else None
        )
        self._mrz = (
            secret.mrz if isinstance(secret, CanAndMrz) else secret if isinstance(secret, MrzKey) else None
        )
        self._random = random_bytes
        self._card_access: bytes | None = None
        self._proof_data: tuple[PaceParty, bytes | None] | None = None

    def run(self) -> Exchange[Opened]:
        offers = yield from self._read_offers()
        if (yield from self._try_pace(offers)):
            security, proof = yield from self._mapping_proof()
            yield from self._select_application()
            return Opened(Access.PACE, self._card_access, security, proof)
        if self._mrz is None:
            if self._card_access is None:
                # before asking for the printed lines: is there a document at all?
                yield from self._select_application()
            raise MrzNeeded("this card cannot be opened with a CAN here", has_pace=bool(offers))
        yield from self._select_application()
        yield from self._bac(self._mrz)
        return Opened(Access.BAC, self._card_access)

    def _read_offers(self) -> Exchange[list[PaceInfo]]:
        """EF.ATR/INFO (only if long answers are of use) and EF.CardAccess, both readable by anybody."""
        channel = self._channel
        yield from channel.send(
            Command(0x00, Instruction.SELECT, 0x00, 0x0C, lds.MASTER_FILE.to_bytes(2, "big"))
        )
        if channel.limits.response_bytes > SHORT_RESPONSE_BYTES:
            info = yield from self._read_free_file(lds.ATR_INFO_FILE)
            lengths = lds.extended_lengths(info) if info else None
            if lengths is not None:
                room = min(lengths[1], channel.limits.response_bytes) - 64
                channel.extended_chunk = min(room, EXTENDED_CHUNK_MAX_BYTES) if room > 256 else None
        self._card_access = yield from self._read_free_file(lds.CARD_ACCESS_FILE)
        if self._card_access is None:
            return []
        return [offer for offer in infos.pace_infos(self._card_access) if offer.is_supported]

    def _read_free_file(self, file_id: int) -> Exchange[bytes | None]:
        """A small file of the master file, None when the card has none or does not give it."""
        whole = 256
        short = Command(0x00, Instruction.READ_BINARY, 0x80 | file_id & 0x1F, 0, b"", whole)
        response = yield from self._channel.send(short)
        if not self._has_content(response):
            if not (yield from self._channel.select_file(file_id)).ok:
                return None
            response = yield from self._channel.send(Command(0x00, Instruction.READ_BINARY, 0, 0, b"", whole))
        if not self._has_content(response):
            return None
        if file_id == lds.ATR_INFO_FILE:
            return response.data
        header = tlv.read_header(response.data)
        content = response.data
        while len(content) < header.total_bytes <= 4096:
            content += yield from self._channel.read_at(len(content), header.total_bytes - len(content))
        return content[: header.total_bytes]

    @staticmethod
    def _has_content(response: Response) -> bool:
        return response.status_word in (StatusWord.OK, StatusWord.END_OF_FILE) and bool(response.data)

    def _select_application(self) -> Exchange[None]:
        select = Command(0x00, Instruction.SELECT, 0x04, 0x0C, lds.APPLICATION_ID)
        response = yield from self._channel.send(select)
        if response.status_word in (
            StatusWord.FILE_NOT_FOUND,
            StatusWord.INSTRUCTION_UNKNOWN,
            StatusWord.CLASS_UNKNOWN,
        ):
            raise NotADocument("the card has no travel document on it")
        if not response.ok:
            raise CardRefused("select_application", response.status_word)

    def _try_pace(self, offers: list[PaceInfo]) -> Exchange[bool]:
        """True when a session stands; False when this card with this reader does not do PACE."""
        if not offers:
            return False
        # curves are ten times faster for the chip; then what proves the chip as well; then the longer key
        offer = max(offers, key=lambda one: (one.is_curve, one.mapping, one.suite))
        name_parameter = sum(one.oid == offer.oid for one in offers) > 1
        rungs = self._rungs(offer)
        for rung in rungs:
            try:
                self._channel.session = yield from self._pace(offer, rung, name_parameter=name_parameter)
            except CardRefused as refusal:
                # never after the token: by then the card may have counted a wrong code
                if refusal.status_word not in _PACE_RETRY or refusal.facts["step"] != _PACE_STEP:
                    raise
                yield from self._channel.reset()
                yield from self._channel.send(
                    Command(0x00, Instruction.SELECT, 0x00, 0x0C, lds.MASTER_FILE.to_bytes(2, "big"))
                )
            else:
                return True
        return False

    def _rungs(self, offer: PaceInfo) -> tuple[_Rung, ...]:
        """How to send GENERAL AUTHENTICATE, one way after the other."""
        if offer.is_curve:
            return (_Rung.PROTOCOL_BIT, _Rung.NO_BIT)
        if self._channel.limits.command_bytes < _LONGEST_DH_COMMAND_BYTES:
            return (_Rung.BLOCKS,)
        return (_Rung.PROTOCOL_BIT, _Rung.NO_BIT, _Rung.BLOCKS)

    def _password(self) -> tuple[PasswordKind, bytes]:
        if self._can is not None:
            return PasswordKind.CAN, self._can.digits.encode("ascii")
        assert self._mrz is not None
        return PasswordKind.MRZ, self._mrz.pace_password()

    def _pace(self, offer: PaceInfo, rung: _Rung, *, name_parameter: bool) -> Exchange[SecureMessaging]:
        kind, password = self._password()
        party = PaceParty(offer.oid, offer.agreement(), password, self._random)
        reference = tlv.build(0x80, offer.oid) + tlv.build(0x83, bytes([kind]))
        if name_parameter and offer.parameter_id is not None:
            reference += tlv.build(0x84, bytes([offer.parameter_id]))
        environment = Command(0x00, Instruction.MANAGE_SECURITY_ENVIRONMENT, 0xC1, 0xA4, reference)
        response = yield from self._channel.send(environment)
        if kind is PasswordKind.CAN and response.status_word == StatusWord.REFERENCE_NOT_FOUND:
            raise MrzNeeded("this document has no CAN", has_pace=True)
        # 63Cx here is a warning that few tries are left, not a refusal
        if not response.ok and response.status_word & 0xFFF0 != 0x63C0:
            raise CardRefused("pace_start", response.status_word)
        party.set_nonce(tlv.need((yield from self._authenticate(rung)), 0x80))
        party.map_with(tlv.need((yield from self._authenticate(rung, 0x81, party.mapping_key())), 0x82))
        party.agree_with(tlv.need((yield from self._authenticate(rung, 0x83, party.ephemeral_key())), 0x84))
        try:
            answer = yield from self._authenticate(rung, 0x85, party.token(), last=True)
        except CardRefused as refusal:
            if refusal.status_word >> 8 == 0x63:
                raise self._wrong(kind, refusal.status_word) from None
            raise
        session = party.accept_token(tlv.need(answer, 0x86))
        if session is None:
            raise SecureMessagingLost("the card's token is wrong")
        if offer.mapping == infos.PACE_ECDH_CAM:
            self._proof_data = (party, tlv.first(answer, 0x8A))
        return session

    def _mapping_proof(self) -> Exchange[tuple[bytes | None, ChipProof]]:
        """EF.CardSecurity under the new session, and whether the mapping fits the key it names."""
        if self._proof_data is None:
            return None, ChipProof.NOT_OFFERED
        party, encrypted = self._proof_data
        security = yield from self._channel.read_file(
            lds.CARD_SECURITY_FILE, _SEQUENCE, lds.MAX_OTHER_FILE_BYTES
        )
        if security is None or encrypted is None:
            return security, ChipProof.FAILED
        try:
            keys = infos.chip_keys(card_security_keys(security))
        except MalformedData:
            return security, ChipProof.FAILED
        fits = any(party.accept_mapping_proof(encrypted, key.public_key) for key in keys)
        return security, ChipProof.PROVEN if fits else ChipProof.FAILED

    @staticmethod
    def _wrong(kind: PasswordKind, status_word: int) -> CardError:
        left = status_word & 0x0F if status_word & 0xFFF0 == 0x63C0 else None
        return WrongCan(left) if kind is PasswordKind.CAN else WrongMrz(left)

    def _authenticate(
        self, rung: _Rung, tag: int | None = None, value: bytes = b"", *, last: bool = False
    ) -> Exchange[list[tlv.Tlv]]:
        """One GENERAL AUTHENTICATE: dynamic authentication data out and in."""
        data = tlv.build(0x7C, tlv.build(tag, value) if tag is not None else b"")
        cla = CHAINING if rung is _Rung.PROTOCOL_BIT and not last else 0
        expected = 65536 if len(data) > 255 else 256
        command = Command(cla, Instruction.GENERAL_AUTHENTICATE, 0, 0, data, expected)
        send = self._channel.send_blocks if rung is _Rung.BLOCKS else self._channel.send_ok
        answer = yield from send(command, "pace_token" if last else _PACE_STEP)
        return tlv.parse_one(answer, 0x7C).children()

    def _bac(self, key: MrzKey) -> Exchange[None]:
        challenge = yield from self._channel.send_ok(
            Command(0x00, Instruction.GET_CHALLENGE, 0, 0, b"", 8), "bac_challenge"
        )
        if len(challenge) != 8:
            raise MalformedData("a challenge is eight bytes", reason="bac")
        party = BacReader(key.information(), self._random)
        command = Command(0x00, Instruction.EXTERNAL_AUTHENTICATE, 0, 0, party.authenticate(challenge), 40)
        response = yield from self._channel.send(command)
        refused = response.status_word in (
            StatusWord.SECURITY_NOT_SATISFIED,
            StatusWord.SM_OBJECTS_WRONG,
        )
        if response.status_word >> 8 == 0x63 or refused:
            raise self._wrong(PasswordKind.MRZ, response.status_word)
        if not response.ok:
            raise CardRefused("bac", response.status_word)
        session = party.finish(response.data)
        if session is None:
            raise SecureMessagingLost("the card's answer to basic access control is wrong")
        self._channel.session = session
