"""Pictures as arrays, and the four corners of a sheet in them: the words all rooms of `capture` share.

A picture is `Pixels`: unsigned bytes, either height × width (grey) or height × width × 3 in the order blue, green, red.
A sheet in a picture is a `Quad`: its corners in pixels, clockwise as seen, beginning with the one nearest to the
picture's top left. Pixel (0, 0) has its centre at (0, 0), as OpenCV counts.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Quad = npt.NDArray[np.float32]
Corner = tuple[float, float]
Corners = tuple[Corner, Corner, Corner, Corner]
"""A quad as fractions of the picture's width and height: the same for a preview and for the full picture."""

MM_PER_INCH: Final = 25.4


def ordered(points: npt.ArrayLike) -> Quad:
    """Four points in any order → clockwise as seen, beginning nearest to the top left.

    Raises:
        ValueError: not four points, or not finite.
    """
    corners = np.asarray(points, np.float32).reshape(-1, 2)
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        raise ValueError("a sheet has four corners")
    middle = corners.mean(0)
    around = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    clockwise = corners[np.argsort(around, kind="stable")]
    first = int(np.argmin(clockwise.sum(1)))
    return np.roll(clockwise, -first, 0)


def to_fractions(quad: Quad, width: int, height: int) -> Corners:
    """A quad of a picture `width` × `height` as fractions."""
    a, b, c, d = ((float(x) / width, float(y) / height) for x, y in quad)
    return a, b, c, d


def to_pixels(corners: Corners, width: int, height: int) -> Quad:
    """The same corners in a picture of another size."""
    return np.asarray([(x * width, y * height) for x, y in corners], np.float32)


def is_convex(quad: Quad) -> bool:
    """Whether the corners make a sheet: convex, turning one way, no side of nothing."""
    sides = np.roll(quad, -1, 0) - quad
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    return bool((turns > 0).all() and (np.hypot(sides[:, 0], sides[:, 1]) > 1).all())


def area(quad: Quad) -> float:
    """In square pixels."""
    x, y = quad[:, 0].astype(float), quad[:, 1].astype(float)
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def diagonal(quad: Quad) -> float:
    """The longer of the two, in pixels."""
    return max(math.dist(quad[0], quad[2]), math.dist(quad[1], quad[3]))
