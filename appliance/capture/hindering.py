"""What is in the way in a live picture: fingers over an edge, a lamp on what is written."""

from __future__ import annotations

from typing import Final

from appliance.capture import quality
from appliance.capture.flattening import NoSheet, flatten
from appliance.capture.geometry import Corners, Pixels
from appliance.capture.watching import Hint

LIVE_DPI: Final = 32
"""A sheet of A4 fills 260 × 370 pixels: a finger is eight wide, and it takes a millisecond."""


def hindrance(frame: Pixels, corners: Corners) -> Hint | None:
    """The graver of the two, or neither.

    Args:
        frame: in colour, as live pictures are.
        corners: of the sheet in it.
    """
    try:
        sheet = flatten(frame, corners, best_dpi=LIVE_DPI)
    except NoSheet:
        return None
    if quality.of_fingers(sheet.pixels, sheet.dpi):
        return Hint.FINGER
    return Hint.GLARE if quality.of_glare_on_text(sheet.pixels, sheet.dpi) else None
