"""Every camera driver keeps the promise of `camera/port.py`.

picamera2 needs another Python than ours: it is judged in `tests/appliance/devices/camera/test_picamera2.py`.
"""

from __future__ import annotations

import io
import threading

import pytest
from PIL import Image

from appliance.devices.camera import scene
from appliance.devices.camera.port import CameraClosed, CameraHeld, CameraLent
from appliance.devices.port import Condition, DeviceKind, InvalidDeviceSettings
from appliance.devices.registry import DRIVERS, make_device
from tests.peers.film import film

HERE = ("folder", "simulated", "v4l2")


def test_no_driver_escapes_this_suite():
    assert set(HERE) | {"disabled", "picamera2"} == set(DRIVERS[DeviceKind.CAMERA])


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    desk = scene.desk_with(scene.sample_page()).resize((1240, 1640))
    return film(tmp_path_factory.mktemp("film") / "camera.avi", [desk] * 70)


@pytest.fixture(params=HERE)
def camera(request, tmp_path, reel):
    for number in (1, 2):
        scene.sample_page(number).save(tmp_path / f"page-{number}.png")
    settings = {}
    if request.param == "folder":
        settings = {"folder": str(tmp_path)}
    elif request.param == "v4l2":
        settings = {"device": str(reel)}
    made = make_device(DeviceKind.CAMERA, request.param, settings)
    yield made
    made.close()


def test_absent_until_opened_and_after_closing(camera):
    assert camera.state().condition is Condition.ABSENT
    camera.open()
    assert camera.state().condition is Condition.READY
    camera.close()
    camera.close()
    assert camera.state().condition is Condition.ABSENT
    with pytest.raises(CameraClosed):
        camera.preview()
    with pytest.raises(CameraClosed):
        camera.still()


def test_a_preview_is_a_small_jpeg(camera):
    camera.open()
    with Image.open(io.BytesIO(camera.preview())) as picture:
        assert picture.format == "JPEG"
        assert max(picture.size) <= 1280


def test_a_still_is_a_full_picture(camera):
    camera.open()
    with Image.open(io.BytesIO(camera.still())) as picture:
        picture.load()
        assert picture.format in ("JPEG", "PNG")
        assert max(picture.size) >= 1500


def test_the_focus_is_looked_for_only_while_it_is_open(camera):
    with pytest.raises(CameraClosed):
        camera.refocus()
    camera.open()
    assert camera.refocus() in (True, False)
    assert camera.still()
    with camera.lend("consult"), pytest.raises(CameraLent):
        camera.refocus()


def test_held_by_one_at_a_time_and_free_again(camera):
    camera.open()
    with camera.hold("scan"):
        state = camera.state()
        assert (state.condition, state.code, state.facts) == (Condition.BUSY, "camera.held", {"by": "scan"})
        assert camera.still()
        with pytest.raises(CameraHeld) as refusal, camera.hold("portrait"):
            pass
        assert refusal.value.facts == {"by": "scan"}
    assert camera.state().condition is Condition.READY


def test_lent_means_no_pictures_until_it_comes_back(camera):
    camera.open()
    with camera.lend("consult"):
        state = camera.state()
        assert (state.condition, state.facts) == (Condition.LENT, {"to": "consult"})
        for picture in (camera.preview, camera.still):
            with pytest.raises(CameraLent):
                picture()
        with pytest.raises(CameraLent), camera.hold("scan"):
            pass
    assert camera.state().condition is Condition.READY
    assert camera.still()


def test_a_claim_ends_with_its_holder_even_if_that_one_fails(camera):
    camera.open()
    with pytest.raises(RuntimeError), camera.hold("scan"):
        raise RuntimeError
    assert camera.state().condition is Condition.READY


def test_watchers_hear_of_claims(camera):
    camera.open()
    seen = []
    camera.watch(lambda state: seen.append(state.condition))
    with camera.hold("scan"):
        pass
    assert seen == [Condition.BUSY, Condition.READY]


def test_pictures_from_many_threads(camera):
    camera.open()
    failures = []

    def look() -> None:
        try:
            for _ in range(3):
                camera.preview()
                camera.still()
        except Exception as error:  # noqa: BLE001 - any of them is the finding
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


@pytest.mark.parametrize("name", sorted(DRIVERS[DeviceKind.CAMERA]))
def test_unknown_settings_are_refused_by_name(name):
    with pytest.raises(InvalidDeviceSettings, match="colour"):
        make_device(DeviceKind.CAMERA, name, {"colour": "blue"})
