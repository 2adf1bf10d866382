"""Whether a corner of the sheet is folded over: where it should be, the desk is seen, and what stood near it may be covered."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import Corners, Pixels, to_pixels
from appliance.capture.quality import PageFlaw

PX_PER_MM: Final = 2
MARGIN_MM: Final = 5
"""Of the desk around the sheet."""
LEAST_MM: Final = 14
"""A fold that runs along less of an edge covers only an empty margin."""
LARGEST_MM: Final = 70
TOLD_APART: Final = 90
"""Desk and paper, in the sum of three colours: on a desk as white as paper nobody can say."""
INSET_PX: Final = 3
FULL, EMPTY = 0.8, 0.25
"""Share of the folded triangle that is desk, at least, and of the triangle beyond the fold, at most."""


def of_corners(picture: Pixels, corners: Corners, width_mm: float, height_mm: float) -> list[PageFlaw]:
    """A corner folded over so far that it may cover something.

    Args:
        picture: as taken, in colour.
        corners: of the sheet in it.
        width_mm, height_mm: of the sheet.
    """
    wide, high, margin = (round(mm * PX_PER_MM) for mm in (width_mm, height_mm, MARGIN_MM))
    if min(wide, high) < 4 * LEAST_MM * PX_PER_MM:
        return []  # a card does not fold
    place = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32) + margin
    quad = to_pixels(corners, picture.shape[1], picture.shape[0])
    seen = cv2.warpPerspective(
        picture,
        cv2.getPerspectiveTransform(quad, place),
        (wide + 2 * margin, high + 2 * margin),
        borderMode=cv2.BORDER_REPLICATE,
    )
    seen = cv2.blur(seen, (3, 3)).astype(np.int16)
    paper = np.median(seen[margin:-margin:4, margin:-margin:4], (0, 1))
    turned = (seen, seen[:, ::-1], seen[::-1], seen[::-1, ::-1])
    return [PageFlaw.FOLDED] if any(_folded(one, paper, margin) for one in turned) else []


def _folded(seen: npt.NDArray[np.int16], paper: npt.NDArray[np.float64], margin: int) -> bool:
    """Whether the corner at the top left is."""
    reach = margin + LEAST_MM * PX_PER_MM
    rim = margin - INSET_PX
    outside = np.concatenate([seen[:rim, :reach].reshape(-1, 3), seen[:reach, :rim].reshape(-1, 3)])
    desk = np.median(outside, 0)
    if np.abs(desk - paper).sum() < TOLD_APART:
        return False
    largest = min(LARGEST_MM * PX_PER_MM, min(seen.shape[:2]) // 2)
    part = seen[margin : margin + largest, margin : margin + largest]
    is_desk = 2 * np.abs(part - desk).sum(2) < np.abs(part - paper).sum(2)
    across, down = _run(is_desk[INSET_PX]), _run(is_desk[:, INSET_PX])
    if min(across, down) < LEAST_MM * PX_PER_MM or max(across, down) >= largest:
        return False
    y, x = np.mgrid[INSET_PX:down, INSET_PX:across]
    beyond = x / across + y / down
    square = is_desk[INSET_PX:down, INSET_PX:across]
    return bool(square[beyond < 0.9].mean() > FULL and square[beyond > 1.15].mean() < EMPTY)


def _run(row: npt.NDArray[np.bool_]) -> int:
    """How many at the beginning are true."""
    return int(np.argmin(row)) if not row.all() else len(row)
