"""Any reader the PC/SC service knows, through pyscard. PC/SC part 5 (pcsc-lite), part 10 (reader features).

The low-level calls are used on purpose: pyscard's own monitors die with the service or the cable, this driver
waits for both to come back.
"""

from __future__ import annotations

import contextlib
import enum
import threading
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from smartcard import scard

from appliance.cards.errors import CardGone, CardUnreadable
from appliance.devices.card_reader.port import (
    EXTENDED_COMMAND_BYTES,
    EXTENDED_RESPONSE_BYTES,
    SHORT_COMMAND_BYTES,
    SHORT_RESPONSE_BYTES,
    UNSUITED,
    CardReaderError,
    NoCard,
    OnPresence,
    Presence,
    PresenceKeeper,
    ReaderBusy,
    ReaderClosed,
    ReaderGone,
)
from appliance.devices.port import Condition, DeviceKind, DeviceState, OnChange, StateKeeper, driver_settings
from appliance.runtime.workers import Worker
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

DRIVER: Final = "pcsc"
NO_SERVICE: Final = "card_reader.no_service"
_HOTPLUG: Final = "\\\\?PnP?\\Notification"
_RETRY_S: Final = 1.0
"""How often a service that does not run is asked again: nobody tells when it starts."""
_WAIT_MS: Final = 5000
_NOTICE_MS: Final = 600
"""pcsc-lite looks at most readers every 400 ms."""
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
        scard.SCARD_E_NO_SERVICE,
        scard.SCARD_E_SERVICE_STOPPED,
    }
)
_SERVICE_LEFT: Final = frozenset(
    {
        scard.SCARD_E_NO_SERVICE,
        scard.SCARD_E_SERVICE_STOPPED,
        scard.SCARD_F_COMM_ERROR,
        scard.SCARD_E_INVALID_HANDLE,
    }
)


class CommandLength(enum.StrEnum):
    """What to believe about a reader's longest command."""

    AUTO = "auto"
    """What the reader says; one that says nothing is taken for a good one."""
    SHORT = "short"
    EXTENDED = "extended"


class PcscSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a PC/SC reader.

    Attributes:
        reader: part of the reader's name; empty for the first one found.
        commands: see `CommandLength`.
    """

    reader: str = ""
    commands: CommandLength = CommandLength.AUTO


class _ServiceLostError(Exception):
    """The PC/SC service does not run (any more)."""


def _failed(result: int, doing: str) -> PueError:
    """A PC/SC result as one of the port's errors."""
    code = f"{result & 0xFFFFFFFF:08X}"
    if result in _READER_LEFT:
        return ReaderGone("there is no card reader", pcsc=code)
    if result in _CARD_LEFT:
        return CardGone("the card was taken away", pcsc=code)
    if result == scard.SCARD_E_SHARING_VIOLATION:
        return ReaderBusy("another program talks with the card", pcsc=code)
    if result in (
        scard.SCARD_W_UNRESPONSIVE_CARD,
        scard.SCARD_W_UNSUPPORTED_CARD,
        scard.SCARD_E_PROTO_MISMATCH,
    ):
        return CardUnreadable("the card does not answer the reader", reason="mute", pcsc=code)
    return CardReaderError(f"the reader failed while {doing}", pcsc=code)


class PcscCardReader:
    """Watches on one worker; each session has a context of its own, so that a wait never blocks a command."""

    def __init__(self, settings: PcscSettings | None = None) -> None:
        self._settings = settings or PcscSettings()
        self._keeper = StateKeeper(DeviceKind.CARD_READER, DRIVER)
        self._place = PresenceKeeper()
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._context: int | None = None
        self._name = ""
        self._session: _PcscSession | None = None
        self._unsuited = False

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `PcscSettings`."""
        return cls(driver_settings(PcscSettings, settings, kind=DeviceKind.CARD_READER, driver=DRIVER))

    @property
    def name(self) -> str:
        return self._name

    def open(self) -> None:
        if self._worker is None:
            self._worker = Worker("card_reader", body=self._watch)
            self._worker.start()

    def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.stop()
        for _ in range(50):
            # Again and again: a cancel that comes just before the wait begins is lost.
            if (context := self._context) is not None:
                scard.SCardCancel(context)
            with contextlib.suppress(PueError):
                worker.join(0.2)
                break
        with self._lock:
            session = self._session
        if session is not None:
            session.close()
        self._place.become(Presence.NO_READER)
        self._keeper.become(Condition.ABSENT)

    def state(self) -> DeviceState:
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        self._keeper.watch(on_change)

    def presence(self) -> Presence:
        return self._place.presence()

    def watch_card(self, on_presence: OnPresence) -> None:
        self._place.watch(on_presence)

    def wait_for_card(self, timeout_s: float) -> bool:
        return self._place.wait_until(lambda found: found is Presence.CARD, timeout_s)

    def wait_for_removal(self, timeout_s: float) -> bool:
        return self._place.wait_until(lambda found: found is not Presence.CARD, timeout_s)

    def connect(self) -> _PcscSession:
        with self._lock:
            if self._worker is None:
                raise ReaderClosed("the card reader is not open")
            if self._session is not None:
                raise ReaderBusy("another conversation with the card is open")
            name = self._name
            if not name:
                raise ReaderGone("there is no card reader")
            session = _PcscSession(name, self._settings.commands, self._released)
            self._session = session
            self._unsuited = session.max_command_bytes <= SHORT_COMMAND_BYTES
        self._show_ready()
        return session

    def _released(self, session: _PcscSession) -> None:
        with self._lock:
            if self._session is session:
                self._session = None

    # ---- the watching worker

    def _watch(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._watch_service(stopping)
            except _ServiceLostError:
                self._lose(NO_SERVICE)
                stopping.wait(_RETRY_S)

    def _watch_service(self, stopping: threading.Event) -> None:
        result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        if result != scard.SCARD_S_SUCCESS:
            raise _ServiceLostError
        self._context = context
        try:
            # The number of readers travels in the upper half of the pseudo reader's state.
            hotplug_state = 0
            reader_state = scard.SCARD_STATE_UNAWARE
            while not stopping.is_set():
                name = self._find(context)
                if name != self._name:
                    self._name, reader_state, self._unsuited = name, scard.SCARD_STATE_UNAWARE, False
                if not name:
                    self._lose(ReaderGone.code)
                watched = [(_HOTPLUG, hotplug_state)] + ([(name, reader_state)] if name else [])
                result, found = scard.SCardGetStatusChange(context, _WAIT_MS, watched)
                if result in _SERVICE_LEFT:
                    raise _ServiceLostError
                for one, state, _atr in found if result == scard.SCARD_S_SUCCESS else ():
                    if one == _HOTPLUG:
                        hotplug_state = state & ~scard.SCARD_STATE_CHANGED
                    else:
                        reader_state = state & ~scard.SCARD_STATE_CHANGED
                        self._see(state)
                if result == scard.SCARD_E_UNKNOWN_READER:
                    reader_state = scard.SCARD_STATE_UNAWARE
        finally:
            self._context = None
            scard.SCardReleaseContext(context)

    def _find(self, context: int) -> str:
        result, names = scard.SCardListReaders(context, [])
        if result in _SERVICE_LEFT:
            raise _ServiceLostError
        if result != scard.SCARD_S_SUCCESS:
            return ""
        return next((str(name) for name in names if self._settings.reader in name), "")

    def _see(self, state: int) -> None:
        if state & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE):
            return  # the next look at the list of readers says it
        self._show_ready()
        present = bool(state & scard.SCARD_STATE_PRESENT)
        self._place.become(Presence.CARD if present else Presence.EMPTY)

    def _show_ready(self) -> None:
        if self._unsuited:
            self._keeper.become(Condition.WARNING, UNSUITED, reader=self._name)
        else:
            self._keeper.become(Condition.READY, reader=self._name)

    def _lose(self, code: str) -> None:
        self._name = ""
        self._place.become(Presence.NO_READER)
        self._keeper.become(Condition.ABSENT, code)


class _PcscSession:
    def __init__(self, reader: str, commands: CommandLength, on_close: Any) -> None:
        self._on_close = on_close
        self._open = False
        self._card_left = False
        self._reader = reader
        result, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        if result != scard.SCARD_S_SUCCESS:
            raise _failed(result, "reaching the service")
        try:
            self._begin(reader)
        except PueError:
            scard.SCardReleaseContext(self._context)
            raise
        self._open = True
        long_commands = (
            _carries_long(self._card)
            if commands is CommandLength.AUTO
            else commands is CommandLength.EXTENDED
        )
        self.max_command_bytes = EXTENDED_COMMAND_BYTES if long_commands else SHORT_COMMAND_BYTES
        self.max_response_bytes = EXTENDED_RESPONSE_BYTES if long_commands else SHORT_RESPONSE_BYTES

    def _begin(self, reader: str) -> None:
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, self._card, protocol = scard.SCardConnect(
            self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, protocols
        )
        if result in (scard.SCARD_E_NO_SMARTCARD, scard.SCARD_W_REMOVED_CARD):
            raise NoCard("no card lies on the reader")
        if result != scard.SCARD_S_SUCCESS:
            raise _failed(result, "connecting")
        self._header = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        self._protocols = protocols
        result, _, _, _, atr = scard.SCardStatus(self._card)
        if result != scard.SCARD_S_SUCCESS:
            scard.SCardDisconnect(self._card, scard.SCARD_RESET_CARD)
            raise _failed(result, "asking the card's kind")
        self._atr = bytes(atr)

    @property
    def atr(self) -> bytes:
        return self._atr

    def transmit(self, command: bytes) -> bytes:
        if not self._open or self._card_left:
            raise CardGone("this conversation with the card is over")
        result, response = scard.SCardTransmit(self._card, self._header, list(self._as_carried(command)))
        if result != scard.SCARD_S_SUCCESS:
            self._card_left = True
            raise _failed(result, "sending a command")
        if len(response) < 2:
            self._card_left = True
            # Some drivers report success and nothing else when the card leaves in the middle of a command.
            raise CardGone("the card was taken away in the middle of a command")
        return bytes(byte & 0xFF for byte in response)

    def _as_carried(self, command: bytes) -> bytes:
        """Protocol T=0 has no place for an expected length behind data. ISO/IEC 7816-3 §12.2.2."""
        with_both = len(command) > 6 and command[4] and len(command) == 6 + command[4]
        return command[:-1] if with_both and self._header == scard.SCARD_PCI_T0 else command

    def reset(self) -> None:
        result, _ = scard.SCardReconnect(
            self._card, scard.SCARD_SHARE_EXCLUSIVE, self._protocols, scard.SCARD_RESET_CARD
        )
        if result != scard.SCARD_S_SUCCESS:
            self._card_left = True
            raise _failed(result, "resetting the card")

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
            self._context, 0, [(self._reader, scard.SCARD_STATE_UNAWARE)]
        )
        if result != scard.SCARD_S_SUCCESS or not found[0][1] & scard.SCARD_STATE_PRESENT:
            return False
        known = found[0][1] & ~scard.SCARD_STATE_CHANGED
        result, found = scard.SCardGetStatusChange(self._context, _NOTICE_MS, [(self._reader, known)])
        return result == scard.SCARD_E_TIMEOUT or bool(found and found[0][1] & scard.SCARD_STATE_PRESENT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _carries_long(card: int) -> bool:
    """DwMaxAPDUDataSize of the reader's properties (PC/SC part 10 §2.6.14): 0 or up to 255 means short only."""
    result, features = scard.SCardControl(card, _GET_FEATURES, [])
    if result != scard.SCARD_S_SUCCESS:
        return True
    control = _simple_tlv(bytes(byte & 0xFF for byte in features)).get(_FEATURE_PROPERTIES)
    if control is None:
        return True
    result, properties = scard.SCardControl(card, int.from_bytes(control, "big"), [])
    if result != scard.SCARD_S_SUCCESS:
        return True
    value = _simple_tlv(bytes(byte & 0xFF for byte in properties)).get(_PROPERTY_MAX_DATA)
    return value is None or int.from_bytes(value, "little") > 255


def _simple_tlv(raw: bytes) -> dict[int, bytes]:
    """One byte tag, one byte length; a cut tail is left out."""
    found, position = {}, 0
    while position + 2 <= len(raw):
        tag, length = raw[position], raw[position + 1]
        if position + 2 + length > len(raw):
            break
        found[tag] = raw[position + 2 : position + 2 + length]
        position += 2 + length
    return found
