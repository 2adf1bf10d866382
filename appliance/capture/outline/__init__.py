"""Where the sheet lies in a picture of the desk, or an honest "not sure"."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

import cv2
import numpy as np

from appliance.capture.geometry import Corners, Pixels, Quad, diagonal, to_fractions, to_pixels
from appliance.capture.outline.candidates import leaving_quad, region_quads
from appliance.capture.outline.company import accompanied, rivals
from appliance.capture.outline.edges import Edges, Floats, edges_of
from appliance.capture.outline.growing import farther_quads
from appliance.capture.outline.judging import NAMES, WEIGHTS, features, plausible
from appliance.capture.outline.lines import line_quads
from appliance.capture.outline.refining import refit, refit_all

WORK_LONG_SIDE_PX: Final = 640
LEAST_SIDE_PX: Final = 32
CUT_MARGIN_PX: Final = 3
"""A corner this near to the border of the working picture has left the camera's sight."""


class Finding(enum.StrEnum):
    """What can be said about the sheet."""

    SURE = "sure"
    UNSURE = "unsure"
    """There seems to be one, but it may be something else: ask, never assume."""
    SEVERAL = "several"
    """Another paper lies beside it, or shows from under it."""
    CUT = "cut"
    """A corner lies outside the picture."""
    NONE = "none"


@dataclasses.dataclass(frozen=True)
class Outline:
    """Attributes: `corners` as fractions of the picture (None only with `Finding.NONE`); `confidence` from 0 to 1."""

    finding: Finding
    confidence: float = 0.0
    corners: Corners | None = None


CONVINCING: Final = 3.72
"""A region scored so, wholly in the picture, is the sheet; lines are looked for only otherwise."""
SURE: Final = 3.6
AHEAD: Final = 0.12
"""A sure sheet is this far ahead of every candidate that lies elsewhere."""
WITHOUT_DOUBT: Final = 4.1
"""A sheet scored so keeps its own corners though one lies at the border: a box around all that is light knows less."""
SEEN: Final = 2.7
GROWTHS: Final = 2
"""Sides of the best candidate that may be moved farther out, one after the other."""
SAME_PX: Final = 1.5
"""Candidates nearer to each other than this are moved onto the same edges: one of them is judged."""
ELSEWHERE: Final = 0.06
"""Two candidates are different sheets when a corner lies this share of the diagonal apart."""


def find(picture: Pixels) -> Outline:
    """The sheet in a colour (or grey) picture of any size; it is looked at 640 pixels wide.

    Args:
        picture: height × width × 3 (BGR) or height × width.
    """
    high, wide = picture.shape[:2]
    if min(high, wide) < LEAST_SIDE_PX:
        return Outline(Finding.NONE)
    scale = min(1.0, WORK_LONG_SIDE_PX / max(high, wide))
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    small = picture if scale == 1.0 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    edges = edges_of(small)
    chosen = choose(edges)
    if chosen is None or chosen.score < SEEN:
        leaving = leaving_quad(edges, chosen.quad if chosen else None)
        return Outline(Finding.NONE) if leaving is None else _cut(leaving, edges)
    finding = _finding(chosen, edges)
    known = finding is Finding.SURE or (finding is Finding.CUT and chosen.score >= WITHOUT_DOUBT)
    if not known and not chosen.rivalled:
        leaving = leaving_quad(edges, chosen.quad)
        if leaving is not None:
            return _cut(leaving, edges)
    if chosen.rivalled or (finding is not Finding.CUT and accompanied(edges, chosen.quad)):
        finding = Finding.SEVERAL
    return Outline(finding, _confidence(chosen), to_fractions(chosen.quad, *edges.size))


def _cut(quad: Quad, edges: Edges) -> Outline:
    return Outline(Finding.CUT, 0.0, to_fractions(quad, *edges.size))


def track(picture: Pixels, corners: Corners) -> Corners:
    """The same sheet in the next picture, if it has hardly moved."""
    edges = edges_of(picture)
    return to_fractions(refit(edges, to_pixels(corners, *edges.size)), *edges.size)


@dataclasses.dataclass(frozen=True)
class Chosen:
    """The best candidate.

    Attributes:
        ahead: how far its score is from that of the best one elsewhere.
        rivalled: another one, wholly beside it, is as clearly a sheet, if perhaps a smaller one.
    """

    quad: Quad
    score: float
    ahead: float
    rivalled: bool


def choose(edges: Edges) -> Chosen | None:
    """The best of all candidates; lines are looked for only where regions do not convince."""
    regions = region_quads(edges)
    closed, seen = _judged(regions, edges)
    quads, scores = closed, seen @ WEIGHTS
    if not _convinces(quads, scores, edges):
        more, theirs = _judged(line_quads(edges, regions), edges)
        quads, scores = np.concatenate([quads, more]), np.concatenate([scores, theirs @ WEIGHTS])
        quads, scores = _grown(quads, scores, edges)
    if not len(scores):
        return None
    best = int(scores.argmax())
    apart = np.abs(quads - quads[best]).max((1, 2)) > ELSEWHERE * diagonal(quads[best])
    ahead = float(scores[best] - scores[apart].max()) if apart.any() else float("inf")
    rivalled = rivals(quads[best], closed, seen)
    # once more from nearby: what was drawn at half the size begins a pixel or two aside
    return Chosen(refit(edges, quads[best]), float(scores[best]), ahead, rivalled)


def _convinces(quads: Floats, scores: Floats, edges: Edges) -> bool:
    """Where the best region reaches the border it may be the sheet and a box beside it."""
    if not len(scores) or scores.max() < CONVINCING:
        return False
    return not _at_border(quads[int(scores.argmax())], edges)


def _at_border(quad: Quad, edges: Edges) -> bool:
    low, far = quad.min(0), quad.max(0)
    return bool(low.min() < CUT_MARGIN_PX or (far > np.array(edges.size) - 1 - CUT_MARGIN_PX).any())


def _grown(quads: Floats, scores: Floats, edges: Edges) -> tuple[Floats, Floats]:
    """With those that reach farther than the best, as long as one of them is better."""
    for _ in range(GROWTHS if len(scores) else 0):
        far, seen = _judged(farther_quads(edges, quads[int(scores.argmax())]), edges)
        better = len(far) > 0 and float((seen @ WEIGHTS).max()) > float(scores.max())
        quads, scores = np.concatenate([quads, far]), np.concatenate([scores, seen @ WEIGHTS])
        if not better:
            break
    return quads, scores


def _judged(found: list[Quad], edges: Edges) -> tuple[np.ndarray, np.ndarray]:
    """Candidates moved onto their edges, and what is known of each."""
    quads = np.stack(found) if found else np.empty((0, 4, 2), np.float32)
    quads = refit_all(edges, _distinct(quads[plausible(quads, edges)]))
    return quads, features(quads, edges) if len(quads) else np.empty((0, len(NAMES)), np.float32)


def _distinct(quads: Floats) -> Floats:
    """Without those that an earlier one will be moved onto the same edges as."""
    apart = np.abs(quads[:, None] - quads[None, :]).max((2, 3))
    return quads[~np.tril(apart < SAME_PX, -1).any(1)]


def _finding(chosen: Chosen, edges: Edges) -> Finding:
    if _at_border(chosen.quad, edges):
        return Finding.CUT
    return Finding.SURE if chosen.score >= SURE and chosen.ahead >= AHEAD else Finding.UNSURE


def _confidence(chosen: Chosen) -> float:
    return float(1 / (1 + np.exp(-8 * (chosen.score - SURE))))
