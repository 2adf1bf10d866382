"""A signature on the screen as lines: the same path gives the same bytes whoever's pace it was drawn at."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk import pen
from contracts.desk_api.clerk import MAX_PEN_POINTS, MAX_STROKES, PEN_HEIGHT, PEN_STEP, PEN_WIDTH

PACE = 8
"""Whole units between two corners that a slow hand may report one by one."""
corners = st.tuples(
    st.integers(0, PEN_WIDTH // PACE).map(lambda x: x * PACE),
    st.integers(0, PEN_HEIGHT // PACE).map(lambda y: y * PACE),
)
paths = st.lists(st.lists(corners, min_size=1, max_size=12), min_size=1, max_size=4).filter(
    lambda strokes: sum(math.dist(*two) for stroke in strokes for two in itertools.pairwise(stroke)) > 300
)


@st.composite
def signed_at_some_pace(draw, strokes):
    """The same path as a hand reports it: places it was at, some of them again and again."""
    signed = []
    for stroke in strokes:
        reported = [stroke[0]]
        for one, other in itertools.pairwise(stroke):
            steps = sorted(draw(st.sets(st.integers(1, PACE - 1))))
            dx, dy = (other[0] - one[0]) // PACE, (other[1] - one[1]) // PACE
            reported += [(one[0] + dx * at, one[1] + dy * at) for at in steps]
            reported.append(other)
        signed.append([point for point in reported for _ in range(draw(st.integers(1, 3)))])
    return signed


def stored(strokes):
    """The bytes that are kept."""
    return msgspec.json.encode(pen.settle(strokes))


@given(st.data())
def test_the_same_path_at_two_paces_gives_the_same_bytes(data):
    strokes = data.draw(paths)
    one, other = (data.draw(signed_at_some_pace(strokes)) for _ in range(2))
    assert stored(one) == stored(other) == stored(strokes)


@pytest.mark.parametrize("seen_at", range(1, 241))
def test_a_place_reported_on_a_straight_stretch_moves_no_point(seen_at):
    """Half units are where sums of floats in another order would be rounded the other way."""
    assert stored([[(0, 9), (seen_at, 9), (241, 9)]]) == stored([[(0, 9), (241, 9)]])


@given(paths)
def test_points_are_equally_far_apart_along_the_line(strokes):
    for stroke, settled in zip(strokes, pen.settle(strokes), strict=True):
        assert (settled[0], settled[-1]) == (tuple(stroke[0]), tuple(stroke[-1]))
        for one, other in itertools.pairwise(settled):
            assert math.dist(one, other) <= 1.5 * PEN_STEP + 2


def wave(pace):
    """A loop-like line, sampled by a hand that is fast where `pace` is small."""
    at, points = 0.0, []
    while at < 1:
        points.append((round(200 + 1500 * at), round(400 + 250 * math.sin(at * 12))))
        at += pace(at)
    return points


def test_a_hand_that_hurries_and_one_that_lingers_cannot_be_told_apart_by_the_distances():
    """What differs is less than the width of the line."""
    hurried = pen.settle([wave(lambda at: 0.004 if at < 0.5 else 0.0007)])[0]
    lingering = pen.settle([wave(lambda at: 0.0009 if at < 0.5 else 0.004)])[0]
    for one in hurried:
        assert min(math.dist(one, other) for other in lingering) <= PEN_STEP
    for line in (hurried, lingering):
        gaps = [math.dist(*two) for two in itertools.pairwise(line)]
        assert max(gaps) - min(gaps) <= 3


@pytest.mark.parametrize(
    "strokes",
    [[], [[]], [[(5, 5)]], [[(5, 5)] * 900], [[(0, 0), (100, 0)], [(0, 50), (100, 50)]]],
)
def test_hardly_any_line_is_no_signature(strokes):
    with pytest.raises(pen.SignatureTiny):
        pen.settle(strokes)


ACROSS = [(0, 0), (PEN_WIDTH, 0)]


@pytest.mark.parametrize(
    "strokes",
    [
        [ACROSS] * (MAX_STROKES + 1),
        [ACROSS * (MAX_PEN_POINTS // 2) + [(0, 0)]],
        [ACROSS * 20],
        [[(0, 0), (PEN_WIDTH + 1, 0)]],
        [[(0, -1), (PEN_WIDTH, 0)]],
        [[(0, 0), (PEN_WIDTH, PEN_HEIGHT + 1)]],
    ],
)
def test_more_than_a_signature_is_refused(strokes):
    with pytest.raises(pen.SignatureTooLong):
        pen.settle(strokes)


def test_a_dot_and_a_stroke_there_and_back_are_kept():
    settled = pen.settle([[(700, 100), (700, 100)], [(0, 0), (300, 0), (0, 0)]])
    assert settled[0] == [(700, 100)]
    assert len(settled[1]) == 61
    assert max(x for x, _ in settled[1]) == 300
    assert pen.svg_path(settled[0]) == "M700 100C700 100 700 100 700 100"


@given(paths)
def test_the_curve_goes_through_every_point(strokes):
    for stroke in pen.settle(strokes):
        ends = [end for _, _, end in pen.curves(stroke)]
        assert ends == ([*stroke[1:]] or [stroke[0]])
