"""An A4 printer behind a CUPS queue (or any IPP printer).

"successful-ok" of Print-Job means taken over, not printed: an empty tray is only found out later, so the
job is watched until the printer says *completed*. What CUPS says in keywords becomes our few words.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Annotated, Final, Self

import msgspec

from appliance.devices.port import (
    Condition,
    DeviceKind,
    DeviceState,
    Now,
    OnChange,
    StateKeeper,
    driver_settings,
)
from appliance.devices.printer.ipp import SERVER_BUSY, IppClient, IppRefused, Value
from appliance.devices.printer.port import (
    CoverOpen,
    Paper,
    PaperOut,
    PrinterAbsent,
    PrinterClosed,
    PrinterError,
    PrinterFault,
    PrinterNotAnswering,
    PrinterTooSlow,
    PrintJob,
    checked_pdf,
)
from appliance.devices.printer.receipt import ReceiptDocument
from appliance.runtime.clock import utc_now
from appliance.runtime.workers import OnDeath, Worker, WorkerError, end_process
from contracts.errors import PueError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

DRIVER: Final = "cups"

_STOPPED: Final = 5
_JOB_COMPLETED: Final = 9
_JOB_OVER: Final = frozenset({7, 8, 9})
_WATCH_S: Final = 0.5


class PaperJam(PrinterError):
    """Paper is stuck inside."""

    code = "printer.paper_jam"


class JobAborted(PrinterError):
    """The printer or its queue gave the job up."""

    code = "printer.job_aborted"


class CupsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of an IPP queue.

    Attributes:
        uri: the queue's name for itself.
        socket: CUPS' unix socket; empty speaks TCP to the URI's host.
        poll_s: how often an idle printer is asked how it is.
        answer_s: how long one answer may take.
        confirm_s: how long a healthy printer may take to finish a job.
        patience_s: how long a job waits for somebody to put paper in, before it is taken back.
    """

    uri: Annotated[str, msgspec.Meta(pattern="^ipp://[^/ ]+/")]
    socket: str = "/run/cups/cups.sock"
    poll_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 3.0
    answer_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0
    confirm_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 90.0
    patience_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 180.0


class Health(msgspec.Struct, frozen=True):
    """What the keywords come to: the gravest trouble, else a warning's code."""

    trouble: PrinterError | None = None
    warning: str = ""


_TROUBLES: Final[Mapping[str, type[PrinterError]]] = {
    "media-empty": PaperOut,
    "media-needed": PaperOut,
    "input-tray-missing": PaperOut,
    "media-jam": PaperJam,
    "cover-open": CoverOpen,
    "door-open": CoverOpen,
    "interlock-open": CoverOpen,
    "offline": PrinterNotAnswering,
    "shutdown": PrinterNotAnswering,
    "timed-out": PrinterNotAnswering,
    "connecting-to-device": PrinterNotAnswering,
}
_WARNINGS: Final[Mapping[str, str]] = {
    "media-low": "printer.paper_near_end",
    "toner-low": "printer.toner_low",
    "toner-empty": "printer.toner_low",
    "marker-supply-low": "printer.toner_low",
    "marker-supply-empty": "printer.toner_low",
    "marker-waste-almost-full": "printer.waste_full",
    "marker-waste-full": "printer.waste_full",
}


def understand(reasons: tuple[str, ...]) -> Health:
    """printer-state-reasons (RFC 8011 §5.4.12): keywords with -report, -warning or -error behind them.

    A report is no hindrance (an empty second tray). For paper, jam and cover the suffix is not believed:
    printers say "warning" while the job stands still.
    """
    warning = ""
    fault: PrinterError | None = None
    for reason in reasons:
        word, _, severity = reason.rpartition("-")
        if severity not in ("report", "warning", "error"):
            word, severity = reason, "error"
        if severity == "report" or word == "none":
            continue
        if word in _TROUBLES:
            return Health(_TROUBLES[word](f"the printer reports {word}", reason=word[:60]))
        if word in _WARNINGS:
            warning = warning or _WARNINGS[word]
        if severity == "error" and reason.endswith("-error"):
            fault = PrinterFault(f"the printer reports {word[:60]}", reason=word[:60])
    return Health(fault, warning)


class CupsPrinter:
    """One queue, one worker."""

    papers: frozenset[Paper] = frozenset(Paper)

    def __init__(
        self, settings: CupsSettings, *, now: Now = utc_now, on_death: OnDeath = end_process
    ) -> None:
        self._settings = settings
        self._client = IppClient(settings.uri, socket_path=settings.socket, timeout_s=settings.answer_s)
        self._keeper = StateKeeper(DeviceKind.PRINTER, DRIVER, now=now)
        self._on_death = on_death
        self._worker: Worker | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `CupsSettings`."""
        return cls(driver_settings(CupsSettings, settings, kind=DeviceKind.PRINTER, driver=DRIVER))

    def open(self) -> None:
        """Start looking after the queue."""
        if self._worker is None:
            self._worker = Worker(
                "printer-cups", tick=self._look, tick_every_s=self._settings.poll_s, on_death=self._on_death
            )
            self._worker.start()

    def close(self) -> None:
        """Stop; a job not confirmed has failed here, whatever the queue still does."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
            worker.join(self._settings.answer_s + 5.0)
            self._keeper.become(Condition.ABSENT, PrinterClosed.code)

    def state(self) -> DeviceState:
        """As of the last look."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def print_receipt(self, receipt: ReceiptDocument) -> PrintJob:
        """Print a receipt on A4."""
        from appliance.devices.printer.receipt_pdf import render_pdf

        return self._queue(receipt.title, lambda: render_pdf(receipt))

    def print_document(self, pdf: bytes, title: str) -> PrintJob:
        """Print a PDF on A4."""
        checked = checked_pdf(pdf)
        return self._queue(title, lambda: checked)

    def _queue(self, title: str, draw: Callable[[], bytes]) -> PrintJob:
        job = PrintJob(title)
        worker = self._worker
        try:
            if worker is None:
                raise PrinterClosed("the printer is not open")
            future = worker.submit(self._perform, worker.stopping, job, draw)
            future.add_done_callback(lambda done: job.failed(PrinterClosed()) if done.cancelled() else None)
        except (PrinterError, WorkerError) as error:
            job.failed(error)
        return job

    # ---- on the worker

    def _look(self) -> Health:
        """Ask the queue and become what it says."""
        health = self._ask()
        self._show(health)
        return health

    def _ask(self) -> Health:
        try:
            attributes = self._client.printer()
            health = understand(_words(attributes.get("printer-state-reasons", ())))
            if health.trouble is None and attributes.get("printer-state") == (_STOPPED,):
                health = self._resume()
        except PrinterError as error:
            health = Health(error)
        return health

    def _resume(self) -> Health:
        """A queue that CUPS paused after a mended trouble is set going again, so that no clerk has to."""
        log.warning("the print queue was stopped without a reason; resuming it")
        try:
            self._client.resume()
        except IppRefused:
            return Health(PrinterFault("the print queue is stopped and may not be resumed", reason="stopped"))
        return Health()

    def _show(self, health: Health) -> None:
        match health.trouble:
            case PrinterAbsent() | PrinterNotAnswering():
                self._keeper.become(Condition.ABSENT, health.trouble.code)
            case None if health.warning:
                self._keeper.become(Condition.WARNING, health.warning)
            case None:
                self._keeper.become(Condition.READY)
            case trouble:
                self._keeper.become(Condition.TROUBLE, trouble.code)

    def _perform(self, stopping: threading.Event, job: PrintJob, draw: Callable[[], bytes]) -> None:
        trouble = self._look().trouble
        if trouble is not None:
            job.failed(trouble)
            return
        try:
            number = self._hand_over(stopping, draw(), job.title)
            job.printing()
            self._keeper.become(Condition.BUSY, "printer.printing")
            self._await_completion(stopping, job, number)
            job.printed()
        except PueError as error:
            job.failed(error)
        except Exception as error:
            job.failed(PrinterError("the document could not be printed", reason=type(error).__name__))
            raise  # kept in the Future; the job must not wait for ever on a fault of ours
        finally:
            self._look()

    def _hand_over(self, stopping: threading.Event, pdf: bytes, title: str) -> int:
        """Print-Job; a printer that is busy with another's job is asked again.

        Raises:
            PrinterError: refused, gone, or busy for too long.
        """
        give_up_s = time.monotonic() + self._settings.confirm_s
        while True:
            try:
                return self._client.print_pdf(pdf, title)
            except IppRefused as error:
                if error.facts.get("status") != SERVER_BUSY or time.monotonic() > give_up_s:
                    raise
            if stopping.wait(_WATCH_S):
                raise PrinterClosed("closed while the printer was busy")

    def _await_completion(self, stopping: threading.Event, job: PrintJob, number: int) -> None:
        """Until the printer says completed.

        Raises:
            PrinterError: aborted, trouble nobody mended (the job is taken back), silence, or closing.
        """
        healthy_until_s = time.monotonic() + self._settings.confirm_s
        patient_until_s = time.monotonic() + self._settings.patience_s
        while True:
            state, reasons = self._client.job(number)
            if state == _JOB_COMPLETED:
                return
            if state in _JOB_OVER:
                raise JobAborted("the printer gave the job up", reason=", ".join(reasons)[:120])
            health = self._ask()
            trouble = health.trouble
            if trouble is None:
                self._keeper.become(Condition.BUSY, "printer.printing")
            else:
                self._show(health)
                healthy_until_s = time.monotonic() + self._settings.confirm_s
            job.printing(trouble.code if trouble else "")
            if stopping.is_set():
                self._take_back(number)
                raise PrinterClosed("closed before the printer had finished")
            if trouble is not None and time.monotonic() > patient_until_s:
                self._take_back(number)
                raise trouble
            if time.monotonic() > healthy_until_s:
                self._take_back(number)
                raise PrinterTooSlow("the printer did not finish the job")
            stopping.wait(_WATCH_S)

    def _take_back(self, number: int) -> None:
        with contextlib.suppress(PrinterError):  # it may have ended this moment, or be gone
            self._client.cancel(number)


def _words(values: tuple[Value, ...]) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str))
