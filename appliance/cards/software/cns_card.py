"""A CNS in software, chip's side: files by path, PIN with three tries, a key that signs for it.

AgID "CNS File System" v10, CNS Functional Specification 1.1.6. The classic layout answers well enough for OpenSC.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hmac
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.cards import cns_data, tlv
from appliance.cards.apdu import CHAINING, Command, Instruction, Response, StatusWord
from appliance.cards.cns import APPLET_ID
from appliance.cards.errors import MalformedData
from appliance.cards.software.cns_authority import InventedCnsAuthority, make_cns_authority
from appliance.cards.software.persona import MARIA, Persona

PIN = "24680"
"""Of every software CNS: these cards are for trying out."""
CARD_NUMBER = "609000000000000"
_PIN_TRIES = 3
_FILE_BYTES = 400


class CnsKind(enum.StrEnum):
    """How a software CNS comes to be."""

    CLASSIC = "classic"
    APPLET = "applet"
    EXPIRED = "expired"
    TAMPERED = "tampered"
    """Another holder's data beside the certificate."""
    CLONED = "cloned"
    """Everything that can be read, and a key of its own."""
    UNKNOWN_AUTHORITY = "unknown_authority"


@dataclasses.dataclass(frozen=True, repr=False)
class CnsChip:
    """What personalisation leaves on the card. A path is the file ids from below the root, joined."""

    files: Mapping[bytes, bytes]
    key: rsa.RSAPrivateKey
    applet: bool


def _atr(historical: bytes) -> bytes:
    """T=0 is not offered: TD1 says T=1 (ISO/IEC 7816-3 §8.2)."""
    body = bytes.fromhex("FF1800008131FE45") + historical
    check = 0
    for byte in body:
        check ^= byte
    return b"\x3b" + body + bytes([check])


CLASSIC_ATR = _atr(bytes.fromhex("006B05052000012101434E53113180"))
"""Historical bytes as the specification wants them: "CNS" and version 1.1 (RSA of 2048 bits)."""
APPLET_ATR = _atr(b"\x80" + b"ESEMPIO TESSERA"[:14])


class CnsCard:
    """Answers commands. `opens_with` is None: a CNS gives its files to anybody."""

    opens_with = None

    def __init__(self, chip: CnsChip) -> None:
        self.chip = chip
        self.tries_left = _PIN_TRIES
        self.reset()

    @property
    def atr(self) -> bytes:
        return APPLET_ATR if self.chip.applet else CLASSIC_ATR

    def reset(self) -> None:
        """Power off and on: the PIN is forgotten, its counter is not."""
        self._in_applet = False
        self._path = b""
        self._pin_given = False
        self._key_chosen = False
        self._chain = b""

    def transmit(self, raw: bytes) -> bytes:
        """One command as bytes, one response as bytes."""
        try:
            command = Command.decode(raw)
        except MalformedData:
            return Response(b"", StatusWord.WRONG_LENGTH).encode()
        handler = {
            Instruction.SELECT: self._select,
            Instruction.READ_BINARY: self._read,
            Instruction.VERIFY: self._verify,
            Instruction.MANAGE_SECURITY_ENVIRONMENT: self._manage,
            Instruction.PERFORM_SECURITY_OPERATION: self._sign,
        }.get(command.ins)  # type: ignore[call-overload]
        if handler is None:
            return Response(b"", StatusWord.INSTRUCTION_UNKNOWN).encode()
        answer: Response = handler(command)
        return answer.encode()

    # files

    def _select(self, command: Command) -> Response:
        if command.p1 == 0x04:
            if not self.chip.applet or command.data != APPLET_ID:
                return Response(b"", StatusWord.FILE_NOT_FOUND)
            self._in_applet, self._path = True, b""
            return Response(b"", StatusWord.OK)
        if self.chip.applet and not self._in_applet:
            return Response(b"", StatusWord.FILE_NOT_FOUND)
        wanted = self._wanted(command)
        if wanted is None:
            return Response(b"", StatusWord.FILE_NOT_FOUND)
        self._path = wanted
        template = b"" if command.p2 & 0x0C == 0x0C else self._template(wanted)
        return Response(template, StatusWord.OK)

    def _wanted(self, command: Command) -> bytes | None:
        """The path meant, None when there is none such."""
        data = command.data.removeprefix(b"\x3f\x00")
        if command.p1 in (0x08, 0x09):
            candidates = [data]
        elif not data:
            return b""
        else:  # one file id: below the present folder, beside the present file, below the root
            candidates = [self._path + data, self._path[:-2] + data, data]
        return next((path for path in candidates if self._exists(path)), None)

    def _exists(self, path: bytes) -> bool:
        return path in self.chip.files or any(known[: len(path)] == path for known in self.chip.files)

    def _template(self, path: bytes) -> bytes:
        """File control information. ISO/IEC 7816-4 §7.4.3."""
        content = self.chip.files.get(path)
        if content is None:
            inner = tlv.build(0x82, b"\x38") + tlv.build(0x83, path[-2:] or b"\x3f\x00")
        else:
            size = len(content).to_bytes(2, "big")
            inner = tlv.build(0x80, size) + tlv.build(0x82, b"\x01") + tlv.build(0x83, path[-2:])
        return tlv.build(0x6F, inner)

    def _read(self, command: Command) -> Response:
        content = self.chip.files.get(self._path)
        if content is None:
            return Response(b"", StatusWord.NO_CURRENT_FILE)
        offset = command.p1 << 8 | command.p2
        if offset >= len(content):
            return Response(b"", StatusWord.WRONG_OFFSET)
        return Response(content[offset : offset + (command.expected or 0)], StatusWord.OK)

    # the holder

    def _verify(self, command: Command) -> Response:
        if command.p2 & 0x7F != 0x10:
            return Response(b"", StatusWord.REFERENCE_NOT_FOUND)
        if not self.tries_left:
            return Response(b"", StatusWord.PIN_BLOCKED)
        if not command.data:
            return Response(b"", StatusWord.OK if self._pin_given else 0x63C0 | self.tries_left)
        self._pin_given = hmac.compare_digest(command.data.rstrip(b"\xff"), PIN.encode("ascii"))
        if self._pin_given:
            self.tries_left = _PIN_TRIES
            return Response(b"", StatusWord.OK)
        self.tries_left -= 1
        return Response(b"", 0x63C0 | self.tries_left if self.tries_left else StatusWord.PIN_BLOCKED)

    def _manage(self, command: Command) -> Response:
        if command.p1 == 0xF3:  # restore an environment
            self._key_chosen = False
            return Response(b"", StatusWord.OK)
        if command.p1 == 0xF1 and command.data == bytes.fromhex("830101"):
            self._key_chosen = True
            return Response(b"", StatusWord.OK)
        return Response(b"", StatusWord.REFERENCE_NOT_FOUND)

    def _sign(self, command: Command) -> Response:
        """The private key over a block, by PSO: DECIPHER or COMPUTE DIGITAL SIGNATURE. ISO/IEC 7816-8 §11."""
        if not self._pin_given:
            return Response(b"", StatusWord.SECURITY_NOT_SATISFIED)
        if not self._key_chosen:
            return Response(b"", StatusWord.CONDITIONS_NOT_SATISFIED)
        self._chain += command.data
        if command.cla & CHAINING:
            return Response(b"", StatusWord.OK)
        block, self._chain = self._chain, b""
        numbers = self.chip.key.private_numbers()
        modulus = numbers.public_numbers.n
        size_bytes = (modulus.bit_length() + 7) // 8
        block = block[1:] if len(block) == size_bytes + 1 else block
        value = int.from_bytes(block, "big")
        if len(block) != size_bytes or value >= modulus:
            return Response(b"", StatusWord.WRONG_DATA)
        return Response(pow(value, numbers.d, modulus).to_bytes(size_bytes, "big"), StatusWord.OK)


# personalisation


def personal_data(person: Persona, issued: datetime.date, expiry: datetime.date) -> bytes:
    """EF_Dati_personali of this person as a TS-CNS has it, padded to the file's size."""
    fields = (
        "6090",
        f"{issued:%d%m%Y}",
        f"{expiry:%d%m%Y}",
        person.surname,
        person.given_names,
        f"{person.birth:%d%m%Y}",
        person.sex,
        "",
        person.codice_fiscale,
        "",
        person.place_code,
        "",
        "",
        person.place_code,
        "",
        "",
    )
    content = b"".join(f"{len(text.encode()):02X}".encode("ascii") + text.encode() for text in fields)
    return (f"{len(content):06X}".encode("ascii") + content).ljust(_FILE_BYTES, b"\x00")


def issue_cns(
    kind: CnsKind,
    now: datetime.datetime,
    authority: InventedCnsAuthority | None = None,
    person: Persona = MARIA,
) -> CnsCard:
    """One card: six years of life, in the middle of it, or just over."""
    years = datetime.timedelta(days=6 * 365)
    ends = now - datetime.timedelta(days=40) if kind is CnsKind.EXPIRED else now + years / 2
    begins = ends - years
    if kind is CnsKind.UNKNOWN_AUTHORITY:
        authority = make_cns_authority(b"an issuer nobody believes")
    authority = authority or make_cns_authority()
    key = rsa.generate_private_key(65537, 2048)
    number = CARD_NUMBER + cns_data.luhn_digit(CARD_NUMBER)
    data = personal_data(person, begins.date(), ends.date())
    name = cns_data.common_name(person.codice_fiscale, number, data)
    certificate = authority.certify(name, key.public_key(), begins, ends)
    if kind is CnsKind.TAMPERED:
        other = dataclasses.replace(person, given_names="MARTA")
        data = personal_data(other, begins.date(), ends.date())
    if kind is CnsKind.CLONED:
        key = rsa.generate_private_key(65537, 2048)
    return CnsCard(CnsChip(_files(data, number, certificate, kind), key, kind is CnsKind.APPLET))


def _files(data: bytes, number: str, certificate: bytes, kind: CnsKind) -> dict[bytes, bytes]:
    places = {"data": "11001102", "number": "10001003", "certificate": "11001101"}
    if kind is CnsKind.APPLET:
        places = places | {"number": "D003", "certificate": "DA01C001"}
    files = {
        bytes.fromhex(places["data"]): data,
        bytes.fromhex(places["number"]): number.encode("ascii"),
        bytes.fromhex(places["certificate"]): certificate + bytes(64),
    }
    if kind is not CnsKind.APPLET:
        for other in ("10001002", "12001201", "12001202", "12001203", "2F02"):
            files[bytes.fromhex(other)] = bytes(16)
    return files
