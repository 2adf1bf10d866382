"""What a printer promises: a job is *printed* only when the device itself says so."""

from __future__ import annotations

import enum
import itertools
import threading
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from appliance.devices.port import Device, DeviceError
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from appliance.devices.printer.receipt import ReceiptDocument

PDF_LIMIT_BYTES: Final = 32 * 1024 * 1024


class Paper(enum.StrEnum):
    """What a printer can be given."""

    RECEIPT = "receipt"
    A4 = "a4"


class JobState(enum.StrEnum):
    """Where a job is; the last two are final."""

    QUEUED = "queued"
    PRINTING = "printing"
    PRINTED = "printed"
    FAILED = "failed"


class PrinterError(DeviceError):
    """The printer did not print."""

    code = "printer.failed"


class PaperOut(PrinterError):
    """No paper."""

    code = "printer.paper_out"


class CoverOpen(PrinterError):
    """The cover is open."""

    code = "printer.cover_open"


class PrinterAbsent(PrinterError):
    """No such device: unplugged, or its power is off."""

    code = "printer.absent"


class PrinterNotAnswering(PrinterError):
    """The line is there, the printer is mute: switched off, hung, or wrongly wired."""

    code = "printer.not_answering"


class PrinterFault(PrinterError):
    """The printer reports a fault of its own (cutter, head, motor)."""

    code = "printer.fault"
    who = WhoCanAct.TECHNICIAN


class PrinterClosed(PrinterError):
    """The driver is not open or is being closed; the job was not begun or not confirmed."""

    code = "printer.closed"
    who = WhoCanAct.WAIT


class PrinterTooSlow(PrinterError):
    """The printer took the data and did not confirm it in time; the sheet must be looked at."""

    code = "printer.unconfirmed"


class PaperUnsupported(PrinterError):
    """This printer has no such paper."""

    code = "printer.paper_unsupported"
    who = WhoCanAct.OPERATOR


class DocumentRefused(PrinterError, ValueError):
    """Not a PDF, or larger than any document of a sitting."""

    code = "printer.document_refused"
    who = WhoCanAct.OPERATOR


class JobStatus(msgspec.Struct, frozen=True):
    """A job at one moment; `code` is empty unless the job failed (or waits for somebody)."""

    state: JobState
    code: str = ""


_numbers = itertools.count(1)


class PrintJob:
    """The handle of one job, safe to read from any thread."""

    def __init__(self, title: str) -> None:
        self.number = next(_numbers)
        self.title = title
        self._changed = threading.Condition()
        self._status = JobStatus(JobState.QUEUED)
        self._error: PueError | None = None

    @property
    def status(self) -> JobStatus:
        """Where the job is now."""
        return self._status

    @property
    def error(self) -> PueError | None:
        """Why it failed."""
        return self._error

    def wait(self, timeout_s: float) -> JobStatus:
        """Wait for a final state; returns the present one if none came in time."""
        with self._changed:
            self._changed.wait_for(self._settled, timeout_s)
            return self._status

    def printing(self, code: str = "") -> None:
        """For drivers: the device works on it; `code` says what it is waiting for, if it waits."""
        self._become(JobStatus(JobState.PRINTING, code))

    def printed(self) -> None:
        """For drivers: the device has said that it is done."""
        self._become(JobStatus(JobState.PRINTED))

    def failed(self, error: PueError) -> None:
        """For drivers: it will not be printed."""
        self._become(JobStatus(JobState.FAILED, error.code), error)

    def _settled(self) -> bool:
        return self._status.state in (JobState.PRINTED, JobState.FAILED)

    def _become(self, status: JobStatus, error: PueError | None = None) -> None:
        with self._changed:
            if self._settled():  # a final word stays final
                return
            self._status, self._error = status, error
            self._changed.notify_all()


class Printer(Device, Protocol):
    """A device that puts ink on paper."""

    @property
    def papers(self) -> frozenset[Paper]:
        """What it can be given."""
        ...

    def print_receipt(self, receipt: ReceiptDocument) -> PrintJob:
        """Queue a receipt; trouble is found in the job, never lost.

        Raises:
            PaperUnsupported: this printer takes no receipts.
        """
        ...

    def print_document(self, pdf: bytes, title: str) -> PrintJob:
        """Queue an A4 document. The title reaches queues and logs of others: a number, never a name.

        Raises:
            PaperUnsupported: this printer takes no A4.
            DocumentRefused: not a PDF or too large.
        """
        ...


def checked_pdf(pdf: bytes) -> bytes:
    """The same bytes, if they may be a PDF of a sitting.

    Raises:
        DocumentRefused: no PDF header, or more than `PDF_LIMIT_BYTES`.
    """
    if not pdf.startswith(b"%PDF-"):
        raise DocumentRefused("what should be printed is not a PDF")
    if len(pdf) > PDF_LIMIT_BYTES:
        raise DocumentRefused(
            f"the document is larger than {PDF_LIMIT_BYTES} bytes", limit_bytes=PDF_LIMIT_BYTES
        )
    return pdf
