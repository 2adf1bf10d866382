"""Two sides of a card share a sheet; nothing else shares anything, and nothing lies over anything."""

from __future__ import annotations

import pytest

from appliance.capture.placing import A4_MM, laid

A4, CARD, LYING = A4_MM, (85.6, 53.98), (53.98, 85.6)


@pytest.mark.parametrize(
    ("sizes", "pages"),
    [
        ([], []),
        ([A4, A4], [(0,), (1,)]),
        ([CARD], [(0,)]),
        ([CARD, CARD], [(0, 1)]),
        ([CARD, CARD, CARD], [(0, 1), (2,)]),
        ([CARD, A4, CARD], [(0,), (1,), (2,)]),
        ([A4, CARD, LYING, A4], [(0,), (1, 2), (3,)]),
        ([(0.0, 0.0), (0.0, 0.0)], [(0,), (1,)]),
    ],
)
def test_which_pages_share_a_sheet(sizes, pages):
    assert [tuple(place.page for place in sheet.places) for sheet in laid(sizes)] == pages


@pytest.mark.parametrize("sizes", [[CARD, CARD], [LYING, LYING], [CARD, LYING], [(99.0, 99.0)] * 2])
def test_both_sides_are_within_the_sheet_and_beside_each_other(sizes):
    (sheet,) = laid(sizes)
    upper, lower = sheet.places
    assert (sheet.width_mm, sheet.height_mm) == A4_MM
    assert lower.bottom_mm > 0
    assert upper.bottom_mm + sizes[0][1] < A4_MM[1]
    assert lower.bottom_mm + sizes[1][1] < upper.bottom_mm
    for place, size in zip(sheet.places, sizes, strict=True):
        assert place.left_mm == pytest.approx((A4_MM[0] - size[0]) / 2)
