"""Lines of signs on a drawn part of a page → the middle of each sign, bent or not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from appliance.capture.mrz.grid import grid_of, signs_in
from appliance.capture.mrz.rows import Row
from appliance.capture.mrz.shapes import ALPHABET, HIGH_PX, WIDE_PX, likelihoods
from tests.papers.cards import FACES

LEFT, PITCH, HIGH, STEP = 40, 25, 27, 45
LINES = {
    "td1": (
        "C<ITACA00000AA4<<<<<<<<<<<<<<<",
        "9001011F3001019ITA<<<<<<<<<<<0",
        "ESEMPIO<<MARIA<<<<<<<<<<<<<<<<",
    ),
    "td2": ("I<ROUESEMPIO<<MARIA".ljust(36, "<"), "OO00000001ROU9001011F3001019<<<<<<<4"),
    "td3": ("P<ROUESEMPIO<<MARIA".ljust(44, "<"), "OO00000001ROU9001011F3001019<<<<<<<<<<<<<<04"),
}


def part_of(lines):
    """White paper with the lines on it, and where they are."""
    size = round(100 * PITCH / (ImageFont.truetype(FACES[0], 1000).getlength("0") / 10))
    font = ImageFont.truetype(FACES[0], size)
    sheet = Image.new("L", (len(lines[0]) * PITCH + 2 * LEFT, len(lines) * STEP + 40), 255)
    pen = ImageDraw.Draw(sheet)
    rows = []
    _, above, _, _ = font.getbbox("0")
    for number, line in enumerate(lines):
        top = 20 + number * STEP
        for place, sign in enumerate(line):
            pen.text((LEFT + place * PITCH, top - above), sign, font=font, fill=30)
        rows.append(Row(top, top + HIGH, LEFT + 3, LEFT + len(line) * PITCH - 3))
    return cv2.GaussianBlur(np.asarray(sheet), (0, 0), 0.8), rows


def text_in(even, grid):
    signs = signs_in(even, grid)
    lines, places = signs.shape[:2]
    best = likelihoods(signs.reshape(-1, HIGH_PX, WIDE_PX)).argmax(1).reshape(lines, places)
    return tuple("".join(ALPHABET[one] for one in line) for line in best)


@pytest.mark.parametrize("kind", LINES)
def test_every_sign_is_in_the_middle_of_its_place(kind):
    even, rows = part_of(LINES[kind])
    grid = grid_of(even, rows)
    true = LEFT + (np.arange(len(LINES[kind][0])) + 0.5) * PITCH
    assert grid.pitch == pytest.approx(PITCH, rel=0.01)
    assert np.abs(grid.across - true).max() < 0.12 * PITCH
    assert text_in(even, grid) == LINES[kind]


@pytest.mark.parametrize("end", ["left", "right"])
@pytest.mark.parametrize("signs", [-1.5, -0.5, 1, 1.5])
def test_ends_of_lines_that_were_seen_wrongly_do_no_harm(end, signs):
    even, rows = part_of(LINES["td1"])
    off = round(signs * PITCH)
    wrong = [
        Row(row.top, row.bottom, row.left - off, row.right)
        if end == "left"
        else Row(row.top, row.bottom, row.left, row.right + off)
        for row in rows
    ]
    assert text_in(even, grid_of(even, wrong)) == LINES["td1"]


@pytest.mark.parametrize("bow", [-8.0, 8.0])
def test_a_bowed_card_prints_wider_at_one_end(bow):
    even, rows = part_of(LINES["td3"])
    high, wide = even.shape
    x = np.arange(wide, dtype=np.float32)
    from_x = x + bow * (1 - ((x - wide / 2) / (wide / 2)) ** 2)
    y = np.repeat(np.arange(high, dtype=np.float32)[:, None], wide, 1)
    bowed = cv2.remap(even, np.repeat(from_x[None], high, 0).astype(np.float32), y, cv2.INTER_LINEAR)
    assert text_in(bowed, grid_of(bowed, rows)) == LINES["td3"]


def test_lines_that_sink_are_followed():
    even, rows = part_of(LINES["td1"])
    high, wide = even.shape
    sinking = cv2.warpAffine(
        even, np.array([[1, 0, 0], [8 / wide, 1, -4]], np.float32), (wide, high), borderValue=255
    )
    assert text_in(sinking, grid_of(sinking, rows)) == LINES["td1"]


def test_what_does_not_stand_evenly_is_no_grid_or_no_text():
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 255, (150, 830), dtype=np.uint8)
    rows = [Row(20 + STEP * at, 47 + STEP * at, 40, 790) for at in range(3)]
    grid = grid_of(noise, rows)
    assert (
        grid is None or likelihoods(signs_in(noise, grid).reshape(-1, HIGH_PX, WIDE_PX)).max(1).mean() < 0.93
    )


def test_an_empty_part_has_none():
    rows = [Row(20, 47, 40, 790), Row(65, 92, 40, 790)]
    assert grid_of(np.full((150, 830), 255, np.uint8), rows) is None
