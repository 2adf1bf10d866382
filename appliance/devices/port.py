"""What every device of the box promises, whatever its kind: to say how it is, and to tell when that changes."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, Self, TypeVar, runtime_checkable

import msgspec

from appliance.runtime.clock import utc_now
from appliance.runtime.settings import SettingsError, convert_settings
from contracts.errors import Fact, PueError, WhoCanAct


class DeviceKind(enum.StrEnum):
    """The closed set of things on or around a desk that the box talks to."""

    CARD_READER = "card_reader"
    PRINTER = "printer"
    CAMERA = "camera"
    BARCODE = "barcode"
    PANEL = "panel"


class Condition(enum.StrEnum):
    """How a device is, in the six words a clerk's page can paint."""

    READY = "ready"
    WARNING = "warning"
    """Works, but somebody should act soon."""
    TROUBLE = "trouble"
    """There, but does not work until somebody acts."""
    ABSENT = "absent"
    """Not connected, not answering or switched off by settings."""
    BUSY = "busy"
    """Working; free again by itself."""
    LENT = "lent"
    """Given away on purpose (the camera to a video call); comes back."""


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """One device at one moment.

    Attributes:
        kind: see `DeviceKind`.
        driver: the name it is registered under.
        condition: the word for the light.
        code: stable, dotted, empty when there is nothing to explain: ``printer.paper_out``.
        facts: plain values for the sentence a reader sees; never personal data.
        since: when this condition and code began (UTC).
    """

    kind: DeviceKind
    driver: str
    condition: Condition
    code: str = ""
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)
    since: datetime


OnChange = Callable[[DeviceState], None]
"""Called with every new state, on whatever thread noticed it: a watcher only enqueues."""

Now = Callable[[], datetime]


class DeviceError(PueError):
    """A device did not do what it was asked; each kind has its own family below this."""

    code = "device.failed"
    who = WhoCanAct.CLERK


class DeviceDisabled(DeviceError):
    """The settings say this box has no such device."""

    code = "device.disabled"
    who = WhoCanAct.OPERATOR


class InvalidDeviceSettings(DeviceError, ValueError):
    """The settings given to a driver are not its own."""

    code = "device.settings_invalid"
    who = WhoCanAct.TECHNICIAN


@runtime_checkable
class Device(Protocol):
    """The life of any device: made from settings, opened, watched, closed by the one who opened it."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Build without touching hardware.

        Raises:
            InvalidDeviceSettings: an unknown key, a wrong type, a value out of range.
        """
        ...

    def open(self) -> None:
        """Begin; a device that is not there is a state (`absent`), not an exception."""
        ...

    def close(self) -> None:
        """End and let go of everything; a second close does nothing."""
        ...

    def state(self) -> DeviceState:
        """How it is now; never blocks on hardware."""
        ...

    def watch(self, on_change: OnChange) -> None:
        """Call `on_change` with each new state from now on."""
        ...


class StateKeeper:
    """Holds a device's present state and tells the watchers of each change, in order.

    Every driver owns one; it is what makes `state()` cheap and safe from any thread.
    """

    def __init__(self, kind: DeviceKind, driver: str, *, now: Now = utc_now) -> None:
        self._now = now
        # Re-entrant and held while telling, so that two threads cannot deliver their news in the wrong order.
        self._lock = threading.RLock()
        self._watchers: list[OnChange] = []
        self._state = DeviceState(kind=kind, driver=driver, condition=Condition.ABSENT, since=now())

    def state(self) -> DeviceState:
        """The present state."""
        return self._state

    def watch(self, on_change: OnChange) -> None:
        """Add a watcher."""
        with self._lock:
            self._watchers.append(on_change)

    def become(self, condition: Condition, code: str = "", **facts: Fact) -> None:
        """Take on a state; watchers hear of it only if something differs. `since` survives a change of facts."""
        with self._lock:
            old = self._state
            if (old.condition, old.code, old.facts) == (condition, code, facts):
                return
            same = (old.condition, old.code) == (condition, code)
            since = old.since if same else self._now()
            self._state = msgspec.structs.replace(
                old, condition=condition, code=code, facts=dict(facts), since=since
            )
            for watcher in tuple(self._watchers):
                watcher(self._state)


S = TypeVar("S", bound=msgspec.Struct)


def driver_settings(model: type[S], settings: Mapping[str, object], *, kind: DeviceKind, driver: str) -> S:
    """Check a driver's settings against its own struct.

    Raises:
        InvalidDeviceSettings: naming the key, the driver and, for a slip of the pen, the nearest key.
    """
    try:
        return convert_settings(model, settings)
    except SettingsError as error:
        message = f"{kind} driver {driver}: {error}"
        raise InvalidDeviceSettings(message, kind=kind, driver=driver, key=error.facts.get("key")) from error
