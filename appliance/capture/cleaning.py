"""A flat sheet → a clean page: the light made even, shadows gone, paper white; then as few tones as the page needs."""

from __future__ import annotations

import enum
from typing import Final

import cv2
import numpy as np

from appliance.capture.geometry import Pixels

PAPER: Final = 250
"""What clean paper becomes, of 255."""
_WORK_PX: Final = 420
"""Long side of the small copy in which the light is measured."""
_DARKEST_LIGHT: Final = 0.5
"""Paper in a shadow is at least this light against the page's paper; what is darker is printed."""
LEAST_COLOURED: Final = 0.0012
"""Share of the page that is truly coloured where colour is needed: a small stamp on A4."""
LEAST_TONED: Final = 0.006
"""Share that is neither paper nor letter where grey is needed: a passport photo on A4."""


class Ink(enum.StrEnum):
    """What a page needs to be kept without loss."""

    BITONAL = "bitonal"
    """Letters and lines only."""
    GREY = "grey"
    """Photographs, half-tones, pale handwriting."""
    COLOUR = "colour"
    """Stamps, coloured writing."""


def clean(sheet: Pixels) -> Pixels:
    """The sheet under even light on white paper; grey stays grey, colour keeps its colours.

    Args:
        sheet: flat, height × width or height × width × 3.
    """
    high, wide = sheet.shape[:2]
    light = cv2.resize(_light(sheet), (wide, high), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(sheet, light, scale=PAPER), np.uint8)


def _light(sheet: Pixels) -> Pixels:
    """How light bare paper is at each place, small: what lies over it is closed, what is too dark to be paper is bridged."""
    small = _small(sheet)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((7, 7), np.uint8)), 11)
    grey = paper if paper.ndim == 2 else cv2.cvtColor(paper, cv2.COLOR_BGR2GRAY)
    usual = float(np.percentile(grey, 90))
    bare = (grey > _DARKEST_LIGHT * usual).astype(np.float32)
    reach = (61, 61)
    weight = cv2.blur(bare, reach)
    shape = bare if paper.ndim == 2 else bare[..., None]
    spread = cv2.blur(paper * shape, reach) / np.maximum(
        weight if paper.ndim == 2 else weight[..., None], 1e-3
    )
    bridged = np.where((shape > 0) | (spread < 1), paper, spread)
    smooth = cv2.GaussianBlur(bridged.astype(np.float32), (0, 0), 4)
    return np.asarray(np.maximum(smooth, 16), np.uint8)


def _small(sheet: Pixels) -> Pixels:
    """The sheet with a long side of `_WORK_PX`: halved as often as can be, which is several times cheaper than an odd share."""
    scale = min(1.0, _WORK_PX / max(sheet.shape[:2]))
    wide, high = (max(1, round(side * scale)) for side in sheet.shape[1::-1])
    while max(sheet.shape[:2]) >= 2 * _WORK_PX and min(sheet.shape[:2]) > 1:
        down, across = (side // 2 for side in sheet.shape[:2])
        even = sheet[: 2 * down, : 2 * across]
        sheet = np.asarray(cv2.resize(even, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(sheet, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)


def ink(page: Pixels, dpi: float) -> Ink:
    """What a clean page needs. Any resolution from 70 dots per inch up will do.

    Args:
        page: clean, height × width × 3 (or grey, which needs no colour).
        dpi: its dots per inch.
    """
    if page.ndim == 3:
        spread = page.max(2).astype(np.int16) - page.min(2)
        coloured = cv2.morphologyEx((spread > 55).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        if float(coloured.mean()) > LEAST_COLOURED:
            return Ink.COLOUR
    grey = page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    side = max(3, round(dpi / 25.4 * 1.3))
    tones = ((grey > 50) & (grey < 215)).astype(np.uint8)
    patches = cv2.morphologyEx(tones, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    dark = cv2.morphologyEx(
        (grey < 90).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3 * side, 3 * side), np.uint8)
    )
    return Ink.GREY if float(patches.mean() + dark.mean()) > LEAST_TONED else Ink.BITONAL


def bitonal(page: Pixels) -> Pixels:
    """A clean grey page in black (0) and white (255): the light is even already, so one threshold serves the whole page."""
    level, _ = cv2.threshold(page[::2, ::2], 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    _, black = cv2.threshold(page, min(205.0, max(150.0, float(level))), 255, cv2.THRESH_BINARY)
    return np.asarray(cv2.medianBlur(black, 3), np.uint8)
