"""No printer, on purpose: absence is a driver, not an `if`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.devices.disabled import Disabled
from appliance.devices.port import DeviceDisabled, DeviceKind
from appliance.devices.printer.port import Paper, PrintJob, checked_pdf

if TYPE_CHECKING:
    from appliance.devices.printer.receipt import ReceiptDocument


class DisabledPrinter(Disabled):
    """Every job fails at once, with a code that says why."""

    papers: frozenset[Paper] = frozenset()
    kind = DeviceKind.PRINTER

    def print_receipt(self, receipt: ReceiptDocument) -> PrintJob:
        """Fail, with the reason in the job."""
        return self._failed(receipt.title)

    def print_document(self, pdf: bytes, title: str) -> PrintJob:
        """Fail, with the reason in the job."""
        checked_pdf(pdf)
        return self._failed(title)

    @staticmethod
    def _failed(title: str) -> PrintJob:
        job = PrintJob(title)
        job.failed(DeviceDisabled("this desk has no printer", kind=DeviceKind.PRINTER))
        return job
