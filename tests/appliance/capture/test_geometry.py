"""Corners keep their meaning whatever order they come in."""

import itertools

import numpy as np
import pytest

from appliance.capture.geometry import area, diagonal, is_convex, ordered, to_fractions, to_pixels

SHEET = np.array([[10, 20], [110, 30], [100, 170], [5, 160]], np.float32)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_corners_in_any_order_are_the_same_sheet(order):
    assert np.array_equal(ordered(SHEET[list(order)]), SHEET)


@pytest.mark.parametrize("points", [[], [[1, 2]], [[1, 2]] * 5, [[1, 2], [3, 4], [5, 6], [float("nan"), 0]]])
def test_what_is_no_sheet_is_refused(points):
    with pytest.raises(ValueError, match="four corners"):
        ordered(points)


def test_fractions_fit_a_picture_of_any_size():
    large = to_pixels(to_fractions(SHEET, 200, 200), 2000, 1000)
    assert np.allclose(large, SHEET * (10, 5), atol=1e-3)


def test_a_bow_tie_is_no_sheet():
    assert is_convex(SHEET)
    assert not is_convex(SHEET[[0, 2, 1, 3]])
    assert not is_convex(np.repeat(SHEET[:2], 2, 0))


def test_measures():
    square = np.array([[0, 0], [30, 0], [30, 40], [0, 40]], np.float32)
    assert (area(square), diagonal(square)) == (1200, 50)
