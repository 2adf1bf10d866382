"""A card reader with nothing behind it but software cards.

Front: the port. Back: `insert`, `remove`, `tear`, `unplug`, `plug`, `mend`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Final, Self

import msgspec

from appliance.cards.errors import CardGone
from appliance.cards.software.card import SoftwareCard
from appliance.cards.software.shelf import CardName, issue
from appliance.devices.card_reader.port import (
    EXTENDED_COMMAND_BYTES,
    EXTENDED_RESPONSE_BYTES,
    SHORT_COMMAND_BYTES,
    SHORT_RESPONSE_BYTES,
    UNSUITED,
    NoCard,
    OnPresence,
    Presence,
    PresenceKeeper,
    ReaderBusy,
    ReaderClosed,
    ReaderGone,
)
from appliance.devices.port import (
    Condition,
    DeviceKind,
    DeviceState,
    Now,
    OnChange,
    StateKeeper,
    driver_settings,
)
from appliance.runtime.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

DRIVER: Final = "simulated"
_NAME: Final = "Lettore simulato"


class SimulatedCardReaderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the simulated reader.

    Attributes:
        card: a card that lies there from the start, a name of `CardName`; empty for none.
        short_commands_only: be one of the readers that cannot carry long commands.
        delay_s: what each command takes, to see progress as with a real chip (about 0.03).
    """

    card: CardName | None = None
    short_commands_only: bool = False
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.0


class SimulatedCardReader:
    """A reader that exists only in memory; the cards it takes are real in all but plastic."""

    def __init__(self, settings: SimulatedCardReaderSettings | None = None, *, now: Now = utc_now) -> None:
        self._settings = settings or SimulatedCardReaderSettings()
        self._now = now
        self._keeper = StateKeeper(DeviceKind.CARD_READER, DRIVER, now=now)
        self._place = PresenceKeeper()
        self._world = threading.RLock()
        self._pause = threading.Event()
        self._open = False
        self._plugged = True
        self._card: SoftwareCard | None = None
        self._session: _SimulatedSession | None = None
        self._tears_after: int | None = None
        if self._settings.card is not None:
            self._card = issue(self._settings.card, now())

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `SimulatedCardReaderSettings`."""
        return cls(
            driver_settings(SimulatedCardReaderSettings, settings, kind=DeviceKind.CARD_READER, driver=DRIVER)
        )

    # ---- front

    @property
    def name(self) -> str:
        return _NAME if self._plugged else ""

    def open(self) -> None:
        with self._world:
            self._open = True
            self._show()

    def close(self) -> None:
        with self._world:
            self._open = False
            self._end_session()
            self._show()

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

    def connect(self) -> _SimulatedSession:
        with self._world:
            if not self._open:
                raise ReaderClosed("the card reader is not open")
            if not self._plugged:
                raise ReaderGone("there is no card reader")
            if self._card is None:
                raise NoCard("no card lies on the reader")
            if self._session is not None:
                raise ReaderBusy("another conversation with the card is open")
            self._card.reset()
            self._session = _SimulatedSession(self, self._card, short_only=self._settings.short_commands_only)
            return self._session

    # ---- back

    def insert(self, card: SoftwareCard | CardName | str = CardName.CIE) -> SoftwareCard:
        """Lay a card there (taking away the one before); a name of `CardName` is issued now."""
        made = issue(card, self._now()) if isinstance(card, str) else card
        with self._world:
            self.remove()
            self._card, self._tears_after = made, None
            made.reset()
            self._show()
        return made

    def remove(self) -> None:
        """Take the card away."""
        with self._world:
            self._card, self._tears_after = None, None
            self._end_session()
            self._show()

    def tear(self, after: int = 20) -> None:
        """The card will leave the field `after` more commands from now, in the middle of a reading."""
        with self._world:
            self._tears_after = after

    def unplug(self) -> None:
        """Pull the reader's cable; the card goes with it."""
        with self._world:
            self._plugged = False
            self.remove()

    def plug(self) -> None:
        """Put the cable back."""
        with self._world:
            self._plugged = True
            self._show()

    def mend(self) -> None:
        """Everything as on the first day; a card that lies there stays."""
        with self._world:
            self._tears_after = None
        self.plug()

    # ---- inside

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.ended = True

    def _show(self) -> None:
        if not self._open or not self._plugged:
            self._place.become(Presence.NO_READER)
            self._keeper.become(Condition.ABSENT, "" if self._plugged else ReaderGone.code)
            return
        if self._settings.short_commands_only:
            self._keeper.become(Condition.WARNING, UNSUITED)
        else:
            self._keeper.become(Condition.READY)
        self._place.become(Presence.EMPTY if self._card is None else Presence.CARD)

    def exchange(self, session: _SimulatedSession, command: bytes) -> bytes:
        """One command of a session; for `_SimulatedSession` only."""
        if self._settings.delay_s:
            self._pause.wait(self._settings.delay_s)
        with self._world:
            if self._tears_after is not None:
                self._tears_after -= 1
                if self._tears_after < 0:
                    self.remove()
            self.check(session)
            try:
                return session.card.transmit(command)
            except CardGone:
                self.remove()
                raise

    def check(self, session: _SimulatedSession) -> None:
        """Raise unless this session may still talk; for `_SimulatedSession` only."""
        if not self._plugged:
            raise ReaderGone("the card reader was pulled out")
        if session.ended or self._session is not session:
            raise CardGone("the card was taken away")

    def release(self, session: _SimulatedSession) -> None:
        """End of a session; for `_SimulatedSession` only."""
        with self._world:
            if self._session is session:
                self._end_session()


class _SimulatedSession:
    def __init__(self, reader: SimulatedCardReader, card: SoftwareCard, *, short_only: bool) -> None:
        self._reader = reader
        self.card = card
        self.ended = False
        self.max_command_bytes = SHORT_COMMAND_BYTES if short_only else EXTENDED_COMMAND_BYTES
        self.max_response_bytes = SHORT_RESPONSE_BYTES if short_only else EXTENDED_RESPONSE_BYTES

    @property
    def atr(self) -> bytes:
        return self.card.atr

    def transmit(self, command: bytes) -> bytes:
        return self._reader.exchange(self, command)

    def reset(self) -> None:
        self._reader.check(self)
        self.card.reset()

    def close(self) -> None:
        self._reader.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
