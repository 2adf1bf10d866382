"""A conversation with a card as lines that may be passed on: what is shown is listed here, the rest is length and kind.

An allow-list on purpose: a command nobody thought of shows its length and nothing else. Neither nonces nor tokens
are shown, although they are encrypted: a CAN has a million values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.cards import lds, tlv
from appliance.cards.apdu import SECURE_MESSAGING, Command, Instruction, Response
from appliance.cards.errors import MalformedData

_CHANGE_PIN, _UNBLOCK_PIN = 0x24, 0x2C
_WITH_PIN = frozenset({Instruction.VERIFY, _CHANGE_PIN, _UNBLOCK_PIN})
"""Even the length of what these carry stays hidden."""
_INSTRUCTIONS: Mapping[int, tuple[str, str]] = {
    Instruction.VERIFY: ("verify", "nothing known"),
    _CHANGE_PIN: ("change PIN", "nothing known"),
    _UNBLOCK_PIN: ("unblock PIN", "nothing known"),
    Instruction.MANAGE_SECURITY_ENVIRONMENT: ("manage security environment", "nothing known"),
    Instruction.PERFORM_SECURITY_OPERATION: ("perform security operation", "signature or cryptogram"),
    Instruction.EXTERNAL_AUTHENTICATE: ("external authenticate", "cryptogram"),
    Instruction.GET_CHALLENGE: ("get challenge", "random number"),
    Instruction.GENERAL_AUTHENTICATE: ("general authenticate", "key agreement"),
    Instruction.INTERNAL_AUTHENTICATE: ("internal authenticate", "signature"),
    Instruction.SELECT: ("select", "file control information"),
    Instruction.READ_BINARY: ("read binary", "file content"),
    Instruction.READ_BINARY_ODD: ("read binary", "file content"),
    Instruction.GET_RESPONSE: ("get response", "rest of the answer"),
}
"""Instruction → its name and what its answer carries. Only of these are P1 and P2 shown."""

_APPLICATIONS: Mapping[bytes, str] = {
    lds.APPLICATION_ID: "travel document",
    bytes.fromhex("A0000000308000000009816001"): "IAS ECC",
    bytes.fromhex("A00000000039"): "CIE",
    bytes.fromhex("A000000530000B104001021A"): "CNS",
}
_FILES: Mapping[int, str] = {
    lds.MASTER_FILE: "master file",
    lds.ATR_INFO_FILE: "EF.ATR/INFO",
    0x2F00: "EF.DIR",
    lds.CARD_ACCESS_FILE: "EF.CardAccess",
    lds.COM_FILE: "EF.COM",
    lds.SOD_FILE: "EF.SOD",
    **{lds.group_file(number): f"DG{number}" for number in range(1, 17)},
    0x1001: "CIE service number",
    0x1005: "CIE chip key",
    0x1006: "CIE security object",
    # AgID "CNS File System" v10, and the places other issuers use
    **dict.fromkeys((0x1000, 0x1100, 0x1400, 0x2FFF, 0x9001, 0xDA01), "CNS folder"),
    **dict.fromkeys((0x1003, 0xD003), "CNS card number"),
    **dict.fromkeys((0x1101, 0x2002, 0x8228, 0xC001), "CNS certificate"),
    0x1102: "CNS personal data",
}
_SELECT_BY_NAME = 0x04
_SELECT_BY_FILE_IDS = (0x00, 0x02, 0x08, 0x09)

_PROTECTED_OBJECTS = (0x80, 0x81, 0x85, 0x87, 0x8E, 0x97, 0x99)
_STATUS_OBJECT = 0x99
_AGREEMENT_OBJECTS = tuple(range(0x80, 0x87))
_MAX_OBJECTS = 8
_SECURITY_INFO_PREFIX = bytes.fromhex("04007F00070202")
"""0.4.0.127.0.7.2.2, under which PACE, chip and terminal authentication stand. BSI TR-03110-3 A.1.1."""
_MANUFACTURERS_WORD = frozenset({3, 6, 7, 8})
"""Compact objects that speak of the kind of chip; others may hold an issuer's or a chip's number."""


class Redactor:
    """Lines of one conversation; remembers what is selected, to know whose content an answer is."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The card was reset: nothing is selected."""
        self._file: int | None = None
        self._in_application = False
        self._asked: Command | None = None

    def command(self, raw: bytes) -> str:
        """One command, however strange."""
        try:
            command = Command.decode(raw)
        except MalformedData:
            self._asked = None
            return f"{len(raw)} bytes that are no command"
        if command.ins != Instruction.GET_RESPONSE:
            self._asked = command
        name = _INSTRUCTIONS.get(command.ins)
        if name is None:
            parts = [f"{command.cla:02X} {command.ins:02X} .. ..", *_lengths(command), "unknown instruction"]
        else:
            parts = [command.header.hex(" ").upper(), *_lengths(command), name[0] + _told_with(command)]
        return "  ".join(parts)

    def response(self, raw: bytes) -> str:
        """The answer to the command before it."""
        try:
            response = Response.decode(raw)
        except MalformedData:
            return f"{len(raw)} bytes that are no response"
        asked = self._asked
        self._follow(asked, response)
        status = f"{response.status_word:04X}"
        if not response.data:
            return status
        return f"{status}  {len(response.data)} bytes  {self._told_by(asked, response.data)}"

    def _follow(self, asked: Command | None, response: Response) -> None:
        """What is selected now. A protected selection is unreadable here, and so is every answer after it."""
        if (
            asked is None
            or asked.ins != Instruction.SELECT
            or not (response.ok or response.status_word >> 8 == 0x61)
        ):
            return
        self._file = None
        if asked.cla & SECURE_MESSAGING == SECURE_MESSAGING:
            return
        if asked.p1 == _SELECT_BY_NAME:
            self._in_application = True
        elif len(asked.data) == 2:
            self._file = int.from_bytes(asked.data, "big")
            self._in_application = self._in_application and self._file != lds.MASTER_FILE

    def _told_by(self, asked: Command | None, data: bytes) -> str:
        if asked is None or asked.ins not in _INSTRUCTIONS:
            return "nothing known"
        if asked.cla & SECURE_MESSAGING == SECURE_MESSAGING:
            return "protected" + _objects(data, _PROTECTED_OBJECTS)
        if asked.ins == Instruction.GENERAL_AUTHENTICATE:
            return "key agreement" + _inner_objects(data)
        if (
            asked.ins == Instruction.READ_BINARY
            and not asked.p1
            and not asked.p2
            and not self._in_application
        ):
            if self._file == lds.CARD_ACCESS_FILE:
                return "EF.CardAccess" + _card_access(data)
            if self._file == lds.ATR_INFO_FILE:
                return "EF.ATR/INFO" + _atr_info(data)
        return _INSTRUCTIONS[asked.ins][1]


def _lengths(command: Command) -> list[str]:
    if command.ins in _WITH_PIN and command.cla & SECURE_MESSAGING != SECURE_MESSAGING:
        return ["PIN" if command.data else "counter"]
    words = [f"Lc {len(command.data)}"] if command.data else []
    words += [] if command.expected is None else [f"Le {command.expected}"]
    return [*words, "extended"] if command.extended else words


def _told_with(command: Command) -> str:
    """What a command's data say, as far as the table goes."""
    if not command.data or command.ins in _WITH_PIN:
        return ""
    if command.cla & SECURE_MESSAGING == SECURE_MESSAGING:
        return ", protected" + _objects(command.data, _PROTECTED_OBJECTS)
    if command.ins == Instruction.SELECT:
        return " " + _selected(command)
    if command.ins == Instruction.MANAGE_SECURITY_ENVIRONMENT:
        return _references(command.data)
    if command.ins == Instruction.GENERAL_AUTHENTICATE:
        return _inner_objects(command.data)
    return ""


def _selected(command: Command) -> str:
    data = command.data
    if command.p1 == _SELECT_BY_NAME:
        return _APPLICATIONS.get(data, "an application not in the table")
    ids = [int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2)]
    known = command.p1 in _SELECT_BY_FILE_IDS and len(data) % 2 == 0 and all(one in _FILES for one in ids)
    return " / ".join(f"{one:04X} {_FILES[one]}" for one in ids) if known else "a file not in the table"


def _references(data: bytes) -> str:
    """The protocol, which code (1 printed lines, 2 CAN), which parameters or key; of anything else the length."""
    try:
        objects = tlv.parse(data)
    except MalformedData:
        return ""
    words = []
    for item in objects[:_MAX_OBJECTS]:
        if item.tag == 0x80 and (protocol := _protocol(item.value)):
            words.append(f"80 {protocol}")
        elif item.tag in (0x83, 0x84) and len(item.value) == 1:
            words.append(f"{item.tag:02X} {item.value.hex().upper()}")
        else:
            words.append(_by_length(item, (0x80, 0x83, 0x84, 0x91)))
    return f" [{', '.join(words)}]"


def _objects(data: bytes, shown: Sequence[int]) -> str:
    """Tags that are in the table, with their lengths; of the status object also the value, which stands outside too."""
    try:
        objects = tlv.parse(data)
    except MalformedData:
        return ""
    words = [
        f"99 {item.value.hex().upper()}"
        if item.tag == _STATUS_OBJECT and len(item.value) == 2
        else _by_length(item, shown)
        for item in objects[:_MAX_OBJECTS]
    ]
    return f" [{', '.join(words)}]"


def _inner_objects(data: bytes) -> str:
    """Dynamic authentication data. ISO/IEC 7816-4 table 112."""
    try:
        return _objects(tlv.parse_one(data, 0x7C).value, _AGREEMENT_OBJECTS)
    except MalformedData:
        return ""


def _by_length(item: tlv.Tlv, shown: Sequence[int]) -> str:
    return (
        f"{item.tag:02X} {len(item.value)} bytes" if item.tag in shown else f"other {len(item.value)} bytes"
    )


def _protocol(oid: bytes) -> str:
    """Dotted, when it is one of TR-03110's; no arc of theirs reaches the letters and digits of ASCII."""
    arcs = oid[len(_SECURITY_INFO_PREFIX) :]
    if not oid.startswith(_SECURITY_INFO_PREFIX) or len(arcs) > 4 or any(arc >= 0x20 for arc in arcs):
        return ""
    return ".".join(["0.4.0.127.0.7.2.2", *(str(arc) for arc in arcs)])


def _card_access(data: bytes) -> str:
    try:
        header = tlv.read_header(data)
        infos = tlv.parse_one(data[: header.total_bytes], 0x31).children()
        told = [_security_info(info.children()) for info in infos[:32]]
    except MalformedData:
        return ""
    return f" [{', '.join(told)}]"


def _security_info(fields: Sequence[tlv.Tlv]) -> str:
    protocol = _protocol(fields[0].value) if fields and fields[0].tag == 0x06 else ""
    if not protocol:
        return "other"
    numbers = (
        str(field.value[0]) if field.tag == 0x02 and len(field.value) == 1 else f"{len(field.value)} bytes"
        for field in fields[1:4]
    )
    return " ".join([protocol, *numbers])


def _atr_info(data: bytes) -> str:
    lengths = lds.extended_lengths(data)
    return "" if lengths is None else f" [longest command {lengths[0]}, longest response {lengths[1]}]"


def answer_to_reset(atr: bytes) -> str:
    """An ATR with what may be a number of the single chip taken out. ISO/IEC 7816-3 §8.2, 7816-4 §12.1.1.

    Some transport and bank cards write their serial number there.
    """
    if len(atr) < 2:
        return f"{len(atr)} bytes"
    count = atr[1] & 0x0F
    start = min(_historical_start(atr), len(atr))
    historical = atr[start : start + count]
    words = [atr[:start].hex(" ").upper(), *_compact_objects(historical)]
    return " ".join(word for word in words if word)


def _historical_start(atr: bytes) -> int:
    position, follows = 2, atr[1] >> 4
    while True:
        position += follows.bit_count()
        if not follows & 0x08 or position > len(atr):
            return position
        follows = atr[position - 1] >> 4


def _compact_objects(historical: bytes) -> list[str]:
    """Objects of one tag and one length digit, behind a category byte 80 or 00."""
    if historical[:1] not in (b"\x80", b"\x00"):
        return [f"({len(historical)} historical bytes)"] if historical else []
    content = historical[1:]
    words, position = [historical[:1].hex()], 0
    while position < len(content):
        tag, size = content[position] >> 4, content[position] & 0x0F
        whole = content[position : position + 1 + size]
        shown = tag in _MANUFACTURERS_WORD and len(whole) == 1 + size
        words.append(whole.hex(" ").upper() if shown else f"({len(whole)} bytes)")
        position += 1 + size
    return words
