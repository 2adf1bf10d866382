"""What the simulators can do besides keeping their port: leave files, wait half-way, look alive."""

from __future__ import annotations

import io
import threading
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from appliance.capture.developing import develop
from appliance.capture.jobs import Develop
from appliance.devices.camera import scene
from appliance.devices.camera.port import CameraAbsent
from appliance.devices.camera.simulated import SimulatedCamera
from appliance.devices.port import Condition
from appliance.devices.printer.port import JobState, Paper
from appliance.devices.printer.receipt import Line, ReceiptDocument
from appliance.devices.printer.receipt_pdf import render_pdf
from appliance.devices.printer.simulated import SimulatedPrinter, SimulatedPrinterSettings

RECEIPT = ReceiptDocument("R-000123", (Line("Pratica presa in carico."),))


@pytest.fixture
def camera():
    made = SimulatedCamera()
    made.open()
    yield made
    made.close()


def test_sheets_lie_in_memory_and_in_the_folder(tmp_path):
    printer = SimulatedPrinter(SimulatedPrinterSettings(folder=str(tmp_path)))
    printer.open()
    printer.print_receipt(RECEIPT).wait(5)
    printer.print_document(render_pdf(RECEIPT), "R-000124").wait(5)
    printer.close()
    assert [sheet.paper for sheet in printer.sheets] == [Paper.RECEIPT, Paper.A4]
    assert printer.sheets[0].receipt == RECEIPT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001-receipt.png", "0002-a4.pdf"]


def test_a_folder_that_is_not_there_fails_the_job(tmp_path):
    printer = SimulatedPrinter(SimulatedPrinterSettings(folder=str(tmp_path / "none")))
    printer.open()
    job = printer.print_receipt(RECEIPT)
    assert job.wait(5).state is JobState.FAILED
    assert job.status.code == "storage.missing"
    printer.close()


def test_paper_that_ends_while_printing_holds_the_sheet_until_mended():
    printer = SimulatedPrinter(SimulatedPrinterSettings(sheet_s=0.3))
    printer.open()
    job = printer.print_receipt(RECEIPT)
    while job.status.state is JobState.QUEUED:
        threading.Event().wait(0.005)
    printer.run_out()
    assert job.wait(0.6).state is JobState.PRINTING
    assert job.status.code == "printer.paper_out"
    assert printer.sheets == ()
    printer.mend()
    assert job.wait(5).state is JobState.PRINTED
    printer.close()


def test_nobody_mends_and_patience_ends():
    printer = SimulatedPrinter(SimulatedPrinterSettings(sheet_s=0.2, patience_s=0.1))
    printer.open()
    job = printer.print_receipt(RECEIPT)
    while job.status.state is JobState.QUEUED:
        threading.Event().wait(0.005)
    printer.open_cover()
    assert job.wait(5).state is JobState.FAILED
    assert job.status.code == "printer.cover_open"
    printer.close()


def test_driven_from_many_threads_every_job_ends():
    printer = SimulatedPrinter(SimulatedPrinterSettings(patience_s=0.05))
    printer.open()
    stop = threading.Event()

    def hands() -> None:
        while not stop.is_set():
            printer.run_out()
            printer.mend()

    thread = threading.Thread(target=hands)
    thread.start()
    jobs = [printer.print_receipt(RECEIPT) for _ in range(20)]
    states = [job.wait(10).state for job in jobs]
    stop.set()
    thread.join(5)
    printer.close()
    assert set(states) <= {JobState.PRINTED, JobState.FAILED}
    assert len(printer.sheets) == states.count(JobState.PRINTED)


def test_previews_move(camera):
    first, second = camera.preview(), camera.preview()
    assert first != second


def test_a_placed_page_is_what_is_seen(camera):
    page = io.BytesIO()
    Image.new("RGB", (1240, 1754), (200, 30, 30)).save(page, "PNG")
    camera.place(page.getvalue())
    with Image.open(io.BytesIO(camera.still())) as seen:
        red, green, _ = np.asarray(seen)[1000, 750]
    assert red > 150
    assert green < 70


def test_a_covered_lens_is_a_warning_and_a_dark_page(camera):
    camera.cover_lens()
    assert (camera.state().condition, camera.state().code) == (Condition.WARNING, "camera.lens_covered")
    assert "too_dark" in remarks(camera)
    camera.uncover_lens()
    assert camera.state().condition is Condition.READY
    assert remarks(camera) == ()


def remarks(camera):
    return develop(Develop(picture=camera.still())).remarks


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"blurred": True}, ("blurred",)),
        ({"cut": True}, ("cut",)),
        ({"hand": True}, ("finger",)),
        ({"lamp": True}, ("glare",)),
        ({"upside_down": True}, ()),
        ({"aside": True}, ()),
    ],
)
def test_a_sheet_that_lies_badly_looks_so(camera, how, told):
    camera.place_sample(4, **how)
    assert remarks(camera) == told


@pytest.mark.parametrize("how", [{"crumpled": True}, {"cut": 1}, {"paper": "banknote"}])
def test_no_sheet_lies_in_a_way_nobody_drew(camera, how):
    with pytest.raises(ValueError, match=r"no such paper|no sheet lies so|Expected `bool`"):
        camera.place_sample(1, **how)


def test_an_unplugged_camera_gives_nothing_until_mended(camera):
    camera.unplug()
    assert camera.state().code == "camera.absent"
    with pytest.raises(CameraAbsent):
        camera.still()
    camera.mend()
    assert camera.still()


def test_pages_and_the_portrait_differ(camera):
    def seen() -> np.ndarray:
        with Image.open(io.BytesIO(camera.preview())) as picture:
            return np.asarray(picture.convert("L"), np.float32)

    pictures = []
    for deed in (
        lambda: camera.place_sample(1),
        camera.take_away,
        camera.show_portrait,
        camera.show_document,
    ):
        deed()
        pictures.append(seen())
    assert all(np.abs(a - b).mean() > 5 for a, b in ((pictures[0], pictures[1]), (pictures[1], pictures[2])))


def test_a_desk_is_drawn_within_what_a_box_can_spare():
    page = scene.sample_page()
    tracemalloc.start()
    try:
        scene.frame_jpeg(scene.desk_with(page, scene.Lay(lamp=True)), 1, 90)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5 * 3 * scene.FRAME_PX[0] * scene.FRAME_PX[1], "more than five such pictures"


def test_the_same_tick_is_the_same_frame():
    desk = scene.small(scene.desk_with(None))
    assert scene.frame_jpeg(desk, 7, 75) == scene.frame_jpeg(desk, 7, 75)
