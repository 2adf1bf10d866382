"""Three blurred pages in a row: the camera looks for its focus anew, and the clerk hears of it."""

from __future__ import annotations

from appliance.desk.focusing import BLURRED, REFOCUSED, Focusing
from appliance.desk.sitting import PageFacts
from appliance.devices.camera.folder import FolderCamera, FolderCameraSettings
from appliance.devices.camera.simulated import SimulatedCamera
from tests.appliance.desk.kit import ESTRATTO


def page(*remarks):
    return PageFacts(
        page="00000000-0001-7000-8000-000000000000",
        attachment="altro",
        taken_at=1,
        sha256="0" * 64,
        size_bytes=1,
        remarks=list(remarks),
    )


def told(focusing, *pages):
    return [REFOCUSED in focusing.after(one).remarks for one in pages]


def opened(camera):
    camera.open()
    return camera


def test_the_third_blurred_page_in_a_row_and_then_the_sixth():
    focusing = Focusing(opened(SimulatedCamera()))
    assert told(focusing, *[page(BLURRED)] * 6) == [False, False, True] * 2


def test_a_sharp_page_between_them_says_that_the_lens_is_right():
    focusing = Focusing(opened(SimulatedCamera()))
    assert not any(told(focusing, page(BLURRED), page(BLURRED), page("page.soft"), page(BLURRED)))


def test_a_camera_without_a_lens_to_move_promises_nothing(tmp_path):
    focusing = Focusing(opened(FolderCamera(FolderCameraSettings(folder=str(tmp_path)))))
    assert not any(told(focusing, *[page(BLURRED)] * 3))


def test_a_camera_that_fails_meanwhile_costs_no_page():
    camera = opened(SimulatedCamera())
    camera.unplug()
    assert not any(told(Focusing(camera), *[page(BLURRED)] * 3))


def test_a_pushed_column_mends_itself_at_the_desk(desk, clerk):
    clerk.identify()
    key = next(row.key for row in clerk.ask("practices").practices if row.key.startswith("estratto"))
    clerk.ask("choose", practice=key)
    clerk.fill(ESTRATTO)
    desk.world("camera", "lose_focus")
    for number in range(1, 5):
        desk.world("camera", "place_sample", number=number)
        clerk.ask("take_page", attachment="altro")
        clerk.until(lambda view, there=number: len(view.sitting.pages.pages) == there)
    remarks = [one.remarks for one in clerk.sitting.pages.pages]
    assert [BLURRED in one for one in remarks] == [True, True, True, False]
    assert [REFOCUSED in one for one in remarks] == [False, False, True, False]
