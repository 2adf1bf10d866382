"""A thermal receipt printer speaking ESC/POS.

python-escpos makes the bytes (its `Dummy` printer); the line, the status and the truth about "printed" are
ours. Its own `paper_status()` calls a silent printer "adequate", so status is read here: DLE EOT n, and an
empty answer means *not answering*. A job is printed when GS r 1, which the printer works off in order behind
the picture, has been answered (Epson ESC/POS command reference: real-time and ordered status).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final, Self

import msgspec
from escpos.printer import Dummy

from appliance.devices.port import (
    Condition,
    DeviceKind,
    DeviceState,
    Now,
    OnChange,
    StateKeeper,
    driver_settings,
)
from appliance.devices.printer.line import Line, SerialLine, Transport, UsbLine
from appliance.devices.printer.port import (
    CoverOpen,
    Paper,
    PaperOut,
    PaperUnsupported,
    PrinterAbsent,
    PrinterClosed,
    PrinterError,
    PrinterFault,
    PrinterNotAnswering,
    PrinterTooSlow,
    PrintJob,
)
from appliance.devices.printer.receipt import RECEIPT_WIDTH_PX, ReceiptDocument, render_image
from appliance.runtime.clock import utc_now
from appliance.runtime.workers import OnDeath, Worker, WorkerError, end_process
from contracts.errors import PueError

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

DRIVER: Final = "escpos"

_DLE_EOT: Final = b"\x10\x04"
_GS_R_PAPER: Final = b"\x1dr\x01"
_BUSY_POLL_S: Final = 0.2
_QUIET_S: Final = 0.5


class EscposSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of an ESC/POS printer.

    Attributes:
        device: a stable path (``/dev/pue/printer``, ``/dev/usb/lp0``) or a pyserial URL.
        transport: serial (also USB-CDC and URLs) or usb (the kernel's printer file).
        baud_rate: of a real serial line.
        width_px: dots across the paper.
        poll_s: how often an idle printer is asked how it is.
        answer_s: how long it may take to answer.
        confirm_s: how long a healthy printer may take to confirm a receipt.
        patience_s: how long a receipt that met trouble half-way waits for somebody.
    """

    device: str
    transport: Transport = Transport.SERIAL
    baud_rate: Annotated[int, msgspec.Meta(ge=1200, le=4_000_000)] = 115_200
    width_px: Annotated[int, msgspec.Meta(ge=200, le=1200, multiple_of=8)] = RECEIPT_WIDTH_PX
    poll_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 2.0
    answer_s: Annotated[float, msgspec.Meta(gt=0, le=5)] = 0.3
    confirm_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 30.0
    patience_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 120.0


def receipt_bytes(receipt: ReceiptDocument, *, width_px: int = RECEIPT_WIDTH_PX) -> bytes:
    """The whole receipt as ESC/POS: reset, one raster picture, feed, cut."""
    page = Dummy()
    page.hw("INIT")
    page.image(render_image(receipt, width_px=width_px), impl="bitImageRaster", center=False)
    page.cut()
    return bytes(page.output)


class Answer(msgspec.Struct, frozen=True):
    """What the printer says of itself: the gravest trouble, and whether little paper is left."""

    trouble: PrinterError | None
    near_end: bool = False


class StatusReader:
    """Asks DLE EOT 1…4 on an open line, understands the bits, and counts ordered answers that come between."""

    def __init__(self, line: Line, answer_s: float) -> None:
        self._line = line
        self._answer_s = answer_s
        self.ordered = 0
        """Ordered answers (GS r) heard so far; bit 4 is clear in them and set in real-time answers."""

    def ask(self) -> Answer:
        """The printer's condition; silence is `PrinterNotAnswering`.

        Raises:
            PrinterAbsent: the line broke.
        """
        general, offline_cause, error_cause, paper = (self._byte(number) for number in (1, 2, 3, 4))
        if general is None or offline_cause is None or error_cause is None or paper is None:
            return Answer(PrinterNotAnswering("the printer does not answer"))
        return understand(general, offline_cause, error_cause, paper)

    def listen(self, wait_s: float) -> list[int]:
        """Real-time answers heard within the wait; ordered ones are counted."""
        heard = self._line.read(wait_s)
        self.ordered += sum(byte & 0x90 == 0 for byte in heard)
        return [byte for byte in heard if byte & 0x93 == 0x12]  # the fixed bits of a real-time status byte

    def _byte(self, number: int) -> int | None:
        self._line.write(_DLE_EOT + bytes([number]))
        deadline_s = time.monotonic() + self._answer_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            if heard := self.listen(left_s):
                return heard[0]
        return None


def understand(general: int, offline_cause: int, error_cause: int, paper: int) -> Answer:
    """Status bytes of DLE EOT 1, 2, 3, 4 → the gravest trouble first."""
    if paper & 0x60 or offline_cause & 0x20:
        return Answer(PaperOut("no paper"))
    if offline_cause & 0x04:
        return Answer(CoverOpen("the cover is open"))
    if error_cause & 0x68 or offline_cause & 0x40:
        return Answer(PrinterFault("the printer reports a fault", cutter=bool(error_cause & 0x08)))
    if general & 0x08:
        return Answer(PrinterFault("the printer is offline"))
    return Answer(None, near_end=bool(paper & 0x0C))


class EscposPrinter:
    """One printer, one worker: the worker alone touches the line."""

    papers: frozenset[Paper] = frozenset({Paper.RECEIPT})

    def __init__(
        self, settings: EscposSettings, *, now: Now = utc_now, on_death: OnDeath = end_process
    ) -> None:
        self._settings = settings
        self._keeper = StateKeeper(DeviceKind.PRINTER, DRIVER, now=now)
        self._on_death = on_death
        self._worker: Worker | None = None
        self._line: Line | None = None
        self._owes_answer = False

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `EscposSettings`."""
        return cls(driver_settings(EscposSettings, settings, kind=DeviceKind.PRINTER, driver=DRIVER))

    def open(self) -> None:
        """Start looking after the printer."""
        if self._worker is None:
            self._worker = Worker(
                "printer-escpos", tick=self._look, tick_every_s=self._settings.poll_s, on_death=self._on_death
            )
            self._worker.start()

    def close(self) -> None:
        """Stop; jobs not confirmed have failed."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.stop()
        worker.join(10.0)
        self._hang_up()
        self._keeper.become(Condition.ABSENT, PrinterClosed.code)

    def state(self) -> DeviceState:
        """As of the last look."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def print_receipt(self, receipt: ReceiptDocument) -> PrintJob:
        """Queue a receipt; drawing happens on the printer's worker."""
        job = PrintJob(receipt.title)
        worker = self._worker
        try:
            if worker is None:
                raise PrinterClosed("the printer is not open")
            future = worker.submit(self._perform, worker.stopping, job, receipt)
            future.add_done_callback(lambda done: job.failed(PrinterClosed()) if done.cancelled() else None)
        except (PrinterError, WorkerError) as error:
            job.failed(error)
        return job

    def print_document(self, pdf: bytes, title: str) -> PrintJob:  # noqa: ARG002 - the port's signature
        """Refuse: a roll is no A4.

        Raises:
            PaperUnsupported: always.
        """
        raise PaperUnsupported("a receipt printer prints no A4 documents", paper=Paper.A4)

    # ---- on the worker

    def _look(self) -> Answer:
        """Ask the printer and become what it says."""
        try:
            answer = StatusReader(self._connected(), self._settings.answer_s).ask()
        except PrinterAbsent as error:
            self._hang_up()
            answer = Answer(error)
        if isinstance(answer.trouble, PrinterNotAnswering):
            self._hang_up()  # a port that came back under the same name must be opened again
        self._show(answer)
        return answer

    def _show(self, answer: Answer) -> None:
        match answer.trouble:
            case PrinterAbsent() | PrinterNotAnswering():
                self._keeper.become(Condition.ABSENT, answer.trouble.code)
            case None if answer.near_end:
                self._keeper.become(Condition.WARNING, "printer.paper_near_end")
            case None:
                self._keeper.become(Condition.READY)
            case trouble:
                self._keeper.become(Condition.TROUBLE, trouble.code)

    def _connected(self) -> Line:
        if self._line is None:
            chosen = self._settings
            if chosen.transport is Transport.USB:
                self._line = UsbLine(chosen.device, write_timeout_s=chosen.confirm_s)
            else:
                self._line = SerialLine(
                    chosen.device, baud_rate=chosen.baud_rate, write_timeout_s=chosen.confirm_s
                )
        return self._line

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _perform(self, stopping: threading.Event, job: PrintJob, receipt: ReceiptDocument) -> None:
        trouble = self._look().trouble
        if trouble is not None:
            job.failed(trouble)
            return
        try:
            data = receipt_bytes(receipt, width_px=self._settings.width_px)
            self._settle_debts()
            job.printing()
            self._keeper.become(Condition.BUSY, "printer.printing")
            self._owes_answer = True
            reader = StatusReader(self._connected(), self._settings.answer_s)
            self._connected().write(data + _GS_R_PAPER)
            self._await_confirmation(reader, stopping, job)
            self._owes_answer = False
            job.printed()
        except PueError as error:
            if isinstance(error, PrinterAbsent):
                self._hang_up()
            job.failed(error)
        except Exception as error:
            job.failed(PrinterError("the receipt could not be printed", reason=type(error).__name__))
            raise  # kept in the Future; the job must not wait for ever on a fault of ours
        finally:
            self._look()

    def _settle_debts(self) -> None:
        """After a job that was given up, wait for its late answer: it must not confirm the next job.

        Raises:
            PrinterTooSlow: the printer still does not answer in order.
        """
        if not self._owes_answer:
            return
        reader = StatusReader(self._connected(), self._settings.answer_s)
        self._connected().write(_GS_R_PAPER)
        give_up_s = time.monotonic() + self._settings.confirm_s
        heard_before = -1
        while reader.ordered == 0 or reader.ordered != heard_before:  # at least one, and then a quiet while
            if time.monotonic() > give_up_s:
                raise PrinterTooSlow("the printer has not finished an earlier receipt")
            heard_before = reader.ordered
            reader.listen(_QUIET_S)
        self._owes_answer = False

    def _await_confirmation(self, reader: StatusReader, stopping: threading.Event, job: PrintJob) -> None:
        """Until the ordered answer comes; meanwhile say what holds the printer up.

        Raises:
            PrinterError: trouble nobody mended, silence, or a driver being closed.
        """
        healthy_until_s = time.monotonic() + self._settings.confirm_s
        patient_until_s = time.monotonic() + self._settings.patience_s
        reader.listen(_BUSY_POLL_S)
        while not reader.ordered:
            if stopping.is_set():
                raise PrinterClosed("closed before the printer confirmed the receipt")
            answer = reader.ask()
            if answer.trouble is None:
                if time.monotonic() > healthy_until_s:
                    raise PrinterTooSlow("the printer did not confirm the receipt")
                self._keeper.become(Condition.BUSY, "printer.printing")
                job.printing()
            else:
                self._show(answer)
                job.printing(answer.trouble.code)
                if time.monotonic() > patient_until_s:
                    raise answer.trouble
                healthy_until_s = time.monotonic() + self._settings.confirm_s
            reader.listen(_BUSY_POLL_S)
