"""What a code scanner promises: each code read becomes one line of text, whole or not at all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from appliance.devices.port import Device, DeviceError

log = logging.getLogger(__name__)

LINE_LIMIT_BYTES: Final = 4096
"""Longer than any code a citizen carries (a PDF417 holds 1850 letters)."""

OnScan = Callable[[str], None]
"""Called with the text of one code, on the scanner's thread: a listener only enqueues."""


class BarcodeError(DeviceError):
    """The scanner does not read."""

    code = "barcode.failed"


class BarcodeAbsent(BarcodeError):
    """No scanner on its line."""

    code = "barcode.absent"


class BarcodeClosed(BarcodeError):
    """The driver is not open."""

    code = "barcode.closed"


INCOMPLETE: Final = "barcode.incomplete"
"""Warning: half a code came and was dropped; it clears with the next whole one."""


class Barcode(Device, Protocol):
    """A scanner for bar codes, two-dimensional codes or machine-readable lines."""

    def on_scan(self, listener: OnScan) -> None:
        """Call `listener` with each code from now on."""
        ...


class Listeners:
    """Whoever wants to hear of codes; one failing listener does not silence the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[OnScan] = []

    def add(self, listener: OnScan) -> None:
        """One more."""
        with self._lock:
            self._listeners.append(listener)

    def tell(self, text: str) -> None:
        """Give the code to all. Its text is never logged."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(text)
            except Exception as error:  # noqa: BLE001 - a listener's failure is its own, never the scanner's
                log.error("a listener for scanned codes failed: %s", type(error).__name__)  # noqa: TRY400 - a trace could hold the code
