"""Reading a CNS as a conversation: found by selecting its files, never by its answer to reset.

File system: AgID "CNS File System" v10; commands: CNS Functional Specification 1.1.6, ISO/IEC 7816-4. The course:
holder's data → card number → certificate → (with a PIN) the card signs a fresh challenge.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import secrets

from appliance.cards import cns_data, tlv
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import CHAINING, SHORT_DATA_MAX_BYTES, Command, Instruction, StatusWord
from appliance.cards.channel import Channel
from appliance.cards.cns_evidence import CnsEvidence, Layout, Possession
from appliance.cards.errors import (
    CardRefused,
    MalformedCode,
    MalformedData,
    NotADocument,
    PinBlocked,
    PinSpared,
    WrongPin,
)
from appliance.cards.steps import Exchange, IdentityRead, Progress, ReaderLimits, Stage

APPLET_ID = bytes.fromhex("A000000530000B104001021A")
_MASTER_FILE = 0x3F00
_DATA = (0x1100, 0x1102)
_NUMBERS = ((0x1000, 0x1003), (0xD003,))
_CERTIFICATES = ((0x1100, 0x1101), (0xDA01, 0xC001), (0x1400, 0x9001, 0x2002), (0x2FFF, 0x8228))
"""The specified place; the new applets'; Idemia's; Infocamere's."""
_PIN_REFERENCE = 0x10
_AUTHENTICATION_ENVIRONMENT = 0x03
_KEY = bytes.fromhex("830101")
_SHA256_PREFIX = bytes.fromhex("3031300D060960864801650304020105000420")
"""DigestInfo of SHA-256. RFC 8017 §9.2 note 1."""


@dataclasses.dataclass(frozen=True, repr=False)
class Pin:
    """The holder's PIN, typed by the holder; tried once.

    Raises:
        MalformedCode: not five to eight digits.
    """

    digits: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{5,8}", self.digits):
            raise MalformedCode("a PIN is five to eight digits", kind="pin", field="pin")


def read_cns(
    pin: Pin | None = None,
    *,
    limits: ReaderLimits | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Exchange[CnsEvidence]:
    """One reading, from the first selection to the proof.

    Raises:
        NotADocument: no CNS lies there.
        WrongPin, PinBlocked, PinSpared: the PIN was refused, or was not even tried.
        CardRefused, CardUnreadable, MalformedData: as they say.
    """
    return (yield from _Reading(Channel(limits or ReaderLimits()), pin, random_bytes).run())


class _Reading:
    def __init__(self, channel: Channel, pin: Pin | None, random_bytes: RandomBytes) -> None:
        self._channel = channel
        self._pin = pin
        self._random = random_bytes
        self._layout = Layout.CLASSIC

    def run(self) -> Exchange[CnsEvidence]:
        yield Progress(Stage.OPENING, 0.0)
        yield from self._find()
        yield Progress(Stage.IDENTITY, 0.15)
        data = yield from self._channel.read_to_end(cns_data.PERSONAL_DATA_MAX_BYTES, _length_of)
        holder = cns_data.parse_personal_data(data)
        yield IdentityRead(holder.surname, holder.given_names)
        yield Progress(Stage.IDENTITY, 0.45)
        number = yield from self._first_of(_NUMBERS, cns_data.CARD_NUMBER_DIGITS)
        file = yield from self._first_of(_CERTIFICATES, cns_data.CERTIFICATE_MAX_BYTES)
        certificate = None if file is None else cns_data.certificate_in(file)
        yield Progress(Stage.CHIP, 0.8)
        possession = Possession.NOT_TRIED
        if self._pin is not None and certificate is not None:
            possession = yield from self._prove(self._pin, certificate)
        yield Progress(Stage.CHIP, 1.0)
        return CnsEvidence(
            layout=self._layout,
            data=data,
            card_number=number,
            certificate=certificate,
            possession=possession,
            apdus=self._channel.apdus,
            bytes_exchanged=self._channel.bytes_exchanged,
        )

    # files

    def _find(self) -> Exchange[None]:
        """The data file selected, in whichever layout has one."""
        if (yield from self._select(_DATA)):
            return
        applet = Command(0x00, Instruction.SELECT, 0x04, 0x00, APPLET_ID, 256)
        if (yield from self._channel.send(applet)).ok:
            self._layout = Layout.APPLET
            if (yield from self._select(_DATA)):
                return
        raise NotADocument("the card is no Carta Nazionale dei Servizi")

    def _select(self, path: tuple[int, ...]) -> Exchange[bool]:
        """By path from the present root; step by step where a classic card does not take paths."""
        whole = b"".join(part.to_bytes(2, "big") for part in path)
        if self._layout is Layout.APPLET:
            command = Command(0x00, Instruction.SELECT, 0x09, 0x00, whole, 256)
            return (yield from self._channel.send(command)).ok
        by_path = Command(0x00, Instruction.SELECT, 0x08, 0x00, whole, 256)
        if (yield from self._channel.send(by_path)).ok:
            return True
        for part in (_MASTER_FILE, *path):
            step = Command(0x00, Instruction.SELECT, 0x00, 0x00, part.to_bytes(2, "big"), 256)
            if not (yield from self._channel.send(step)).ok:
                return False
        return True

    def _first_of(self, places: tuple[tuple[int, ...], ...], max_bytes: int) -> Exchange[bytes | None]:
        """The first of these files that is there and not empty."""
        for place in places:
            if (yield from self._select(place)):
                content = yield from self._channel.read_to_end(max_bytes, _length_of)
                if content.strip(b"\x00\xff"):
                    return content
        return None

    # the holder's key

    def _prove(self, pin: Pin, certificate: bytes) -> Exchange[Possession]:
        """Only a card that holds the certificate's private key signs a challenge nobody has seen before."""
        key = cns_data.load_certificate(certificate).public_key
        if key.algorithm != "rsa":
            raise MalformedData("the card's key is of an unknown kind", reason="cns_key")
        numbers = key["public_key"].parsed
        modulus, exponent = numbers["modulus"].native, numbers["public_exponent"].native
        if not 1024 <= modulus.bit_length() <= 4096 or not 3 <= exponent < 1 << 32:
            raise MalformedData("the card's key is of strange size", reason="rsa_key")
        yield from self._verify_pin(pin)
        size_bytes = (modulus.bit_length() + 7) // 8
        block = _signature_block(self._random(32), size_bytes)
        try:
            answer = yield from self._use_key(block)
        except CardRefused:
            return Possession.FAILED
        good = len(answer) == size_bytes and pow(
            int.from_bytes(answer, "big"), exponent, modulus
        ) == int.from_bytes(block, "big")
        return Possession.PROVEN if good else Possession.FAILED

    def _verify_pin(self, pin: Pin) -> Exchange[None]:
        """Asks for the counter first: the last try belongs to the holder, at home."""
        counter = yield from self._channel.send(Command(0x00, Instruction.VERIFY, 0x00, _PIN_REFERENCE))
        left = _tries_left(counter.status_word)
        if left == 0:
            raise PinBlocked("the PIN of the card is blocked")
        if left == 1:
            raise PinSpared("one try is left for the PIN")
        padded = pin.digits.encode("ascii").ljust(8, b"\xff")
        response = yield from self._channel.send(
            Command(0x00, Instruction.VERIFY, 0x00, _PIN_REFERENCE, padded)
        )
        if response.ok:
            return
        left = _tries_left(response.status_word)
        if left == 0:
            raise PinBlocked("the PIN of the card is blocked")
        if left is not None or response.status_word == StatusWord.AUTHENTICATION_FAILED:
            raise WrongPin(left)
        raise CardRefused("pin", response.status_word)

    def _use_key(self, block: bytes) -> Exchange[bytes]:
        manage, perform = Instruction.MANAGE_SECURITY_ENVIRONMENT, Instruction.PERFORM_SECURITY_OPERATION
        restore = Command(0x00, manage, 0xF3, _AUTHENTICATION_ENVIRONMENT, b"", 256)
        yield from self._channel.send_ok(restore, "key")
        yield from self._channel.send_ok(Command(0x00, manage, 0xF1, 0xB8, _KEY), "key")
        data = b"\x00" + block  # padding indicator, ISO/IEC 7816-8 table 3
        if len(data) > SHORT_DATA_MAX_BYTES:
            head, data = data[:SHORT_DATA_MAX_BYTES], data[SHORT_DATA_MAX_BYTES:]
            yield from self._channel.send_ok(Command(CHAINING, perform, 0x80, 0x86, head), "key")
        return (yield from self._channel.send_ok(Command(0x00, perform, 0x80, 0x86, data, 256), "key"))


def _length_of(content: bytes) -> int | None:
    """A certificate says its length; other files are read to their end."""
    for start in (0, 5):
        if content[start : start + 2] == b"\x30\x82" and len(content) >= start + 4:
            return start + tlv.read_header(content, start).total_bytes
    return None


def _tries_left(status_word: int) -> int | None:
    if status_word == StatusWord.PIN_BLOCKED:
        return 0
    return status_word & 0x0F if status_word & 0xFFF0 == 0x63C0 else None


def _signature_block(challenge: bytes, size_bytes: int) -> bytes:
    """EMSA-PKCS1-v1_5 over the challenge. RFC 8017 §9.2."""
    info = _SHA256_PREFIX + hashlib.sha256(challenge).digest()
    return b"\x00\x01" + b"\xff" * (size_bytes - len(info) - 3) + b"\x00" + info
