"""The sheet is found where it lies, or it is said that it may be something else. Accuracy is measured by `make bench`."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from appliance.capture.geometry import to_pixels
from appliance.capture.outline import Finding, find, track
from tests.papers import desks


def worst_corner(outline, frame) -> float:
    """The largest distance of a corner from its true place, in shares of the sheet's diagonal."""
    high, wide = frame.picture.shape[:2]
    found = to_pixels(outline.corners, wide, high)
    diagonal = np.linalg.norm(frame.corners[0] - frame.corners[2])
    return float(
        min(np.linalg.norm(np.roll(found, turn, 0) - frame.corners, axis=1).max() for turn in range(4))
        / diagonal
    )


@pytest.mark.parametrize("paper", desks.PAPERS)
def test_on_the_dark_mat_every_paper_is_found(paper):
    frame = desks.sample(31_000 + desks.PAPERS.index(paper), desk="dark", paper=paper, finger=False)
    outline = find(frame.picture)
    assert outline.finding is Finding.SURE
    assert worst_corner(outline, frame) < 0.01


@pytest.mark.parametrize("desk", ["wood", "white", "clutter"])
def test_on_other_desks_it_is_found_or_doubted_but_never_wrong_and_sure(desk):
    for seed in range(32_000, 32_003):
        frame = desks.sample(seed, desk=desk, paper="letter", finger=False)
        outline = find(frame.picture)
        assert outline.finding is not Finding.SURE or worst_corner(outline, frame) < 0.03


def test_a_card_under_the_same_camera():
    frame = desks.sample(33_001, desk="dark", paper="card", finger=False, glare=False)
    outline = find(frame.picture)
    assert worst_corner(outline, frame) < 0.02


@pytest.mark.parametrize("shift", [(0, -330), (0, 420), (-1100, 0)])
def test_a_sheet_that_leaves_the_picture_is_never_sure(shift):
    frame = desks.sample(34_000, desk="dark", paper="letter", finger=False, shift=shift)
    assert frame.cut
    assert find(frame.picture).finding in {Finding.CUT, Finding.UNSURE, Finding.NONE}


@pytest.mark.parametrize(
    "picture",
    [
        np.full((360, 640, 3), 40, np.uint8),
        np.full((360, 640), 200, np.uint8),
        np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8),
        np.zeros((9, 640, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ],
    ids=["dark", "grey", "noise", "a strip", "one pixel"],
)
def test_where_nothing_lies_nothing_is_found(picture):
    assert find(picture).finding is not Finding.SURE


def test_the_same_picture_gives_the_same_outline_at_any_size():
    frame = desks.sample(35_000, desk="dark", paper="letter")
    half = cv2.resize(frame.picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert find(frame.picture) == find(frame.picture)
    assert np.allclose(find(frame.picture).corners, find(half).corners, atol=0.004)


def test_a_sheet_that_moved_a_little_is_followed():
    frame = desks.sample(36_000, desk="dark", paper="letter", finger=False)
    small = cv2.resize(frame.picture, (640, 360), interpolation=cv2.INTER_AREA)
    moved = np.roll(small, 3, 1)
    found = find(small).corners
    followed = track(moved, found)
    assert np.allclose(np.asarray(followed)[:, 0] - np.asarray(found)[:, 0], 3 / 640, atol=0.0016)


@pytest.mark.parametrize(
    ("seed", "desk", "lies", "other"),
    [
        (620_016, "dark", "beside", "letter"),
        (620_004, "dark", "beside", "card"),
        (620_008, "dark", "beside", "receipt"),
        (620_012, "dark", "under", "letter"),
        (620_005, "wood", "beside", "card"),
        (620_002, "white", "beside", "letter"),
    ],
)
def test_another_paper_beside_the_sheet_or_under_it_is_said(seed, desk, lies, other):
    frame = desks.sample(seed, desk=desk, size=(1280, 720), **{lies: other})
    assert find(frame.picture).finding is Finding.SEVERAL


@pytest.mark.parametrize("seed", [900_076, 900_084])
def test_a_hand_on_the_mat_is_no_second_sheet(seed):
    frame = desks.sample(seed, desk="dark", finger=True)
    outline = find(frame.picture)
    assert outline.finding is Finding.SURE
    assert worst_corner(outline, frame) < 0.01


def test_what_is_no_paper_beside_the_sheet_is_no_second_sheet():
    boxes = desks.sample(900_131, desk="clutter")
    lamp = desks.sample(500_100, desk="dark")
    assert "glare" in lamp.tags
    assert {find(frame.picture).finding for frame in (boxes, lamp)} == {Finding.SURE}


@pytest.mark.parametrize("seed", [310_024, 310_048])
def test_an_edge_under_a_hand_is_preferred_to_a_printed_line_before_it(seed):
    frame = desks.sample(seed)
    assert "finger" in frame.tags
    outline = find(frame.picture)
    assert outline.finding is Finding.SURE
    assert worst_corner(outline, frame) < 0.01


@pytest.mark.parametrize("seed", [310_074, 310_234])
def test_a_photograph_on_white_paper_on_a_white_desk_is_not_the_sheet(seed):
    frame = desks.sample(seed)
    assert (frame.desk, frame.paper) == ("white", "photo")
    assert worst_corner(find(frame.picture), frame) < 0.02


def test_a_sheet_that_just_leaves_the_picture_keeps_its_own_corners_among_light_boxes():
    frame = desks.sample(310_059)
    assert frame.cut
    outline = find(frame.picture)
    assert outline.finding is Finding.CUT
    assert worst_corner(outline, frame) < 0.02


def test_a_box_that_touches_the_sheet_and_the_border_is_not_taken_for_a_part_of_it():
    frame = desks.sample(320_083)
    assert worst_corner(find(frame.picture), frame) < 0.02
