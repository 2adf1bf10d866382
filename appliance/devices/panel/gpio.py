"""The panel on a Raspberry Pi's pins, by gpiozero.

The pin factory is chosen here and handed in; gpiozero's process-wide default is never touched, so nothing
is left to `atexit` and `__del__`. lgpio writes a file into the working directory: the service must have a
writable one (`RuntimeDirectory=` and `WorkingDirectory=` in its unit).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Annotated, Any, Final, Self

import msgspec

from appliance.devices.panel.port import (
    TAMPERED,
    Colour,
    Light,
    OnPanelEvent,
    PanelAbsent,
    PanelClosed,
    PanelError,
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

DRIVER: Final = "gpio"

Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
"""BCM numbering of the 40-pin header."""

_RGB: Final[dict[Colour, tuple[int, int, int]]] = {
    Colour.OFF: (0, 0, 0),
    Colour.RED: (1, 0, 0),
    Colour.GREEN: (0, 1, 0),
    Colour.YELLOW: (1, 1, 0),
    Colour.BLUE: (0, 0, 1),
    Colour.WHITE: (1, 1, 1),
}
_BLINK_S: Final = 0.4
_LONGEST_S: Final = 600.0


class GpioPanelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a panel on GPIO pins.

    Attributes:
        red, green, blue: the three legs of the desk light.
        button: to ground when pressed.
        tamper: normally closed to ground; open means the housing is open.
        buzzer: high sounds.
        chip: the gpiochip of the header; empty lets the library find it.
    """

    red: Pin = 5
    green: Pin = 6
    blue: Pin = 13
    button: Pin = 26
    tamper: Pin = 17
    buzzer: Pin = 19
    chip: Annotated[int, msgspec.Meta(ge=0, le=15)] | None = None


PinFactory = Callable[[], Any]
"""Makes a gpiozero `Factory`; called once per open, closed with the panel."""


def _lgpio(chip: int | None) -> PinFactory:
    def make() -> Any:
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory(chip=chip)

    return make


class GpioPanel:
    """One RGB light, one button, one buzzer, one tamper switch."""

    def __init__(
        self, settings: GpioPanelSettings, *, pin_factory: PinFactory | None = None, now: Now = utc_now
    ) -> None:
        self._settings = settings
        self._make_factory = pin_factory or _lgpio(settings.chip)
        self._keeper = StateKeeper(DeviceKind.PANEL, DRIVER, now=now)
        self._listeners = PanelListeners()
        self._lock = threading.RLock()
        self._parts: _Parts | None = None
        self._light = Light(Colour.OFF)
        self._timer: threading.Timer | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `GpioPanelSettings`."""
        return cls(driver_settings(GpioPanelSettings, settings, kind=DeviceKind.PANEL, driver=DRIVER))

    def open(self) -> None:
        """Take the pins; a machine without them has an absent panel, not a dead desk."""
        with self._lock:
            if self._parts is not None:
                return
            try:
                self._parts = _Parts(self._settings, self._make_factory)
            except PanelError as error:
                self._keeper.become(Condition.ABSENT, error.code, **error.facts)
                return
            self._parts.button.when_pressed = lambda: self._listeners.tell(PanelEvent.PRESSED)
            self._parts.tamper.when_pressed = self._housing_closed
            self._parts.tamper.when_released = self._housing_opened
        self._show_state()

    def close(self) -> None:
        """Light off, pins free."""
        with self._lock:
            parts, self._parts = self._parts, None
            timer = self._stop_timer()
        if timer is not None:
            timer.join(5.0)  # outside the lock, which its last deed may want
        if parts is not None:
            parts.close()  # outside the lock: gpiozero joins its threads here, and they may be telling us something
        self._keeper.become(Condition.ABSENT, PanelClosed.code)

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def show(self, light: Light) -> None:
        """Show a light."""
        with self._lock:
            parts = self._usable()
            self._light = light
            if self._timer is None:
                _apply(parts, light)

    def blink(self, seconds_s: float) -> None:
        """Blink blue for a while."""
        with self._lock:
            parts = self._usable()
            self._stop_timer()
            _apply(parts, Light(Colour.BLUE, blinking=True))
            self._timer = threading.Timer(min(max(0.0, seconds_s), _LONGEST_S), self._blinked)
            self._timer.name, self._timer.daemon = "panel-blink", True
            self._timer.start()

    def buzz(self, seconds_s: float) -> None:
        """Sound for a while."""
        with self._lock:
            self._usable().buzzer.blink(
                on_time=min(max(0.01, seconds_s), _LONGEST_S), off_time=0, n=1, background=True
            )

    def tamper_open(self) -> bool:
        """Whether the housing is open now."""
        with self._lock:
            return self._parts is not None and not self._parts.tamper.is_pressed

    def on_event(self, listener: OnPanelEvent) -> None:
        """Tell of events."""
        self._listeners.add(listener)

    # ---- inside

    def _usable(self) -> _Parts:
        if self._parts is not None:
            return self._parts
        state = self._keeper.state()
        if state.code == PanelAbsent.code:
            raise PanelAbsent("this machine has no panel pins", **state.facts)
        raise PanelClosed("the panel is not open")

    def _blinked(self) -> None:
        with self._lock:
            if threading.current_thread() is not self._timer:
                return  # a later blink took over
            self._timer = None
            if self._parts is not None:
                _apply(self._parts, self._light)

    def _stop_timer(self) -> threading.Timer | None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer

    def _housing_opened(self) -> None:
        self._show_state()
        self._listeners.tell(PanelEvent.TAMPER_OPENED)

    def _housing_closed(self) -> None:
        self._show_state()
        self._listeners.tell(PanelEvent.TAMPER_CLOSED)

    def _show_state(self) -> None:
        if self.tamper_open():
            self._keeper.become(Condition.TROUBLE, TAMPERED)
        elif self._parts is not None:
            self._keeper.become(Condition.READY)


def _apply(parts: _Parts, light: Light) -> None:
    colour = _RGB[light.colour]
    if light.blinking:
        parts.light.blink(on_time=_BLINK_S, off_time=_BLINK_S, on_color=colour, background=True)
    else:
        parts.light.color = colour


class _Parts:
    """The pins in use, closed in reverse order of taking.

    Raises:
        PanelAbsent: no GPIO here, no right to it, or a pin is taken.
    """

    def __init__(self, settings: GpioPanelSettings, make_factory: PinFactory) -> None:
        with ExitStack() as taken:
            try:
                from gpiozero import RGBLED, Button, DigitalOutputDevice

                factory = make_factory()
                taken.callback(factory.close)
                chosen = settings
                self.light = taken.enter_context(
                    RGBLED(chosen.red, chosen.green, chosen.blue, pwm=False, pin_factory=factory)
                )
                self.buzzer = taken.enter_context(DigitalOutputDevice(chosen.buzzer, pin_factory=factory))
                self.button = taken.enter_context(
                    Button(chosen.button, bounce_time=0.02, pin_factory=factory)
                )
                self.tamper = taken.enter_context(Button(chosen.tamper, pin_factory=factory))
            except Exception as error:
                raise PanelAbsent("this machine has no panel pins", reason=type(error).__name__) from error
            self._taken = taken.pop_all()

    def close(self) -> None:
        self._taken.close()
