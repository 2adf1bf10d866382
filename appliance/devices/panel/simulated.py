"""A panel that exists only in memory. Back: `press`, `open_housing`, `close_housing`, `unplug`, `mend`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

import msgspec

from appliance.devices.panel.port import (
    TAMPERED,
    Colour,
    Light,
    OnPanelEvent,
    PanelAbsent,
    PanelClosed,
    PanelEvent,
    PanelListeners,
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

DRIVER: Final = "simulated"


class SimulatedPanelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class SimulatedPanel:
    """Remembers what it was told to show."""

    def __init__(self, *, now: Now = utc_now) -> None:
        self._keeper = StateKeeper(DeviceKind.PANEL, DRIVER, now=now)
        self._listeners = PanelListeners()
        self._lock = threading.RLock()
        self._open = False
        self._plugged = True
        self._housing_open = False
        self._light = Light(Colour.OFF)
        self._timer: threading.Timer | None = None
        self._buzzes = 0

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Takes no settings."""
        driver_settings(SimulatedPanelSettings, settings, kind=DeviceKind.PANEL, driver=DRIVER)
        return cls()

    # ---- front

    def open(self) -> None:
        """Begin."""
        with self._lock:
            self._open = True
        self._show_state()

    def close(self) -> None:
        """End; the light goes off."""
        with self._lock:
            self._open = False
            self._light = Light(Colour.OFF)
            timer = self._stop_timer()
        if timer is not None:
            timer.join(5.0)  # outside the lock, which its last deed may want
        self._show_state()

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def show(self, light: Light) -> None:
        """Show a light."""
        with self._lock:
            self._usable()
            self._light = light

    def blink(self, seconds_s: float) -> None:
        """Blink for a while."""
        with self._lock:
            self._usable()
            self._stop_timer()
            self._timer = threading.Timer(seconds_s, self._blinked)
            self._timer.name, self._timer.daemon = "panel-blink", True
            self._timer.start()

    def buzz(self, seconds_s: float) -> None:  # noqa: ARG002 - silence has no length
        """Count the buzz."""
        with self._lock:
            self._usable()
            self._buzzes += 1

    def tamper_open(self) -> bool:
        """Whether the housing is open."""
        return self._housing_open

    def on_event(self, listener: OnPanelEvent) -> None:
        """Tell of events."""
        self._listeners.add(listener)

    # ---- back

    @property
    def light(self) -> Light:
        """What a person before the box sees."""
        with self._lock:
            return Light(Colour.BLUE, blinking=True) if self._timer else self._light

    @property
    def buzzes(self) -> int:
        """How often it has buzzed."""
        return self._buzzes

    def press(self) -> None:
        """Press the button."""
        self._tell(PanelEvent.PRESSED)

    def open_housing(self) -> None:
        """Unscrew the box."""
        with self._lock:
            changed, self._housing_open = not self._housing_open, True
        self._show_state()
        if changed:
            self._tell(PanelEvent.TAMPER_OPENED)

    def close_housing(self) -> None:
        """Screw it together."""
        with self._lock:
            changed, self._housing_open = self._housing_open, False
        self._show_state()
        if changed:
            self._tell(PanelEvent.TAMPER_CLOSED)

    def unplug(self) -> None:
        """The ribbon cable comes off."""
        with self._lock:
            self._plugged = False
        self._show_state()

    def mend(self) -> None:
        """The ribbon cable is on again."""
        with self._lock:
            self._plugged = True
        self._show_state()

    # ---- inside

    def _tell(self, event: PanelEvent) -> None:
        with self._lock:
            heard = self._open and self._plugged
        if heard:
            self._listeners.tell(event)

    def _usable(self) -> None:
        if not self._open:
            raise PanelClosed("the panel is not open")
        if not self._plugged:
            raise PanelAbsent("the panel is not connected")

    def _blinked(self) -> None:
        with self._lock:
            if threading.current_thread() is self._timer:
                self._timer = None

    def _stop_timer(self) -> threading.Timer | None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer

    def _show_state(self) -> None:
        with self._lock:
            if not self._open:
                self._keeper.become(Condition.ABSENT, PanelClosed.code)
            elif not self._plugged:
                self._keeper.become(Condition.ABSENT, PanelAbsent.code)
            elif self._housing_open:
                self._keeper.become(Condition.TROUBLE, TAMPERED)
            else:
                self._keeper.become(Condition.READY)
