"""Farther edges of what was found: a sheet whose one side a hand covers shows less of it than a line of text does."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import NEXT, Quad
from appliance.capture.outline.edges import Edges, Floats
from appliance.capture.outline.judging import CHANNELS, REACH_PX, SQUARE

NEAREST_PX: Final = 8
"""Nearer edges are met by `refining`."""
EVERY_PX: Final = 3
FARTHEST: Final = 0.7
"""Of the sides that are made longer."""
POINTS: Final = 24
LEAST: Final = 0.4
"""Share of a farther edge that must be seen."""
A_SIDE: Final = 3
GRID: Final = 9
LIGHT: Final = 75
"""Per cent of places on a sheet that may be darker than its paper: they are printed on."""
ALIKE: Final = 30.0
"""What lies beyond a side is perhaps still the sheet when it differs less from its paper, in L*a*b*."""


def farther_quads(edges: Edges, quad: Quad) -> list[Quad]:
    """The quadrilateral with one side moved outwards to where an edge is, its neighbours made longer.

    Args:
        edges: of the picture.
        quad: its other three sides are taken to be right.
    """
    found: list[Quad] = []
    for side in np.flatnonzero(_goes_on(edges, quad)):
        before, one, other, after = np.roll(quad, 1 - side, 0)
        ways = np.stack([one - before, other - after])
        length = np.linalg.norm(ways, axis=1)
        far = np.arange(NEAREST_PX, FARTHEST * length.max(), EVERY_PX, dtype=np.float32)
        if not len(far):
            continue
        begin, end = (
            corner + far[:, None] * way
            for corner, way in zip((one, other), ways / length[:, None], strict=True)
        )
        for at in _edges_among(edges, begin, end):
            grown = quad.copy()
            grown[side], grown[NEXT[side]] = begin[at], end[at]
            found.append(grown)
    return found


def _goes_on(edges: Edges, quad: Quad) -> npt.NDArray[np.bool_]:
    """Beyond which sides it looks like the paper between them."""
    share = np.linspace(0.08, 0.92, GRID, dtype=np.float32)
    across, down = (one.reshape(-1, 1) for one in np.meshgrid(share, share))
    upper, lower = (one + (other - one) * across for one, other in ((quad[0], quad[1]), (quad[3], quad[2])))
    paper = np.percentile(edges.calm_at((upper + (lower - upper) * down)[None])[0], (LIGHT, 50, 50), axis=0)
    along = quad[NEXT] - quad
    unit = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    outwards = np.stack([unit[:, 1], -unit[:, 0]], 1)
    points = (quad + NEAREST_PX * outwards)[:, None] + along[:, None] * share[None, :, None]
    beyond = np.median(edges.calm_at(points), 1)
    return np.asarray(np.abs(beyond - np.diagonal(paper)) @ CHANNELS < ALIKE)


def _edges_among(edges: Edges, begin: Floats, end: Floats) -> list[int]:
    """Of lines from `begin` to `end` (n × 2 each) those under which much of an edge is seen."""
    inside = edges.inside(begin) & edges.inside(end)
    share = np.linspace(0.04, 0.96, POINTS, dtype=np.float32)[None, :, None]
    along = end - begin
    points = begin[:, None] + along[:, None] * share
    unit = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    normal = np.stack([-unit[:, 1], unit[:, 0]], 1)[:, None]
    seen = np.where(inside, edges.support(points, normal, REACH_PX, SQUARE).mean(1), 0)
    around = np.pad(seen, 1)
    peak = (seen >= around[:-2]) & (seen >= around[2:]) & (seen > LEAST)
    best = np.flatnonzero(peak)
    # the farther the better: printed lines lie before the sheet's own edge
    worth = seen[best] + best / len(seen)
    return [int(at) for at in best[np.argsort(-worth)][:A_SIDE]]
