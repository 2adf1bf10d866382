"""A picture becomes a page: upright, clean, small, and with everything said that is wrong with it."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from appliance.capture import quality
from appliance.capture.cleaning import Ink, clean, ink
from appliance.capture.developing import develop, redact_leaf
from appliance.capture.encoding import encode, g4, pixels_of
from appliance.capture.jobs import Develop, Redact
from appliance.capture.leaf import Encoding
from appliance.capture.likeness import SAME_AT_MOST, distance, likeness
from appliance.capture.turning import turn, upright
from appliance.devices.camera import scene


def photographed(page=None, **lay) -> bytes:
    return scene.frame_jpeg(scene.desk_with(page, scene.Lay(**lay)), 3, 90)


def grey_page(number=1, dpi=100):
    page = cv2.cvtColor(np.asarray(scene.sample_page(number)), cv2.COLOR_RGB2GRAY)
    return cv2.resize(page, None, fx=dpi / 200, fy=dpi / 200, interpolation=cv2.INTER_AREA)


# ---------------------------------------------------------------- the whole


def test_text_becomes_a_small_black_and_white_page_of_its_papers_size():
    made = develop(Develop(picture=photographed(scene.sample_page())))
    assert (made.leaf.encoding, made.remarks, made.degrees) == (Encoding.G4, (), 0)
    assert (made.leaf.width_mm, made.leaf.height_mm) == (210.0, 297.0)
    assert len(made.leaf.image) < 45_000
    seen = pixels_of(made.leaf)
    assert set(np.unique(seen)) == {0, 255}
    assert seen.shape == (made.leaf.height_px, made.leaf.width_px)
    assert 0.005 < (seen == 0).mean() < 0.1


@pytest.mark.parametrize(
    ("draw", "encoding"),
    [
        (lambda pen: pen.ellipse((900, 1700, 1250, 2000), outline=(40, 60, 190), width=16), Encoding.JPEG),
        (lambda pen: pen.rectangle((900, 1500, 1300, 2000), fill=(140, 140, 140)), Encoding.JPEG),
        (lambda pen: pen.rectangle((900, 1700, 1250, 1716), fill=(20, 20, 20)), Encoding.G4),
    ],
    ids=["a blue stamp", "a grey picture", "a black line"],
)
def test_a_page_keeps_as_many_tones_as_it_needs(draw, encoding):
    page = scene.sample_page()
    draw(ImageDraw.Draw(page))
    made = develop(Develop(picture=photographed(page)))
    assert made.leaf.encoding is encoding
    colours = pixels_of(made.leaf).ndim == 3
    assert colours == (
        encoding is Encoding.JPEG
        and draw.__code__.co_consts != ()
        and made.leaf.image[:2] == b"\xff\xd8"
        and colours
    )


def test_the_clerks_corners_and_turn_are_obeyed():
    corners = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.5), (0.1, 0.5))
    made = develop(Develop(picture=photographed(scene.sample_page()), corners=corners, degrees=90))
    assert (made.corners, made.degrees) == (corners, 90)
    assert made.leaf.height_mm > made.leaf.width_mm


def test_the_same_sheet_a_second_time_is_noticed_and_another_is_not():
    first = develop(Develop(picture=photographed(scene.sample_page(1)))).likeness
    aside = develop(Develop(picture=photographed(scene.sample_page(1), aside=True), earlier=(first,)))
    other = develop(Develop(picture=photographed(scene.sample_page(5, "payslip")), earlier=(first,)))
    assert (aside.remarks, other.remarks) == (("same_page",), ())


@pytest.mark.parametrize("colour", ["white", (246, 244, 236)])
def test_an_empty_sheet_is_said(colour):
    made = develop(Develop(picture=photographed(Image.new("RGB", scene.A4_PX, colour))))
    assert made.remarks == ("blank",)


@pytest.mark.parametrize("strength", [0.08, 0.25])
def test_what_shines_through_is_told_from_an_empty_sheet(strength):
    paper = Image.new("RGB", scene.A4_PX, (250, 249, 245))
    behind = Image.blend(paper, ImageOps.mirror(scene.sample_page(2)), strength)
    assert develop(Develop(picture=photographed(behind))).remarks == ("back",)


def test_a_shadow_or_a_grain_on_an_empty_sheet_does_not_shine_through():
    shaded = np.full((*scene.A4_PX[::-1], 3), 246, np.uint8)
    shaded[:, 700:] = 150
    grain = np.random.default_rng(1).integers(228, 246, (*scene.A4_PX[::-1], 1), np.uint8).repeat(3, 2)
    for empty in (shaded, grain):
        assert develop(Develop(picture=photographed(Image.fromarray(empty)))).remarks == ("blank",)


def test_a_sheet_with_one_line_is_not_empty():
    page = Image.new("RGB", scene.A4_PX, "white")
    ImageDraw.Draw(page).text((300, 500), "Firma: Maria Esempio", fill="black", font_size=48)
    ImageDraw.Draw(page).line((300, 620, 1100, 640), fill="black", width=6)
    assert "blank" not in develop(Develop(picture=photographed(page))).remarks


def test_a_finished_scan_is_its_own_page():
    _, packed = cv2.imencode(".png", np.asarray(scene.sample_page())[..., ::-1])
    made = develop(Develop(picture=packed.tobytes()))
    assert (made.corners, made.remarks) == (None, ())
    assert made.leaf.width_px / 210 * 25.4 == pytest.approx(200, abs=2)


def test_an_empty_desk_is_no_page():
    assert develop(Develop(picture=photographed())).remarks == ("not_found",)


def test_what_is_blackened_stays_in_its_encoding():
    made = develop(Develop(picture=photographed(scene.sample_page())))
    black = redact_leaf(Redact(leaf=made.leaf, boxes=((0.0, 0.0, 1.0, 0.5),))).leaf
    assert (black.encoding, black.width_mm) == (Encoding.G4, 210.0)
    assert (pixels_of(black)[: black.height_px // 2] == 0).all()


# ---------------------------------------------------------------- its parts


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_page_is_turned_upright_however_it_lay(number, degrees):
    lying = turn(grey_page(number), degrees)
    found = upright(lying, 100)
    assert found.sure
    assert (found.degrees + degrees) % 360 == 0


def test_a_page_without_text_stays_as_it_lies():
    assert not upright(np.full((1100, 800), 250, np.uint8), 100).sure


@pytest.mark.parametrize(
    ("blur", "told"),
    [
        (None, []),
        (lambda page: cv2.GaussianBlur(page, (0, 0), 2.6), [quality.PageFlaw.BLURRED]),
        (lambda page: cv2.blur(page, (1, 11)), [quality.PageFlaw.BLURRED]),
        (lambda page: cv2.blur(page, (11, 1)), [quality.PageFlaw.BLURRED]),
    ],
    ids=["sharp", "out of focus", "moved down", "moved aside"],
)
def test_blur_in_any_direction_is_seen(blur, told):
    page = grey_page(dpi=200)
    assert quality.of_sharpness(blur(page) if blur else page) == told


def test_a_movement_is_worse_than_the_same_softness_in_all_directions():
    page = grey_page(dpi=200)
    moved = quality.sharpness(cv2.GaussianBlur(page, (0, 0), 1.6, sigmaY=0.3))
    soft = quality.sharpness(cv2.GaussianBlur(page, (0, 0), 1.6))
    assert moved < 0.93 * soft


def test_a_movement_along_the_lines_is_worse_than_one_across_them():
    page = cv2.GaussianBlur(grey_page(dpi=200), (0, 0), 1.6, sigmaY=0.3)
    assert quality.sharpness(page) < 0.9 * quality.sharpness(np.ascontiguousarray(np.rot90(page)))


def test_a_shadow_goes_and_a_stamp_stays():
    page = np.array(scene.sample_page())[..., ::-1].copy()
    cv2.circle(page, (900, 1500), 140, (190, 70, 50), 14)
    shade = np.ones(page.shape[:2], np.float32)
    shade[:, 700:] = 0.62
    lit = (page * cv2.GaussianBlur(shade, (0, 0), 25)[..., None]).astype(np.uint8)
    cleaned = clean(lit)
    grey = cv2.cvtColor(cleaned, cv2.COLOR_BGR2GRAY)
    assert np.percentile(grey[:, 100:500], 50) == pytest.approx(np.percentile(grey[:, 1100:1500], 50), abs=6)
    assert np.percentile(grey, 60) > 235
    assert ink(cv2.resize(cleaned, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 100) is Ink.COLOUR


@pytest.mark.parametrize("size", [(3508, 2480), (2841, 2009), (1700, 300), (841, 1), (1, 1)])
def test_paper_becomes_equally_light_whatever_its_size_in_pixels(size):
    high, wide = size
    fall = np.linspace(230, 140, high, dtype=np.float32)[:, None] * np.linspace(1, 0.9, wide)[None]
    cleaned = clean(fall.astype(np.uint8))
    assert cleaned.shape == size
    assert np.ptp(np.percentile(cleaned, (1, 99))) <= 8


def test_black_and_white_gets_no_grain():
    page = np.full((64, 64), 255, np.uint8)
    page[:, 20:40] = 90
    leaf = encode(cv2.resize(page, (640, 640)), Ink.BITONAL, 50, 50)
    assert pixels_of(msgspec.structs.replace(leaf, image=g4(page)))[:, 20:40].max() == 0


def test_likeness_survives_light_and_small_turns_and_tells_pages_apart():
    page = grey_page(1, 70)
    darker = (page * 0.7).astype(np.uint8)
    tilted = cv2.warpAffine(
        page, cv2.getRotationMatrix2D((300, 400), 0.8, 1), page.shape[::-1], borderValue=250
    )
    mine = likeness(page)
    assert max(distance(mine, likeness(other)) for other in (darker, tilted)) <= SAME_AT_MOST
    assert distance(mine, likeness(grey_page(5, 70))) > SAME_AT_MOST
    with pytest.raises(ValueError, match="two fingerprints"):
        distance(mine, b"")
