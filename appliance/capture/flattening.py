"""A sheet in a picture → the sheet alone, flat, at its true size."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import Final

import cv2
import numpy as np

from appliance.capture.geometry import MM_PER_INCH, Corners, Pixels, Quad, to_pixels
from contracts.errors import PueError, WhoCanAct

BEST_DPI: Final = 300
"""Enough for black and white text (AgID, Allegato 2); more only weighs more."""
LEAST_SIDE_PX: Final = 60
USUAL_FOCAL: Final = 0.8
"""Focal length against the picture's long side: 64 degrees of sight, as most cameras for desks have."""
_VANISHING: Final = 0.08
"""How much nearer one end of a sheet must be for its vanishing point to say anything through noise."""
_SAME_SHAPE: Final = 0.05
"""How far a measured proportion may be from a standard size's: a tilted sheet is measured to about three per cent."""


class SheetKind(enum.StrEnum):
    """Sizes a desk sees. Guessed from proportion, and from the camera's scale where it is known."""

    A4 = "a4"
    A5 = "a5"
    ID1 = "id1"
    """Identity and health cards (ISO/IEC 7810)."""
    RECEIPT = "receipt"
    OTHER = "other"


SIZES_MM: Final = {SheetKind.A4: (210.0, 297.0), SheetKind.A5: (148.0, 210.0), SheetKind.ID1: (53.98, 85.6)}
RECEIPT_WIDTHS_MM: Final = (58.0, 80.0)


class NoSheet(PueError, ValueError):
    """The corners make no sheet that can be flattened."""

    code = "capture.corners_invalid"
    who = WhoCanAct.CLERK


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A flat sheet: pixels, how many of them make an inch, the paper's size, what it seems to be."""

    pixels: Pixels
    dpi: float
    width_mm: float
    height_mm: float
    kind: SheetKind


def flatten(
    picture: Pixels, corners: Corners, *, px_per_mm: float | None = None, best_dpi: float = BEST_DPI
) -> Sheet:
    """The sheet between `corners`, as it would lie under a scanner, never larger than the picture holds.

    Args:
        picture: as taken.
        corners: clockwise, beginning with what becomes the top left.
        px_per_mm: of the picture on the desk's surface, where the camera's height is known.
        best_dpi: no more dots per inch than this.

    Raises:
        NoSheet: the corners lie on a line, or too near to each other.
    """
    high, wide = picture.shape[:2]
    quad = to_pixels(corners, wide, high)
    sides = [math.dist(quad[at], quad[(at + 1) % 4]) for at in range(4)]
    if min(sides) < LEAST_SIDE_PX or not cv2.isContourConvex(np.rint(quad).astype(np.int32)):
        raise NoSheet("these corners make no sheet")
    across, down = max(sides[0], sides[2]), max(sides[1], sides[3])
    proportion = _proportion(quad, wide, high)
    kind, width_mm, height_mm = _size(proportion, across, down, px_per_mm)
    dpi = min(best_dpi, MM_PER_INCH * max(across / width_mm, down / height_mm))
    size = max(1, round(width_mm / MM_PER_INCH * dpi)), max(1, round(height_mm / MM_PER_INCH * dpi))
    flat = straightened(picture, quad, size)
    return Sheet(flat, dpi, width_mm, height_mm, kind)


def like_a_card(corners: Corners, wide: int, high: int) -> bool:
    """Whether a sheet in a picture of that size has a card's shape; no other paper of an office has it."""
    proportion = _proportion(to_pixels(corners, wide, high), wide, high)
    return _kind(max(proportion, 1 / proportion), None) is SheetKind.ID1


def whole(picture: Pixels, *, best_dpi: float = BEST_DPI) -> Sheet:
    """The whole picture as the page: what a scanner or another program has made flat already."""
    high, wide = picture.shape[:2]
    kind, width_mm, height_mm = _size(wide / high, wide, high, None)
    dpi = MM_PER_INCH * wide / width_mm
    if dpi <= best_dpi:
        return Sheet(picture, dpi, width_mm, height_mm, kind)
    size = max(1, round(wide * best_dpi / dpi)), max(1, round(high * best_dpi / dpi))
    smaller = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return Sheet(np.asarray(smaller), best_dpi, width_mm, height_mm, kind)


def straightened(picture: Pixels, quad: Quad, size: tuple[int, int]) -> Pixels:
    """The inside of the quad as a rectangle. Only the part of the picture around it is touched."""
    low = np.floor(quad.min(0)).clip(0).astype(int)
    far = np.ceil(quad.max(0)).astype(int) + 1
    part = picture[low[1] : far[1], low[0] : far[0]]
    shrink = min(part.shape[1] / size[0], part.shape[0] / size[1])
    if shrink > 1.6:  # linear interpolation would skip pixels, and thin strokes with them
        part = cv2.resize(part, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
        quad, low = quad / shrink, low / shrink
    corner = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32) - 0.5
    bend = cv2.getPerspectiveTransform((quad - low).astype(np.float32), corner)
    return np.asarray(
        cv2.warpPerspective(part, bend, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _proportion(quad: Quad, wide: int, high: int) -> float:
    """Width to height of the real sheet, from one picture of it (Zhang and He, *Whiteboard scanning*, 2007, §4).

    The lens' centre is taken to be the picture's. The focal length follows from two vanishing points where there are two;
    a sheet seen straight from above, or tilted one way only, has none or one, and the usual lens is assumed.
    """
    middle = np.array([wide / 2, high / 2])
    m1, m2, m4, m3 = (np.array([*(corner - middle), 1.0]) for corner in quad.astype(float))
    k2 = float(np.cross(m1, m4) @ m3 / (np.cross(m2, m4) @ m3))
    k3 = float(np.cross(m1, m4) @ m2 / (np.cross(m3, m4) @ m2))
    n2, n3 = k2 * m2 - m1, k3 * m3 - m1
    focal2 = (USUAL_FOCAL * max(wide, high)) ** 2
    if abs(n2[2]) > _VANISHING and abs(n3[2]) > _VANISHING:
        seen = -(n2[0] * n3[0] + n2[1] * n3[1]) / (n2[2] * n3[2])
        if 0.5 < seen / focal2 < 2.5:
            focal2 = seen
    weight = np.array([1 / focal2, 1 / focal2, 1.0])
    return float(math.sqrt((n2 * n2 @ weight) / (n3 * n3 @ weight)))


def _size(
    proportion: float, across: float, down: float, px_per_mm: float | None
) -> tuple[SheetKind, float, float]:
    """Kind, width and height in millimetres."""
    standing = proportion <= 1
    ratio = 1 / proportion if standing else proportion
    short_mm = min(across, down) / px_per_mm if px_per_mm else None
    kind = _kind(ratio, short_mm)
    if kind in SIZES_MM:
        short, long = SIZES_MM[kind]
    elif kind is SheetKind.RECEIPT:
        short = min(RECEIPT_WIDTHS_MM, key=lambda width: abs(width - (short_mm or 80.0)))
        long = short * ratio
    else:
        short = short_mm or min(210.0, 297.0 / ratio)
        long = short * ratio
    return (kind, short, long) if standing else (kind, long, short)


def _kind(ratio: float, short_mm: float | None) -> SheetKind:
    """By shape; where the scale is known, the size must fit too (a sheet a little above the desk seems larger)."""
    for kind, (short, long) in SIZES_MM.items():
        fits = abs(ratio / (long / short) - 1) < _SAME_SHAPE
        if fits and (short_mm is None or 0.9 < short_mm / short < 1.12):
            return kind
    if ratio > 1.75 and (short_mm is None or short_mm < 95):
        return SheetKind.RECEIPT
    return SheetKind.OTHER
