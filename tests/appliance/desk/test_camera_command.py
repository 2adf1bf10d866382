"""`pue-box camera test` as a technician meets it. With the libcamera driver it is judged beside that driver's tests."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from appliance.cli import main
from appliance.desk.camera_command import ADVICE
from appliance.devices.camera import scene
from appliance.devices.camera.trial import BAD, SHEETLESS


def lay(path, **how):
    path.write_bytes(scene.frame_jpeg(scene.desk_with(scene.sample_page(2), scene.Lay(**how)), 1, 88))
    return path.parent


@pytest.fixture
def camera_test(capsys):
    def run(*words):
        code = main(["camera", "test", "--seconds", "0.2", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_good_camera_is_told_in_words(camera_test):
    code, said, told = camera_test("--driver", "simulated")
    assert (code, told) == (0, "")
    assert "camera: simulated, works" in said
    assert "picture: 1944 × 2592" in said
    assert "sharpness: letters are sharp\nlight: good" in said


def test_and_in_json(camera_test, tmp_path):
    kept = tmp_path / "still.jpg"
    code, said, _ = camera_test("--driver", "simulated", "--json", "-o", kept)
    answer = json.loads(said)
    assert code == 0
    assert (answer["live_px"], answer["still_px"]) == ([480, 640], [1944, 2592])
    assert answer["frames_per_s"] > 0
    assert (answer["sharpness"], answer["light"], answer["good"]) == ("sharp", "good", True)
    with Image.open(kept) as picture:
        assert picture.size == (1944, 2592)
    assert kept.stat().st_size == answer["still_bytes"]


def test_a_blurred_picture_is_told_with_what_to_do(camera_test, tmp_path):
    code, said, _ = camera_test(
        "--driver", "folder", "--set", f"folder={lay(tmp_path / '1.jpg', blurred=True)}"
    )
    assert code == 1
    assert "sharpness: blurred" in said
    assert "- letters are blurred: clean the lens" in said


def test_a_lamp_in_the_picture_is_told(camera_test, tmp_path):
    code, said, _ = camera_test(
        "--driver", "folder", "--set", f"folder={lay(tmp_path / '1.jpg', lamp=True)}", "--json"
    )
    answer = json.loads(said)
    assert (code, answer["light"], answer["good"]) == (1, "glare", False)


def test_without_a_sheet_nothing_is_said_of_sharpness(camera_test):
    code, said, _ = camera_test("--driver", "simulated", "--set", "page_on_desk=false")
    assert code == 0
    assert "sharpness: nothing to judge it by" in said
    assert "- no sheet was found" in said


def test_the_desks_own_settings_choose_the_camera(camera_test, tmp_path):
    config = tmp_path / "desk.toml"
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    lay(pictures / "1.jpg")
    config.write_text(f'[devices.camera]\ndriver = "folder"\nfolder = "{pictures}"\n')
    code, said, _ = camera_test("--config", config)
    assert (code, "camera: folder, works" in said) == (0, True)
    code, said, _ = camera_test("--config", config, "--driver", "simulated")
    assert (code, "camera: simulated, works" in said) == (0, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "this desk has no camera"),
        (["--driver", "simulate"], "did you mean simulated?"),
        (["--driver", "simulated", "--set", "colour=blue"], "colour"),
        (["--driver", "simulated", "--set", "page_on_desk"], "page_on_desk"),
        (["--driver", "folder", "--set", "folder=/nowhere"], "holds no pictures"),
        (["--driver", "v4l2", "--set", "device=/dev/nothing"], "no camera is connected at /dev/nothing"),
        (["--driver", "picamera2"], "its library is not installed"),
        (["--config", "/nowhere.toml"], "cannot read nowhere.toml"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(camera_test, words, sentence):
    code, said, told = camera_test(*words)
    assert (code, said) == (1, "")
    assert told.startswith("pue-box: ")
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--seconds", "nan"], ["--seconds", "61"], ["here"]])
def test_wrong_use_is_two(camera_test, words, capsys):
    with pytest.raises(SystemExit) as ended:
        camera_test(*words)
    assert ended.value.code == 2


def test_a_picture_that_is_there_is_not_written_over(camera_test, tmp_path):
    there = tmp_path / "still.jpg"
    there.write_bytes(b"mine")
    code, _, told = camera_test("--driver", "simulated", "-o", there)
    assert (code, there.read_bytes()) == (1, b"mine")
    assert "say --force" in told
    assert camera_test("--driver", "simulated", "-o", there, "--force")[0] == 0
    with Image.open(io.BytesIO(there.read_bytes())) as picture:
        assert picture.format == "JPEG"


def test_every_remark_a_page_can_get_has_its_advice():
    from appliance.capture.quality import PageFlaw

    assert set(ADVICE) == {flaw.value for flaw in PageFlaw} - {"same_page"}, "one picture is like no other"
    assert set(ADVICE) > BAD | SHEETLESS
