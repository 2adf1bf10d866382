"""Whatever a file is, it becomes pixels or one refusal."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from appliance.capture import opening
from appliance.capture.darkroom import Darkroom
from appliance.capture.jobs import Develop, Developed
from appliance.capture.opening import (
    InvalidPicture,
    PictureTooLarge,
    PictureTooSmall,
    SeveralPages,
    open_here,
)
from contracts.errors import RemoteProblem


def encoded(picture: Image.Image, kind: str = "JPEG", **how) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def half_black(size=(300, 200)):
    picture = Image.new("RGB", size, "white")
    picture.paste("black", (0, 0, size[0] // 2, size[1]))
    return picture


def png(wide: int, high: int, data: bytes = b"\0" * 1000) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
        )

    header = wide.to_bytes(4, "big") + high.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("turn", "shape", "black"),
    [
        (1, (200, 300), (100, 40)),
        (3, (200, 300), (100, 260)),
        (6, (300, 200), (40, 100)),
        (8, (300, 200), (260, 100)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_turned_upright_by_what_the_camera_says(turn, shape, black, kind):
    exif = Image.Exif()
    exif[0x0112] = turn
    seen = open_here(encoded(half_black(), kind, exif=exif))
    assert seen.shape == (*shape, 3)
    assert seen[black].max() < 60
    assert 100 < seen.mean() < 150


@pytest.mark.parametrize("turn", range(1, 9))
def test_all_eight_ways_to_hold_a_camera(turn):
    picture = Image.new("RGB", (300, 200), "white")
    picture.paste("black", (0, 0, 150, 50))
    exif = Image.Exif()
    exif[0x0112] = turn
    data = encoded(picture, exif=exif, quality=95)
    asked = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.abs(open_here(data).astype(int) - asked).max() < 60


def noisy_jpeg(**how) -> bytes:
    noise = np.random.default_rng(4).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    return encoded(Image.fromarray(noise), quality=80, **how)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_a_hole_is_not_taken_for_a_whole_picture(progressive):
    data = bytearray(noisy_jpeg(progressive=progressive))
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    with pytest.raises(InvalidPicture):
        open_here(bytes(data))


def test_a_jpeg_that_ends_early_is_refused():
    data = noisy_jpeg()
    with pytest.raises(InvalidPicture):
        open_here(data[: len(data) * 2 // 3])


def test_the_few_stray_bytes_of_cheap_cameras_do_no_harm():
    data = noisy_jpeg()
    assert np.array_equal(open_here(data[:-2] + bytes(3) + data[-2:]), open_here(data))


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB"]
)
def test_every_kind_of_picture_is_colour_in_the_end(mode):
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG", "I": "TIFF", "F": "TIFF", "LAB": "TIFF"}.get(mode, "PNG")
    seen = open_here(encoded(Image.new(mode, (64, 48)), kind))
    assert (seen.shape, seen.dtype) == ((48, 64, 3), np.uint8)


def test_sixteen_bits_keep_their_tones():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    seen = open_here(encoded(Image.fromarray(ramp), "PNG"))
    assert (seen[0, 0, 0], seen[-1, -1, 0]) == (0, 255)
    assert 120 < seen[32, 0, 0] < 135


def test_what_is_see_through_is_paper():
    seen = open_here(encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"))
    assert seen.min() > 250


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "BMP"])
def test_the_formats_of_scanners_and_telephones(kind):
    assert open_here(encoded(half_black(), kind))[100, 40].max() < 60


def test_several_pages_in_one_file_are_refused_and_of_a_moving_picture_the_first_is_taken():
    frames = [half_black(), Image.new("RGB", (300, 200), "red")]
    with pytest.raises(SeveralPages):
        open_here(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    seen = open_here(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    assert seen[100, 40].max() < 60


@pytest.mark.parametrize(("wide", "high"), [(60_000, 60_000), (8_000, 8_000), (1, 60_000_000)])
def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_unpacked(wide, high):
    with pytest.raises(PictureTooLarge):
        open_here(png(wide, high))


@pytest.mark.parametrize(("wide", "high"), [(1, 1), (31, 4000)])
def test_too_few_pixels(wide, high):
    with pytest.raises(PictureTooSmall):
        open_here(png(wide, high))


def test_too_many_bytes_are_refused(monkeypatch):
    monkeypatch.setattr(opening, "PICTURE_LIMIT_BYTES", 1000)
    with pytest.raises(PictureTooLarge):
        open_here(b"\0" * 1001)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + b"\0" * 60,
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff" + b"\0" * 500,
        encoded(Image.new("RGB", (64, 64)), "GIF"),
        encoded(half_black())[:200],
        png(100, 100, b"\0" * 50),
    ],
    ids=["nothing", "gif", "pdf", "svg", "jpeg of nothing", "whole gif", "torn jpeg", "png with too little"],
)
def test_what_is_no_picture_for_us_is_refused(data):
    with pytest.raises(InvalidPicture):
        open_here(data)


def test_what_follows_a_picture_does_not_matter():
    assert open_here(encoded(half_black()) + b"\xff\xd9" * 40_000).shape == (200, 300, 3)


_TINY = {
    kind: encoded(Image.effect_noise((40, 40), 80), kind) for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
}


@given(st.binary(max_size=300), st.sampled_from(sorted(_TINY)), st.integers(0, 6000))
def test_rubbish_and_torn_files_raise_our_error_or_become_pixels(data, kind, at):
    whole = _TINY[kind]
    try:
        seen = open_here(whole[: at % len(whole)] + data)
    except InvalidPicture:
        return
    assert seen.ndim == 3


def test_the_darkroom_says_so_and_lives_on():
    room = Darkroom()
    try:
        with pytest.raises(RemoteProblem) as refused:
            room.ask(Develop(picture=png(60_000, 60_000)), Developed)
        before = room.pid
        with pytest.raises(RemoteProblem):
            room.ask(Develop(picture=b"no picture"), Developed)
        assert (refused.value.code, room.pid) == ("capture.picture_too_large", before)
        _, packed = cv2.imencode(".png", np.full((400, 300, 3), 250, np.uint8))
        assert room.ask(Develop(picture=packed.tobytes()), Developed).remarks == ("blank",)
    finally:
        room.close()
