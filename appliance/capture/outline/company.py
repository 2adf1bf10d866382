"""Whether something else lies beside the sheet, or shows from under it: two papers in one picture are nobody's page."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from appliance.capture.geometry import Pixels, Quad, area
from appliance.capture.outline.edges import Edges, Floats
from appliance.capture.outline.judging import NAMES, WEIGHTS

LEAST_SHARE: Final = 0.006
"""Of the frame: a card beside a letter under a high camera."""
EVERYWHERE: Final = 0.6
"""Of what is not the sheet: a desk that is as light and grey as paper is no other sheet."""
AS_LIGHT: Final = 0.66
"""Of the sheet's brightness, at least: another sheet lies under the same lamp, perhaps in a shadow."""
COLOUR: Final = 18
"""How far from grey, or from the sheet's own colour, in either colour channel."""
ASIDE_PX: Final = 5
EVERY: Final = 3
"""The tone of the sheet is told by a ninth of its pixels."""
AS_SHARP: Final = 0.3
"""Of the sheet's own border: what a lamp does to the desk fades away slowly."""
SHARP_BORDER: Final = 0.7
"""Share of its border that is so sharp."""
FILLED: Final = 0.84
"""Of its tightest rectangle, where that is not the sheet itself: a finger fills less."""
CALM: Final = 0.02
"""Share of the bare desk that is so sharp: on more, anything light may be a box or a tile."""
UNSIZED: Final = np.where(np.array(NAMES) == "size", 0, WEIGHTS).astype(np.float32)
COLOUR_AT: Final = NAMES.index("colour")
TINTED: Final = 0.85
"""Paper is not more coloured than this, under a warm lamp either: a box or a folder is."""
CLEARLY: Final = 2.95
"""Whatever its size, a candidate that scores so is a sheet: nothing as grey as paper beside 440 single sheets did."""
APART: Final = 0.1
"""Sheets may lie over each other with this share of the smaller one."""


def rivals(sheet: Quad, quads: Floats, seen: Floats) -> bool:
    """Whether a candidate beside the sheet is as clearly a sheet.

    Args:
        sheet: what was found.
        quads: all that regions closed, n × 4 × 2.
        seen: their `features`.
    """
    scores = seen @ UNSIZED
    clear = (scores >= CLEARLY) & (seen[:, COLOUR_AT] < TINTED)
    for quad in quads[clear]:
        shared, _ = cv2.intersectConvexConvex(sheet, quad)
        if shared < APART * min(area(sheet), area(quad)):
            return True
    return False


def accompanied(edges: Edges, sheet: Quad) -> bool:
    """Whether another paper is seen; never on a desk that is as light and grey as paper.

    Args:
        edges: of the picture.
        sheet: what was found.
    """
    high, wide = edges.change.shape[:2]
    own = cv2.fillPoly(np.zeros((high, wide), np.uint8), [np.rint(sheet).astype(np.int32)], 1)
    around = cv2.dilate(own, _block(ASIDE_PX))
    if not own.any() or around.all():
        return False
    paper = _paper_elsewhere(edges, own, around)
    seen, least = cv2.countNonZero(paper), LEAST_SHARE * paper.size
    if not least <= seen <= EVERYWHERE * (paper.size - cv2.countNonZero(around)):
        return False
    count, label, stats, _ = cv2.connectedComponentsWithStats(paper)
    large = [at for at in range(1, count) if stats[at, cv2.CC_STAT_AREA] >= least]
    if not large:
        return False
    strength = edges.change[..., 0]
    rim = strength[cv2.morphologyEx(own, cv2.MORPH_GRADIENT, _block(1)) > 0]
    sharp = (strength >= max(edges.least, AS_SHARP * float(np.median(rim)))).astype(np.uint8)
    bare = (around | cv2.dilate(paper, _block(7))) == 0
    if not bare.any() or float(sharp[bare].mean()) > CALM:
        return False
    return any(_is_sheet((label == at).astype(np.uint8), around, sharp) for at in large)


def _paper_elsewhere(edges: Edges, own: Pixels, around: Pixels) -> Pixels:
    """1 where it is as light as the sheet, and as grey."""
    some = edges.calm[::EVERY, ::EVERY][own[::EVERY, ::EVERY] > 0]
    light, *tones = np.median(some, 0) if len(some) else (255.0, 128.0, 128.0)
    low = (AS_LIGHT * light, *(min(128.0, tone) - COLOUR for tone in tones))
    far = (255.0, *(max(128.0, tone) + COLOUR for tone in tones))
    paper = cv2.min(cv2.inRange(edges.calm, low, far), 1.0)
    paper[around > 0] = 0
    closed = cv2.morphologyEx(paper, cv2.MORPH_CLOSE, _block(3))
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, _block(2)), np.uint8)


def _block(reach_px: int) -> Pixels:
    return np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)


def _is_sheet(piece: Pixels, around: Pixels, sharp: Pixels) -> bool:
    """Straight and full, and its border sharp.

    Args:
        piece: 1 where it is.
        around: 1 where the sheet lies, and a little farther.
        sharp: 1 where an edge is.
    """
    outline = max(cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    box = np.rint(cv2.boxPoints(cv2.minAreaRect(outline))).astype(np.int32)
    room = cv2.fillPoly(np.zeros_like(piece), [box], 1) & (1 - around)
    whole = cv2.fillPoly(np.zeros_like(piece), [outline], 1)
    if float(whole.sum()) < FILLED * float(room.sum()):
        return False
    x, y = outline[:, 0, 0], outline[:, 0, 1]
    high, wide = piece.shape
    free = (x > 1) & (y > 1) & (x < wide - 2) & (y < high - 2)
    near = cv2.dilate(sharp, _block(2))[y[free], x[free]]
    return bool(free.mean() > 0.5 and near.mean() > SHARP_BORDER)
