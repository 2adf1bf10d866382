"""Commands and responses through the present session: counted, bounded, protected where a session stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from appliance.cards import tlv
from appliance.cards.apdu import (
    CHAINING,
    SHORT_DATA_MAX_BYTES,
    SHORT_EXPECTED_MAX_BYTES,
    Command,
    Instruction,
    Response,
    StatusWord,
)
from appliance.cards.errors import CardRefused, CardUnreadable, MalformedData, Unsupported
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.steps import Exchange, ReaderLimits, Reset, Step, Transmit

MAX_APDUS = 400
MAX_EXCHANGED_BYTES = 256 * 1024
"""Both directions, retries included: no document of ours needs half of either."""
MAX_READ_BYTES = 256 * 1024
"""What all files together may weigh."""
SHORT_CHUNK_BYTES = 223
"""Largest read whose protected answer still fits a short response with every suite."""
EXTENDED_CHUNK_MAX_BYTES = 3840
_HEAD_BYTES = 8
_CONTACT_CHUNK_BYTES = 0xE7
_GROUP_FILES = 0x01
_PROTECTED_BLOCK_BYTES = 0xC0
"""Data of one block of a chain that is still a short command once protected."""
PROTECTION_BYTES = 48
"""What secure messaging may add to a command: padding, three objects, longer lengths."""


class Channel:
    """Commands and responses through the present session, counted."""

    def __init__(self, limits: ReaderLimits) -> None:
        self.limits = limits
        self.session: SecureMessaging | None = None
        self.extended_chunk: int | None = None
        self.apdus = 0
        self.bytes_exchanged = 0
        self.by_short_identifier = True
        self._read_bytes = 0

    def send(self, command: Command) -> Exchange[Response]:
        plain = command
        # judged before protection: a command that is never sent must not move the session's counter
        needed_bytes = len(command.encode()) + (0 if self.session is None else PROTECTION_BYTES)
        if needed_bytes > self.limits.command_bytes:
            raise Unsupported("this reader cannot carry the command", needed_bytes=needed_bytes)
        if self.session is not None:
            command = self.session.protect(command)
        raw = command.encode()
        response = yield from self._exchange(raw)
        if self.session is not None:
            response = self.session.open(response)
        if plain.expected is not None and len(response.data) > plain.expected:
            raise MalformedData("more bytes than asked for", reason="apdu_length")
        return response if self.session is not None else (yield from self._whole(command, response))

    def _exchange(self, raw: bytes) -> Exchange[Response]:
        self.apdus += 1
        if self.apdus > MAX_APDUS:
            raise CardUnreadable("the card never comes to an end", reason="too_many_commands")
        answer = yield Transmit(raw)
        self.bytes_exchanged += len(raw) + len(answer)
        if self.bytes_exchanged > MAX_EXCHANGED_BYTES:
            raise CardUnreadable("the card never comes to an end", reason="too_many_bytes")
        return Response.decode(answer)

    def _whole(self, command: Command, response: Response) -> Exchange[Response]:
        """Cards with protocol T=0 hand an answer out piece by piece, and insist on its length. ISO/IEC 7816-4 §5.6."""
        if response.status_word >> 8 == 0x6C:
            exact = dataclasses.replace(command, expected=(response.status_word & 0xFF) or 256)
            response = yield from self._exchange(exact.encode())
        data = response.data
        while response.status_word >> 8 == 0x61:
            left = (response.status_word & 0xFF) or 256
            fetch = Command(command.cla & ~CHAINING, Instruction.GET_RESPONSE, 0, 0, b"", left)
            response = yield from self._exchange(fetch.encode())
            data += response.data
            if not response.data and not response.ok:
                break
        return Response(data, response.status_word)

    def send_ok(self, command: Command, step: str) -> Exchange[bytes]:
        response = yield from self.send(command)
        if not response.ok:
            raise CardRefused(step, response.status_word)
        return response.data

    def carries(self, data_bytes: int) -> bool:
        """Whether one command with so much data fits through this reader, protection included."""
        header_bytes = 10
        protection_bytes = 0 if self.session is None else PROTECTION_BYTES
        return data_bytes + header_bytes + protection_bytes <= self.limits.command_bytes

    def send_blocks(self, command: Command, step: str) -> Exchange[bytes]:
        """A command too long for this reader or this chip, in short ones. ISO/IEC 7816-4 §5.3.3 (command chaining)."""
        room = SHORT_DATA_MAX_BYTES if self.session is None else _PROTECTED_BLOCK_BYTES
        data = command.data
        while len(data) > room:
            block, data = data[:room], data[room:]
            head = Command(command.cla | CHAINING, command.ins, command.p1, command.p2, block)
            yield from self.send_ok(head, step)
        expected = None if command.expected is None else min(command.expected, SHORT_EXPECTED_MAX_BYTES)
        last = Command(command.cla, command.ins, command.p1, command.p2, data, expected)
        return (yield from self.send_ok(last, step))

    def select_file(self, file_id: int) -> Exchange[Response]:
        data = file_id.to_bytes(2, "big")
        return (yield from self.send(Command(0x00, Instruction.SELECT, 0x02, 0x0C, data)))

    def reset(self) -> Exchange[None]:
        self.session = None
        yield Reset()

    def read_at(self, offset: int, count: int) -> Exchange[bytes]:
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

    def read_to_end(self, max_bytes: int, length_of: Callable[[bytes], int | None]) -> Exchange[bytes]:
        """The selected file of a card without length in front of its files, in pieces every card and reader carry.

        Args:
            max_bytes: more is not read.
            length_of: first bytes → how long the file is worth reading; None where they do not say.
        """
        content, wanted = b"", max_bytes
        while len(content) < wanted:
            offset, size = len(content), min(_CONTACT_CHUNK_BYTES, wanted - len(content))
            command = Command(0x00, Instruction.READ_BINARY, offset >> 8, offset & 0xFF, b"", size)
            response = yield from self.send(command)
            if response.status_word == StatusWord.WRONG_OFFSET and content:
                break
            if response.status_word not in (StatusWord.OK, StatusWord.END_OF_FILE):
                raise CardRefused("read", response.status_word)
            content += response.data
            if len(response.data) < size:
                break
            wanted = min(max_bytes, length_of(content) or max_bytes)
        if not content:
            raise CardUnreadable("the file is empty", reason="no_progress")
        return content[:wanted]

    def _first_bytes(self, file_id: int) -> Exchange[bytes | None]:
        """The first eight bytes of a file, which is the selected one afterwards; None when it is not to be had.

        By short identifier in one command, as every document must allow (ICAO 9303-10 §3.6.1); one that does not is
        asked the long way from then on.
        """
        if self.by_short_identifier and file_id >> 8 == _GROUP_FILES:
            short = Command(0x00, Instruction.READ_BINARY, 0x80 | file_id & 0x1F, 0, b"", _HEAD_BYTES)
            response = yield from self.send(short)
            if response.ok and len(response.data) == _HEAD_BYTES:
                return response.data
            self.by_short_identifier = response.status_word == StatusWord.FILE_NOT_FOUND
        selected = yield from self.select_file(file_id)
        return (yield from self.read_at(0, _HEAD_BYTES)) if selected.ok else None

    def read_file(
        self, file_id: int, tag: int, max_bytes: int, on_ratio: Callable[[float], Step] | None = None
    ) -> Exchange[bytes | None]:
        """A whole file as it lies on the chip; None when the card does not give it.

        Args:
            file_id: in the present application.
            tag: what the file must hold.
            max_bytes: more is no document of ours.
            on_ratio: how much of the file is there → a step for whoever drives the conversation.
        """
        content = yield from self._first_bytes(file_id)
        if content is None:
            return None
        header = tlv.read_header(content)
        total = header.total_bytes
        self._read_bytes += total
        if header.tag != tag:
            raise CardUnreadable("a file holds something else", reason="wrong_tag")
        if total > max_bytes or self._read_bytes > MAX_READ_BYTES:
            raise CardUnreadable("a file is larger than any document's", reason="file_too_long")
        chunk = self.extended_chunk or SHORT_CHUNK_BYTES
        while len(content) < total:
            content += yield from self.read_at(len(content), min(chunk, total - len(content)))
            if on_ratio is not None:
                yield on_ratio(len(content) / total)
        return content[:total]
