"""The libcamera driver where there is no libcamera: it must say so. With one it is judged in `inside/`."""

from __future__ import annotations

import importlib.util

import pytest

from appliance.devices.camera.picamera2 import Picamera2Camera
from appliance.devices.camera.picamera2_settings import Picamera2Settings
from appliance.devices.camera.port import CameraAbsent, CameraClosed, CameraLent
from appliance.devices.port import Condition, DeviceKind
from appliance.devices.registry import open_device


def test_without_the_library_or_a_camera_it_is_absent_and_the_reason_is_a_fact():
    assert importlib.util.find_spec("picamera2") is None, "this machine has picamera2"
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
