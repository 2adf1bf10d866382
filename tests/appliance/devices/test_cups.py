"""What only the IPP driver can get wrong: keywords, queues that stop, jobs that were taken over and not printed."""

from __future__ import annotations

import queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.devices.port import Condition, DeviceKind, InvalidDeviceSettings
from appliance.devices.printer.cups import CupsPrinter, CupsSettings, understand
from appliance.devices.printer.ipp import IppGarbled, Operation, Tag, attribute, parse, request
from appliance.devices.printer.port import JobState
from appliance.devices.printer.receipt import Line, ReceiptDocument
from appliance.devices.printer.receipt_pdf import render_pdf
from appliance.devices.registry import make_device
from tests.peers.virtual_ipp_printer import ABORTED, CANCELED, VirtualIppPrinter

PDF = render_pdf(ReceiptDocument("R-000123", (Line("Pratica presa in carico."),)))


@pytest.fixture
def peer(tmp_path):
    with VirtualIppPrinter(tmp_path) as made:
        yield made


@pytest.fixture
def driver(peer):
    made = []

    def build(**how):
        settings = {"poll_s": 0.05, "confirm_s": 1.0, "patience_s": 1.0, **how}
        made.append(CupsPrinter(CupsSettings(uri=peer.uri, socket=str(peer.socket), **settings)))
        return made[-1]

    yield build
    for printer in made:
        printer.close()


def opened(printer):
    seen = queue.Queue()
    printer.watch(lambda state: seen.put((state.condition, state.code)))
    printer.open()
    return seen


def until(seen, *wanted):
    for _ in range(100):
        if seen.get(timeout=5) == wanted:
            return
    raise AssertionError(wanted)


def test_the_document_arrives_unchanged_on_a4_under_its_number(peer, driver):
    printer = driver()
    until(opened(printer), Condition.READY, "")
    assert printer.print_document(PDF, "R-000123").wait(10).state is JobState.PRINTED
    job = peer.wait_for_job(1)
    assert job["document"] == PDF
    assert job["job-name"] == b"R-000123"
    assert job["media"] == b"iso_a4_210x297mm"
    assert job["requesting-user-name"] == b"pue"


def test_taken_over_is_not_printed(peer, driver):
    printer = driver(patience_s=20)
    seen = opened(printer)
    until(seen, Condition.READY, "")
    peer.set(holding=True)
    job = printer.print_document(PDF, "R-000123")
    peer.wait_for_job(1)
    assert job.wait(0.3).state is JobState.PRINTING
    peer.set("media-empty-warning", "media-needed-warning")
    until(seen, Condition.TROUBLE, "printer.paper_out")
    peer.set()
    assert job.wait(10).state is JobState.PRINTED


@pytest.mark.parametrize(
    ("reasons", "code"), [(("media-jam-warning",), "printer.paper_jam"), ((), "printer.unconfirmed")]
)
def test_a_job_nobody_helps_is_taken_back(peer, driver, reasons, code):
    printer = driver()
    until(opened(printer), Condition.READY, "")
    peer.set(holding=True)
    job = printer.print_document(PDF, "R-000123")
    taken = peer.wait_for_job(1)
    peer.set(*reasons, holding=True)
    assert job.wait(10).code == code
    assert taken["state"] == CANCELED
    peer.set()
    assert peer.printed == []


def test_an_aborted_job_has_failed(peer, driver):
    printer = driver()
    until(opened(printer), Condition.READY, "")
    peer.set(holding=True)
    job = printer.print_document(PDF, "R-000123")
    peer.wait_for_job(1)["state"] = ABORTED
    assert job.wait(10).code == "printer.job_aborted"


def test_a_long_job_does_not_flicker(peer, driver):
    """Seen with ippeveprinter: each look in between showed the printer ready for a moment."""
    printer = driver(confirm_s=20)
    seen = opened(printer)
    until(seen, Condition.READY, "")
    peer.set(holding=True)
    job = printer.print_document(PDF, "R-000123")
    peer.wait_for_job(1)
    assert job.wait(1.2).state is JobState.PRINTING
    peer.set()
    assert job.wait(10).state is JobState.PRINTED
    until(seen, Condition.BUSY, "printer.printing")
    assert seen.get(timeout=5) == (Condition.READY, "")
    assert seen.empty()


def test_busy_with_anothers_job_is_waited_for(peer, driver):
    printer = driver(confirm_s=10)
    until(opened(printer), Condition.READY, "")
    peer.busy_answers = 2
    assert printer.print_document(PDF, "R-000123").wait(10).state is JobState.PRINTED


def test_a_stopped_queue_is_set_going_again(peer, driver):
    printer = driver()
    peer.stopped = True
    until(opened(printer), Condition.READY, "")
    assert not peer.stopped


def test_a_stopped_queue_that_may_not_be_resumed_is_a_fault(peer, driver):
    printer = driver()
    peer.stopped, peer.may_resume = True, False
    until(opened(printer), Condition.TROUBLE, "printer.fault")


def test_closing_takes_the_job_back(peer, driver):
    printer = driver(confirm_s=60)
    until(opened(printer), Condition.READY, "")
    peer.set(holding=True)
    job = printer.print_document(PDF, "R-000123")
    taken = peer.wait_for_job(1)
    printer.close()
    assert job.status.code == "printer.closed"
    assert taken["state"] == CANCELED


def test_what_is_not_ipp_is_trouble_and_goes_away(peer, driver):
    printer = driver()
    seen = opened(printer)
    until(seen, Condition.READY, "")
    peer.garble = True
    until(seen, Condition.TROUBLE, "printer.garbled")
    peer.garble = False
    until(seen, Condition.READY, "")


@pytest.mark.parametrize(
    ("reasons", "trouble", "warning"),
    [
        (("none",), None, ""),
        (("media-empty-report",), None, ""),
        (("media-empty-warning", "media-needed-warning"), "printer.paper_out", ""),
        (("media-empty",), "printer.paper_out", ""),
        (("toner-low-warning",), None, "printer.toner_low"),
        (("toner-empty-warning", "marker-waste-full-warning"), None, "printer.toner_low"),
        (("toner-low-warning", "media-jam-error"), "printer.paper_jam", "printer.toner_low"),
        (("fuser-over-temp-error",), "printer.fault", ""),
        (("moving-to-paused",), None, ""),
        (("connecting-to-device",), "printer.not_answering", ""),
    ],
)
def test_keywords_become_our_words(reasons, trouble, warning):
    health = understand(reasons)
    assert (health.trouble.code if health.trouble else None) == trouble
    if trouble is None:
        assert health.warning == warning


@given(st.lists(st.text(max_size=30), max_size=5))
def test_any_keywords_mean_something(reasons):
    understand(tuple(reasons))


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=5), st.text("abc-", min_size=1), st.text()
)
def test_what_is_built_is_what_is_parsed(numbers, name, text):
    about = attribute(Tag.INTEGER, f"n-{name}", *numbers) + attribute(Tag.NAME, f"t-{name}", text)
    built = request(Operation.PRINT_JOB, 7, "ipp://localhost/", about)
    group = parse(built).group(Tag.OPERATION)
    assert group[f"n-{name}"] == tuple(numbers)
    assert group[f"t-{name}"] == (text,)


@given(st.binary(max_size=200))
def test_rubbish_raises_our_error_or_nothing(data):
    try:
        parse(data)
    except IppGarbled:
        return


@pytest.mark.parametrize("uri", ["", "http://localhost/x", "ipp://", "ipp://host", "file:///etc/passwd"])
def test_other_addresses_are_refused(uri):
    with pytest.raises(InvalidDeviceSettings, match="uri"):
        make_device(DeviceKind.PRINTER, "cups", {"uri": uri})
