"""What the panel promises: a light that tells the desk's mood, a button, a buzzer, and a switch that tells of opening."""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from appliance.devices.port import Device, DeviceError
from contracts.errors import WhoCanAct

log = logging.getLogger(__name__)


class PanelError(DeviceError):
    """The panel does not obey."""

    code = "panel.failed"
    who = WhoCanAct.TECHNICIAN


class PanelAbsent(PanelError):
    """No such pins on this machine, or they are taken."""

    code = "panel.absent"


class PanelClosed(PanelError):
    """The driver is not open."""

    code = "panel.closed"
    who = WhoCanAct.WAIT


TAMPERED = "panel.tampered"
"""Trouble: the housing is open now."""


class Colour(enum.StrEnum):
    """What the desk light can show."""

    OFF = "off"
    RED = "red"
    GREEN = "green"
    YELLOW = "yellow"
    BLUE = "blue"
    WHITE = "white"


class Light(msgspec.Struct, frozen=True):
    """A colour, steady or blinking."""

    colour: Colour
    blinking: bool = False


class PanelEvent(enum.StrEnum):
    """What happens at the panel."""

    PRESSED = "pressed"
    TAMPER_OPENED = "tamper_opened"
    TAMPER_CLOSED = "tamper_closed"


OnPanelEvent = Callable[[PanelEvent], None]
"""Called on whatever thread noticed it: a listener only enqueues."""


class Panel(Device, Protocol):
    """Lights, button, buzzer and tamper switch of a box. A missing panel never stops a sitting."""

    def show(self, light: Light) -> None:
        """Show this from now on (after a running `blink`, if there is one).

        Raises:
            PanelError: it cannot.
        """
        ...

    def blink(self, seconds_s: float) -> None:
        """Draw attention for a while ("this box here"), then show again what was shown; returns at once.

        Raises:
            PanelError: it cannot.
        """
        ...

    def buzz(self, seconds_s: float) -> None:
        """Sound for a while; returns at once.

        Raises:
            PanelError: it cannot.
        """
        ...

    def tamper_open(self) -> bool:
        """Whether the housing is open now (also if it was opened while the power was off)."""
        ...

    def on_event(self, listener: OnPanelEvent) -> None:
        """Call `listener` with each event from now on."""
        ...


class PanelListeners:
    """Whoever wants to hear of events; one failing listener does not silence the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[OnPanelEvent] = []

    def add(self, listener: OnPanelEvent) -> None:
        """One more."""
        with self._lock:
            self._listeners.append(listener)

    def tell(self, event: PanelEvent) -> None:
        """Give the event to all."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener for panel events failed at %s", event)
