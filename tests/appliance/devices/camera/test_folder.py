"""Pictures dropped into the folder camera's folder, tidily and not."""

from __future__ import annotations

import io
import os
import time

import pytest
from PIL import Image

from appliance.devices.camera.dropped import SETTLED_S, Dropped
from appliance.devices.camera.folder import FolderCamera, FolderCameraSettings
from appliance.devices.camera.port import STILL_LIMIT_BYTES, CameraAbsent, CameraFault
from appliance.devices.port import Condition


def picture(shade, kind="JPEG"):
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, shade, shade)).save(out, kind)
    return out.getvalue()


ONE, TWO, THREE = (picture(shade) for shade in (30, 120, 220))


@pytest.fixture
def camera(tmp_path):
    made = FolderCamera(FolderCameraSettings(folder=str(tmp_path)))
    made.open()
    yield made
    made.close()


def drop(path, data):
    """As a careful program does: written elsewhere, then renamed. Waits for the disk's clock to tick, so that orders are certain."""
    before = time.time_ns()
    while True:
        draft = path.with_name(f".{path.name}.tmp")
        draft.write_bytes(data)
        draft.replace(path)
        if path.stat().st_ctime_ns > before:
            return path


def test_pictures_are_taken_in_the_order_of_arrival_not_of_names(camera, tmp_path):
    drop(tmp_path / "c.jpg", ONE)
    drop(tmp_path / "b.jpg", TWO)
    drop(tmp_path / "a.jpg", THREE)
    assert [camera.still() for _ in range(4)] == [ONE, TWO, THREE, ONE]


def test_an_old_date_on_a_new_file_changes_no_order(camera, tmp_path):
    drop(tmp_path / "b.jpg", ONE)
    os.utime(drop(tmp_path / "a.jpg", TWO), (1, 1))
    assert [camera.still(), camera.still()] == [ONE, TWO]


def test_a_new_picture_goes_before_those_that_were_taken(camera, tmp_path):
    drop(tmp_path / "1.jpg", ONE)
    drop(tmp_path / "2.jpg", TWO)
    assert [camera.still() for _ in range(3)] == [ONE, TWO, ONE]
    drop(tmp_path / "0.jpg", THREE)
    assert [camera.still() for _ in range(3)] == [THREE, ONE, TWO]


def test_a_picture_that_replaces_another_is_a_new_one(camera, tmp_path):
    drop(tmp_path / "scan.jpg", ONE)
    assert camera.still() == ONE
    drop(tmp_path / "scan.jpg", TWO)
    assert camera.still() == TWO


def test_the_live_picture_is_of_the_one_that_comes_next(camera, tmp_path):
    drop(tmp_path / "1.jpg", ONE)
    drop(tmp_path / "2.jpg", THREE)
    for shade in (30, 220):
        with Image.open(io.BytesIO(camera.preview())) as seen:
            assert abs(seen.getpixel((5, 5))[0] - shade) < 6
        camera.still()


def test_a_half_written_picture_waits_until_it_is_whole(camera, tmp_path):
    slow = tmp_path / "1.jpg"
    slow.write_bytes(ONE[: len(ONE) // 2])
    with pytest.raises(CameraFault, match="no file in the camera's folder is a whole picture"):
        camera.still()
    drop(tmp_path / "2.jpg", TWO)
    assert camera.still() == TWO
    slow.write_bytes(ONE)
    assert camera.still() == ONE


def test_more_after_the_picture_is_no_reason_once_the_file_has_settled(tmp_path):
    path = drop(tmp_path / "motion.jpg", ONE + b"a short film")
    written_s = path.stat().st_mtime
    hour = [written_s + SETTLED_S / 2]
    dropped = Dropped(tmp_path, now_s=lambda: hour[0])
    assert dropped.next(take=True) is None
    hour[0] = written_s + SETTLED_S * 2
    assert dropped.next(take=True) == ONE + b"a short film"


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7\n%%EOF", b"GIF89a" + ONE, b"\0" * 100], ids=["empty", "pdf", "gif", "zeros"]
)
def test_what_only_calls_itself_a_picture_is_passed_over(camera, tmp_path, data):
    os.utime(drop(tmp_path / "1.jpg", data), (1, 1))
    with pytest.raises(CameraFault):
        camera.still()
    drop(tmp_path / "2.png", picture(90, "PNG"))
    assert camera.still() == picture(90, "PNG")


def test_a_file_larger_than_any_picture_is_passed_over(camera, tmp_path):
    with (tmp_path / "1.jpg").open("wb") as file:
        file.write(ONE)
        file.truncate(STILL_LIMIT_BYTES + 1)
    drop(tmp_path / "2.jpg", TWO)
    assert [camera.still(), camera.still()] == [TWO, TWO]


def test_what_vanishes_is_passed_over(camera, tmp_path):
    gone = drop(tmp_path / "1.jpg", ONE)
    drop(tmp_path / "2.jpg", TWO)
    gone.unlink()
    (tmp_path / "3.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert [camera.still(), camera.still()] == [TWO, TWO]


def test_what_would_never_end_is_not_opened(camera, tmp_path):
    os.mkfifo(tmp_path / "1.jpg")
    (tmp_path / "2.jpg").mkdir()
    (tmp_path / ".3.jpg").write_bytes(ONE)
    (tmp_path / "4.jpg.part").write_bytes(ONE)
    with pytest.raises(CameraAbsent):
        camera.still()
    assert camera.state().condition is Condition.ABSENT


def test_a_folder_that_goes_and_comes_back(tmp_path):
    folder = tmp_path / "share"
    camera = FolderCamera(FolderCameraSettings(folder=str(folder)))
    camera.open()
    assert camera.state().condition is Condition.ABSENT
    folder.mkdir()
    drop(folder / "1.jpg", ONE)
    assert camera.still() == ONE
    assert camera.state().condition is Condition.READY
    camera.close()
