"""Any reader the PC/SC service knows, through pyscard. PC/SC part 5 (pcsc-lite), part 10 (reader features).

The low-level calls are used on purpose: pyscard's own monitors die with the service or the cable, this driver
waits for both to come back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from typing import TYPE_CHECKING, Final, Self

import msgspec
from smartcard import scard

from appliance.devices.card_reader.pcsc_session import (
    SERVICE_LEFT,
    CommandLength,
    PcscSession,
    carries_long,
    failed,
)
from appliance.devices.card_reader.port import (
    UNSUITED,
    NoService,
    OnPresence,
    Presence,
    PresenceKeeper,
    ReaderBusy,
    ReaderClosed,
    ReaderDenied,
    ReaderGone,
)
from appliance.devices.port import Condition, DeviceKind, DeviceState, OnChange, StateKeeper, driver_settings
from appliance.runtime.workers import Worker
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVER: Final = "pcsc"
MAX_READERS: Final = 16
"""As many as pcsc-lite itself takes."""
_HOTPLUG: Final = "\\\\?PnP?\\Notification"
_RETRY_S: Final = 1.0
"""How often a service that does not run is asked again: nobody tells when it starts."""
_WAIT_MS: Final = 5000
_SERVICE_LEFT: Final = SERVICE_LEFT | {scard.SCARD_F_COMM_ERROR, scard.SCARD_E_INVALID_HANDLE}
_NOT_THERE: Final = scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE


class PcscSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a PC/SC reader.

    Attributes:
        reader: part of the reader's name; empty for any. Where several fit (the contact and the contactless side
            of one device), the one on which a card lies is taken.
        commands: see `CommandLength`.
    """

    reader: str = ""
    commands: CommandLength = CommandLength.AUTO


class _ServiceLostError(Exception):
    """The PC/SC service does not run (any more), or lets nobody in; `why` as the port calls it."""

    def __init__(self, why: PueError) -> None:
        self.why = why


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
        self._session: PcscSession | None = None
        self._unsuited: set[str] = set()

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

    def connect(self) -> PcscSession:
        with self._lock:
            if self._worker is None:
                raise ReaderClosed("the card reader is not open")
            if self._session is not None:
                raise ReaderBusy("another conversation with the card is open")
            name = self._name
            if not name:
                raise _why_none(self._keeper.state().code)
            session = PcscSession(name, self._settings.commands, self._released)
            self._session = session
        self._judge_length(session)
        return session

    def _judge_length(self, session: PcscSession) -> None:
        """A reader that carries short commands only is shown as such; a card that takes no longer ones is no fault."""
        if session.reader_is_short:
            self._unsuited.add(session.reader)
        else:
            self._unsuited.discard(session.reader)
        if self._name:
            self._show_ready()

    def _released(self, session: PcscSession) -> None:
        with self._lock:
            if self._session is session:
                self._session = None

    # ---- the watching worker

    def _watch(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._watch_service(stopping)
            except _ServiceLostError as lost:
                self._lose(lost.why.code)
                stopping.wait(_RETRY_S)

    def _watch_service(self, stopping: threading.Event) -> None:
        context = _reach_service()
        self._context = context
        try:
            # The number of readers travels in the upper half of the pseudo reader's state.
            hotplug_state = 0
            states: dict[str, int] = {}
            while not stopping.is_set():
                names = self._find(context)
                states = {name: states.get(name, scard.SCARD_STATE_UNAWARE) for name in names}
                self._settle(states)
                watched = [(_HOTPLUG, hotplug_state), *states.items()]
                result, found = scard.SCardGetStatusChange(context, _WAIT_MS, watched)
                if result in _SERVICE_LEFT:
                    raise _ServiceLostError(_stopped())
                if result == scard.SCARD_E_UNKNOWN_READER:
                    states = {}
                for name, state, _atr in found if result == scard.SCARD_S_SUCCESS else ():
                    if name == _HOTPLUG:
                        hotplug_state = state & ~scard.SCARD_STATE_CHANGED
                    elif not state & _NOT_THERE:  # the next look at the list of readers says that
                        states[name] = state & ~scard.SCARD_STATE_CHANGED
                self._settle(states)
        finally:
            self._context = None
            scard.SCardReleaseContext(context)

    def _find(self, context: int) -> list[str]:
        """The readers that fit the settings, in the service's order."""
        return [name for name in _reader_names(context) if self._settings.reader in name]

    def _settle(self, states: Mapping[str, int]) -> None:
        """Which reader is ours now, and what lies there.

        A reader with two interfaces is two readers to the service: ours is the one where a card lies, and the one
        it lay on first while both have one.
        """
        if not states:
            self._lose(ReaderGone.code)
            return
        known = {name: state for name, state in states.items() if state != scard.SCARD_STATE_UNAWARE}
        if not known:
            return
        with_card = [name for name, state in known.items() if state & scard.SCARD_STATE_PRESENT]
        wanted = with_card or list(known)
        name = self._name if self._name in wanted else wanted[0]
        if name != self._name and self._place.presence() is Presence.CARD:
            self._place.become(Presence.EMPTY)  # whoever watches hears that this is another card
        self._name = name
        self._show_ready()
        self._place.become(Presence.CARD if with_card else Presence.EMPTY)

    def _show_ready(self) -> None:
        if self._name in self._unsuited:
            self._keeper.become(Condition.WARNING, UNSUITED, reader=self._name)
        else:
            self._keeper.become(Condition.READY, reader=self._name)

    def _lose(self, code: str) -> None:
        self._name = ""
        self._unsuited.clear()
        self._place.become(Presence.NO_READER)
        self._keeper.become(Condition.ABSENT, code)


@dataclasses.dataclass(frozen=True)
class ReaderFacts:
    """One reader as the service shows it.

    Attributes:
        card: one lies there.
        long_commands: None when the reader does not say, or somebody else holds it.
    """

    name: str
    card: bool
    long_commands: bool | None


def list_readers() -> list[ReaderFacts]:
    """All readers the service knows, in its order; nothing is sent to a card.

    Raises:
        NoService: it does not run.
        ReaderDenied: it does not let this user in.
    """
    try:
        context = _reach_service()
    except _ServiceLostError as lost:
        raise lost.why from None
    try:
        return [_facts(context, name) for name in _reader_names(context)]
    except _ServiceLostError as lost:
        raise lost.why from None
    finally:
        scard.SCardReleaseContext(context)


def _reach_service() -> int:
    """A context of the service."""
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if result == scard.SCARD_S_SUCCESS:
        return int(context)
    why = failed(result, "reaching the service")
    # whatever else keeps a client out (a library of another version is told "stopped") is a service not to be had
    raise _ServiceLostError(why if isinstance(why, ReaderDenied) else _stopped())


def _stopped() -> NoService:
    return NoService("the card service does not run")


def _why_none(code: str) -> PueError:
    """What to tell who wants to talk while no reader is ours."""
    if code == ReaderDenied.code:
        return ReaderDenied("the system does not let this user talk with cards")
    return ReaderGone("there is no card reader")


def _reader_names(context: int) -> list[str]:
    """In the service's order; only names in printable ASCII: pyscard can ask for no other, and for none beside a broken one."""
    try:
        result, names = scard.SCardListReaders(context, [])
    except (SystemError, UnicodeError):
        return []
    if result in _SERVICE_LEFT:
        raise _ServiceLostError(_stopped())
    found = names if result == scard.SCARD_S_SUCCESS else []
    return [str(name) for name in found if name.isascii() and name.isprintable()][:MAX_READERS]


def _facts(context: int, name: str) -> ReaderFacts:
    result, found = scard.SCardGetStatusChange(context, 0, [(name, scard.SCARD_STATE_UNAWARE)])
    present = result == scard.SCARD_S_SUCCESS and bool(found[0][1] & scard.SCARD_STATE_PRESENT)
    result, handle, _ = scard.SCardConnect(context, name, scard.SCARD_SHARE_DIRECT, 0)
    if result != scard.SCARD_S_SUCCESS:
        return ReaderFacts(name, present, None)
    try:
        return ReaderFacts(name, present, carries_long(handle))
    finally:
        scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
