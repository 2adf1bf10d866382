"""A whole reading of a document as a generator: commands out, responses in, no reader in sight.

Order of a reading (ICAO 9303-11 §4, BSI TR-03110-1 §2.3), so that a name is on the screen before the photo:
EF.CardAccess → PACE or BAC → SOD → DG1 → DG11 → DG14 → chip authentication → DG2.

Whoever drives it answers `Transmit` with the card's bytes and everything else with ``b""``; a card that leaves
is told by throwing `CardGone` into the generator, or simply by dropping it.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import secrets
from collections.abc import Collection, Generator

from appliance.cards import lds, tlv
from appliance.cards import security_infos as infos
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import CHAINING, Command, Instruction, Response, StatusWord
from appliance.cards.bac import BacReader
from appliance.cards.chip_authentication import ChipAuthenticationReader, choose_key
from appliance.cards.cipher import Suite
from appliance.cards.errors import (
    CardError,
    CardRefused,
    CardUnreadable,
    MalformedCode,
    MalformedData,
    MrzNeeded,
    NotADocument,
    SecureMessagingLost,
    Unsupported,
    WrongCan,
    WrongMrz,
)
from appliance.cards.evidence import Access, ChipProof, Evidence
from appliance.cards.lds import PersonalDetails
from appliance.cards.mrz import Mrz, MrzKey
from appliance.cards.pace import PaceParty, PasswordKind
from appliance.cards.passive_authentication import listed_groups
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.security_infos import PaceInfo

DEFAULT_WANTED = frozenset({1, 2, 11, 14})
MAX_APDUS = 1200
MAX_READ_BYTES = 256 * 1024
SHORT_RESPONSE_BYTES = 258
SHORT_CHUNK_BYTES = 223
"""Largest read whose protected answer still fits a short response with every suite."""
EXTENDED_CHUNK_MAX_BYTES = 3840
_LONGEST_DH_COMMAND_BYTES = 280
_PROTECTION_BYTES = 48
"""What secure messaging may add to a command: padding, three objects, longer lengths."""
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


@dataclasses.dataclass(frozen=True, repr=False)
class Can:
    """The six digits on the front.

    Raises:
        MalformedCode: not six digits.
    """

    digits: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{6}", self.digits):
            raise MalformedCode("a CAN is six digits", kind="can", field="can")


@dataclasses.dataclass(frozen=True, repr=False)
class CanAndMrz:
    """Both are known: the CAN first, the printed lines where the card or the reader cannot use it."""

    can: Can
    mrz: MrzKey


Secret = Can | MrzKey | CanAndMrz


@dataclasses.dataclass(frozen=True)
class ReaderLimits:
    """What the reader can carry (dwMaxAPDUDataSize of PC/SC part 10 plus header); 261 and 258: short APDUs only."""

    command_bytes: int = 65544
    response_bytes: int = 65538


class Stage(enum.StrEnum):
    OPENING = "opening"
    IDENTITY = "identity"
    CHIP = "chip"
    PHOTO = "photo"


@dataclasses.dataclass(frozen=True)
class Transmit:
    """Send these bytes to the card; answer with its response, status word included."""

    command: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Reset:
    """Reset the card (warm), then go on."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """For the screen. `ratio` from 0 to 1 within the whole reading, never running backwards."""

    stage: Stage
    ratio: float


@dataclasses.dataclass(frozen=True)
class IdentityRead:
    """Name and number are there, the photo is not. Nothing is verified yet."""

    zone: Mrz = dataclasses.field(repr=False)
    details: PersonalDetails = dataclasses.field(repr=False)


Step = Transmit | Reset | Progress | IdentityRead
Conversation = Generator[Step, bytes, Evidence]


def read_document(
    secret: Secret,
    *,
    wanted: Collection[int] = DEFAULT_WANTED,
    limits: ReaderLimits | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Conversation:
    """One reading from selection to photo; returns the `Evidence`.

    Args:
        secret: the code that opens the card. Tried once: a refused code is never repeated.
        wanted: data group numbers; 1 is always read, 3 and 4 (fingerprints, iris) never.
        limits: what the reader can carry.
        random_bytes: source of ephemeral keys.

    Raises:
        WrongCan, WrongMrz: the card did not accept the code.
        MrzNeeded: the card, or this reader with this card, cannot be opened by a CAN.
        NotADocument: no travel document application.
        CardRefused, CardUnreadable, MalformedData, SecureMessagingLost, Unsupported: as they say.
    """
    reading = _Reading(secret, frozenset(wanted) - {3, 4}, limits or ReaderLimits(), random_bytes)
    return (yield from reading.run())


class _Channel:
    """Commands and responses through the present session, counted."""

    def __init__(self, limits: ReaderLimits) -> None:
        self.limits = limits
        self.session: SecureMessaging | None = None
        self.extended_chunk: int | None = None
        self.apdus = 0
        self.bytes_exchanged = 0

    def send(self, command: Command) -> Generator[Step, bytes, Response]:
        plain = command
        # judged before protection: a command that is never sent must not move the session's counter
        needed_bytes = len(command.encode()) + (0 if self.session is None else _PROTECTION_BYTES)
        if needed_bytes > self.limits.command_bytes:
            raise Unsupported("this reader cannot carry the command", needed_bytes=needed_bytes)
        if self.session is not None:
            command = self.session.protect(command)
        raw = command.encode()
        self.apdus += 1
        if self.apdus > MAX_APDUS:
            raise CardUnreadable("the card never comes to an end", reason="too_many_commands")
        answer = yield Transmit(raw)
        self.bytes_exchanged += len(raw) + len(answer)
        response = Response.decode(answer)
        if self.session is not None:
            response = self.session.open(response)
        if plain.expected is not None and len(response.data) > plain.expected:
            raise MalformedData("more bytes than asked for", reason="apdu_length")
        return response

    def send_ok(self, command: Command, step: str) -> Generator[Step, bytes, bytes]:
        response = yield from self.send(command)
        if not response.ok:
            raise CardRefused(step, response.status_word)
        return response.data

    def select_file(self, file_id: int) -> Generator[Step, bytes, Response]:
        data = file_id.to_bytes(2, "big")
        return (yield from self.send(Command(0x00, Instruction.SELECT, 0x02, 0x0C, data)))

    def reset(self) -> Generator[Step, bytes, None]:
        self.session = None
        yield Reset()

    def read_at(self, offset: int, count: int) -> Generator[Step, bytes, bytes]:
        """Some bytes of the selected file; at least one, or the card is told unreadable."""
        extended = count > 256
        if offset < 0x8000:
            command = Command(0x00, Instruction.READ_BINARY, offset >> 8, offset & 0xFF, b"", count, extended)
            response = yield from self.send(command)
            data = response.data
        else:
            where = tlv.build(0x54, offset.to_bytes(3, "big"))
            odd = Command(0x00, Instruction.READ_BINARY_ODD, 0, 0, where, min(count + 6, 65536), extended)
            response = yield from self.send(odd)
            data = tlv.parse_one(response.data, 0x53).value if response.data else b""
        if response.status_word not in (StatusWord.OK, StatusWord.END_OF_FILE):
            raise CardRefused("read", response.status_word)
        if not data:
            raise CardUnreadable("the file ends before its length", reason="no_progress")
        return data


class _Reading:
    def __init__(
        self, secret: Secret, wanted: frozenset[int], limits: ReaderLimits, random_bytes: RandomBytes
    ) -> None:
        self._can = (
            secret.can if isinstance(secret, CanAndMrz) else secret if isinstance(secret, Can) else None
        )
        self._mrz = (
            secret.mrz if isinstance(secret, CanAndMrz) else secret if isinstance(secret, MrzKey) else None
        )
        self._wanted = wanted | {1}
        self._random = random_bytes
        self._channel = _Channel(limits)
        self._card_access: bytes | None = None
        self._access = Access.PACE
        self._groups: dict[int, bytes] = {}
        self._missing: set[int] = set()
        self._read_bytes = 0
        self._ratio = 0.0

    # the course of a reading

    def run(self) -> Conversation:
        yield from self._open()
        try:
            sod = yield from self._first_file()
        except (SecureMessagingLost, CardRefused):
            if self._channel.extended_chunk is None:
                raise
            # Long reads announced but not kept: once more from the start, in small pieces. The card has
            # accepted the code already, so this is no second guess at it.
            self._channel.limits = dataclasses.replace(
                self._channel.limits, response_bytes=SHORT_RESPONSE_BYTES
            )
            self._channel.extended_chunk = None
            yield from self._channel.reset()
            yield from self._open()
            sod = yield from self._first_file()
        listed = listed_groups(sod) if sod is not None else frozenset({1, 2, 11, 14})
        yield self._progress(Stage.IDENTITY, 0.25)
        for number in (1, 11):
            yield from self._read_group(number, listed)
        yield self._identity()
        yield self._progress(Stage.CHIP, 0.35)
        proof = yield from self._prove_chip(listed)
        if proof is not ChipProof.FAILED:
            for number in sorted(self._wanted & listed - {1, 2, 11, 14}):
                yield from self._read_group(number, listed)
            yield self._progress(Stage.PHOTO, 0.45)
            yield from self._read_group(2, listed, stage=Stage.PHOTO)
        return Evidence(
            access=self._access,
            card_access=self._card_access,
            sod=sod,
            groups=dict(self._groups),
            missing=frozenset(self._missing),
            chip_proof=proof,
            apdus=self._channel.apdus,
            bytes_exchanged=self._channel.bytes_exchanged,
        )

    def _first_file(self) -> Generator[Step, bytes, bytes | None]:
        return (yield from self._read_file(lds.SOD_FILE, lds.SOD_TAG, lds.MAX_OTHER_FILE_BYTES))

    def _identity(self) -> IdentityRead:
        if 1 not in self._groups:
            raise CardUnreadable("the card gives no data group 1", reason="dg1_missing")
        details = PersonalDetails()
        if 11 in self._groups:
            try:
                details = lds.parse_dg11(self._groups[11])
            except MalformedData:
                details = PersonalDetails()
        return IdentityRead(lds.parse_dg1(self._groups[1]), details)

    def _progress(self, stage: Stage, ratio: float) -> Progress:
        self._ratio = max(self._ratio, min(ratio, 1.0))
        return Progress(stage, self._ratio)

    # opening

    def _open(self) -> Generator[Step, bytes, None]:
        yield self._progress(Stage.OPENING, 0.0)
        offers = yield from self._read_offers()
        if (yield from self._try_pace(offers)):
            self._access = Access.PACE
            yield from self._select_application()
            return
        if self._mrz is None:
            if self._card_access is None:
                # before asking for the printed lines: is there a document at all?
                yield from self._select_application()
            raise MrzNeeded("this card cannot be opened with a CAN here", has_pace=bool(offers))
        self._access = Access.BAC
        yield from self._select_application()
        yield from self._bac(self._mrz)

    def _read_offers(self) -> Generator[Step, bytes, list[PaceInfo]]:
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

    def _read_free_file(self, file_id: int) -> Generator[Step, bytes, bytes | None]:
        """A small file of the master file, None when the card has none or does not give it."""
        selected = yield from self._channel.select_file(file_id)
        if not selected.ok:
            return None
        response = yield from self._channel.send(Command(0x00, Instruction.READ_BINARY, 0, 0, b"", 256))
        if response.status_word >> 8 == 0x6C:  # the chip names the only length it will answer
            length = (response.status_word & 0xFF) or 256
            response = yield from self._channel.send(
                Command(0x00, Instruction.READ_BINARY, 0, 0, b"", length)
            )
        if response.status_word not in (StatusWord.OK, StatusWord.END_OF_FILE) or not response.data:
            return None
        if file_id == lds.ATR_INFO_FILE:
            return response.data
        header = tlv.read_header(response.data)
        content = response.data
        while len(content) < header.total_bytes <= 4096:
            content += yield from self._channel.read_at(len(content), header.total_bytes - len(content))
        return content[: header.total_bytes]

    def _select_application(self) -> Generator[Step, bytes, None]:
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

    def _try_pace(self, offers: list[PaceInfo]) -> Generator[Step, bytes, bool]:
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

    def _pace(
        self, offer: PaceInfo, chaining: int, *, name_parameter: bool
    ) -> Generator[Step, bytes, SecureMessaging]:
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
    ) -> Generator[Step, bytes, bytes]:
        """One GENERAL AUTHENTICATE: dynamic authentication data out and in."""
        data = tlv.build(0x7C, tlv.build(tag, value) if tag is not None else b"")
        command = Command(
            cla, Instruction.GENERAL_AUTHENTICATE, 0, 0, data, 65536 if len(data) > 255 else 256
        )
        answer = yield from self._channel.send_ok(command, step)
        return tlv.need(tlv.parse_one(answer, 0x7C).children(), wanted)

    def _bac(self, key: MrzKey) -> Generator[Step, bytes, None]:
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

    # files

    def _read_group(
        self, number: int, listed: frozenset[int], stage: Stage | None = None
    ) -> Generator[Step, bytes, None]:
        if number not in self._wanted or (number not in listed and number != 1):
            return
        data = yield from self._read_file(
            lds.group_file(number), lds.group_tag(number), lds.group_max_bytes(number), stage
        )
        if data is None:
            self._missing.add(number)
        else:
            self._groups[number] = data

    def _read_file(
        self, file_id: int, tag: int, max_bytes: int, stage: Stage | None = None
    ) -> Generator[Step, bytes, bytes | None]:
        """A whole file as it lies on the chip; None when the card does not give it."""
        selected = yield from self._channel.select_file(file_id)
        if not selected.ok:
            return None
        content = yield from self._channel.read_at(0, 8)
        header = tlv.read_header(content)
        total = header.total_bytes
        self._read_bytes += total
        if header.tag != tag:
            raise CardUnreadable("a file holds something else", reason="wrong_tag")
        if total > max_bytes or self._read_bytes > MAX_READ_BYTES:
            raise CardUnreadable("a file is larger than any document's", reason="file_too_long")
        chunk = self._channel.extended_chunk or SHORT_CHUNK_BYTES
        while len(content) < total:
            content += yield from self._channel.read_at(len(content), min(chunk, total - len(content)))
            if stage is not None:
                yield self._progress(stage, 0.45 + 0.55 * len(content) / total)
        return content[:total]

    # the chip's proof

    def _prove_chip(self, listed: frozenset[int]) -> Generator[Step, bytes, ChipProof]:
        if 14 not in self._wanted:
            return ChipProof.NOT_TRIED
        yield from self._read_group(14, listed)
        if 14 in self._missing:
            return ChipProof.FAILED
        if 14 not in self._groups:
            return ChipProof.NOT_OFFERED
        try:
            key = choose_key(infos.chip_keys(lds.parse_dg14(self._groups[14])))
        except Unsupported:
            return ChipProof.NOT_SUPPORTED
        if key is None:
            return ChipProof.NOT_OFFERED
        return (yield from self._chip_authentication(key))

    def _chip_authentication(self, key: infos.ChipKey) -> Generator[Step, bytes, ChipProof]:
        party = ChipAuthenticationReader(key, self._random)
        try:
            yield from self._agree_with_chip(key, party.ephemeral)
            self._channel.session = party.session()
            # the proof: any protected answer under the new keys
            yield from self._channel.send_ok(
                Command(0x00, Instruction.SELECT, 0x02, 0x0C, lds.group_file(1).to_bytes(2, "big")),
                "chip_proof",
            )
        except (CardRefused, SecureMessagingLost):
            return ChipProof.FAILED
        except Unsupported:
            return ChipProof.NOT_POSSIBLE
        return ChipProof.PROVEN

    def _agree_with_chip(self, key: infos.ChipKey, ephemeral: bytes) -> Generator[Step, bytes, None]:
        """3DES: one MSE:Set KAT. AES: MSE:Set AT, then GENERAL AUTHENTICATE. TR-03110-3 B.3."""
        identifier = b"" if key.key_id is None else tlv.build(0x84, bytes([key.key_id & 0xFF]))
        manage = Instruction.MANAGE_SECURITY_ENVIRONMENT
        if key.suite is Suite.TRIPLE_DES:
            data = tlv.build(0x91, ephemeral) + identifier
            yield from self._channel.send_ok(Command(0x00, manage, 0x41, 0xA6, data), "chip_key")
            return
        assert key.oid is not None
        data = tlv.build(0x80, key.oid) + identifier
        yield from self._channel.send_ok(Command(0x00, manage, 0x41, 0xA4, data), "chip_key")
        data = tlv.build(0x7C, tlv.build(0x80, ephemeral))
        yield from self._channel.send_ok(
            Command(0x00, Instruction.GENERAL_AUTHENTICATE, 0, 0, data, 256), "chip_key"
        )
