"""A scanner that exists only in memory. Back: `scan`, `half_scan`, `unplug`, `mend`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

import msgspec

from appliance.devices.barcode.port import (
    INCOMPLETE,
    LINE_LIMIT_BYTES,
    BarcodeAbsent,
    BarcodeClosed,
    Listeners,
    OnScan,
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


class SimulatedBarcodeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class SimulatedBarcode:
    """Reads what it is told to have read."""

    def __init__(self, *, now: Now = utc_now) -> None:
        self._keeper = StateKeeper(DeviceKind.BARCODE, DRIVER, now=now)
        self._listeners = Listeners()
        self._lock = threading.RLock()
        self._open = False
        self._plugged = True

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Takes no settings."""
        driver_settings(SimulatedBarcodeSettings, settings, kind=DeviceKind.BARCODE, driver=DRIVER)
        return cls()

    # ---- front

    def open(self) -> None:
        """Begin."""
        self._become(opened=True)

    def close(self) -> None:
        """End."""
        self._become(opened=False)

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def on_scan(self, listener: OnScan) -> None:
        """Tell of codes."""
        self._listeners.add(listener)

    # ---- back

    def scan(self, text: str) -> None:
        """Somebody holds a code before the scanner; nothing happens if it is closed or unplugged."""
        with self._lock:
            if not (self._open and self._plugged) or len(text.encode()) > LINE_LIMIT_BYTES:
                return
            self._keeper.become(Condition.READY)
        self._listeners.tell(text)

    def half_scan(self) -> None:
        """The code was pulled away too soon."""
        with self._lock:
            if self._open and self._plugged:
                self._keeper.become(Condition.WARNING, INCOMPLETE)

    def unplug(self) -> None:
        """The cable comes out."""
        self._become(plugged=False)

    def mend(self) -> None:
        """The cable goes in."""
        self._become(plugged=True)

    def _become(self, *, opened: bool | None = None, plugged: bool | None = None) -> None:
        with self._lock:
            self._open = self._open if opened is None else opened
            self._plugged = self._plugged if plugged is None else plugged
            if not self._open:
                self._keeper.become(Condition.ABSENT, BarcodeClosed.code)
            elif not self._plugged:
                self._keeper.become(Condition.ABSENT, BarcodeAbsent.code)
            else:
                self._keeper.become(Condition.READY)
