"""A printer that exists only in memory, with paper that ends and a cover that opens.

Front: the port. Back: `run_out`, `near_end`, `open_cover`, `unplug`, `mend`. What was printed stays in
`sheets` and, if a folder is set, as numbered PNG and PDF files there.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

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
from appliance.devices.printer.port import (
    CoverOpen,
    Paper,
    PaperOut,
    PrinterAbsent,
    PrinterClosed,
    PrinterError,
    PrintJob,
    checked_pdf,
)
from appliance.devices.printer.receipt import ReceiptDocument, render_image
from appliance.runtime.clock import utc_now
from appliance.runtime.files import write_atomic
from appliance.runtime.workers import Worker, WorkerError
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DRIVER: Final = "simulated"
_KEPT_SHEETS: Final = 50


class SimulatedPrinterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the simulated printer.

    Attributes:
        folder: where printed sheets are left as files; empty keeps them in memory only.
        sheet_s: how long one job takes.
        patience_s: how long a job that met trouble half-way waits for somebody to mend it.
    """

    folder: str = ""
    sheet_s: float = 0.0
    patience_s: float = 120.0


class Sheet(msgspec.Struct, frozen=True):
    """What lies in the tray.

    Attributes:
        paper: receipt (PNG) or A4 (PDF).
        title: the job's title.
        data: the file's bytes.
        receipt: the blocks, where it was a receipt.
    """

    paper: Paper
    title: str
    data: bytes
    receipt: ReceiptDocument | None = None


class SimulatedPrinter:
    """Keeps every sheet it prints."""

    papers: frozenset[Paper] = frozenset(Paper)

    def __init__(self, settings: SimulatedPrinterSettings | None = None, *, now: Now = utc_now) -> None:
        self._settings = settings or SimulatedPrinterSettings()
        self._keeper = StateKeeper(DeviceKind.PRINTER, DRIVER, now=now)
        self._world = threading.Condition()
        self._trouble: PrinterError | None = None
        self._near_end = False
        self._worker: Worker | None = None
        self._sheets: deque[Sheet] = deque(maxlen=_KEPT_SHEETS)
        self._printed = 0

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `SimulatedPrinterSettings`."""
        return cls(
            driver_settings(SimulatedPrinterSettings, settings, kind=DeviceKind.PRINTER, driver=DRIVER)
        )

    # ---- front

    def open(self) -> None:
        """Switch on."""
        if self._worker is None:
            self._worker = Worker("printer-simulated")
            self._worker.start()
            self._show()

    def close(self) -> None:
        """Switch off; jobs that were not done have failed."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
            with self._world:
                self._world.notify_all()
            worker.join(5.0)
            self._keeper.become(Condition.ABSENT, PrinterClosed.code)

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def print_receipt(self, receipt: ReceiptDocument) -> PrintJob:
        """Print on the roll."""

        def draw() -> Sheet:
            png = io.BytesIO()
            render_image(receipt).save(png, "PNG")
            return Sheet(Paper.RECEIPT, receipt.title, png.getvalue(), receipt)

        return self._queue(PrintJob(receipt.title), draw)

    def print_document(self, pdf: bytes, title: str) -> PrintJob:
        """Print on A4."""
        sheet = Sheet(Paper.A4, title, checked_pdf(pdf))
        return self._queue(PrintJob(title), lambda: sheet)

    # ---- back

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """What was printed, oldest first (the last fifty)."""
        with self._world:
            return tuple(self._sheets)

    def run_out(self) -> None:
        """The paper ends."""
        self._suffer(PaperOut("no paper"))

    def open_cover(self) -> None:
        """Somebody opens the cover."""
        self._suffer(CoverOpen("the cover is open"))

    def unplug(self) -> None:
        """The cable comes out."""
        self._suffer(PrinterAbsent("the printer is not connected"))

    def near_end(self) -> None:
        """Little paper is left."""
        with self._world:
            self._near_end = True
        self._show()

    def mend(self) -> None:
        """Paper in, cover closed, cable plugged."""
        with self._world:
            self._near_end = False
        self._suffer(None)

    # ---- inside

    def _suffer(self, trouble: PrinterError | None) -> None:
        with self._world:
            self._trouble = trouble
            self._world.notify_all()
        self._show()

    def _show(self) -> None:
        if self._worker is None:
            return
        with self._world:
            trouble, near_end = self._trouble, self._near_end
            if isinstance(trouble, PrinterAbsent):
                self._keeper.become(Condition.ABSENT, trouble.code)
            elif trouble is not None:
                self._keeper.become(Condition.TROUBLE, trouble.code)
            elif near_end:
                self._keeper.become(Condition.WARNING, "printer.paper_near_end")
            else:
                self._keeper.become(Condition.READY)

    def _queue(self, job: PrintJob, draw: Callable[[], Sheet]) -> PrintJob:
        worker = self._worker
        try:
            if worker is None:
                raise PrinterClosed("the printer is not open")
            future = worker.submit(self._perform, worker, job, draw)
            future.add_done_callback(lambda done: job.failed(PrinterClosed()) if done.cancelled() else None)
        except (PrinterError, WorkerError) as error:
            job.failed(error)
        return job

    def _perform(self, worker: Worker, job: PrintJob, draw: Callable[[], Sheet]) -> None:
        with self._world:
            trouble = self._trouble
        if trouble is not None:
            job.failed(trouble)
            return
        try:
            job.printing()
            worker.stopping.wait(self._settings.sheet_s)
            self._await_mending(worker, job)
            self._lay_down(draw())
            job.printed()
        except PueError as error:
            job.failed(error)
        except Exception as error:
            job.failed(PrinterError("the sheet could not be printed", reason=type(error).__name__))
            raise  # kept in the Future; the job must not wait for ever on a fault of ours

    def _await_mending(self, worker: Worker, job: PrintJob) -> None:
        """Half-way trouble holds the sheet until somebody helps, as a real printer does."""
        with self._world:
            if self._trouble is not None:
                job.printing(self._trouble.code)
            self._world.wait_for(
                lambda: self._trouble is None or worker.stopping.is_set(), self._settings.patience_s
            )
            if worker.stopping.is_set():
                raise PrinterClosed("switched off while printing")
            if self._trouble is not None:
                raise self._trouble

    def _lay_down(self, sheet: Sheet) -> None:
        with self._world:
            self._sheets.append(sheet)
            self._printed += 1
            number = self._printed
        if self._settings.folder:
            folder = Path(self._settings.folder)
            suffix = "png" if sheet.paper is Paper.RECEIPT else "pdf"
            write_atomic(folder / f"{number:04d}-{sheet.paper}.{suffix}", sheet.data)
