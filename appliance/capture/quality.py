"""What is wrong with a page, in facts, before it is too late. Advice and questions, never a refusal."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import MM_PER_INCH, Pixels

Mask = npt.NDArray[np.uint8]
BLURRED_BELOW: Final = 0.23
SOFT_BELOW: Final = 0.26
"""Steepness of letters' edges in their worst direction, at 200 dots per inch: below the first, small text cannot be read."""
UP_AND_DOWN: Final = 1.3
"""Strokes stand closer side by side than lines of text one under the other: what moved up and down is read a little longer."""
UNEVEN: Final = 0.25
"""Power of worst to best direction. Edges that stayed sharp along a movement mean that strokes doubled rather than faded."""
SHARPNESS_DPI: Final = 200
_TILE: Final = 160
_TILES: Final = 16
_LEAST_EDGES: Final = 800
DIM: Final = 100
BLACK: Final = 30
GLARE_MM2: Final = 40.0
GRAVE_GLARE_MM2: Final = 250.0
FINGER_MM2: Final = 45.0
REACH_MM: Final = 4.0
"""A finger reaches in over the edge so far; less is a strip of the desk beside an edge that was not met exactly."""
AS_PAPER: Final = 8
"""Redder than the paper by this much at least is skin: there is paper of that colour too."""
LIT: Final = 0.15
"""More of a sheet than this is not a lamp's reflection, but where no shadow falls."""
FAINT_PRINT: Final = 24
"""Darker than the paper beside it by this much is print, also where letters are smaller than pixels."""
LEAST_PRINT: Final = 0.08
"""Share of a place that is print where there is text."""
LEAST_INK: Final = 0.0006
"""Share of a page that is dark on the emptiest page that says something: a line and a signature."""
SHINES: Final = 0.965
"""Of the paper's brightness: what is fainter may be its own grain."""
PLACE_MM: Final = 12
ALL_OVER: Final = 0.15
"""Share of a page's places, each as large as that, on which something shines through."""


class PageFlaw(enum.StrEnum):
    """What a clerk should look at."""

    NOT_FOUND = "not_found"
    """No sheet was found: the page is the whole picture."""
    CUT = "cut"
    SEVERAL = "several"
    """Two papers lie there, and only one is the page."""
    UNSURE = "unsure"
    """It may be something else than the sheet."""
    BLURRED = "blurred"
    SOFT = "soft"
    FOLDED = "folded"
    """A corner is, and may cover something."""
    FINGER = "finger"
    GLARE = "glare"
    TOO_DARK = "too_dark"
    BLANK = "blank"
    BACK = "back"
    SAME_PAGE = "same_page"


GRAVE: Final = frozenset(PageFlaw) - {PageFlaw.SOFT}
"""For all but a little softness somebody must look: take it again, or say why it is kept. Glare and darkness by degree."""
ORDER: Final = {flaw: place for place, flaw in enumerate(PageFlaw)}


def in_order(flaws: Iterable[PageFlaw]) -> tuple[PageFlaw, ...]:
    """Gravest first."""
    return tuple(sorted(set(flaws), key=ORDER.__getitem__))


def sharpness(page: Pixels) -> float | None:
    """How steep letters' edges are, against their own contrast, in the direction that is worst; None without letters.

    Motion blurs one direction only, which any measure over all of them misses.

    Args:
        page: clean, grey and upright, at `SHARPNESS_DPI`.
    """
    part = _busiest(page)
    contrast = cv2.subtract(
        cv2.dilate(part, np.ones((11, 11), np.uint8)), cv2.erode(part, np.ones((11, 11), np.uint8))
    )
    lettered = contrast > 70
    if int(lettered.sum()) < _LEAST_EDGES:
        return None
    across = (cv2.Sobel(part, cv2.CV_32F, 1, 0) / 8)[lettered] / contrast[lettered]
    down = (cv2.Sobel(part, cv2.CV_32F, 0, 1) / 8)[lettered] / contrast[lettered]
    turns = np.arange(8) * np.pi / 8
    steep = np.array(
        [np.percentile(np.abs(across * np.cos(turn) + down * np.sin(turn)), 97) for turn in turns]
    )
    worst = float((steep * (1 + (UP_AND_DOWN - 1) * np.sin(turns))).min())
    return worst * float(steep.min() / max(steep.max(), 1e-6)) ** UNEVEN


def _busiest(page: Pixels) -> Pixels:
    """The tiles with most printed on them, side by side: a page's text is as sharp as its darkest paragraphs."""
    rows, columns = page.shape[0] // _TILE, page.shape[1] // _TILE
    if rows * columns <= _TILES:
        return page
    grid = page[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE)
    tiles = grid.swapaxes(1, 2).reshape(-1, _TILE, _TILE)
    busy = (tiles[:, ::3, ::3] < 128).mean((1, 2))
    busy = np.where(busy > 0.5, 0, busy)  # a photograph or a table's head is no text
    # two thirds of the busiest, and some from everywhere: one corner may be out of focus
    ranked = np.argsort(-busy)
    chosen = [
        *ranked[: _TILES * 2 // 3],
        *ranked[_TILES * 2 // 3 : len(ranked) // 2 : max(1, len(ranked) // 12)],
    ]
    return np.ascontiguousarray(np.concatenate(list(tiles[chosen[:_TILES]]), 1))


def of_sharpness(page: Pixels) -> list[PageFlaw]:
    """Blurred, a little soft, or neither.

    Args:
        page: clean, grey and upright, at `SHARPNESS_DPI`.
    """
    found = sharpness(page)
    if found is None or found >= SOFT_BELOW:
        return []
    return [PageFlaw.BLURRED if found < BLURRED_BELOW else PageFlaw.SOFT]


def of_nothing(picture: Pixels) -> list[PageFlaw]:
    """Where no sheet was found: whether anything can be seen at all."""
    return [PageFlaw.TOO_DARK] if float(np.percentile(picture, 95)) < BLACK else []


def of_light(sheet: Pixels, dpi: float) -> list[PageFlaw]:
    """Of the sheet before it was cleaned: too dark, or with a lamp in it.

    Args:
        sheet: in colour.
        dpi: about 100 is best.
    """
    flaws = []
    lightest = _lightest(sheet)
    if float(np.percentile(lightest[::2, ::2], 95)) < DIM:
        flaws.append(PageFlaw.TOO_DARK)
    if _largest_mm2(burnt(sheet, dpi), dpi) > GLARE_MM2:
        flaws.append(PageFlaw.GLARE)
    return flaws


def _lightest(sheet: Pixels) -> Pixels:
    """What is in all three colours: only white light is much of it."""
    blue, green, red = cv2.split(sheet)
    return np.asarray(cv2.min(cv2.min(blue, green), red), np.uint8)


def burnt(sheet: Pixels, dpi: float) -> Mask:
    """1 where a lamp shines back from the sheet, and nothing can be read."""
    spots = cv2.compare(_lightest(sheet), max(249.0, float(np.median(sheet[::4, ::4])) + 18), cv2.CMP_GT)
    spots = cv2.min(spots, 1.0)
    spots = cv2.morphologyEx(spots, cv2.MORPH_OPEN, _block(1.3, dpi))
    return np.asarray(cv2.morphologyEx(spots, cv2.MORPH_CLOSE, _block(3.8, dpi)), np.uint8)


def of_glare_on_text(sheet: Pixels, dpi: float) -> list[PageFlaw]:
    """A lamp's reflection with print all around, so with print under it: one in an empty margin harms nobody.

    Args:
        sheet: in colour.
        dpi: 30 is enough.
    """
    spots = burnt(sheet, dpi)
    count, label, stats, _ = cv2.connectedComponentsWithStats(spots)
    if count < 2:
        return []
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    size = float(stats[largest, cv2.CC_STAT_AREA])
    if size * (MM_PER_INCH / dpi) ** 2 <= GLARE_MM2 or size > LIT * spots.size:
        return []
    spot = (label == largest).astype(np.uint8)
    near = (cv2.dilate(spot, _block(24, dpi)) > 0) & (cv2.dilate(spot, _block(6, dpi)) == 0)
    grey = cv2.cvtColor(sheet, cv2.COLOR_BGR2GRAY)
    paper = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, _block(6, dpi))
    written = cv2.subtract(paper, grey) > FAINT_PRINT
    return [PageFlaw.GLARE] if near.any() and float(written[near].mean()) > LEAST_PRINT else []


def of_fingers(sheet: Pixels, dpi: float) -> list[PageFlaw]:
    """A hand that reaches in over an edge of the sheet."""
    tones = cv2.cvtColor(cv2.GaussianBlur(sheet, (5, 5), 0), cv2.COLOR_BGR2YCrCb)
    redness = float(np.median(tones[::4, ::4, 1]))
    skin = cv2.inRange(tones, (60.0, max(142.0, redness + AS_PAPER), 85.0), (235.0, 176.0, 122.0))
    skin = cv2.morphologyEx(skin, cv2.MORPH_OPEN, _block(1.8, dpi))
    count, label, stats, _ = cv2.connectedComponentsWithStats(skin)
    if count < 2:
        return []
    border = np.concatenate(
        [label[:4].ravel(), label[-4:].ravel(), label[:, :4].ravel(), label[:, -4:].ravel()]
    )
    inset = round(REACH_MM * dpi / MM_PER_INCH)
    within = np.bincount(label[inset:-inset, inset:-inset].ravel(), minlength=count)
    mm2 = (MM_PER_INCH / dpi) ** 2
    page = sheet.shape[0] * sheet.shape[1]
    for at in np.flatnonzero(np.bincount(border, minlength=count)):
        area = int(stats[at, cv2.CC_STAT_AREA]) if at else 0
        if within[at] and area * mm2 > FINGER_MM2 and area < 0.25 * page:  # more is paper of that colour
            return [PageFlaw.FINGER]
    return []


def of_content(page: Pixels, sheet: Pixels, dpi: float) -> list[PageFlaw]:
    """Blank, or only what shines through from the other side.

    Args:
        page: clean and grey.
        sheet: the same before it was cleaned, in colour: cleaning takes away what shines through.
        dpi: about 100 is best.
    """
    inner = _inner(page, dpi)
    if float((inner < 150).mean()) >= LEAST_INK:
        return []
    return [PageFlaw.BACK if _shines_through(_inner(sheet, dpi), dpi) else PageFlaw.BLANK]


def _inner(page: Pixels, dpi: float) -> Pixels:
    edge = round(dpi * 4 / MM_PER_INCH)
    return page[edge:-edge, edge:-edge] if min(page.shape[:2]) > 4 * edge else page


def _shines_through(sheet: Pixels, dpi: float) -> bool:
    """Whether something faint stands all over it; a shadow's border or a crease crosses few places."""
    grey = cv2.blur(cv2.cvtColor(sheet, cv2.COLOR_BGR2GRAY), (3, 3))
    paper = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, _block(5, dpi))
    faint = cv2.compare(cv2.divide(grey, paper, scale=1000, dtype=cv2.CV_32F), 1000 * SHINES, cv2.CMP_LT)
    places = tuple(max(1, round(side * MM_PER_INCH / dpi / PLACE_MM)) for side in faint.shape[::-1])
    share = cv2.resize(faint.astype(np.float32) / 255, places, interpolation=cv2.INTER_AREA)
    return float((share > 0.02).mean()) > ALL_OVER


def _block(mm: float, dpi: float) -> Mask:
    """A square as large as that on the sheet, at least three pixels wide."""
    side = max(3, 2 * round((mm * dpi / MM_PER_INCH - 1) / 2) + 1)
    return np.ones((side, side), np.uint8)


def _largest_mm2(mask: Mask, dpi: float) -> float:
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return 0.0
    return float(stats[1:, cv2.CC_STAT_AREA].max()) * (MM_PER_INCH / dpi) ** 2
