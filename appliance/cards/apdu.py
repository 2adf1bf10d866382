"""Commands and responses of a smart card as bytes. ISO/IEC 7816-4 §5, short and extended length."""

from __future__ import annotations

import dataclasses
import enum

from appliance.cards.errors import MalformedData

SHORT_DATA_MAX_BYTES = 255
SHORT_EXPECTED_MAX_BYTES = 256
EXTENDED_DATA_MAX_BYTES = 65535
EXTENDED_EXPECTED_MAX_BYTES = 65536

CHAINING = 0x10
"""Class bit: more commands of the same kind follow."""
SECURE_MESSAGING = 0x0C
"""Class bits: protected, header authenticated."""


class Instruction(enum.IntEnum):
    VERIFY = 0x20
    MANAGE_SECURITY_ENVIRONMENT = 0x22
    PERFORM_SECURITY_OPERATION = 0x2A
    EXTERNAL_AUTHENTICATE = 0x82
    GET_CHALLENGE = 0x84
    GENERAL_AUTHENTICATE = 0x86
    INTERNAL_AUTHENTICATE = 0x88
    SELECT = 0xA4
    READ_BINARY = 0xB0
    READ_BINARY_ODD = 0xB1
    GET_RESPONSE = 0xC0


class StatusWord(enum.IntEnum):
    """The status words this product acts upon."""

    OK = 0x9000
    END_OF_FILE = 0x6282
    AUTHENTICATION_FAILED = 0x6300
    WRONG_LENGTH = 0x6700
    LAST_OF_CHAIN_EXPECTED = 0x6883
    CHAINING_NOT_SUPPORTED = 0x6884
    SECURITY_NOT_SATISFIED = 0x6982
    PIN_BLOCKED = 0x6983
    CONDITIONS_NOT_SATISFIED = 0x6985
    NO_CURRENT_FILE = 0x6986
    SM_OBJECTS_MISSING = 0x6987
    SM_OBJECTS_WRONG = 0x6988
    WRONG_DATA = 0x6A80
    FILE_NOT_FOUND = 0x6A82
    WRONG_P1_P2 = 0x6A86
    REFERENCE_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    INSTRUCTION_UNKNOWN = 0x6D00
    CLASS_UNKNOWN = 0x6E00
    NO_DIAGNOSIS = 0x6F00


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """One command. `expected` is Ne: how many bytes may come back (None: no data asked for).

    `extended` is made true by itself when data or `expected` need it. The data stay out of `repr`.
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = dataclasses.field(default=b"", repr=False)
    expected: int | None = None
    extended: bool = False

    def __post_init__(self) -> None:
        if any(not 0 <= byte <= 0xFF for byte in (self.cla, self.ins, self.p1, self.p2)):
            raise MalformedData("a command header byte is out of range", reason="apdu_header")
        if len(self.data) > EXTENDED_DATA_MAX_BYTES:
            raise MalformedData("command data too long", reason="apdu_length")
        if self.expected is not None and not 1 <= self.expected <= EXTENDED_EXPECTED_MAX_BYTES:
            raise MalformedData("expected length out of range", reason="apdu_length")
        has_body = bool(self.data) or self.expected is not None
        needs = len(self.data) > SHORT_DATA_MAX_BYTES or (self.expected or 0) > SHORT_EXPECTED_MAX_BYTES
        object.__setattr__(self, "extended", has_body and (self.extended or needs))

    @property
    def header(self) -> bytes:
        return bytes((self.cla, self.ins, self.p1, self.p2))

    def encode(self) -> bytes:
        if not self.extended:
            body = bytes([len(self.data)]) + self.data if self.data else b""
            tail = b"" if self.expected is None else bytes([self.expected & 0xFF])
            return self.header + body + tail
        tail = b"" if self.expected is None else (self.expected & 0xFFFF).to_bytes(2, "big")
        if not self.data:
            return self.header + b"\x00" + tail
        return self.header + b"\x00" + len(self.data).to_bytes(2, "big") + self.data + tail

    @classmethod
    def decode(cls, raw: bytes) -> Command:
        """The card's side: bytes of a command as they came.

        Raises:
            MalformedData: the bytes follow none of the seven shapes of ISO/IEC 7816-3 §12.1.3.
        """
        if len(raw) < 4:
            raise MalformedData("a command is at least four bytes", reason="apdu_length")
        body = raw[4:]
        if len(body) >= 3 and body[0] == 0:
            data, expected = _decode_extended(body[1:])
            return cls(raw[0], raw[1], raw[2], raw[3], data, expected, extended=True)
        data, expected = _decode_short(body)
        return cls(raw[0], raw[1], raw[2], raw[3], data, expected)


def _decode_short(body: bytes) -> tuple[bytes, int | None]:
    if not body:
        return b"", None
    if len(body) == 1:
        return b"", body[0] or SHORT_EXPECTED_MAX_BYTES
    length, rest = body[0], body[1:]
    if length and len(rest) == length:
        return rest, None
    if length and len(rest) == length + 1:
        return rest[:-1], rest[-1] or SHORT_EXPECTED_MAX_BYTES
    raise MalformedData("Lc does not match the command's length", reason="apdu_length")


def _decode_extended(body: bytes) -> tuple[bytes, int | None]:
    length, rest = int.from_bytes(body[:2], "big"), body[2:]
    if not rest:
        return b"", length or EXTENDED_EXPECTED_MAX_BYTES
    if length and len(rest) == length:
        return rest, None
    if length and len(rest) == length + 2:
        return rest[:-2], int.from_bytes(rest[-2:], "big") or EXTENDED_EXPECTED_MAX_BYTES
    raise MalformedData("extended Lc does not match the command's length", reason="apdu_length")


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """What came back: data (kept out of `repr`) and a status word."""

    data: bytes = dataclasses.field(repr=False)
    status_word: int

    @property
    def ok(self) -> bool:
        return self.status_word == StatusWord.OK

    def encode(self) -> bytes:
        return self.data + self.status_word.to_bytes(2, "big")

    @classmethod
    def decode(cls, raw: bytes) -> Response:
        if not 2 <= len(raw) <= EXTENDED_EXPECTED_MAX_BYTES + 2:
            raise MalformedData("a response is two bytes at least", reason="apdu_length")
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))
