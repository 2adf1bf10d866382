"""What only the ESC/POS driver can get wrong: silence, late answers, wires that break, pictures on paper."""

from __future__ import annotations

import os
import pty
import queue
import threading
import tty

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageOps

from appliance.devices.port import Condition, DeviceKind, InvalidDeviceSettings
from appliance.devices.printer.escpos import EscposPrinter, EscposSettings, receipt_bytes, understand
from appliance.devices.printer.line import Transport, UsbLine
from appliance.devices.printer.port import JobState, PrinterAbsent
from appliance.devices.printer.receipt import Line, ReceiptDocument, Title, render_image
from appliance.devices.registry import make_device
from tests.peers.virtual_printer import VirtualPrinter

RECEIPT = ReceiptDocument("R-000123", (Title("Comune di Esempio"), Line("Città, € 1.234,56, čšž")))


def driver(path, **how):
    settings = {"poll_s": 0.05, "answer_s": 0.15, "confirm_s": 1.0, "patience_s": 1.0, **how}
    return EscposPrinter(EscposSettings(device=path, **settings))


def opened(printer):
    """Open and give a queue of (condition, code) as they come."""
    seen = queue.Queue()
    printer.watch(lambda state: seen.put((state.condition, state.code)))
    printer.open()
    return seen


def until(seen, *wanted):
    for _ in range(50):
        if seen.get(timeout=5) == wanted:
            return
    raise AssertionError(wanted)


@pytest.fixture
def peer():
    with VirtualPrinter() as made:
        yield made
        assert made.unknown == []


@pytest.fixture
def printer(peer):
    made = driver(peer.path)
    yield made
    made.close()


def test_the_paper_shows_exactly_the_picture(peer, printer):
    until(opened(printer), Condition.READY, "")
    assert printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED
    drawn, printed = render_image(RECEIPT), peer.wait_for_page(1)
    top = np.asarray(printed)[: drawn.height]
    assert np.array_equal(top, np.asarray(drawn))
    assert ImageOps.invert(printed.convert("L")).getbbox() is not None


def test_silence_is_not_adequate_paper(peer, printer):
    seen = opened(printer)
    until(seen, Condition.READY, "")
    peer.set(mute=True)
    until(seen, Condition.ABSENT, "printer.not_answering")
    job = printer.print_receipt(RECEIPT)
    assert job.wait(10).code == "printer.not_answering"
    peer.set(mute=False)
    until(seen, Condition.READY, "")


def test_paper_that_ends_half_way_holds_the_job_and_a_new_roll_ends_it(peer):
    printer = driver(peer.path, patience_s=20)
    until(opened(printer), Condition.READY, "")
    try:
        peer.set(hold_answers=True)
        job = printer.print_receipt(RECEIPT)
        peer.wait_for_page(1)
        peer.set(paper=False)
        assert _status_becomes(job, "printer.paper_out")
        assert job.status.state is JobState.PRINTING
        assert printer.state().code == "printer.paper_out"
        peer.set(paper=True, hold_answers=False)
        assert job.wait(10).state is JobState.PRINTED
    finally:
        printer.close()


def test_a_receipt_nobody_confirms_is_never_called_printed(peer, printer):
    until(opened(printer), Condition.READY, "")
    peer.set(hold_answers=True)
    job = printer.print_receipt(RECEIPT)
    assert job.wait(10).state is JobState.FAILED
    assert job.status.code == "printer.unconfirmed"


def test_a_late_answer_does_not_confirm_the_next_receipt(peer, printer):
    until(opened(printer), Condition.READY, "")
    peer.set(hold_answers=True)
    assert printer.print_receipt(RECEIPT).wait(10).state is JobState.FAILED
    peer.set(hold_answers=False)  # now the old answer comes
    assert printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED
    assert len(peer.pages) == 2
    peer.set(hold_answers=True)
    assert printer.print_receipt(RECEIPT).wait(10).state is JobState.FAILED


def test_closing_while_printing_fails_the_job_by_name(peer):
    printer = driver(peer.path, patience_s=60, confirm_s=60)
    until(opened(printer), Condition.READY, "")
    peer.set(hold_answers=True)
    running, waiting = printer.print_receipt(RECEIPT), printer.print_receipt(RECEIPT)
    peer.wait_for_page(1)
    printer.close()
    assert (running.status.state, running.status.code) == (JobState.FAILED, "printer.closed")
    assert (waiting.status.state, waiting.status.code) == (JobState.FAILED, "printer.closed")


def test_unplugged_and_plugged_in_again_under_the_same_name(tmp_path):
    link = tmp_path / "printer"
    printer = driver(str(link))
    seen = opened(printer)
    try:
        until(seen, Condition.ABSENT, "printer.absent")
        for _ in range(2):
            with VirtualPrinter(link=link) as peer:
                until(seen, Condition.READY, "")
                assert printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED
                peer.unplug()
            until(seen, Condition.ABSENT, "printer.absent")
    finally:
        printer.close()


def test_the_cable_pulled_while_printing(peer):
    printer = driver(peer.path, patience_s=20, confirm_s=20)
    until(opened(printer), Condition.READY, "")
    try:
        peer.set(hold_answers=True)
        job = printer.print_receipt(RECEIPT)
        peer.wait_for_page(1)
        peer.unplug()
        assert job.wait(10).code in ("printer.absent", "printer.not_answering")
        assert job.status.state is JobState.FAILED
    finally:
        printer.close()


def test_the_same_bytes_over_a_usb_printer_file(peer):
    """usblp's file is read and written without a tty; a raw pty answers to the same calls."""
    printer = driver(peer.path, transport=Transport.USB)
    until(opened(printer), Condition.READY, "")
    try:
        assert printer.print_receipt(RECEIPT).wait(10).state is JobState.PRINTED
        peer.wait_for_page(1)
    finally:
        printer.close()


def test_a_usb_file_that_takes_nothing_more_is_absent_and_not_a_hang():
    master, slave = pty.openpty()
    tty.setraw(slave)
    line = UsbLine(os.ttyname(slave), write_timeout_s=0.2)
    try:
        with pytest.raises(PrinterAbsent):
            line.write(b"x" * 10_000_000)
    finally:
        line.close()
        line.close()
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ((0x12, 0x12, 0x12, 0x12), None),
        ((0x1A, 0x32, 0x12, 0x7E), "printer.paper_out"),
        ((0x1A, 0x16, 0x12, 0x12), "printer.cover_open"),
        ((0x1A, 0x36, 0x12, 0x72), "printer.paper_out"),
        ((0x1A, 0x52, 0x1A, 0x12), "printer.fault"),
        ((0x1A, 0x12, 0x12, 0x12), "printer.fault"),
    ],
)
def test_status_bytes_as_the_manual_has_them(status, code):
    answer = understand(*status)
    assert (answer.trouble.code if answer.trouble else None) == code


@given(st.tuples(*[st.integers(0, 255)] * 4))
def test_any_status_bytes_mean_something(status):
    answer = understand(*status)
    assert answer.trouble is None or answer.trouble.code.startswith("printer.")


def test_the_bytes_begin_afresh_and_end_with_a_cut():
    data = receipt_bytes(RECEIPT)
    assert data.startswith(b"\x1b@\x1dv0\x00")
    assert data[-3:-1] == b"\x1dV"


def test_a_width_no_head_has_is_refused():
    with pytest.raises(InvalidDeviceSettings, match="width_px"):
        make_device(DeviceKind.PRINTER, "escpos", {"device": "/dev/null", "width_px": 577})
    with pytest.raises(InvalidDeviceSettings, match="device"):
        make_device(DeviceKind.PRINTER, "escpos", {})


def _status_becomes(job, code, timeout_s=5.0):
    tick = threading.Event()
    for _ in range(int(timeout_s / 0.02)):
        if job.status.code == code:
            return True
        tick.wait(0.02)
    return False
