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
NEXT: Final = np.array([1, 2, 3, 0])
"""Each corner's next one; an index costs a third of `np.roll`, and a frame asks for hundreds."""
LAST: Final = np.array([3, 0, 1, 2])


def ordered(points: npt.ArrayLike) -> Quad:
    """Four points in any order → clockwise as seen, beginning nearest to the top left.

    Raises:
        ValueError: not four points, or not finite.
    """
    corners = np.asarray(points, np.float32).reshape(-1, 2)
    # By hand: for four points the arithmetic of arrays costs ten times what it computes.
    given = [(x, y) for x, y in corners.tolist() if math.isfinite(x) and math.isfinite(y)]
    if len(corners) != 4 or len(given) != 4:
        raise ValueError("a sheet has four corners")
    middle_x, middle_y = sum(x for x, _ in given) / 4, sum(y for _, y in given) / 4
    clockwise = sorted(given, key=lambda corner: math.atan2(corner[1] - middle_y, corner[0] - middle_x))
    first = min(range(4), key=lambda at: sum(clockwise[at]))
    return np.asarray(clockwise[first:] + clockwise[:first], np.float32)


def to_fractions(quad: Quad, width: int, height: int) -> Corners:
    """A quad of a picture `width` × `height` as fractions."""
    a, b, c, d = ((float(x) / width, float(y) / height) for x, y in quad)
    return a, b, c, d


def to_pixels(corners: Corners, width: int, height: int) -> Quad:
    """The same corners in a picture of another size."""
    return np.asarray([(x * width, y * height) for x, y in corners], np.float32)


def is_convex(quad: Quad) -> bool:
    """Whether the corners make a sheet: convex, turning one way, no side of nothing."""
    sides = quad[NEXT] - quad
    turns = sides[:, 0] * sides[NEXT, 1] - sides[:, 1] * sides[NEXT, 0]
    return bool((turns > 0).all() and (np.hypot(sides[:, 0], sides[:, 1]) > 1).all())


def area(quad: Quad) -> float:
    """In square pixels."""
    x, y = quad[:, 0].astype(float), quad[:, 1].astype(float)
    return abs(float(x @ y[NEXT] - y @ x[NEXT])) / 2


def diagonal(quad: Quad) -> float:
    """The longer of the two, in pixels."""
    return max(math.dist(quad[0], quad[2]), math.dist(quad[1], quad[3]))
