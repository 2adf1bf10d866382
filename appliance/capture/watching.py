"""When to photograph: the sheet is there, whole, alone and still, and was not photographed yet. Pure; fed frame by frame."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

import cv2
import numpy as np

from appliance.capture.flattening import like_a_card
from appliance.capture.geometry import Corners, Pixels
from appliance.capture.likeness import distance, likeness
from appliance.capture.outline import Finding, Outline

SMALL: Final = (160, 90)
STILL_STEP: Final = 1.6
"""Mean change of brightness between two looks, of 255; a sensor at rest changes by less than one."""
STEADY_LOOKS: Final = 6
SAME_PLACE: Final = 0.006
"""Corners of a still sheet stay within this share of the picture."""
DARK: Final = 45
SHARP_LEAST: Final = 24.0
"""Mean of the strongest gradients on the sheet in the small picture: below it the camera is still focusing."""
OTHER_SHEET: Final = 0.25
"""A sheet whose likeness is farther than this from the photographed one is another one."""
GONE_LOOKS: Final = 3


class Hint(enum.StrEnum):
    """The one thing that helps now."""

    SHEET_MISSING = "sheet_missing"
    SHEET_CUT = "sheet_cut"
    SHEET_CUT_LEFT = "sheet_cut_left"
    SHEET_CUT_RIGHT = "sheet_cut_right"
    SHEET_CUT_TOP = "sheet_cut_top"
    SHEET_CUT_BOTTOM = "sheet_cut_bottom"
    SEVERAL = "several"
    FINGER = "finger"
    GLARE = "glare"
    UNSURE = "unsure"
    TOO_DARK = "too_dark"
    MOVING = "moving"
    BLURRED = "blurred"
    HOLD_STILL = "hold_still"
    READY = "ready"
    NEXT_SHEET = "next_sheet"
    TURN_OVER = "turn_over"
    """One side of a card was photographed."""


HOLDS_S: Final = 1.0
AT_ONCE: Final = frozenset({Hint.READY})
"""Said in the moment it happens."""


@dataclasses.dataclass(frozen=True)
class Moment:
    """Attributes: `hint`; `steady` from 0 to 1; `shoot` once for each sheet."""

    hint: Hint
    steady: float = 0.0
    shoot: bool = False


class Watcher:
    """Remembers the looks before this one."""

    def __init__(self) -> None:
        self._before: Pixels | None = None
        self._corners: Corners | None = None
        self._steady = 0
        self._shot: bytes | None = None
        self._gone = 0
        self._sides = 0

    def see(self, frame: Pixels, outline: Outline, hindered: Hint | None = None) -> Moment:
        """One more look.

        Args:
            frame: grey, any size.
            outline: what was found in it.
            hindered: what lies in the way, see `hindering`.
        """
        small = np.asarray(cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA))
        before, self._before = self._before, small
        moved = before is None or _change(small, before) > STILL_STEP
        trouble = self._trouble(small, outline, hindered)
        if trouble is not None:
            self._steady, self._corners = 0, None
            return Moment(trouble)
        assert outline.corners is not None
        shifted = self._corners is None or _shift(self._corners, outline.corners) > SAME_PLACE
        self._corners = outline.corners
        if moved or shifted:
            self._steady = 0
            return Moment(Hint.MOVING if moved else Hint.HOLD_STILL)
        look = likeness(_crop(frame, outline.corners))
        if self._shot is not None and distance(look, self._shot) < OTHER_SHEET:
            return Moment(Hint.TURN_OVER if self._sides % 2 else Hint.NEXT_SHEET)
        if _sharpness(frame, outline.corners) < SHARP_LEAST:
            self._steady = 0
            return Moment(Hint.BLURRED)
        self._steady += 1
        if self._steady < STEADY_LOOKS:
            return Moment(Hint.HOLD_STILL, self._steady / STEADY_LOOKS)
        self._shot, self._steady = look, 0
        high, wide = frame.shape[:2]
        self._sides = self._sides + 1 if like_a_card(outline.corners, wide, high) else 0
        return Moment(Hint.READY, 1.0, shoot=True)

    def _trouble(self, small: Pixels, outline: Outline, hindered: Hint | None) -> Hint | None:
        """What speaks against any photograph; a sheet that is gone for a while may come back and is a new one then."""
        if outline.finding is Finding.NONE or outline.corners is None:
            self._gone += 1
            if self._gone >= GONE_LOOKS:
                self._shot = None
            return Hint.TOO_DARK if float(np.percentile(small, 95)) < DARK else Hint.SHEET_MISSING
        self._gone = 0
        if outline.finding is Finding.CUT:
            return _cut(outline.corners)
        if outline.finding is Finding.SEVERAL:
            return Hint.SEVERAL
        return hindered or (Hint.UNSURE if outline.finding is Finding.UNSURE else None)


class Calm:
    """Keeps a hint long enough to be read: pictures come ten times as fast as sentences."""

    def __init__(self) -> None:
        self._hint: Hint | None = None
        self._since_s = 0.0

    def told(self, hint: Hint, at_s: float) -> Hint:
        """The hint to show now.

        Args:
            hint: what would help in this picture.
            at_s: when it was taken, on any clock that only goes forward.
        """
        young = 0 <= at_s - self._since_s < HOLDS_S
        if self._hint is not None and young and hint not in AT_ONCE:
            return self._hint
        if hint is not self._hint:
            self._hint, self._since_s = hint, at_s
        return hint


def _cut(corners: Corners) -> Hint:
    """Past which border, if past one only."""
    x, y = [corner[0] for corner in corners], [corner[1] for corner in corners]
    past = [
        hint
        for over, hint in (
            (-min(x), Hint.SHEET_CUT_LEFT),
            (max(x) - 1, Hint.SHEET_CUT_RIGHT),
            (-min(y), Hint.SHEET_CUT_TOP),
            (max(y) - 1, Hint.SHEET_CUT_BOTTOM),
        )
        if over > -0.008
    ]
    return past[0] if len(past) == 1 else Hint.SHEET_CUT


def _change(now: Pixels, before: Pixels) -> float:
    """Mean change of brightness, apart from what changed everywhere alike: a lamp, a sensor's breath."""
    apart = now.astype(np.int16) - before
    return float(np.abs(apart - np.median(apart)).mean())


def _shift(before: Corners, now: Corners) -> float:
    return max(max(abs(a - c), abs(b - d)) for (a, b), (c, d) in zip(before, now, strict=True))


def _crop(frame: Pixels, corners: Corners) -> Pixels:
    """The sheet, roughly: likeness needs no more."""
    high, wide = frame.shape[:2]
    quad = np.asarray([(x * wide, y * high) for x, y in corners], np.float32)
    target = np.array([[0, 0], [127, 0], [127, 127], [0, 127]], np.float32)
    return np.asarray(cv2.warpPerspective(frame, cv2.getPerspectiveTransform(quad, target), (128, 128)))


def _sharpness(frame: Pixels, corners: Corners) -> float:
    """Of what is printed on the sheet: the mean of the strongest hundredth of its gradients."""
    high, wide = frame.shape[:2]
    xs, ys = [x * wide for x, _ in corners], [y * high for _, y in corners]
    left, right = max(0, int(min(xs) + 0.1 * (max(xs) - min(xs)))), int(max(xs) - 0.1 * (max(xs) - min(xs)))
    top, bottom = max(0, int(min(ys) + 0.1 * (max(ys) - min(ys)))), int(max(ys) - 0.1 * (max(ys) - min(ys)))
    part = frame[top:bottom, left:right]
    if min(part.shape[:2]) < 8:
        return 0.0
    steep = cv2.magnitude(cv2.Sobel(part, cv2.CV_32F, 1, 0), cv2.Sobel(part, cv2.CV_32F, 0, 1)) / 8
    return float(np.percentile(steep, 99))
