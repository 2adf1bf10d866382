"""A scanner on a serial line (USB-COM or RS-232), found again when it was unplugged.

Scanners are set to send text and a terminator over a serial line, never keystrokes: what is scanned must
not land in whatever field the cursor happens to be in. No probing of unknown ports: the path is set.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated, Final, Self

import msgspec
import serial

from appliance.devices.barcode.lines import LineCutter
from appliance.devices.barcode.port import INCOMPLETE, BarcodeAbsent, BarcodeClosed, Listeners, OnScan
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
from appliance.runtime.workers import OnDeath, Worker, end_process

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

DRIVER: Final = "serial"
_READ_S: Final = 0.25
_FIRST_WAIT_S: Final = 0.2


class SerialBarcodeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a serial scanner.

    Attributes:
        device: a stable path, such as a udev link ``/dev/pue/scanner``.
        baud_rate: of a real serial line.
        terminator: what ends a code, as the scanner was programmed.
        pause_s: silence after which half a code is dropped.
        longest_wait_s: the longest pause between two attempts to find an absent scanner.
    """

    device: str
    baud_rate: Annotated[int, msgspec.Meta(ge=1200, le=4_000_000)] = 9600
    terminator: Annotated[str, msgspec.Meta(min_length=1, max_length=2)] = "\r"
    pause_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 1.0
    longest_wait_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0


class SerialBarcode:
    """Reads lines on a thread of its own and survives any unplugging."""

    def __init__(
        self, settings: SerialBarcodeSettings, *, now: Now = utc_now, on_death: OnDeath = end_process
    ) -> None:
        self._settings = settings
        self._keeper = StateKeeper(DeviceKind.BARCODE, DRIVER, now=now)
        self._listeners = Listeners()
        self._on_death = on_death
        self._worker: Worker | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `SerialBarcodeSettings`."""
        return cls(driver_settings(SerialBarcodeSettings, settings, kind=DeviceKind.BARCODE, driver=DRIVER))

    def open(self) -> None:
        """Start listening."""
        if self._worker is None:
            self._worker = Worker("barcode-serial", body=self._live, on_death=self._on_death)
            self._worker.start()

    def close(self) -> None:
        """Stop listening."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
            worker.join(5.0)
            self._keeper.become(Condition.ABSENT, BarcodeClosed.code)

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def on_scan(self, listener: OnScan) -> None:
        """Tell of codes."""
        self._listeners.add(listener)

    # ---- on the worker

    def _live(self, stopping: threading.Event) -> None:
        wait_s = _FIRST_WAIT_S
        while not stopping.is_set():
            try:
                with serial.Serial(
                    self._settings.device, self._settings.baud_rate, timeout=_READ_S, exclusive=True
                ) as port:
                    self._keeper.become(Condition.READY)
                    wait_s = _FIRST_WAIT_S
                    self._read(port, stopping)
            except (serial.SerialException, OSError, ValueError, TypeError):
                # pyserial raises TypeError when the port is closed under a read
                self._keeper.become(Condition.ABSENT, BarcodeAbsent.code)
            stopping.wait(wait_s)
            wait_s = min(self._settings.longest_wait_s, wait_s * 2)

    def _read(self, port: serial.Serial, stopping: threading.Event) -> None:
        cutter = LineCutter(self._settings.terminator.encode(), self._settings.pause_s)
        while not stopping.is_set():
            data = port.read(port.in_waiting or 1)
            lines, dropped = cutter.feed(data, time.monotonic())
            if dropped:
                self._keeper.become(Condition.WARNING, INCOMPLETE)
            if lines:
                self._keeper.become(Condition.READY)
            for line in lines:
                self._listeners.tell(line)
            if not data and not os.path.exists(self._settings.device):  # noqa: PTH110 - a tty can vanish without an error
                raise serial.SerialException("the device file is gone")
