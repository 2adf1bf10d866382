"""Every printer driver keeps the promise of `printer/port.py`: the simulated one, and the real one on a virtual printer."""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from appliance.devices.port import Condition, DeviceKind, DeviceState, InvalidDeviceSettings
from appliance.devices.printer.port import DocumentRefused, JobState, Paper, PaperUnsupported, Printer
from appliance.devices.printer.receipt import Line, ReceiptDocument, Title
from appliance.devices.printer.receipt_pdf import render_pdf
from appliance.devices.printer.simulated import SimulatedPrinter, SimulatedPrinterSettings
from appliance.devices.registry import DRIVERS, make_device
from tests.peers.virtual_ipp_printer import VirtualIppPrinter
from tests.peers.virtual_printer import VirtualPrinter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RECEIPT = ReceiptDocument("R-000123", (Title("Comune di Esempio"), Line("Pratica presa in carico.")))


@dataclass
class Bench:
    """A driver on its bench: the port in front, hands behind."""

    printer: Printer
    run_out: Callable[[], object]
    open_cover: Callable[[], object]
    near_end: Callable[[], object]
    unplug: Callable[[], object]
    mend: Callable[[], object]
    pages: Callable[[], int]


@contextlib.contextmanager
def _simulated(tmp_path: Path) -> Iterator[Bench]:
    printer = SimulatedPrinter(SimulatedPrinterSettings(patience_s=5))
    yield Bench(
        printer,
        printer.run_out,
        printer.open_cover,
        printer.near_end,
        printer.unplug,
        printer.mend,
        lambda: len(printer.sheets),
    )


@contextlib.contextmanager
def _escpos(tmp_path: Path) -> Iterator[Bench]:
    with VirtualPrinter() as peer:
        settings = {"device": peer.path, "poll_s": 0.05, "answer_s": 0.2, "patience_s": 5.0, "confirm_s": 5.0}
        printer = make_device(DeviceKind.PRINTER, "escpos", settings)
        yield Bench(
            printer,  # type: ignore[arg-type]
            lambda: peer.set(paper=False),
            lambda: peer.set(cover_open=True),
            lambda: peer.set(near_end=True),
            peer.unplug,
            lambda: peer.set(paper=True, cover_open=False, near_end=False),
            lambda: len(peer.pages),
        )
        assert peer.unknown == []


@contextlib.contextmanager
def _cups(tmp_path: Path) -> Iterator[Bench]:
    with VirtualIppPrinter(tmp_path) as peer:
        settings = {"uri": peer.uri, "socket": str(peer.socket), "poll_s": 0.05, "patience_s": 5.0}
        yield Bench(
            make_device(DeviceKind.PRINTER, "cups", settings),  # type: ignore[arg-type]
            lambda: peer.set("media-empty-warning", "media-needed-warning"),
            lambda: peer.set("cover-open-error"),
            lambda: peer.set("media-low-warning"),
            peer.unplug,
            peer.set,
            lambda: len(peer.printed),
        )


BENCHES = {"cups": _cups, "simulated": _simulated, "escpos": _escpos}


def test_no_driver_escapes_this_suite():
    assert set(BENCHES) | {"disabled"} == set(DRIVERS[DeviceKind.PRINTER])


class Watch:
    """Waits for states instead of sleeping."""

    def __init__(self, printer: Printer) -> None:
        self._changed = threading.Condition()
        self.seen: list[DeviceState] = []
        printer.watch(self._note)
        self._printer = printer

    def _note(self, state: DeviceState) -> None:
        with self._changed:
            self.seen.append(state)
            self._changed.notify_all()

    def until(self, condition: Condition, code: str = "") -> DeviceState:
        def there() -> bool:
            state = self._printer.state()
            return state.condition is condition and state.code == code

        with self._changed:
            assert self._changed.wait_for(there, 10), f"{self._printer.state()} is not {condition} {code}"
        return self._printer.state()


@pytest.fixture(params=sorted(BENCHES))
def bench(request, tmp_path):
    with BENCHES[request.param](tmp_path) as made:
        try:
            yield made
        finally:
            made.printer.close()


@pytest.fixture
def watch(bench):
    watch = Watch(bench.printer)
    bench.printer.open()
    watch.until(Condition.READY)
    return watch


def test_absent_until_opened_and_after_closing(bench):
    assert bench.printer.state().condition is Condition.ABSENT
    bench.printer.open()
    bench.printer.close()
    bench.printer.close()
    assert bench.printer.state().condition is Condition.ABSENT


def test_a_receipt_is_printed(bench, watch):
    job = bench.printer.print_receipt(RECEIPT)
    assert job.wait(10).state is JobState.PRINTED
    assert bench.pages() == 1
    watch.until(Condition.READY)


def test_a_job_is_one_spell_of_work_and_not_a_flicker(bench, watch):
    before = len(watch.seen)
    assert bench.printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED
    watch.until(Condition.READY)
    assert [state.condition for state in watch.seen[before:]] in ([], [Condition.BUSY, Condition.READY])


def test_jobs_are_printed_one_after_the_other(bench, watch):
    jobs = [bench.printer.print_receipt(RECEIPT) for _ in range(3)]
    assert [job.wait(10).state for job in jobs] == [JobState.PRINTED] * 3
    assert bench.pages() == 3


@pytest.mark.parametrize(
    ("deed", "condition", "code"),
    [
        ("run_out", Condition.TROUBLE, "printer.paper_out"),
        ("open_cover", Condition.TROUBLE, "printer.cover_open"),
        ("unplug", Condition.ABSENT, "printer.absent"),
    ],
)
def test_trouble_is_a_state_and_the_jobs_answer(bench, watch, deed, condition, code):
    getattr(bench, deed)()
    watch.until(condition, code)
    job = bench.printer.print_receipt(RECEIPT)
    assert job.wait(10).state is JobState.FAILED
    assert job.status.code == code
    assert job.error is not None
    assert job.error.code == code
    assert bench.pages() == 0


def test_mended_trouble_goes_away_and_printing_works_again(bench, watch):
    bench.run_out()
    watch.until(Condition.TROUBLE, "printer.paper_out")
    bench.mend()
    watch.until(Condition.READY)
    assert bench.printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED


def test_little_paper_is_a_warning_and_prints(bench, watch):
    bench.near_end()
    watch.until(Condition.WARNING, "printer.paper_near_end")
    assert bench.printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED


def test_a_closed_printer_fails_the_job_and_loses_nothing_silently(bench):
    job = bench.printer.print_receipt(RECEIPT)
    assert job.wait(1).state is JobState.FAILED
    assert job.status.code == "printer.closed"


def test_a_receipt_that_cannot_be_drawn_fails_its_job_and_no_other(bench, watch, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        for renderer in ("receipt_pdf.render_pdf", "escpos.render_image", "simulated.render_image"):
            patch.setattr(f"appliance.devices.printer.{renderer}", broken)
        job = bench.printer.print_receipt(RECEIPT)
        assert job.wait(10).state is JobState.FAILED
    assert bench.printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED


def test_watchers_hear_each_state_once(bench, watch):
    bench.run_out()
    watch.until(Condition.TROUBLE, "printer.paper_out")
    bench.mend()
    watch.until(Condition.READY)
    words = [(state.condition, state.code) for state in watch.seen]
    assert all(before != after for before, after in itertools.pairwise(words))


def test_a4_is_printed_or_refused_by_name(bench, watch):
    pdf = render_pdf(RECEIPT)
    if Paper.A4 in bench.printer.papers:
        assert bench.printer.print_document(pdf, "R-000123").wait(10).state is JobState.PRINTED
        with pytest.raises(DocumentRefused):
            bench.printer.print_document(b"not a PDF", "R-000124")
    else:
        with pytest.raises(PaperUnsupported):
            bench.printer.print_document(pdf, "R-000123")


@pytest.mark.parametrize("name", sorted(DRIVERS[DeviceKind.PRINTER]))
def test_unknown_settings_are_refused_by_name(name):
    with pytest.raises(InvalidDeviceSettings, match="colour"):
        make_device(DeviceKind.PRINTER, name, {"colour": "blue"})
