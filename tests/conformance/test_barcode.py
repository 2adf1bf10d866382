"""Every scanner driver keeps the promise of `barcode/port.py`: the simulated one, and the serial one on a pty."""

from __future__ import annotations

import contextlib
import os
import pty
import queue
import tty
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from appliance.devices.port import Condition, DeviceKind, InvalidDeviceSettings
from appliance.devices.registry import DRIVERS, make_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Plug:
    """A scanner's end of a serial cable that can be pulled and put back under the same name."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._ends: tuple[int, int] | None = None

    def plug(self) -> None:
        self._ends = pty.openpty()
        tty.setraw(self._ends[1])
        self._link.symlink_to(os.ttyname(self._ends[1]))

    def unplug(self) -> None:
        if self._ends:
            self._link.unlink()
            for end in self._ends:
                os.close(end)
            self._ends = None

    def send(self, data: bytes) -> None:
        assert self._ends is not None
        os.write(self._ends[0], data)


@dataclass
class Bench:
    scanner: Any
    scan: Callable[[str], object]
    half_scan: Callable[[], object]
    unplug: Callable[[], object]
    plug: Callable[[], object]


@contextlib.contextmanager
def _simulated(tmp_path: Path) -> Iterator[Bench]:
    scanner: Any = make_device(DeviceKind.BARCODE, "simulated", {})
    yield Bench(scanner, scanner.scan, scanner.half_scan, scanner.unplug, scanner.mend)


@contextlib.contextmanager
def _serial(tmp_path: Path) -> Iterator[Bench]:
    cable = Plug(tmp_path / "scanner")
    cable.plug()
    settings = {"device": str(tmp_path / "scanner"), "pause_s": 0.3, "longest_wait_s": 0.3}
    scanner = make_device(DeviceKind.BARCODE, "serial", settings)
    try:
        yield Bench(
            scanner,
            lambda text: cable.send(text.encode() + b"\r"),
            lambda: cable.send(b"HALF A C"),
            cable.unplug,
            cable.plug,
        )
    finally:
        cable.unplug()


BENCHES = {"simulated": _simulated, "serial": _serial}


def test_no_driver_escapes_this_suite():
    assert set(BENCHES) | {"disabled"} == set(DRIVERS[DeviceKind.BARCODE])


@pytest.fixture(params=sorted(BENCHES))
def bench(request, tmp_path):
    with BENCHES[request.param](tmp_path) as made:
        try:
            yield made
        finally:
            made.scanner.close()


@pytest.fixture
def codes(bench):
    heard: queue.Queue[str] = queue.Queue()
    bench.scanner.on_scan(heard.put)
    return heard


@pytest.fixture
def states(bench):
    """Each change, as it comes; the first is taken away: the scanner is ready."""
    seen: queue.Queue[tuple[Condition, str]] = queue.Queue()
    bench.scanner.watch(lambda state: seen.put((state.condition, state.code)))
    bench.scanner.open()
    assert seen.get(timeout=5) == (Condition.READY, "")
    return seen


def test_a_code_becomes_one_line(bench, codes, states):
    bench.scan("8032089000001234567890")
    assert codes.get(timeout=5) == "8032089000001234567890"


def test_codes_keep_their_order(bench, codes, states):
    for number in range(20):
        bench.scan(f"CODE-{number}")
    assert [codes.get(timeout=5) for _ in range(20)] == [f"CODE-{number}" for number in range(20)]


def test_half_a_code_is_dropped_and_said(bench, codes, states):
    bench.half_scan()
    assert states.get(timeout=5) == (Condition.WARNING, "barcode.incomplete")
    bench.scan("WHOLE")
    assert codes.get(timeout=5) == "WHOLE"
    assert states.get(timeout=5) == (Condition.READY, "")


def test_unplugged_and_back(bench, codes, states):
    bench.unplug()
    assert states.get(timeout=5) == (Condition.ABSENT, "barcode.absent")
    bench.plug()
    assert states.get(timeout=5) == (Condition.READY, "")
    bench.scan("AGAIN")
    assert codes.get(timeout=5) == "AGAIN"


def test_a_failing_listener_does_not_silence_the_others(bench, states, codes, caplog):
    def clumsy(text: str) -> None:
        raise ValueError(text)

    bench.scanner.on_scan(clumsy)
    bench.scan("SECRET-CODE")
    bench.scan("SECOND")
    assert [codes.get(timeout=5), codes.get(timeout=5)] == ["SECRET-CODE", "SECOND"]
    assert "SECRET-CODE" not in caplog.text


def test_closed_twice_is_closed(bench, states):
    bench.scanner.close()
    bench.scanner.close()
    assert bench.scanner.state().condition is Condition.ABSENT


@pytest.mark.parametrize("name", sorted(DRIVERS[DeviceKind.BARCODE]))
def test_unknown_settings_are_refused_by_name(name):
    with pytest.raises(InvalidDeviceSettings, match="colour"):
        make_device(DeviceKind.BARCODE, name, {"colour": "blue"})
