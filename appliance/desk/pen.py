"""A signature drawn on a screen, as lines: what was drawn, and nothing of when, how fast or how hard. Pure.

Points come from a hand at its own pace and leave at equal distances along the line, so that no pace is left in them.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

from appliance.desk.decision import SittingRefused
from contracts.desk_api.clerk import (
    MAX_PEN_POINTS,
    MAX_STROKES,
    PEN_HEIGHT,
    PEN_SHORTEST,
    PEN_STEP,
    PEN_WIDTH,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Point = tuple[int, int]
"""From the left and from the top, in pen units (`PEN_WIDTH` by `PEN_HEIGHT`)."""
Curve = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""A cubic Bézier from where the line is: two control points and the end, in pen units."""

LONGEST: Final = MAX_PEN_POINTS * PEN_STEP
"""Pen units of line."""


class SignatureTiny(SittingRefused):
    """Nothing was drawn, or hardly anything."""

    code = "sitting.signature_tiny"


class SignatureTooLong(SittingRefused):
    """More line than a signature has."""

    code = "sitting.signature_too_long"


def settle(strokes: Sequence[Sequence[Point]]) -> list[list[Point]]:
    """The strokes with points `PEN_STEP` apart along each line, whole pen units, ends kept.

    The outcome depends on the lines alone: a point reported twice, or one more on a straight stretch, changes nothing.

    Raises:
        SignatureTiny: less line than `PEN_SHORTEST`.
        SignatureTooLong: more strokes or points than may be, more line than `LONGEST`, or a point out of the box.
    """
    if len(strokes) > MAX_STROKES or sum(len(stroke) for stroke in strokes) > MAX_PEN_POINTS:
        raise SignatureTooLong("more strokes or points than a signature has")
    if any(not (0 <= x <= PEN_WIDTH and 0 <= y <= PEN_HEIGHT) for stroke in strokes for x, y in stroke):
        raise SignatureTooLong("a point lies out of the box")
    lines = [_corners(stroke) for stroke in strokes if stroke]
    whole = sum(_length(line) for line in lines)
    if whole < PEN_SHORTEST:
        raise SignatureTiny("there is hardly any line", least=PEN_SHORTEST)
    settled = [_evenly(line) for line in lines]
    if whole > LONGEST or sum(len(line) for line in settled) > MAX_PEN_POINTS:
        raise SignatureTooLong("more line than a signature has", limit=LONGEST)
    return settled


def _corners(stroke: Sequence[Point]) -> list[Point]:
    """Only the points where the line turns, and its ends: exact, because the units are whole."""
    kept: list[Point] = []
    for point in stroke:
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1 and _goes_straight_on(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return kept


def _goes_straight_on(before: Point, here: Point, after: Point) -> bool:
    ax, ay = here[0] - before[0], here[1] - before[1]
    bx, by = after[0] - here[0], after[1] - here[1]
    return ax * by == ay * bx and ax * bx + ay * by > 0


def _length(line: Sequence[Point]) -> float:
    return sum(math.dist(one, other) for one, other in itertools.pairwise(line))


def _evenly(line: list[Point]) -> list[Point]:
    """Points at equal distances along the line, as near `PEN_STEP` as its length allows."""
    pieces = max(1, round(_length(line) / PEN_STEP))
    apart = _length(line) / pieces
    found = [line[0]]
    walked, wanted = 0.0, apart
    for one, other in itertools.pairwise(line):
        stretch = math.dist(one, other)
        while len(found) < pieces and wanted <= walked + stretch:
            share = (wanted - walked) / stretch
            found.append((_whole(one[0], other[0], share), _whole(one[1], other[1], share)))
            wanted = apart * len(found)
        walked += stretch
    if len(line) > 1:
        found.append(line[-1])
    return [point for point, _ in itertools.groupby(found)]


def _whole(one: int, other: int, share: float) -> int:
    return math.floor(one + (other - one) * share + 0.5)


def curves(stroke: Sequence[Point]) -> Iterator[Curve]:
    """The line through all points of a settled stroke (Catmull-Rom), from its first point on; a dot goes to itself."""
    if len(stroke) == 1:
        dot = (float(stroke[0][0]), float(stroke[0][1]))
        yield dot, dot, dot
    around = [stroke[0], *stroke, stroke[-1]]
    for before, here, there, after in zip(around, around[1:], around[2:], around[3:], strict=False):
        yield (
            _beside(here, before, there),
            _beside(there, after, here),
            (float(there[0]), float(there[1])),
        )


def _beside(point: Point, back: Point, ahead: Point) -> tuple[float, float]:
    """A control point: a sixth of the way between the neighbours, in whole tenths of a unit."""
    return (
        round(point[0] + (ahead[0] - back[0]) / 6, 1),
        round(point[1] + (ahead[1] - back[1]) / 6, 1),
    )


def svg_path(stroke: Sequence[Point]) -> str:
    """A settled stroke as SVG path data."""
    start = f"M{stroke[0][0]} {stroke[0][1]}"
    return start + "".join(
        "C" + " ".join(f"{number:g}" for point in curve for number in point) for curve in curves(stroke)
    )
