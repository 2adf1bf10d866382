"""The libcamera driver where there is no libcamera: it must say so. With a camera it is judged in tests/hardware."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from PIL import Image

from appliance.devices.camera.picamera2 import Picamera2Camera, Picamera2Settings, picture_of
from appliance.devices.camera.port import CameraAbsent, CameraClosed, CameraLent
from appliance.devices.port import Condition, DeviceKind
from appliance.devices.registry import open_device


def test_without_the_library_or_a_camera_it_is_absent_and_the_reason_is_a_fact():
    assert importlib.util.find_spec("picamera2") is None, "this machine has picamera2: use tests/hardware"
    camera = open_device(DeviceKind.CAMERA, "picamera2", {})
    state = camera.state()
    assert (state.condition, state.code) == (Condition.ABSENT, "camera.absent")
    assert state.facts == {"reason": "ModuleNotFoundError"}
    with pytest.raises(CameraAbsent):
        camera.preview()
    camera.close()


@pytest.mark.parametrize(
    "error", [RuntimeError("Camera in use"), IndexError("list index"), OSError(12, "no memory")]
)
def test_whatever_opening_raises_becomes_absent(error):
    def broken(number: int) -> object:
        raise error

    camera = Picamera2Camera(Picamera2Settings(), open_camera=broken)
    camera.open()
    assert camera.state().facts == {"reason": type(error).__name__}
    with pytest.raises(CameraAbsent):
        camera.still()
    with camera.lend("consult"):
        assert camera.state().condition is Condition.LENT
        with pytest.raises(CameraLent):
            camera.still()
    assert camera.state().condition is Condition.ABSENT
    camera.close()
    with pytest.raises(CameraClosed):
        camera.still()


@pytest.mark.parametrize("padding", [0, 32])
def test_a_yuv_frame_becomes_the_same_colours(padding):
    width, height = 128, 64
    picture = Image.new("RGB", (width, height), (200, 40, 40))
    picture.paste((30, 60, 220), (64, 0, 128, 64))
    luma, *chroma = (np.asarray(band) for band in picture.convert("YCbCr").split())
    rows = [np.pad(luma, ((0, 0), (0, padding)))]
    for plane in chroma:
        small = np.pad(plane[::2, ::2], ((0, 0), (0, padding // 2)))
        rows.append(small.reshape(height // 4, width + padding))
    seen = picture_of(np.concatenate(rows), width, height)
    assert seen.size == (width, height)
    for spot in ((10, 10), (120, 60)):
        assert np.abs(np.subtract(seen.getpixel(spot), picture.getpixel(spot))).max() <= 4
