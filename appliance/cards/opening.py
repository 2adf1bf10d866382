"""Opening a travel document: PACE with CAN or printed lines, else basic access control. ICAO 9303-11 §4."""

from __future__ import annotations

import dataclasses

from appliance.cards import lds, tlv
from appliance.cards import security_infos as infos
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import CHAINING, Command, Instruction, StatusWord
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
from appliance.cards.evidence import Access
from appliance.cards.mrz import MrzKey
from appliance.cards.pace import PaceParty, PasswordKind
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.security_infos import PaceInfo
from appliance.cards.steps import SHORT_RESPONSE_BYTES, Can, CanAndMrz, Exchange, Secret

_LONGEST_DH_COMMAND_BYTES = 280
_PACE_STEP = "pace"
_PACE_RETRY = frozenset(
    {
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

    def run(self) -> Exchange[Opened]:
        offers = yield from self._read_offers()
        if (yield from self._try_pace(offers)):
            yield from self._select_application()
            return Opened(Access.PACE, self._card_access)
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
        selected = yield from self._channel.select_file(file_id)
        if not selected.ok:
            return None
        response = yield from self._channel.send(Command(0x00, Instruction.READ_BINARY, 0, 0, b"", 256))
        if response.status_word not in (StatusWord.OK, StatusWord.END_OF_FILE) or not response.data:
            return None
        if file_id == lds.ATR_INFO_FILE:
            return response.data
        header = tlv.read_header(response.data)
        content = response.data
        while len(content) < header.total_bytes <= 4096:
            content += yield from self._channel.read_at(len(content), header.total_bytes - len(content))
        return content[: header.total_bytes]

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

    def _carried(self, offer: PaceInfo) -> bool:
        """Diffie-Hellman over numbers needs long commands, which a small reader cannot carry."""
        return (
            offer.mapping != infos.PACE_DH_GM
            or self._channel.limits.command_bytes >= _LONGEST_DH_COMMAND_BYTES
        )

    def _try_pace(self, offers: list[PaceInfo]) -> Exchange[bool]:
        """True when a session stands; False when this card with this reader does not do PACE."""
        usable = [offer for offer in offers if self._carried(offer)]
        if not usable:
            return False
        # curves are ten times faster for the chip; then the longer key
        offer = max(usable, key=lambda one: (one.mapping == infos.PACE_ECDH_GM, one.suite))
        name_parameter = sum(one.oid == offer.oid for one in offers) > 1
        for chaining in (CHAINING, 0):
            try:
                self._channel.session = yield from self._pace(offer, chaining, name_parameter=name_parameter)
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

    def _password(self) -> tuple[PasswordKind, bytes]:
        if self._can is not None:
            return PasswordKind.CAN, self._can.digits.encode("ascii")
        assert self._mrz is not None
        return PasswordKind.MRZ, self._mrz.pace_password()

    def _pace(self, offer: PaceInfo, chaining: int, *, name_parameter: bool) -> Exchange[SecureMessaging]:
        kind, password = self._password()
        party = PaceParty(offer.oid, offer.agreement(), password, self._random)
        reference = tlv.build(0x80, offer.oid) + tlv.build(0x83, bytes([kind]))
        if name_parameter and offer.parameter_id is not None:
            reference += tlv.build(0x84, bytes([offer.parameter_id]))
        environment = Command(0x00, Instruction.MANAGE_SECURITY_ENVIRONMENT, 0xC1, 0xA4, reference)
        response = yield from self._channel.send(environment)
        # 63Cx here is a warning that few tries are left, not a refusal
        if not response.ok and response.status_word & 0xFFF0 != 0x63C0:
            raise CardRefused("pace_start", response.status_word)
        party.set_nonce((yield from self._authenticate(chaining, 0x80)))
        party.map_with((yield from self._authenticate(chaining, 0x82, 0x81, party.mapping_key())))
        party.agree_with((yield from self._authenticate(chaining, 0x84, 0x83, party.ephemeral_key())))
        try:
            answer = yield from self._authenticate(0, 0x86, 0x85, party.token(), step="pace_token")
        except CardRefused as refusal:
            if refusal.status_word >> 8 == 0x63:
                raise self._wrong(kind, refusal.status_word) from None
            raise
        session = party.accept_token(answer)
        if session is None:
            raise SecureMessagingLost("the card's token is wrong")
        return session

    @staticmethod
    def _wrong(kind: PasswordKind, status_word: int) -> CardError:
        left = status_word & 0x0F if status_word & 0xFFF0 == 0x63C0 else None
        return WrongCan(left) if kind is PasswordKind.CAN else WrongMrz(left)

    def _authenticate(
        self, cla: int, wanted: int, tag: int | None = None, value: bytes = b"", step: str = _PACE_STEP
    ) -> Exchange[bytes]:
        """One GENERAL AUTHENTICATE: dynamic authentication data out and in."""
        data = tlv.build(0x7C, tlv.build(tag, value) if tag is not None else b"")
        command = Command(
            cla, Instruction.GENERAL_AUTHENTICATE, 0, 0, data, 65536 if len(data) > 255 else 256
        )
        answer = yield from self._channel.send_ok(command, step)
        return tlv.need(tlv.parse_one(answer, 0x7C).children(), wanted)

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
