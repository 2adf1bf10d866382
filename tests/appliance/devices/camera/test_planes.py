"""Frames of every layout become pictures of the same colours, however they lie in memory."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from appliance.devices.camera.planes import jpeg_of, planes_of
from appliance.devices.camera.port import CameraFault

SIZE = WIDTH, HEIGHT = 128, 64
LEFT, RIGHT = (10, 10), (120, 60)


@pytest.fixture
def picture():
    made = Image.new("RGB", SIZE, (200, 40, 40))
    made.paste((30, 60, 220), (64, 0, 128, 64))
    return made


def frame_of(picture, layout, padding=0):
    bright, *colours = (np.asarray(band) for band in picture.convert("YCbCr").split())
    blue, red = (plane[::2, ::2] for plane in colours)
    if layout == "NV12":
        return np.concatenate([bright, np.stack([blue, red], -1).reshape(HEIGHT // 2, WIDTH)])
    rows = [np.pad(bright, ((0, 0), (0, padding)))]
    for plane in (blue, red):
        padded = np.pad(plane, ((0, 0), (0, padding // 2)))
        rows.append(padded.reshape(HEIGHT // 4, WIDTH + padding))
    return np.concatenate(rows)


@pytest.mark.parametrize(("layout", "padding"), [("YUV420", 0), ("YUV420", 32), ("NV12", 0)])
def test_a_frame_keeps_its_colours(picture, layout, padding):
    jpeg = jpeg_of(planes_of(frame_of(picture, layout, padding), layout, *SIZE), 95)
    with Image.open(io.BytesIO(jpeg)) as seen:
        assert seen.size == SIZE
        for spot in (LEFT, RIGHT):
            assert np.abs(np.subtract(seen.getpixel(spot), picture.getpixel(spot))).max() <= 4


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_picture_is_turned_clockwise(picture, degrees):
    jpeg = jpeg_of(planes_of(frame_of(picture, "YUV420"), "YUV420", *SIZE), 95, degrees)
    wanted = picture.rotate(-degrees, expand=True)
    with Image.open(io.BytesIO(jpeg)) as seen:
        assert seen.size == wanted.size
        assert np.abs(np.subtract(np.asarray(seen, int), np.asarray(wanted, int))).mean() < 2


def test_a_layout_nobody_knows_is_refused_by_name():
    with pytest.raises(CameraFault) as refused:
        planes_of(np.zeros((96, 128), np.uint8), "YUYV", 128, 64)
    assert refused.value.facts == {"layout": "YUYV"}
