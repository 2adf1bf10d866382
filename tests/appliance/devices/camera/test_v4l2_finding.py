"""Which camera is meant: names as the kernel and udev give them, drawn in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.devices.camera.port import CameraAbsent
from appliance.devices.camera.v4l2_finding import path_of, usb_cameras

ELMO, LOGI = "usb-ELMO_MO-2_1234-video-index0", "usb-046d_HD_Pro_Webcam-video-index0"


@pytest.fixture
def machine(tmp_path):
    """Two USB cameras of two nodes each, and a codec of the board."""
    sysfs, by_id, devices = (tmp_path / name for name in ("sysfs", "by-id", "dev"))
    for folder in (sysfs, by_id, devices, tmp_path / "bus" / "usb", tmp_path / "bus" / "platform"):
        folder.mkdir(parents=True)

    def node(number, name, bus, index, link=""):
        folder = sysfs / f"video{number}"
        (folder / "device").mkdir(parents=True)
        (folder / "name").write_text(name + "\n")
        (folder / "index").write_text(f"{index}\n")
        (folder / "device" / "subsystem").symlink_to(tmp_path / "bus" / bus)
        (devices / f"video{number}").touch()
        if link:
            (by_id / link).symlink_to(devices / f"video{number}")

    node(10, "bcm2835-codec-decode", "platform", 0)
    node(2, "MO-2: MO-2", "usb", 0, ELMO)
    node(3, "MO-2: MO-2", "usb", 1)
    node(0, "HD Pro Webcam", "usb", 0, LOGI)
    node(1, "HD Pro Webcam", "usb", 1)
    return {"sysfs": sysfs, "by_id": by_id, "devices": devices}


def test_cameras_are_found_once_each_by_names_that_last(machine):
    found = usb_cameras(**machine)
    assert [(one.name, one.path) for one in found] == [
        ("HD Pro Webcam", machine["by_id"] / LOGI),
        ("MO-2: MO-2", machine["by_id"] / ELMO),
    ]


def test_a_camera_that_udev_did_not_name_is_found_by_its_node(machine):
    (machine["by_id"] / LOGI).unlink()
    assert usb_cameras(**machine)[0].path == machine["devices"] / "video0"


@pytest.mark.parametrize("device", [ELMO, "usb-ELMO", "MO-2: MO-2"])
def test_a_camera_is_meant_by_its_name_or_the_beginning(machine, device):
    assert path_of(device, usb_cameras(**machine)).name == ELMO


def test_a_path_is_taken_as_it_is(machine):
    path = machine["devices"] / "video2"
    assert path_of(str(path), []) == path


def test_the_only_camera_needs_no_name(machine):
    found = usb_cameras(**machine)
    assert path_of("", found[:1]) == found[0].path


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("", f"more than one .*{LOGI}, {ELMO}"),
        ("usb-", "more than one"),
        ("Canon", f"'Canon'; there are {LOGI}"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_there_is(machine, device, sentence):
    with pytest.raises(CameraAbsent, match=sentence) as refused:
        path_of(device, usb_cameras(**machine))
    assert refused.value.facts == {"there": f"{LOGI}, {ELMO}"}


def test_on_a_machine_without_cameras_there_is_none(tmp_path):
    assert usb_cameras(tmp_path / "no", tmp_path / "no", Path("/dev")) == []
    with pytest.raises(CameraAbsent, match="no USB camera is connected"):
        path_of("anything", [])
