"""No printer, on purpose: absence is a driver, not an `if`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import msgspec

from appliance.devices.port import (
    Condition,
    DeviceDisabled,
    DeviceKind,
    DeviceState,
    OnChange,
    StateKeeper,
    driver_settings,
)
from appliance.devices.printer.port import Paper, PrintJob, checked_pdf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.devices.printer.receipt import ReceiptDocument

DRIVER: Final = "disabled"


class DisabledPrinterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class DisabledPrinter:
    """Every job fails at once, with a code that says why."""

    papers: frozenset[Paper] = frozenset()

    def __init__(self) -> None:
        self._keeper = StateKeeper(DeviceKind.PRINTER, DRIVER)
        self._keeper.become(Condition.ABSENT, DeviceDisabled.code)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Takes no settings."""
        driver_settings(DisabledPrinterSettings, settings, kind=DeviceKind.PRINTER, driver=DRIVER)
        return cls()

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def state(self) -> DeviceState:
        """Absent, on purpose."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """It never changes."""
        self._keeper.watch(on_change)

    def print_receipt(self, receipt: ReceiptDocument) -> PrintJob:
        """Fail, with the reason in the job."""
        return self._refuse(receipt.title)

    def print_document(self, pdf: bytes, title: str) -> PrintJob:
        """Fail, with the reason in the job."""
        checked_pdf(pdf)
        return self._refuse(title)

    @staticmethod
    def _refuse(title: str) -> PrintJob:
        job = PrintJob(title)
        job.failed(DeviceDisabled("this desk has no printer", kind=DeviceKind.PRINTER))
        return job
