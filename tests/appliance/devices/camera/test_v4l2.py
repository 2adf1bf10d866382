"""The USB driver, its child and OpenCV as they are; a film plays the camera, because no test machine has one."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.devices.camera import scene
from appliance.devices.camera.port import CameraAbsent, CameraFault, CameraLent
from appliance.devices.camera.v4l2 import V4l2Camera, V4l2Settings
from appliance.devices.port import Condition
from tests.peers.film import film

FRAMES = 12
SIZE = (1296, 972)
STEP = 20
"""Each frame of the film is so much lighter in its corner than the one before."""


@pytest.fixture(scope="module")
def desk():
    return scene.desk_with(scene.sample_page(3)).transpose(Image.Transpose.ROTATE_90).resize(SIZE)


@pytest.fixture(scope="module")
def reel(tmp_path_factory, desk):
    frames = []
    for number in range(FRAMES):
        frame = desk.copy()
        frame.paste((number * STEP,) * 3, (0, 0, 200, 200))
        frames.append(frame)
    return film(tmp_path_factory.mktemp("film") / "reel.avi", frames).read_bytes()


@pytest.fixture
def device(tmp_path, reel):
    path = tmp_path / "camera.avi"
    path.write_bytes(reel)
    return path


@contextlib.contextmanager
def opened(device, **settings):
    camera = V4l2Camera(V4l2Settings(device=str(device), **settings))
    camera.open()
    try:
        yield camera
    finally:
        camera.close()


@pytest.fixture
def camera(device):
    with opened(device) as one:
        yield one


def seen(jpeg):
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert picture.format == "JPEG"
        return picture.convert("RGB")


def number_of(jpeg):
    """Which frame of the film it is."""
    picture = seen(jpeg)
    return round(np.asarray(picture.resize(SIZE))[60:140, 60:140].mean() / STEP)


def test_a_still_is_full_and_right(camera, desk):
    picture = seen(camera.still())
    assert picture.size == SIZE
    apart = np.abs(np.subtract(np.asarray(picture, int), np.asarray(desk, int)))[200:, 200:]
    assert apart.mean() < 4


def test_a_live_picture_is_small(camera):
    assert seen(camera.preview()).size == (640, 480)


def test_a_turned_camera_gives_upright_pictures(device, desk):
    with opened(device, turn_deg=90) as camera:
        picture = seen(camera.still())
    assert picture.size == SIZE[::-1]
    upright = np.asarray(desk.rotate(-90, expand=True), int)
    assert np.abs(np.asarray(picture, int) - upright)[200:, :-200].mean() < 4


def test_a_still_passes_over_frames_that_lay_waiting(camera):
    first = number_of(camera.preview())
    assert number_of(camera.still()) >= first + 3


def run_out(camera):
    """Take stills until the film ends."""
    for _ in range(FRAMES):
        camera.still()


def test_when_no_more_frames_come_it_is_a_fault_and_the_next_picture_starts_anew(camera):
    with pytest.raises(CameraFault):
        run_out(camera)
    assert (camera.state().condition, camera.state().code) == (Condition.TROUBLE, "camera.fault")
    assert seen(camera.still()).size == SIZE
    assert camera.state().condition is Condition.READY


def test_it_is_absent_when_unplugged_and_ready_when_plugged_in_again(camera, device, reel):
    changes = []
    camera.watch(lambda state: changes.append((state.condition, state.code)))
    device.unlink()
    with pytest.raises(CameraAbsent, match="unplugged"):
        run_out(camera)
    with pytest.raises(CameraAbsent, match="no camera is connected at"):
        camera.preview()
    device.write_bytes(reel)
    assert seen(camera.preview()).size == (640, 480)
    assert changes == [(Condition.ABSENT, "camera.absent")] * 2 + [(Condition.READY, "")]


def test_a_pulled_cable_is_seen_even_while_nobody_looks(camera, device, reel):
    child = camera._child.pid
    device.unlink()
    assert (camera.state().condition, camera.state().code) == (Condition.ABSENT, "camera.absent")
    assert not Path(f"/proc/{child}").exists()
    device.write_bytes(reel)
    assert seen(camera.still()).size == SIZE
    assert camera.state().condition is Condition.READY


def test_a_child_that_dies_costs_one_picture(camera):
    os.kill(camera._child.pid, signal.SIGKILL)
    with pytest.raises(CameraFault):
        camera.preview()
    assert seen(camera.preview()).size == (640, 480)


def test_a_child_that_hangs_is_ended(device):
    with opened(device, frame_s=1.0) as camera:
        hanging = camera._child.pid
        os.kill(hanging, signal.SIGSTOP)
        with pytest.raises(CameraFault) as refused:
            camera.preview()
        assert refused.value.facts == {"reason": "TimeoutError"}
        assert not Path(f"/proc/{hanging}").exists()
        assert seen(camera.preview()).size == (640, 480)


def test_closed_and_lent_it_holds_no_process(camera):
    for _ in range(2):
        child = camera._child.pid
        with camera.lend("consult"):
            assert not Path(f"/proc/{child}").exists()
            with pytest.raises(CameraLent):
                camera.preview()
        assert camera.state().condition is Condition.READY
    child = camera._child.pid
    camera.close()
    assert not Path(f"/proc/{child}").exists()


def test_a_setting_the_camera_cannot_follow_is_told_and_harms_nothing(device):
    with opened(device, focus=40, exposure=150) as camera:
        assert camera.state().condition is Condition.READY
        assert camera.state().facts == {"unknown": "focus, exposure"}
        assert seen(camera.still()).size == SIZE


def test_what_is_no_camera_is_refused(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no pictures here")
    with opened(text) as camera:
        assert (camera.state().condition, camera.state().facts) == (
            Condition.TROUBLE,
            {"reason": "not opened"},
        )
    with opened(tmp_path / "nothing") as camera:
        assert camera.state().condition is Condition.ABSENT
        with pytest.raises(CameraAbsent, match=r"no camera is connected at /.*nothing"):
            camera.still()


def test_without_a_usb_camera_it_says_so():
    camera = V4l2Camera(V4l2Settings(), cameras=list)
    camera.open()
    with pytest.raises(CameraAbsent, match="no USB camera is connected"):
        camera.preview()
    camera.close()


def test_the_process_that_has_the_driver_loads_no_opencv():
    ask = "import sys, appliance.devices.camera.v4l2; print('cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
