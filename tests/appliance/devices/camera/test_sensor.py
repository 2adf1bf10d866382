"""What is asked of a sensor, and what is made of its answers."""

from __future__ import annotations

import pytest

from appliance.devices.camera.lens import LensFile
from appliance.devices.camera.sensor import Light, focus, known_of, light_of, wishes

SEEN = {"ExposureTime": 8000, "AnalogueGain": 1.5, "ColourGains": (1.8, 1.4), "AeState": 2, "Lux": 300.0}
LIGHT = Light(8000, 1.5, (1.8, 1.4))


def test_mains_light_does_not_flicker():
    asked = wishes(lens_position=None, light=None, ev=0.0)
    assert (asked["AeFlickerMode"], asked["AeFlickerPeriod"]) == (1, 10_000)


def test_a_known_focus_is_fixed_and_an_unknown_one_is_looked_for_near():
    assert focus(2.9) == {"AfMode": 0, "LensPosition": 2.9}
    assert focus(0.0) == {"AfMode": 0, "LensPosition": 0.0}
    assert focus(None) == {"AfMode": 2, "AfRange": 1, "AfSpeed": 1}


def test_a_camera_is_asked_for_nothing_it_does_not_have():
    without_lens = {"AeEnable", "ExposureTime", "AnalogueGain"}
    asked = known_of(wishes(lens_position=2.9, light=LIGHT, ev=0.3), without_lens)
    assert asked == {"AeEnable": False, "ExposureTime": 8000, "AnalogueGain": 1.5}
    assert known_of(wishes(lens_position=None, light=None, ev=0.3), {"FrameDurationLimits"}) == {}


def test_light_that_is_kept_is_the_light_that_was_seen():
    assert light_of(SEEN) == LIGHT
    asked = wishes(lens_position=None, light=light_of(SEEN), ev=0.3)
    assert (asked["AeEnable"], asked["AwbEnable"], asked["ExposureTime"]) == (False, False, 8000)
    assert asked["ColourGains"] == (1.8, 1.4)
    assert wishes(lens_position=None, light=None, ev=0.3)["AeEnable"] is True


@pytest.mark.parametrize(
    "seen", [SEEN | {"AeState": 1}, {"ExposureTime": 8000}, {"SensorTimestamp": 1}, {}], ids=str
)
def test_light_that_is_not_settled_or_not_told_is_not_kept(seen):
    assert light_of(seen) is None


def test_the_lens_position_outlives_the_process(tmp_path):
    file = str(tmp_path / "lens")
    assert LensFile(file).read() is None
    LensFile(file).write(2.9412)
    assert LensFile(file).read() == 2.941


@pytest.mark.parametrize("text", ["", "near", "nan", "-1", "16", "2" * 65])
def test_a_broken_file_of_the_lens_is_no_position(tmp_path, text):
    file = tmp_path / "lens"
    file.write_text(text)
    assert LensFile(str(file)).read() is None


def test_a_lens_position_that_cannot_be_kept_stops_nothing(tmp_path, caplog):
    LensFile(str(tmp_path / "nowhere" / "lens")).write(2.9)
    assert "storage.missing" in caplog.text
