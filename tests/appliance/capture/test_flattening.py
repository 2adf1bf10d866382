"""A flat sheet has the paper's size and shape, whatever the camera's place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from appliance.capture.flattening import NoSheet, SheetKind, flatten, whole
from appliance.capture.geometry import to_fractions


def camera(size_mm, tilt_deg, turn_deg=10.0, wide=2304, high=1296, away_mm=420.0):
    """The true corners of a sheet on a table, seen by a camera that looks down at an angle; and a picture of it."""
    w, h = size_mm
    flat = np.array([[-w, -h, 0], [w, -h, 0], [w, h, 0], [-w, h, 0]], float) / 2
    turn, tilt = np.radians(turn_deg), np.radians(tilt_deg)
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    lean = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    seen = flat @ spin.T @ lean.T + (0, 0, away_mm)
    focal = 0.77 * wide
    corners = np.stack(
        [seen[:, 0] / seen[:, 2] * focal + wide / 2, seen[:, 1] / seen[:, 2] * focal + high / 2], 1
    )
    sheet = np.full((round(h * 8), round(w * 8), 3), 245, np.uint8)
    cv2.circle(
        sheet, (sheet.shape[1] // 2, sheet.shape[0] // 2), round(min(size_mm) * 8 / 3), (30, 30, 30), -1
    )
    source = np.array(
        [[0, 0], [sheet.shape[1], 0], [sheet.shape[1], sheet.shape[0]], [0, sheet.shape[0]]], np.float32
    )
    bend = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    picture = cv2.warpPerspective(sheet, bend, (wide, high), borderValue=(50, 50, 50))
    return picture, to_fractions(corners.astype(np.float32), wide, high), focal / away_mm


@pytest.mark.parametrize("tilt", [0, 8, 16])
@pytest.mark.parametrize(
    ("size", "kind"),
    [
        ((297, 210), SheetKind.A4),
        ((148, 210), SheetKind.A5),
        ((85.6, 53.98), SheetKind.ID1),
        ((80, 200), SheetKind.RECEIPT),
        ((150, 150), SheetKind.OTHER),
    ],
)
def test_true_size_where_the_scale_is_known(size, kind, tilt):
    picture, corners, px_per_mm = camera(size, tilt)
    sheet = flatten(picture, corners, px_per_mm=px_per_mm)
    assert sheet.kind is kind
    assert (sheet.width_mm, sheet.height_mm) == pytest.approx(size, rel=0.07)
    assert sheet.pixels.shape[1] / sheet.width_mm * 25.4 == pytest.approx(sheet.dpi, rel=0.01)


@pytest.mark.parametrize("tilt", [0, 10, 25])
def test_a_circle_stays_a_circle(tilt):
    picture, corners, _ = camera((297, 210), tilt)
    sheet = flatten(picture, corners)
    dark = np.argwhere(sheet.pixels[4:-4, 4:-4, 0] < 120)
    high, wide = np.ptp(dark, axis=0)
    assert wide / high == pytest.approx(1, abs=0.03)


def test_no_more_pixels_than_the_picture_holds_and_no_more_than_asked():
    picture, corners, _ = camera((297, 210), 0, turn_deg=0)
    assert flatten(picture, corners).dpi == pytest.approx(107, abs=4)
    assert flatten(picture, corners, best_dpi=60).dpi == 60


def test_grey_stays_grey():
    picture, corners, _ = camera((297, 210), 5)
    assert flatten(picture[..., 0], corners).pixels.ndim == 2


@pytest.mark.parametrize(
    "corners",
    [
        ((0.1, 0.1), (0.1, 0.1), (0.1, 0.1), (0.1, 0.1)),
        ((0.1, 0.1), (0.5, 0.1), (0.9, 0.1), (0.5, 0.1001)),
        ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)),
    ],
    ids=["a point", "a line", "a bow tie"],
)
def test_corners_that_make_no_sheet(corners):
    with pytest.raises(NoSheet):
        flatten(np.zeros((1296, 2304, 3), np.uint8), corners)


def test_a_sheet_that_leaves_the_picture_is_filled_up():
    picture, corners, _ = camera((297, 210), 0)
    moved = tuple((x - 0.35, y) for x, y in corners)
    assert flatten(picture, moved).pixels.shape[0] > 100


def test_a_scan_is_its_own_page():
    sheet = whole(np.full((3508, 2480, 3), 255, np.uint8))
    assert (sheet.kind, round(sheet.dpi), sheet.width_mm) == (SheetKind.A4, 300, 210.0)
    assert whole(np.full((7016, 4960), 255, np.uint8)).pixels.shape == (3508, 2480)
