"""The camera's scale from a paper of known size; another paper, or none, is refused."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from appliance.capture.calibrating import NotMeasured, px_per_mm
from appliance.capture.flattening import SIZES_MM, SheetKind, flatten
from appliance.capture.outline import find
from appliance.cli import main


def lying(size_mm, scale, degrees=7):
    """A paper on the mat, so many pixels to the millimetre."""
    desk = np.full((1200, 1600, 3), 44, np.uint8)
    sides = [mm * scale for mm in size_mm]
    corners = cv2.boxPoints(((800.0, 600.0), sides, float(degrees)))
    cv2.fillPoly(desk, [np.rint(corners * 16).astype(np.int32)], (238, 240, 240), cv2.LINE_AA, 4)
    return desk


@pytest.mark.parametrize(
    ("kind", "scale"), [(SheetKind.A4, 3.0), (SheetKind.A4, 3.4), (SheetKind.A5, 5.2), (SheetKind.ID1, 6.5)]
)
def test_the_scale_is_found_within_half_a_hundredth(kind, scale):
    assert px_per_mm(lying(SIZES_MM[kind], scale), kind) == pytest.approx(scale, rel=0.005)


def test_with_the_scale_a_sheet_of_half_the_size_is_told_from_a_whole_one():
    scale = px_per_mm(lying(SIZES_MM[SheetKind.A4], 3.6), SheetKind.A4)
    small = lying(SIZES_MM[SheetKind.A5], 3.6)
    corners = find(small).corners
    assert flatten(small, corners).kind is SheetKind.A4
    assert flatten(small, corners, px_per_mm=scale).kind is SheetKind.A5


@pytest.mark.parametrize(
    "picture",
    [lying(SIZES_MM[SheetKind.ID1], 6.0), np.full((1200, 1600, 3), 44, np.uint8)],
    ids=["a card", "nothing"],
)
def test_another_paper_or_none_is_refused(picture):
    with pytest.raises(NotMeasured):
        px_per_mm(picture, SheetKind.A4)


def test_at_a_shell_the_setting_is_said(tmp_path, capsys):
    for number, scale in enumerate((3.58, 3.6, 3.62)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), lying(SIZES_MM[SheetKind.A4], scale))
    assert main(["scan", "--measure", "a4", "--json", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["px_per_mm"] == pytest.approx(3.6, rel=0.005)
    assert main(["scan", "--measure", "id1", str(tmp_path / "0.png")]) == 1
    assert "0.png" in capsys.readouterr().err
