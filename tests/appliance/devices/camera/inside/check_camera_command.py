"""`pue-box camera test` with the real picamera2. Runs in the root of `tests/peers/debian_13`, see `test_picamera2.py`."""

from __future__ import annotations

import argparse
import json

import picamera2
import pytest
import virtual_camera

from appliance.desk.cli import add_commands
from appliance.devices.camera.port import CameraAbsent


@pytest.fixture
def camera_test(monkeypatch, capsys):
    """The command without the rest of `pue-box`, whose parts this Python does not have."""
    monkeypatch.setattr(picamera2, "Picamera2", virtual_camera.VirtualPicamera2)

    def run(*words):
        parser = argparse.ArgumentParser()
        add_commands(parser.add_subparsers())
        arguments = parser.parse_args(["camera", "test", "--driver", "picamera2", "--seconds", "1", *words])
        return arguments.run(arguments), capsys.readouterr().out

    return run


def test_the_camera_is_tried_out(camera_test):
    code, said = camera_test("--json")
    answer = json.loads(said)
    assert (answer["driver"], answer["live_px"], answer["still_px"]) == (
        "picamera2",
        [640, 360],
        [4608, 2592],
    )
    assert answer["frames_per_s"] > 1
    assert code == (0 if answer["good"] else 1)
    assert "not_found" not in answer["remarks"]


def test_settings_of_the_driver_are_taken_from_the_line(camera_test):
    _, said = camera_test("--json", "--set", "turn_deg=90", "--set", "switch_mode=true")
    assert json.loads(said)["still_px"] == [2592, 4608]


def test_a_camera_that_is_not_there_is_refused_with_a_reason(camera_test):
    with pytest.raises(CameraAbsent, match="sees no camera of that number, or another program has it"):
        camera_test("--set", "number=5")
