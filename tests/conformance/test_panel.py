"""Every panel driver keeps the promise of `panel/port.py`: the simulated one, and gpiozero on its own mock pins."""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from appliance.devices.panel.gpio import GpioPanel, GpioPanelSettings
from appliance.devices.panel.port import Colour, Light, PanelClosed, PanelEvent
from appliance.devices.panel.simulated import SimulatedPanel
from appliance.devices.port import Condition, DeviceKind, InvalidDeviceSettings
from appliance.devices.registry import DRIVERS, make_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Bench:
    panel: Any
    press: Callable[[], object]
    open_housing: Callable[[], object]
    close_housing: Callable[[], object]
    lit: Callable[[], tuple[int, int, int]]
    """Which of red, green and blue shine at this moment."""


_SHINES = {
    Colour.OFF: (0, 0, 0),
    Colour.RED: (1, 0, 0),
    Colour.GREEN: (0, 1, 0),
    Colour.YELLOW: (1, 1, 0),
    Colour.BLUE: (0, 0, 1),
    Colour.WHITE: (1, 1, 1),
}


@contextlib.contextmanager
def _simulated() -> Iterator[Bench]:
    panel = SimulatedPanel()
    yield Bench(
        panel, panel.press, panel.open_housing, panel.close_housing, lambda: _SHINES[panel.light.colour]
    )


class WiredPin(MockPin):  # type: ignore[misc]
    """A pin with a wire to ground or not: the wire is stronger than the pull-up resistor."""

    def _set_pull(self, value: str) -> None:
        self._pull = value


@contextlib.contextmanager
def _gpio() -> Iterator[Bench]:
    pins = MockFactory()
    settings = GpioPanelSettings()
    tamper = pins.pin(settings.tamper, pin_class=WiredPin)
    tamper.drive_low()  # the housing is closed: a normally closed switch to ground

    def press() -> None:
        pins.pin(settings.button).drive_low()
        pins.pin(settings.button).drive_high()

    def lit() -> tuple[int, int, int]:
        red, green, blue = (int(pins.pin(n).state) for n in (settings.red, settings.green, settings.blue))
        return red, green, blue

    panel = GpioPanel(settings, pin_factory=lambda: pins)
    yield Bench(
        panel,
        press,
        tamper.drive_high,
        tamper.drive_low,
        lit,
    )


BENCHES = {"simulated": _simulated, "gpio": _gpio}


def test_no_driver_escapes_this_suite():
    assert set(BENCHES) | {"disabled"} == set(DRIVERS[DeviceKind.PANEL])


@pytest.fixture(params=sorted(BENCHES))
def bench(request):
    with BENCHES[request.param]() as made:
        try:
            yield made
        finally:
            made.panel.close()


@pytest.fixture
def events(bench):
    heard: queue.Queue[PanelEvent] = queue.Queue()
    bench.panel.on_event(heard.put)
    return heard


def test_closed_panels_refuse(bench):
    assert bench.panel.state().condition is Condition.ABSENT
    for deed in (
        lambda: bench.panel.show(Light(Colour.RED)),
        lambda: bench.panel.blink(1),
        lambda: bench.panel.buzz(1),
    ):
        with pytest.raises(PanelClosed):
            deed()


@pytest.mark.parametrize("colour", list(Colour))
def test_shows_each_colour(bench, colour):
    bench.panel.open()
    bench.panel.show(Light(colour))
    assert bench.lit() == _SHINES[colour]


def test_blinks_and_shows_again_what_was_shown_last(bench):
    bench.panel.open()
    bench.panel.show(Light(Colour.GREEN))
    bench.panel.blink(0.2)
    bench.panel.show(Light(Colour.RED))
    assert bench.lit() != _SHINES[Colour.RED]
    _wait_until(lambda: bench.lit() == _SHINES[Colour.RED])


def test_the_button_is_heard(bench, events):
    bench.panel.open()
    bench.press()
    assert events.get(timeout=5) is PanelEvent.PRESSED


def test_an_opened_housing_is_trouble_until_closed(bench, events):
    bench.panel.open()
    assert bench.panel.state().condition is Condition.READY
    assert not bench.panel.tamper_open()
    bench.open_housing()
    assert events.get(timeout=5) is PanelEvent.TAMPER_OPENED
    assert bench.panel.tamper_open()
    assert (bench.panel.state().condition, bench.panel.state().code) == (Condition.TROUBLE, "panel.tampered")
    bench.close_housing()
    assert events.get(timeout=5) is PanelEvent.TAMPER_CLOSED
    assert bench.panel.state().condition is Condition.READY


def test_a_housing_opened_while_the_power_was_off_is_seen_at_start(bench):
    bench.open_housing()
    bench.panel.open()
    assert bench.panel.tamper_open()
    assert bench.panel.state().code == "panel.tampered"


def test_buzzing_returns_at_once(bench):
    bench.panel.open()
    done = threading.Event()
    threading.Thread(target=lambda: (bench.panel.buzz(30), done.set())).start()
    assert done.wait(5)


def test_closing_frees_everything_and_twice_is_once(bench):
    bench.panel.open()
    bench.panel.blink(30)
    bench.panel.close()
    bench.panel.close()
    assert bench.panel.state().condition is Condition.ABSENT
    assert not [
        thread for thread in threading.enumerate() if thread.name == "panel-blink" and thread.is_alive()
    ]


@pytest.mark.parametrize("name", sorted(DRIVERS[DeviceKind.PANEL]))
def test_unknown_settings_are_refused_by_name(name):
    with pytest.raises(InvalidDeviceSettings, match="colour"):
        make_device(DeviceKind.PANEL, name, {"colour": "blue"})


def _wait_until(true: Callable[[], bool], timeout_s: float = 5) -> None:
    """Look often: a light has no callback."""
    tick = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if true():
            return
        tick.wait(0.01)
    raise AssertionError("it never happened")
