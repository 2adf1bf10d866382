"""Long straight edges of the picture, and every quadrilateral that two and two of them make.

For each line it is known, point by point, whether an edge lies under it and how much its two sides differ. As running sums that
makes the evidence of any side of any quadrilateral two look-ups, so that all of them can be judged.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import NEXT, Pixels, Quad
from appliance.capture.outline.edges import Edges, Floats
from appliance.capture.outline.judging import CHANNELS, LEAST_SIDE_PX, SQUARE

_FINDER: Final = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD, 0.4)
"""At less than half the size: lines of text run into one another there, a sheet's edge does not, and `refining` finds the
exact place anyway."""
SEGMENTS: Final = 220
LEAST_SEGMENT_PX: Final = 16
LEAST_SPREAD: Final = 3.0
"""Of colours in a picture: less is the sensor's noise, and its lines are nobody's."""
POOL: Final = 64
"""Lines whose evidence is measured."""
A_DIRECTION: Final = 12
DOUBT: Final = 0.55
"""What a point of a line must show so as to count for it rather than against it; at most it shows 1.5."""
DIRECTIONS: Final = 3
SAME_RAD: Final = 0.28
REACH_PX: Final = 2
ASIDE_PX: Final = 5
SAMPLE_PX: Final = 4.0
STEP_FULL: Final = 10.0
KEPT: Final = 16
SIZE: Final = 1.0
"""Nearly what it weighs in `judging`: what is drawn on a sheet shows more, and there is more of it than can be judged."""
LEAST_AREA: Final = 0.02
LARGEST_AREA: Final = 0.97
OUTSIDE: Final = 0.04
"""A corner may lie this far outside the frame."""


@dataclasses.dataclass(frozen=True)
class Lines:
    """Some lines, and what is seen along them.

    Attributes:
        point, unit: n × 2.
        angle: n, 0 to pi.
        start: n; where the samples begin along the line, in pixels from `point`.
        support, step: n × (samples + 1), running sums.
    """

    point: Floats
    unit: Floats
    angle: Floats
    start: Floats
    support: Floats
    step: Floats

    def evidence(self) -> Floats:
        """How long and sure each line's best stretch is, in samples; the rest of it crosses what is not the sheet."""
        seen = 0.5 * self.support + self.step - DOUBT * np.arange(self.support.shape[1], dtype=np.float32)
        return np.asarray((seen - np.minimum.accumulate(seen, 1)).max(1), np.float32)

    def only(self, which: npt.NDArray[np.intp]) -> Lines:
        """Some of them."""
        return Lines(*(getattr(self, field.name)[which] for field in dataclasses.fields(self)))


def line_quads(edges: Edges, hints: list[Quad]) -> list[Quad]:
    """The most convincing quadrilaterals of long lines; sides of `hints` are lines too."""
    found = _merged(np.concatenate([_segments(edges), _sides(hints)]))
    if len(found) < 4:
        return []
    lines = _measured(found[:POOL], edges)
    quads: list[Floats] = []
    scores: list[Floats] = []
    for one, other in _directions(lines):
        some, theirs = _crossed(lines.only(one), lines.only(other), edges)
        quads.append(some)
        scores.append(theirs)
    if not quads:
        return []
    every, score = np.concatenate(quads), np.concatenate(scores)
    return list(every[np.argsort(-score)[:KEPT]])


def _segments(edges: Edges) -> Floats:
    """Ends of straight segments, in brightness and in the colour channel that says more: rows of x, y, x, y."""
    found = [np.empty((0, 4), np.float32)]
    colour = _stretched(edges)
    for plane in (cv2.extractChannel(edges.lab, 0), *(() if colour is None else (colour,))):
        segments = _FINDER.detect(cv2.GaussianBlur(plane, (3, 3), 0))[0]
        if segments is not None:
            found.append(np.asarray(segments, np.float32).reshape(-1, 4))
    ends = np.concatenate(found)
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    longest = np.argsort(-length)[:SEGMENTS]
    return np.asarray(ends[longest[length[longest] >= LEAST_SEGMENT_PX]], np.float32)


def _stretched(edges: Edges) -> Pixels | None:
    """The colour channel that varies more, its variation made as large as brightness' is; None where all is of one colour."""
    spread = edges.lab[::4, ::4, 1:].std((0, 1))
    channel = int(spread.argmax())
    if spread[channel] < LEAST_SPREAD:
        return None
    plane = cv2.extractChannel(edges.lab, channel + 1)
    gain = min(4.0, 40.0 / (float(spread[channel]) + 1e-3))
    middle = float(plane[::4, ::4].mean())
    return np.asarray(cv2.addWeighted(plane, gain, plane, 0, 128 - gain * middle), np.uint8)


def _sides(quads: list[Quad]) -> Floats:
    if not quads:
        return np.empty((0, 4), np.float32)
    stacked = np.stack(quads)
    return np.concatenate([stacked, stacked[:, NEXT]], 2).reshape(-1, 4)


def _merged(ends: Floats) -> Floats:
    """Collinear segments as one line: rows of x, y, dx, dy; those of which most is drawn first."""
    along = ends[:, 2:] - ends[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])
    ends, along, length = ends[length > 1], along[length > 1], length[length > 1]
    angle = np.mod(np.arctan2(along[:, 1], along[:, 0]), np.pi)
    normal = np.stack([-np.sin(angle), np.cos(angle)], 1)
    middle = (ends[:, :2] + ends[:, 2:]) / 2
    turned = np.abs(angle[None, :] - angle[:, None])
    turned = np.minimum(turned, np.float32(np.pi) - turned)
    aside = np.abs(normal @ middle.T - (normal * middle).sum(1)[:, None])
    near = (turned < 0.03) & (aside < 2.0)
    free, group, groups = np.ones(len(ends), bool), np.zeros(len(ends), np.intp), 0
    for at in np.argsort(-length):
        if free[at]:
            mine = near[at] & free
            free &= ~mine
            group[mine] = groups
            groups += 1
    drawn = np.bincount(group, length)
    return _fitted(np.concatenate([ends[:, :2], ends[:, 2:]]), np.tile(group, 2))[np.argsort(-drawn)]


def _fitted(points: Floats, group: npt.NDArray[np.intp]) -> Floats:
    """The line through each group's points (least squares, square to the line): rows of x, y, dx, dy."""
    count = np.maximum(np.bincount(group), 1)
    x, y = (np.bincount(group, points[:, axis]) / count for axis in (0, 1))
    dx, dy = points[:, 0] - x[group], points[:, 1] - y[group]
    xx, yy, xy = (np.bincount(group, product) for product in (dx * dx, dy * dy, dx * dy))
    angle = np.arctan2(2 * xy, xx - yy) / 2
    return np.stack([x, y, np.cos(angle), np.sin(angle)], 1).astype(np.float32)


def _measured(found: Floats, edges: Edges) -> Lines:
    wide, high = edges.size
    point, unit = found[:, :2], found[:, 2:]
    reach = float(np.hypot(wide, high))
    middle = np.array([wide / 2, high / 2], np.float32)
    start = ((middle - point) * unit).sum(1) - reach / 2
    offs = np.arange(0, reach, SAMPLE_PX, dtype=np.float32)
    along = point[:, None, :] + unit[:, None, :] * (start[:, None] + offs)[..., None]
    normal = np.stack([-unit[:, 1], unit[:, 0]], 1)[:, None, :]
    best = edges.support(along, normal, REACH_PX, SQUARE)
    inner, outer = along + normal * ASIDE_PX, along - normal * ASIDE_PX
    apart = cv2.absdiff(edges.calm_at(inner), edges.calm_at(outer)).astype(np.float32) @ CHANNELS
    step = np.minimum(apart / STEP_FULL, 1) * edges.inside(inner) * edges.inside(outer)
    angle = np.mod(np.arctan2(unit[:, 1], unit[:, 0]), np.pi)
    return Lines(point, unit, angle, start, _running(best), _running(step * (best > 0.2)))


def _running(values: Floats) -> Floats:
    total = np.zeros((values.shape[0], values.shape[1] + 1), np.float32)
    np.cumsum(values, axis=1, out=total[:, 1:])
    return total


def _directions(lines: Lines) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Pairs of directions about square to each other that much of the evidence follows: the strongest lines of both."""
    evidence = lines.evidence()
    apart = np.abs(np.mod(lines.angle[None, :] - lines.angle[:, None] + np.pi / 2, np.pi) - np.pi / 2)
    with_it = (apart < 0.15) * evidence
    square = (np.abs(apart - np.pi / 2) < 0.2) * evidence
    weight = _two_best(with_it) + _two_best(square)
    pairs = []
    for _ in range(DIRECTIONS):
        base = int(weight.argmax())
        if weight[base] <= 0:
            break
        one = np.flatnonzero(apart[base] < SAME_RAD)
        other = np.flatnonzero(np.abs(apart[base] - np.pi / 2) < SAME_RAD)
        if len(one) >= 2 and len(other) >= 2:
            pairs.append((_strongest(one, evidence), _strongest(other, evidence)))
        weight[(apart[base] < SAME_RAD) | (np.abs(apart[base] - np.pi / 2) < SAME_RAD)] = 0
    return pairs


def _two_best(weights: Floats) -> Floats:
    return np.asarray(np.sort(weights, 1)[:, -2:].sum(1), np.float32)


def _strongest(which: npt.NDArray[np.intp], evidence: Floats) -> npt.NDArray[np.intp]:
    return which[np.argsort(-evidence[which])[:A_DIRECTION]]


def _crossed(one: Lines, other: Lines, edges: Edges) -> tuple[Floats, Floats]:
    """All quadrilaterals of two lines of one direction and two of the other, with a first score each."""
    corner, along_one, along_other = _crossings(one, other)
    here = _in_frame(corner, edges)
    (i, j), (k, m) = (np.triu_indices(len(lines.angle), 1) for lines in (one, other))
    first, second = np.nonzero((here[:, k] & here[:, m])[i] & (here[:, k] & here[:, m])[j])
    turn = [(line[first], cross[second]) for line, cross in ((i, k), (j, k), (j, m), (i, m))]
    good, size = _shaped(
        [corner[..., 0][where] for where in turn], [corner[..., 1][where] for where in turn], edges
    )
    first, second = first[good], second[good]
    # what lies between two crossings of a line serves many quadrilaterals
    mine = _between(one, along_one[:, k], along_one[:, m])
    theirs = _between(other, along_other[i].T, along_other[j].T)
    places = (i[first], second), (j[first], second), (k[second], first), (m[second], first)
    score = SIZE * size
    for seen, across in zip(mine, theirs, strict=True):
        a, b, c, d = (part[place] for part, place in zip((seen, seen, across, across), places, strict=True))
        score += 0.15 * (a + b + c + d) + 0.35 * np.minimum(np.minimum(a, b), np.minimum(c, d))
    best = np.argsort(-score)[:KEPT]
    chosen = [corner[line[good][best], cross[good][best]] for line, cross in turn]
    return _clockwise(np.stack(chosen, 1)), np.asarray(score[best], np.float32)


def _crossings(one: Lines, other: Lines) -> tuple[Floats, Floats, Floats]:
    """Where each line of one crosses each of the other: the point, and how far along either line."""
    p, u = one.point[:, None, :], one.unit[:, None, :]
    q, v = other.point[None, :, :], other.unit[None, :, :]
    turn = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    turn = np.where(np.abs(turn) < 1e-3, 1e-3, turn)
    gap = q - p
    far = (gap[..., 0] * v[..., 1] - gap[..., 1] * v[..., 0]) / turn
    there = (gap[..., 0] * u[..., 1] - gap[..., 1] * u[..., 0]) / turn
    return p + u * far[..., None], far, there


def _between(lines: Lines, begin: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Mean support and step of each line (rows) between pairs of places on it (columns)."""
    last = lines.support.shape[1] - 1
    start = lines.start[:, None]
    a = ((np.minimum(begin, end) - start) / SAMPLE_PX).clip(0, last).astype(np.intp)
    b = ((np.maximum(begin, end) - start) / SAMPLE_PX).clip(0, last).astype(np.intp)
    count = np.maximum(b - a, 1)
    support, step = (
        (np.take_along_axis(sums, b, 1) - np.take_along_axis(sums, a, 1)) / count
        for sums in (lines.support, lines.step)
    )
    return support, step


def _in_frame(corner: Floats, edges: Edges) -> npt.NDArray[np.bool_]:
    wide, high = edges.size
    x, y = corner[..., 0], corner[..., 1]
    return np.asarray(
        (x > -OUTSIDE * wide)
        & (x < (1 + OUTSIDE) * wide)
        & (y > -OUTSIDE * high)
        & (y < (1 + OUTSIDE) * high)
    )


def _shaped(x: list[Floats], y: list[Floats], edges: Edges) -> tuple[npt.NDArray[np.intp], Floats]:
    """Which are neither tiny nor all of the frame nor far from square; and the root of their share of it.

    Args:
        x, y: of the first, second, third and fourth corner of all; thousands in a row are summed faster than four.
        edges: of the picture.
    """
    # half the product of the diagonals, taken across
    twice = (x[2] - x[0]) * (y[3] - y[1]) - (x[3] - x[1]) * (y[2] - y[0])
    area = np.abs(twice) / 2 / (edges.size[0] * edges.size[1])
    large = np.flatnonzero((area > LEAST_AREA) & (area < LARGEST_AREA))
    x, y = [part[large] for part in x], [part[large] for part in y]
    dx, dy = ([part[after] - part[at] for at, after in enumerate(NEXT)] for part in (x, y))
    turns = [dx[at] * dy[after] - dy[at] * dx[after] for at, after in enumerate(NEXT)]
    low, high = np.minimum.reduce(turns), np.maximum.reduce(turns)
    shortest = np.minimum.reduce([one * one + other * other for one, other in zip(dx, dy, strict=True)])
    good = ((low > 0) | (high < 0)) & (shortest > LEAST_SIDE_PX**2)
    return large[good], np.asarray(np.sqrt(area[large[good]]), np.float32)


def _clockwise(quads: Floats) -> Floats:
    """Each as `geometry.ordered` has it."""
    middle = quads.mean(1, keepdims=True)
    around = np.arctan2(quads[..., 1] - middle[..., 1], quads[..., 0] - middle[..., 0])
    turned = np.take_along_axis(quads, np.argsort(around, 1)[..., None], 1)
    first = turned.sum(2).argmin(1)
    order = (np.arange(4)[None, :] + first[:, None]) % 4
    return np.asarray(np.take_along_axis(turned, order[..., None], 1), np.float32)
