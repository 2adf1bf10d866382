"""Quadrilaterals moved onto the edges near them, to a fraction of a pixel; fingers and torn corners are outliers."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import LAST, NEXT, Quad
from appliance.capture.outline.edges import Edges, Floats

POINTS: Final = 48
FIT_PX: Final = 1.2
REACH_PX: Final = 7
_AGREE: Final = 6
_random = np.random.default_rng(7)
_PAIRS: Final = np.array(
    [
        pair
        for pair in _random.integers(0, POINTS, (400, 2))
        if abs(int(pair[0]) - int(pair[1])) > POINTS // 5
    ][:40]
)
"""Which two points a line is tried through: the same for every side, so that the same picture gives the same outline."""


def refit(edges: Edges, quad: Quad) -> Quad:
    """One quadrilateral, as `refit_all`."""
    return refit_all(edges, quad[None])[0]


def refit_all(edges: Edges, quads: Floats) -> Floats:
    """Each side through the strongest edges near it, then the corners anew; what is led astray stays as it was.

    Args:
        edges: of the picture.
        quads: n × 4 corners × (x, y).
    """
    if not len(quads):
        return quads
    begin = quads
    along = quads[:, NEXT] - begin
    length = np.maximum(np.linalg.norm(along, axis=2), 1e-6)
    unit = along / length[..., None]
    normal = np.stack([-unit[..., 1], unit[..., 0]], 2)
    share = np.linspace(0.05, 0.95, POINTS, dtype=np.float32)
    points = begin[:, :, None, :] + along[:, :, None, :] * share[None, None, :, None]
    aside, found = _peaks(edges, points, normal)
    slope, offset = _through(share * length[..., None], aside, found)
    moved = unit + normal * slope[..., None]
    point = begin + normal * offset[..., None]
    corners = _cross(point[:, LAST], moved[:, LAST], point, moved)
    good = (np.abs(corners - quads).max((1, 2)) <= 3.5 * REACH_PX) & _convex(corners)
    return np.where(good[:, None, None], corners, quads).astype(np.float32)


def _peaks(edges: Edges, points: Floats, normal: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """How far aside of each point the strongest edge lies, and where there is one."""
    wide, high = edges.size
    offs = np.arange(-REACH_PX, REACH_PX + 1, dtype=np.float32)
    across, down = (np.float32(normal[:, :, None, None, axis]) for axis in (0, 1))
    # x and y apart: sums over pairs of numbers cost several times what they compute
    x, y = points[..., 0, None] + across * offs, points[..., 1, None] + down * offs
    np.clip(x, np.float32(1), np.float32(wide - 2), out=x)
    np.clip(y, np.float32(1), np.float32(high - 2), out=y)
    change = edges.change_at(x, y)
    # how strong a change is, times how squarely it crosses, is its part along the normal
    there = np.abs(change[..., 1] * across + change[..., 2] * down)
    there *= np.exp(-((offs / (REACH_PX * 0.9)) ** 2))
    best = there.argmax(3)
    peak = np.take_along_axis(there, best[..., None], 3)[..., 0]
    inner = np.clip(best, 1, len(offs) - 2)
    left, middle, right = (
        np.take_along_axis(there, (inner + off)[..., None], 3)[..., 0] for off in (-1, 0, 1)
    )
    bend = left - 2 * middle + right
    part = np.where(np.abs(bend) > 1e-6, 0.5 * (left - right) / np.where(bend == 0, 1, bend), 0)
    usual = np.median(peak, 2, keepdims=True)
    return np.asarray(offs[inner] + np.clip(part, -1, 1), np.float32), peak > np.maximum(
        edges.least * 0.35, usual * 0.4
    )


def _through(along: Floats, aside: Floats, found: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Slope and offset of the line most points of each side agree with; 0 and 0 where too few do (RANSAC, least squares)."""
    one, other = _PAIRS[:, 0], _PAIRS[:, 1]
    run = along[..., other] - along[..., one]
    slope = (aside[..., other] - aside[..., one]) / run
    offset = aside[..., one] - slope * along[..., one]
    line = slope[..., None] * along[:, :, None, :] + offset[..., None]
    near = (np.abs(aside[:, :, None, :] - line) < FIT_PX) & found[:, :, None, :]
    usable = found[..., one] & found[..., other]
    votes = np.where(usable, near.sum(3), -1)
    best = votes.argmax(2)
    weight = np.take_along_axis(near, best[..., None, None], 2)[:, :, 0, :].astype(np.float32)
    total = weight.sum(2)
    safe = np.maximum(total, 1)
    mean_x, mean_y = (weight * along).sum(2) / safe, (weight * aside).sum(2) / safe
    dx = along - mean_x[..., None]
    fitted = (weight * dx * (aside - mean_y[..., None])).sum(2) / np.maximum((weight * dx * dx).sum(2), 1e-6)
    enough = (total >= _AGREE) & (found.sum(2) >= POINTS / 4)
    return np.where(enough, fitted, 0.0), np.where(enough, mean_y - fitted * mean_x, 0.0)


def _cross(p: Floats, u: Floats, q: Floats, v: Floats) -> Floats:
    turn = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    turn = np.where(np.abs(turn) < 1e-3, 1e-3, turn)
    gap = q - p
    far = (gap[..., 0] * v[..., 1] - gap[..., 1] * v[..., 0]) / turn
    return np.asarray(p + u * far[..., None], np.float32)


def _convex(quads: Floats) -> npt.NDArray[np.bool_]:
    sides = quads[:, NEXT] - quads
    after = sides[:, NEXT]
    turns = sides[..., 0] * after[..., 1] - sides[..., 1] * after[..., 0]
    return np.asarray((turns > 0).all(1))
