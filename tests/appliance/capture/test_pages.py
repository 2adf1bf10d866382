from __future__ import annotations

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from appliance.capture.pages import PAGE_LONG_SIDE_PX, InvalidPicture, PageFlaw, PictureTooLarge, normalise
from appliance.devices.camera import scene


def encoded(picture: Image.Image, kind: str = "JPEG", **how) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


@pytest.fixture(scope="module")
def sheet():
    return scene.desk_with(scene.sample_page())


def test_a_good_page_has_no_flaws(sheet):
    page = normalise(encoded(sheet, quality=90))
    assert page.quality.flaws == ()
    assert (page.width_px, page.height_px) == sheet.size
    assert page.jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize("radius", [4, 6, 10])
def test_gross_blur_is_seen(sheet, radius):
    assert normalise(encoded(sheet.filter(ImageFilter.GaussianBlur(radius)))).quality.flaws == (
        PageFlaw.BLURRED,
    )


def test_dim_light_is_seen(sheet):
    assert PageFlaw.TOO_DARK in normalise(encoded(sheet.point(lambda value: value // 4))).quality.flaws


@pytest.mark.parametrize("colour", ["white", (52, 54, 60)])
def test_nothing_on_the_desk_is_blank(colour):
    assert normalise(encoded(Image.new("RGB", (800, 1000), colour))).quality.flaws == (PageFlaw.BLANK,)


def test_turned_upright_and_without_the_cameras_chatter():
    picture = Image.new("RGB", (300, 200), "white")
    picture.paste("black", (0, 0, 150, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    exif[0x010F] = "SecretCameraMaker"
    page = normalise(encoded(picture, exif=exif))
    assert (page.width_px, page.height_px) == (200, 300)
    assert b"SecretCameraMaker" not in page.jpeg
    with Image.open(io.BytesIO(page.jpeg)) as upright:
        assert upright.getpixel((100, 20)) < (50, 50, 50)
        assert upright.getpixel((100, 280)) > (200, 200, 200)


def test_large_pictures_become_pages():
    page = normalise(encoded(Image.new("L", (6000, 4000), 255)))
    assert max(page.width_px, page.height_px) == PAGE_LONG_SIDE_PX


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_a_page(mode):
    picture = Image.new(mode, (64, 64))
    page = normalise(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert (page.width_px, page.height_px) == (64, 64)


def test_what_is_see_through_is_paper():
    page = normalise(encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"))
    with Image.open(io.BytesIO(page.jpeg)) as seen:
        assert seen.convert("L").getpixel((32, 32)) > 250


def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_unpacked():
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    with pytest.raises(InvalidPicture):
        normalise(bomb + chunk(b"IEND", b""))
    just_too_large = (8_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", just_too_large) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    with pytest.raises(PictureTooLarge):
        normalise(bomb)


def test_too_many_bytes_are_refused():
    with pytest.raises(PictureTooLarge):
        normalise(b"\0" * (32 * 1024 * 1024 + 1))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_formats_are_refused(kind):
    with pytest.raises(InvalidPicture):
        normalise(encoded(Image.new("RGB", (8, 8)), kind))


@given(st.binary(max_size=300), st.booleans(), st.integers(0, 600))
def test_rubbish_and_torn_files_raise_our_error_or_make_a_page(data, png, at):
    whole = _TINY["PNG" if png else "JPEG"]
    torn = whole[: at % len(whole)] + data
    try:
        page = normalise(torn)
    except InvalidPicture:
        return
    assert page.jpeg


_TINY = {kind: encoded(Image.effect_noise((24, 24), 80), kind) for kind in ("PNG", "JPEG")}
