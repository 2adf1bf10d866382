"""One exclusive talk with the card on a PC/SC reader, and what the service's results mean. PC/SC part 5 (pcsc-lite).

Exclusive from the first command to the last: no other program can connect, send or reset in between, so a session
needs no transaction inside it. Whatever resets the card all the same (the service, a failing contact) ends it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Self

from smartcard import scard

from appliance.cards.errors import CardGone, CardUnreadable
from appliance.devices.card_reader.port import (
    EXTENDED_COMMAND_BYTES,
    EXTENDED_RESPONSE_BYTES,
    SHORT_COMMAND_BYTES,
    SHORT_RESPONSE_BYTES,
    CardReaderError,
    NoCard,
    NoService,
    ReaderBusy,
    ReaderDenied,
    ReaderGone,
)
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_NOTICE_MS: Final = 600
"""pcsc-lite looks at most readers every 400 ms."""
_PROTOCOLS: Final = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
_GET_FEATURES: Final = 0x42000D48
_FEATURE_PROPERTIES: Final = 0x12
_PROPERTY_MAX_DATA: Final = 0x0A

_CARD_LEFT: Final = frozenset(
    {
        scard.SCARD_W_REMOVED_CARD,
        scard.SCARD_W_RESET_CARD,
        scard.SCARD_E_NO_SMARTCARD,
        scard.SCARD_W_UNPOWERED_CARD,
        # What pcsc-lite says when a card leaves in the middle of a command.
        scard.SCARD_E_NOT_TRANSACTED,
        scard.SCARD_F_COMM_ERROR,
        scard.SCARD_E_INVALID_HANDLE,
    }
)
_READER_LEFT: Final = frozenset(
    {
        scard.SCARD_E_READER_UNAVAILABLE,
        scard.SCARD_E_UNKNOWN_READER,
        scard.SCARD_E_NO_READERS_AVAILABLE,
    }
)
SERVICE_LEFT: Final = frozenset({scard.SCARD_E_NO_SERVICE, scard.SCARD_E_SERVICE_STOPPED})
_MUTE: Final = frozenset(
    {scard.SCARD_W_UNRESPONSIVE_CARD, scard.SCARD_W_UNSUPPORTED_CARD, scard.SCARD_E_PROTO_MISMATCH}
)
_MEANINGS: Final[Sequence[tuple[frozenset[int], type[PueError], str]]] = (
    (SERVICE_LEFT, NoService, "the card service does not run"),
    (_READER_LEFT, ReaderGone, "there is no card reader"),
    (_CARD_LEFT, CardGone, "the card was taken away"),
    (
        frozenset({scard.SCARD_W_SECURITY_VIOLATION}),
        ReaderDenied,
        "the system does not let this user talk with cards",
    ),
    (frozenset({scard.SCARD_E_SHARING_VIOLATION}), ReaderBusy, "another program talks with the card"),
    (_MUTE, CardUnreadable, "the card does not answer the reader"),
)


class CommandLength(enum.StrEnum):
    """What to believe about a reader's longest command."""

    AUTO = "auto"
    """What the reader says; one that says nothing is taken for a good one."""
    SHORT = "short"
    EXTENDED = "extended"


def failed(result: int, doing: str) -> PueError:
    """A PC/SC result as one of the port's errors."""
    code = f"{result & 0xFFFFFFFF:08X}"
    for results, error, message in _MEANINGS:
        if result in results:
            facts = {"reason": "mute"} if results is _MUTE else {}
            return error(message, pcsc=code, **facts)
    return CardReaderError(f"the reader failed while {doing}", pcsc=code)


class PcscSession:
    """Made by `PcscCardReader.connect`.

    Args:
        reader: its whole name.
        commands: see `CommandLength`.
        on_close: called once with this session.
    """

    def __init__(self, reader: str, commands: CommandLength, on_close: Callable[[PcscSession], None]) -> None:
        self._on_close = on_close
        self._open = False
        self._card_left = False
        self.reader = reader
        result, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        if result != scard.SCARD_S_SUCCESS:
            raise failed(result, "reaching the service")
        try:
            self._begin(reader)
        except PueError:
            scard.SCardReleaseContext(self._context)
            raise
        self._open = True
        self.reader_is_short = (
            carries_long(self._card) is False
            if commands is CommandLength.AUTO
            else commands is CommandLength.SHORT
        )
        # a card that speaks T=0 takes short commands only, whatever the reader: ISO/IEC 7816-3 §12.1.3
        long_commands = not self.reader_is_short and self._header != scard.SCARD_PCI_T0
        self.max_command_bytes = EXTENDED_COMMAND_BYTES if long_commands else SHORT_COMMAND_BYTES
        self.max_response_bytes = EXTENDED_RESPONSE_BYTES if long_commands else SHORT_RESPONSE_BYTES

    def _begin(self, reader: str) -> None:
        result, self._card, protocol = scard.SCardConnect(
            self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, _PROTOCOLS
        )
        if result in (scard.SCARD_E_NO_SMARTCARD, scard.SCARD_W_REMOVED_CARD):
            raise NoCard("no card lies on the reader")
        if result != scard.SCARD_S_SUCCESS:
            raise failed(result, "connecting")
        self._take_protocol(protocol)
        result, _, _, _, atr = scard.SCardStatus(self._card)
        if result != scard.SCARD_S_SUCCESS:
            scard.SCardDisconnect(self._card, scard.SCARD_RESET_CARD)
            raise failed(result, "asking the card's kind")
        self._atr = bytes(atr)

    def _take_protocol(self, protocol: int) -> None:
        self._header = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1

    @property
    def atr(self) -> bytes:
        return self._atr

    def transmit(self, command: bytes) -> bytes:
        self._check_going_on()
        result, response = scard.SCardTransmit(self._card, self._header, list(self._as_carried(command)))
        if result != scard.SCARD_S_SUCCESS:
            self._card_left = True
            raise failed(result, "sending a command")
        if len(response) < 2:
            self._card_left = True
            # Some drivers report success and nothing else when the card leaves in the middle of a command.
            raise CardGone("the card was taken away in the middle of a command")
        return bytes(byte & 0xFF for byte in response)

    def _check_going_on(self) -> None:
        """What was agreed with a card that left, or was reset by others, is worth nothing: the reading starts anew."""
        if not self._open or self._card_left:
            raise CardGone("this conversation with the card is over")

    def _as_carried(self, command: bytes) -> bytes:
        """Protocol T=0 has no place for an expected length behind data. ISO/IEC 7816-3 §12.2.2."""
        with_both = len(command) > 6 and command[4] and len(command) == 6 + command[4]
        return command[:-1] if with_both and self._header == scard.SCARD_PCI_T0 else command

    def reset(self) -> None:
        self._check_going_on()
        result, protocol = scard.SCardReconnect(
            self._card, scard.SCARD_SHARE_EXCLUSIVE, _PROTOCOLS, scard.SCARD_RESET_CARD
        )
        if result != scard.SCARD_S_SUCCESS:
            self._card_left = True
            raise failed(result, "resetting the card")
        self._take_protocol(protocol)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        # A reset, so that the chip forgets the session too. A card that has left is left alone: pcsc-lite loses
        # count of what lies on the reader when a reset fails, and misses the next card.
        gone = self._card_left and not self._lies_there()
        scard.SCardDisconnect(self._card, scard.SCARD_LEAVE_CARD if gone else scard.SCARD_RESET_CARD)
        scard.SCardReleaseContext(self._context)
        self._on_close(self)

    def _lies_there(self) -> bool:
        """Whether a card lies there after one vanished, once the service has had time to notice."""
        result, found = scard.SCardGetStatusChange(
            self._context, 0, [(self.reader, scard.SCARD_STATE_UNAWARE)]
        )
        if result != scard.SCARD_S_SUCCESS or not found[0][1] & scard.SCARD_STATE_PRESENT:
            return False
        known = found[0][1] & ~scard.SCARD_STATE_CHANGED
        result, found = scard.SCardGetStatusChange(self._context, _NOTICE_MS, [(self.reader, known)])
        return result == scard.SCARD_E_TIMEOUT or bool(found and found[0][1] & scard.SCARD_STATE_PRESENT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def carries_long(card: int) -> bool | None:
    """Whether a reader says that it carries long commands; None when it says nothing.

    dwMaxAPDUDataSize of the reader's properties (PC/SC part 10 §2.6.14): 0 or up to 255 means short only.

    Args:
        card: a handle, also a direct one to a reader without a card.
    """
    result, features = scard.SCardControl(card, _GET_FEATURES, [])
    if result != scard.SCARD_S_SUCCESS:
        return None
    control = simple_tlv(bytes(byte & 0xFF for byte in features)).get(_FEATURE_PROPERTIES)
    if control is None:
        return None
    result, properties = scard.SCardControl(card, int.from_bytes(control, "big"), [])
    if result != scard.SCARD_S_SUCCESS:
        return None
    value = simple_tlv(bytes(byte & 0xFF for byte in properties)).get(_PROPERTY_MAX_DATA)
    return None if value is None else int.from_bytes(value, "little") > 255


def simple_tlv(raw: bytes) -> dict[int, bytes]:
    """One byte tag, one byte length; a cut tail is left out."""
    found, position = {}, 0
    while position + 2 <= len(raw):
        tag, length = raw[position], raw[position + 1]
        if position + 2 + length > len(raw):
            break
        found[tag] = raw[position + 2 : position + 2 + length]
        position += 2 + length
    return found
