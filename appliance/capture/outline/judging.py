"""How much a quadrilateral is a sheet: all candidates at once, by what is seen along their four sides."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import NEXT
from appliance.capture.outline.candidates import LARGEST_AREA, LEAST_AREA
from appliance.capture.outline.edges import Edges, Floats

Quads = npt.NDArray[np.float32]
"""Candidates × 4 corners × (x, y)."""

POINTS: Final = 40
REACH_PX: Final = 2
ASIDE_PX: Final = 5
LEAST_SIDE_PX: Final = 18
SQUARE: Final = 0.85
"""An edge belongs to a side when it crosses the side's normal within about 32 degrees."""
STEP_FULL: Final = 10.0
"""A change of this much in L*a*b*, measured away from the line itself, is a sheet's edge without doubt."""
CHANNELS: Final = np.array([1.0, 1.5, 1.5], np.float32)
"""What L*, a* and b* weigh."""
ASPECTS: Final = (1.414, 1.586, 2.0)
"""Of A sizes, identity cards, receipts."""


def plausible(quads: Quads, edges: Edges) -> npt.NDArray[np.bool_]:
    """Convex, neither tiny nor the whole frame, corners not far from square."""
    if not len(quads):
        return np.empty(0, np.bool_)
    wide, high = edges.size
    sides = quads[:, NEXT] - quads
    length = np.linalg.norm(sides, axis=2)
    unit = sides / np.maximum(length, 1e-6)[..., None]
    after = unit[:, NEXT]
    turns = unit[..., 0] * after[..., 1] - unit[..., 1] * after[..., 0]
    slant = np.abs((unit * after).sum(2)).max(1)
    share = _area(quads) / (wide * high)
    return (
        (length.min(1) >= LEAST_SIDE_PX)
        & (turns > 0).all(1)
        & (slant <= 0.5)
        & (share > LEAST_AREA)
        & (share < LARGEST_AREA)
    )


def _area(quads: Quads) -> Floats:
    x, y = quads[..., 0], quads[..., 1]
    return np.asarray(np.abs((x * y[:, NEXT] - y * x[:, NEXT]).sum(1)) / 2, np.float32)


def features(quads: Quads, edges: Edges) -> Floats:
    """What is known of each candidate; columns as `NAMES`."""
    support = _support(quads, edges)
    step = _step(quads, edges)
    sides = quads[:, NEXT] - quads
    length = np.linalg.norm(sides, axis=2)
    unit = sides / np.maximum(length, 1e-6)[..., None]
    slant = np.abs((unit * unit[:, NEXT]).sum(2)).max(1)
    pairs = np.sort(np.stack([length[:, 0] + length[:, 2], length[:, 1] + length[:, 3]], 1) / 2, 1)
    aspect = pairs[:, 1] / np.maximum(pairs[:, 0], 1)
    known = np.max([np.exp(-(((aspect - one) / 0.22) ** 2)) for one in ASPECTS], 0)
    uneven = np.abs(length[:, 0] - length[:, 2]) / np.maximum(length[:, 0], length[:, 2]) + np.abs(
        length[:, 1] - length[:, 3]
    ) / np.maximum(length[:, 1], length[:, 3])
    share = np.sqrt(_area(quads) / (edges.size[0] * edges.size[1]))
    inside = _inside(quads, edges)
    ranked = np.sort(support, 1)
    steps = np.sort(step, 1)
    return np.stack(
        [
            support.mean(1),
            ranked[:, 0],
            ranked[:, 1],
            steps.mean(1),
            steps[:, 0],
            steps[:, 1],
            known,
            1 - np.minimum(uneven, 1),
            share,
            slant,
            *inside,
        ],
        1,
    ).astype(np.float32)


NAMES: Final = (
    "support",
    "support_worst",
    "support_second",
    "step",
    "step_worst",
    "step_second",
    "known_aspect",
    "parallel",
    "size",
    "slant",
    "light",
    "colour",
    "patchy",
    "lighter",
)
WEIGHTS: Final = np.array(
    (0.549, 0.788, 0.327, 0.339, 0.458, 0.106, 0.375, -0.005, 1.619, -0.52, 0.305, -0.052, -0.013, 0.04),
    np.float32,
)
"""Of `NAMES`, fitted so that the true sheet wins over every other candidate of its picture (223 drawn desks)."""


def _along(quads: Quads) -> tuple[Floats, Floats]:
    """Points on each side (candidates × 4 × `POINTS` × 2) and the sides' normals pointing inwards (… × 1 × 2)."""
    begin, end = quads[:, :, None, :], quads[:, NEXT][:, :, None, :]
    share = np.linspace(0.04, 0.96, POINTS, dtype=np.float32)[None, None, :, None]
    along = end - begin
    unit = along / np.maximum(np.linalg.norm(along, axis=3, keepdims=True), 1e-6)
    # corners go clockwise as seen, so the inside lies to the right of each side
    normal = np.concatenate([-unit[..., 1:], unit[..., :1]], 3)
    return begin + along * share, normal


def _support(quads: Quads, edges: Edges) -> Floats:
    """Share of each side under which there is an edge of the side's own direction."""
    points, normal = _along(quads)
    return np.asarray(edges.support(points, normal, REACH_PX, SQUARE).mean(2), np.float32)


def _step(quads: Quads, edges: Edges) -> Floats:
    """How much inside and outside differ along each side, 0 to 1: a printed frame has white on both."""
    points, normal = _along(quads)
    inner, outer = points + normal * ASIDE_PX, points - normal * ASIDE_PX
    apart = cv2.absdiff(edges.calm_at(inner), edges.calm_at(outer)).astype(np.float32) @ CHANNELS
    both = edges.inside(inner) & edges.inside(outer)
    enough = both.mean(2) > 0.3
    middle = np.median(np.where(both, apart, 0.0), axis=2)
    return np.asarray(np.where(enough, np.minimum(middle / STEP_FULL, 1), 0), np.float32)


GRID: Final = 9


def _inside(quads: Quads, edges: Edges) -> tuple[Floats, Floats, Floats, Floats]:
    """What lies inside, on a grid: how light, how coloured, how unevenly coloured; how much lighter than all around."""
    share = np.linspace(0.08, 0.92, GRID, dtype=np.float32)
    u, v = (one.reshape(-1) for one in np.meshgrid(share, share))
    corners = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], 1)
    seen = edges.calm_at(np.einsum("gc,ncd->ngd", corners, quads)).astype(np.float32)
    colour = np.abs(seen[..., 1] - 128) + np.abs(seen[..., 2] - 128)
    light = np.median(seen[..., 0], 1)
    around = np.median(edges.calm[::8, ::8, 0])
    return (
        np.asarray(light / 255, np.float32),
        np.asarray(np.median(colour, 1) / 40, np.float32),
        np.asarray(seen[..., 1:].std(1).sum(1) / 20, np.float32),
        np.asarray((light - around) / 100, np.float32),
    )
