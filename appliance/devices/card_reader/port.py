"""What a card reader promises: to say when a card comes and goes, and to give one exclusive session with it."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, Self

from appliance.cards.errors import CardGone
from appliance.devices.port import Device, DeviceError
from contracts.errors import WhoCanAct

__all__ = [
    "CardGone",
    "CardReader",
    "CardReaderError",
    "CardSession",
    "NoCard",
    "NoService",
    "OnPresence",
    "Presence",
    "PresenceKeeper",
    "ReaderBusy",
    "ReaderClosed",
    "ReaderDenied",
    "ReaderGone",
]

SHORT_COMMAND_BYTES: Final = 261
SHORT_RESPONSE_BYTES: Final = 258
EXTENDED_COMMAND_BYTES: Final = 65544
EXTENDED_RESPONSE_BYTES: Final = 65538
UNSUITED: Final = "card_reader.short_commands_only"
"""Warning: the reader cannot carry long commands, so a CIE opens only with the lines on its back."""


class CardReaderError(DeviceError):
    """The reader did not do what it was asked."""

    code = "card_reader.failed"


class ReaderGone(CardReaderError):
    """No reader: never connected, or pulled out."""

    code = "card_reader.absent"


class NoService(ReaderGone):
    """The system's card service does not run, so that no reader can be seen; it is waited for."""

    code = "card_reader.no_service"
    who = WhoCanAct.TECHNICIAN


class ReaderDenied(CardReaderError):
    """The system does not let this user talk with cards (pcsc-lite from version 2 on asks polkit)."""

    code = "card_reader.denied"
    who = WhoCanAct.TECHNICIAN


class ReaderBusy(CardReaderError):
    """Somebody else holds the card; free again by itself."""

    code = "card_reader.busy"
    who = WhoCanAct.WAIT


class ReaderClosed(CardReaderError):
    """The driver is not open."""

    code = "card_reader.closed"
    who = WhoCanAct.OPERATOR


class NoCard(CardReaderError):
    """There is no card to talk to."""

    code = "card_reader.no_card"


class Presence(enum.StrEnum):
    """What lies on the reader."""

    NO_READER = "no_reader"
    EMPTY = "empty"
    CARD = "card"


OnPresence = Callable[[Presence], None]
"""Called with each change, on whatever thread noticed it: a watcher only enqueues."""


class CardSession(Protocol):
    """Exclusive talk with the card that lies there now; a context that closes itself."""

    @property
    def atr(self) -> bytes:
        """Answer to reset; describes the chip, not the person."""
        ...

    @property
    def max_command_bytes(self) -> int:
        """Longest command this reader carries: 261 for short commands only."""
        ...

    @property
    def max_response_bytes(self) -> int:
        """Longest response, status word included: 258 for short ones only."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Command bytes to the card, response bytes back, status word last.

        Raises:
            CardGone: the card left; this session is over even if it comes back.
            ReaderGone: the reader left.
        """
        ...

    def reset(self) -> None:
        """Warm reset of the card, still exclusive.

        Raises:
            CardGone, ReaderGone: as in `transmit`.
        """
        ...

    def close(self) -> None:
        """Let the card go; a second close does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class CardReader(Device, Protocol):
    """One reader with one place for a card."""

    @property
    def name(self) -> str:
        """As the system calls the reader, or "" while there is none."""
        ...

    def presence(self) -> Presence:
        """What lies there; never blocks on hardware."""
        ...

    def watch_card(self, on_presence: OnPresence) -> None:
        """Call `on_presence` with each change from now on."""
        ...

    def wait_for_card(self, timeout_s: float) -> bool:
        """Wait until a card lies there; False when the time is over."""
        ...

    def wait_for_removal(self, timeout_s: float) -> bool:
        """Wait until no card lies there; False when the time is over."""
        ...

    def connect(self) -> CardSession:
        """Begin to talk with the card.

        Raises:
            NoCard: nothing lies there.
            ReaderGone: there is no reader.
            ReaderDenied: this user may not.
            ReaderBusy: another session, here or in another program, is open.
            ReaderClosed: `open` was not called.
        """
        ...


class PresenceKeeper:
    """Holds what lies on a reader, tells the watchers in order, and lets others wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._watchers: list[OnPresence] = []
        self._presence = Presence.NO_READER

    def presence(self) -> Presence:
        """The present one."""
        return self._presence

    def watch(self, on_presence: OnPresence) -> None:
        """Add a watcher."""
        with self._changed:
            self._watchers.append(on_presence)

    def become(self, presence: Presence) -> None:
        """Take it on; watchers hear of it only if it differs."""
        with self._changed:
            if presence is self._presence:
                return
            self._presence = presence
            self._changed.notify_all()
            for watcher in tuple(self._watchers):
                watcher(presence)

    def wait_until(self, wanted: Callable[[Presence], bool], timeout_s: float) -> bool:
        """True as soon as it is so; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: wanted(self._presence), timeout_s)
