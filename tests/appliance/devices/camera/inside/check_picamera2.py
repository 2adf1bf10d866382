"""The driver on the real picamera2 and libcamera. Runs in the root of `tests/peers/debian_13`, see `test_picamera2.py`.

Camera 0 looks at a desk with a sheet, camera 1 at a person; what each sees lies in /mnt as a JPEG.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
import virtual_camera
from PIL import Image
from virtual_camera import VirtualPicamera2

from appliance.devices.camera import streams
from appliance.devices.camera.live import Live
from appliance.devices.camera.picamera2 import Picamera2Camera
from appliance.devices.camera.picamera2_settings import Picamera2Settings
from appliance.devices.camera.port import CameraAbsent, CameraFault, CameraLent
from appliance.devices.camera.sensor import Light
from appliance.devices.port import Condition

FULL, SMALL = (4608, 2592), (640, 360)
LIKE, LIKE_SMALL = 2, 6
"""Levels; libcamera makes the small picture of every seventh pixel. The desk and the person are 75 apart."""
MIB = 1024 * 1024


@contextlib.contextmanager
def opened(**settings):
    camera = Picamera2Camera(Picamera2Settings(**settings), open_camera=VirtualPicamera2)
    camera.open()
    try:
        yield camera
    finally:
        camera.close()


@pytest.fixture
def camera():
    with opened() as one:
        yield one


def picture(jpeg):
    with Image.open(io.BytesIO(jpeg)) as seen:
        assert seen.format == "JPEG"
        return seen.convert("RGB")


def apart(jpeg, path, turned=0):
    """How far a picture is from what the camera looks at: levels of 0 to 255, on average."""
    with Image.open(path) as file:
        wanted = file.rotate(-turned, expand=True) if turned else file.copy()
    small = (320, 180) if wanted.width > wanted.height else (180, 320)
    pair = [
        np.asarray(one.convert("RGB").resize(small, Image.Resampling.BOX), int)
        for one in (picture(jpeg), wanted)
    ]
    return float(np.abs(pair[0] - pair[1]).mean())


def test_it_is_ready_once_opened_and_absent_once_closed(camera):
    assert camera.state().condition is Condition.READY
    camera.close()
    assert (camera.state().condition, camera.state().code) == (Condition.ABSENT, "camera.closed")


def test_live_pictures_arrive_small_and_right(camera):
    for _ in range(10):
        jpeg = camera.preview()
        assert picture(jpeg).size == SMALL
        assert apart(jpeg, "/mnt/desk.jpg") < LIKE_SMALL


def test_a_still_is_full_and_right(camera):
    jpeg = camera.still()
    assert picture(jpeg).size == FULL
    assert apart(jpeg, "/mnt/desk.jpg") < LIKE


def test_colours_are_right():
    with opened(number=1) as camera:
        assert apart(camera.still(), "/mnt/person.jpg") < LIKE
        assert apart(camera.preview(), "/mnt/person.jpg") < LIKE_SMALL


def test_a_turned_camera_gives_upright_pictures():
    with opened(turn_deg=90) as camera:
        jpeg = camera.still()
        assert picture(jpeg).size == FULL[::-1]
        assert apart(jpeg, "/mnt/desk.jpg", turned=90) < LIKE


def test_live_goes_on_after_stills(camera):
    for _ in range(5):
        assert picture(camera.still()).size == FULL
        assert picture(camera.preview()).size == SMALL


def test_pictures_for_many_at_once(camera):
    failures = []

    def look(take):
        try:
            for _ in range(4):
                take()
        except Exception as error:  # noqa: BLE001 - any of them is the finding
            failures.append(error)

    threads = [
        threading.Thread(target=look, args=(take,)) for take in (camera.preview, camera.still, camera.preview)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_it_opens_again_after_closing(camera):
    camera.preview()
    camera.close()
    camera.open()
    assert picture(camera.still()).size == FULL


def held():
    """What this process holds: open files, threads, memory in use."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        pages * os.sysconf("SC_PAGE_SIZE"),
    )


def test_twenty_openings_leave_nothing_behind():
    before = None
    for round_ in range(20):
        with opened() as camera:
            camera.preview()
            camera.still()
        if round_ == 2:  # by now libraries are loaded and their pools are filled
            before = held()
    files, threads, memory = held()
    assert (files, threads) == before[:2]
    assert memory - before[2] < 60 * MIB, "less than the buffers of one opening"


def test_while_lent_another_program_can_have_it(camera):
    with camera.lend("consult"):
        with pytest.raises(CameraLent):
            camera.preview()
        other = VirtualPicamera2(0)
        other.close()
    assert picture(camera.preview()).size == SMALL


def test_while_another_program_has_it_it_is_absent_and_then_back():
    other = VirtualPicamera2(0)
    with opened() as camera:
        assert camera.state().condition is Condition.ABSENT
        with pytest.raises(CameraAbsent):
            camera.preview()
        other.close()
        assert picture(camera.preview()).size == SMALL
        assert camera.state().condition is Condition.READY


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # picamera2's own, of an object half made
def test_a_camera_that_is_not_there_is_absent():
    with opened(number=7) as camera:
        assert camera.state().condition is Condition.ABSENT


def test_what_we_wish_of_a_sensor_does_no_harm_where_there_is_none(camera):
    known = set(camera._streams._camera.camera_controls)
    assert {"AfMode", "LensPosition", "ExposureTime"}.isdisjoint(known), (
        "this camera has no lens and no shutter"
    )
    with pytest.raises(RuntimeError, match="not advertised"):
        camera._streams._camera.set_controls({"LensPosition": 2.9})
    with opened(number=1, lens_position=2.9) as other, other.hold("scan"):
        assert picture(other.still()).size == FULL


def test_every_configuration_carries_the_wishes_that_the_camera_knows(camera, monkeypatch):
    monkeypatch.setattr(streams, "wishes", lambda **_: {"FaceDetectMode": 0, "AfMode": 2})
    inner = camera._streams._camera
    for create in (inner.create_preview_configuration, inner.create_still_configuration):
        made = camera._streams._configuration(create, FULL, 2)
        assert made["controls"] == {"FaceDetectMode": 0}
        assert made["lores"]["size"] == SMALL


def test_the_first_sheets_light_is_kept_until_sheets_are_over(monkeypatch):
    seen = [Light(exposure_us, 1.0, (1.0, 1.0)) for exposure_us in (1000, 2000, 3000, 4000)]
    told = iter(seen)
    monkeypatch.setattr(streams, "light_of", lambda _: next(told))  # this camera has no shutter to tell of
    hour = [0.0]
    camera = Picamera2Camera(
        Picamera2Settings(same_light_s=60), open_camera=VirtualPicamera2, monotonic=lambda: hour[0]
    )
    camera.open()

    def kept_after_a_sheet():
        with camera.hold("scan"):
            camera.still()
        return camera._streams.light

    try:
        assert kept_after_a_sheet() == seen[0]
        hour[0] += 59
        assert kept_after_a_sheet() == seen[0]
        hour[0] += 59
        camera.preview()
        assert camera._streams.light == seen[0]
        hour[0] += 2
        camera.preview()
        assert camera._streams.light is None
        assert kept_after_a_sheet() == seen[2]
        with camera.hold("portrait"):
            camera.still()
        assert camera._streams.light is None
    finally:
        camera.close()


def test_a_camera_that_switches_its_mode_gives_the_same_pictures():
    with opened(switch_mode=True) as camera:
        for _ in range(3):
            small = camera.preview()
            assert picture(small).size == SMALL
            assert apart(small, "/mnt/desk.jpg") < LIKE_SMALL
            full = camera.still()
            assert picture(full).size == FULL
            assert apart(full, "/mnt/desk.jpg") < LIKE
        assert camera._streams._camera.camera_config["main"]["size"] == (2304, 1296)


def test_where_memory_is_short_at_the_start_it_starts_with_fewer_buffers():
    virtual_camera.memory_is_short = 1
    with opened() as camera:
        assert camera.state().condition is Condition.READY
        assert camera._streams._camera.camera_config["buffer_count"] == 2
        assert picture(camera.still()).size == FULL
    assert virtual_camera.memory_is_short == 0


def test_where_memory_is_short_for_a_picture_the_camera_is_made_anew():
    with opened(switch_mode=True) as camera:
        camera.preview()
        virtual_camera.memory_is_short = 1
        first = camera._streams
        assert picture(camera.still()).size == FULL
        assert camera._streams is not first
        assert camera.state().condition is Condition.READY
    assert virtual_camera.memory_is_short == 0


def test_where_memory_stays_short_it_says_so_and_recovers():
    with opened(switch_mode=True) as camera:
        virtual_camera.memory_is_short = 4
        with pytest.raises(CameraAbsent):
            camera.still()
        assert camera.state().facts == {"reason": "OSError"}
        virtual_camera.memory_is_short = 0
        assert picture(camera.still()).size == FULL
        assert camera.state().condition is Condition.READY


def test_a_frame_that_does_not_come_in_time_is_a_fault_and_the_next_one_a_picture():
    with opened() as camera:
        inner = camera._streams._camera
        inner.stop()
        started = camera._settings
        camera._streams._settings = msgspec.structs.replace(started, frame_s=0.2)
        with pytest.raises(CameraFault):
            camera.preview()
        assert (camera.state().condition, camera.state().code) == (Condition.TROUBLE, "camera.fault")
        assert picture(camera.preview()).size == SMALL


def test_live_pictures_go_on_for_a_viewer_while_sheets_are_taken(camera):
    live = Live(camera)
    live.worker.start()
    try:
        number = 0
        for _ in range(3):
            with camera.hold("scan"):
                assert picture(camera.still()).size == FULL
            frame = live.next(number, 20)
            assert frame is not None
            assert frame.number > number
            number = frame.number
    finally:
        live.worker.stop()


def test_a_camera_without_a_moving_lens_has_no_focus_to_look_for(camera):
    assert not camera.refocus()
    assert camera.state().condition is Condition.READY
    assert camera.preview()
