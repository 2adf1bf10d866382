"""A dog-ear neither moves the outline nor stays unsaid; bent edges are neither."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.capture.developing import develop
from appliance.capture.folding import of_corners
from appliance.capture.geometry import to_fractions, to_pixels
from appliance.capture.jobs import Develop
from appliance.capture.outline import Finding, find
from appliance.capture.quality import PageFlaw
from appliance.devices.camera import scene
from tests.papers import desks

SIZE = (1280, 720)
A4_MM = (210.0, 297.0)


def lying(frame):
    """Width and height of a sheet of A4 as it lies there."""
    across, down = (np.linalg.norm(frame.corners[at] - frame.corners[0]) for at in (1, 3))
    return A4_MM if across < down else A4_MM[::-1]


def hard(seed, **fixed):
    return desks.sample(seed, size=SIZE, paper="letter", finger=False, glare=False, shadow=False, **fixed)


@pytest.mark.parametrize(
    ("seed", "desk", "fold_mm"), [(630_000, "dark", 22), (630_021, "wood", 30), (630_020, "dark", 40)]
)
def test_a_folded_corner_is_said_and_the_outline_is_that_of_the_whole_sheet(seed, desk, fold_mm):
    frame = hard(seed, desk=desk, fold_mm=fold_mm)
    outline = find(frame.picture)
    assert outline.finding is Finding.SURE
    found = to_pixels(outline.corners, *SIZE)
    assert np.abs(found - frame.corners).max() < 0.01 * np.linalg.norm(frame.corners[0] - frame.corners[2])
    assert of_corners(frame.picture, outline.corners, *lying(frame)) == [PageFlaw.FOLDED]


@pytest.mark.parametrize(
    ("desk", "how"),
    [("dark", {}), ("wood", {}), ("white", {}), ("dark", {"fold_mm": 7}), ("dark", {"bend": 0.012})],
)
def test_a_sheet_that_lies_flat_a_little_bent_or_with_a_tiny_fold_is_not_folded(desk, how):
    frame = hard(630_040, desk=desk, **how)
    corners = to_fractions(frame.corners, *SIZE)
    assert of_corners(frame.picture, corners, *lying(frame)) == []


def test_bent_edges_are_followed_as_well_as_straight_lines_can():
    frame = hard(630_012, desk="dark", bend=0.012)
    outline = find(frame.picture)
    assert outline.finding is Finding.SURE
    found = to_pixels(outline.corners, *SIZE)
    assert np.abs(found - frame.corners).max() < 0.02 * np.linalg.norm(frame.corners[0] - frame.corners[2])


def test_a_dark_picture_in_a_corner_of_the_page_is_no_fold():
    picture = np.full((700, 500, 3), 30, np.uint8)
    picture[50:650, 50:450] = 245
    picture[50:150, 50:150] = 34
    corners = ((0.1, 50 / 700), (0.9, 50 / 700), (0.9, 650 / 700), (0.1, 650 / 700))
    assert of_corners(picture, corners, *A4_MM) == []


def test_a_page_says_that_its_corner_is_folded():
    desk = np.asarray(scene.desk_with(scene.sample_page())).copy()
    high, wide = desk.shape[:2]
    corners = to_pixels(find(np.ascontiguousarray(desk[..., ::-1])).corners, wide, high)
    far = 0.15 * (corners[1:4:2] - corners[0])
    x, y = np.meshgrid(np.arange(wide), np.arange(high))
    inner = np.linalg.solve(far.T, np.stack([x - corners[0][0], y - corners[0][1]]).reshape(2, -1))
    desk[(inner.sum(0) < 1).reshape(high, wide) & (x < wide // 2) & (y < high // 2)] = desk[5, 5]
    made = develop(Develop(picture=scene.frame_jpeg(scene.Image.fromarray(desk), 3, 90)))
    assert "folded" in made.grave
    assert "unsure" not in made.remarks
