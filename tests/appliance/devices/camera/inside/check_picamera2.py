"""The driver on the real picamera2 and libcamera. Runs in the root of `tests/peers/libcamera`, see `test_picamera2.py`.

Camera 0 looks at a desk with a sheet, camera 1 at a person; what each sees lies in /mnt as a JPEG.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import virtual_camera
from PIL import Image
from virtual_camera import VirtualPicamera2

from appliance.devices.camera.picamera2 import Picamera2Camera, Picamera2Settings
from appliance.devices.camera.port import CameraAbsent, CameraLent
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
    known = set(camera._camera.camera_controls)
    assert {"AfMode", "LensPosition", "ExposureTime"}.isdisjoint(known), (
        "this camera has no lens and no shutter"
    )
    with pytest.raises(RuntimeError, match="not advertised"):
        camera._camera.set_controls({"LensPosition": 2.9})
    with opened(number=1, lens_position=2.9) as other, other.hold("scan"):
        assert picture(other.still()).size == FULL


def test_the_camera_is_made_anew_when_memory_was_short():
    virtual_camera.memory_is_short = 1
    with opened() as camera:
        assert picture(camera.still()).size == FULL
    assert virtual_camera.memory_is_short == 0
