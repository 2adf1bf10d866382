"""A small picture as the finder looks at it: where brightness or colour changes, how strongly, in which direction."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import Pixels

Floats = npt.NDArray[Any]
"""Of 32 or 64 bits: what is a number of pixels or a share."""
Numbers = npt.NDArray[np.int16]
_STRONG_SHARE: Final = 0.25
_NOISE_TIMES: Final = 4.0
_EVERY: Final = 3
"""Noise is the same everywhere: a ninth of the pixels tells it."""


@dataclasses.dataclass(frozen=True)
class Edges:
    """What candidates are drawn from and judged by.

    Attributes:
        lab: the picture in L*a*b*, a little smoothed.
        calm: the same, smoothed more: what lies to the left and right of an edge.
        change: height × width × 3: how strong the strongest change among the three channels is, and that change's part
            across and down; colour counts one and a half times, because paper and desk often differ more in colour than
            in brightness and L*a*b* gives it half the numbers.
        least: a change this strong counts fully.
    """

    lab: Pixels
    calm: Pixels
    change: Numbers
    least: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.change.shape[1], self.change.shape[0]

    def change_at(self, x: Floats, y: Floats) -> Numbers:
        """`change` at the pixels nearest to points, whose parts are given apart; nothing outside the picture."""
        across, down = (np.ascontiguousarray(part, np.float32).reshape(-1, x.shape[-1]) for part in (x, y))
        seen = cv2.remap(self.change, across, down, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(seen, np.int16).reshape(*x.shape, 3)

    def calm_at(self, points: Floats) -> Pixels:
        """`calm` at the pixels nearest to points (… × (x, y)); the border's outside the picture."""
        rows = np.ascontiguousarray(points, np.float32).reshape(-1, points.shape[-2], 2)
        seen = cv2.remap(self.calm, rows, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen, np.uint8).reshape(*points.shape[:-1], 3)

    def inside(self, points: Floats) -> npt.NDArray[np.bool_]:
        """Which points lie in the picture."""
        wide, high = self.size
        x, y = points[..., 0], points[..., 1]
        return np.asarray((x >= -0.5) & (x <= wide - 0.5) & (y >= -0.5) & (y <= high - 0.5))

    def support(self, points: Floats, normal: Floats, reach_px: int, square: float) -> Floats:
        """Where a change of a line's own direction lies under its points, or up to `reach_px` beside them: 0 to 1 each.

        Args:
            points: … × (x, y).
            normal: of the line, to be broadcast over the points.
            reach_px: to both sides.
            square: how squarely a change must cross, 1 being exactly.
        """
        best = np.zeros(points.shape[:-1], np.float32)
        across, down = np.float32(normal[..., 0]), np.float32(normal[..., 1])
        x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])
        for off in range(-reach_px, reach_px + 1):
            change = self.change_at(x + normal[..., 0] * off, y + normal[..., 1] * off)
            strength = change[..., 0].astype(np.float32)
            crossing = np.abs(change[..., 1] * across + change[..., 2] * down)
            squarely = crossing > square * np.maximum(strength, 1)
            np.maximum(best, strength, out=best, where=squarely)
        return np.asarray(np.minimum(best / self.least, 1), np.float32)


def edges_of(frame: Pixels) -> Edges:
    """The changes of a colour or grey frame."""
    colour = frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
    lab = cv2.GaussianBlur(cv2.cvtColor(colour, cv2.COLOR_BGR2LAB), (5, 5), 0)
    # one piece of memory: many small ones are given back to the system and fetched again, which costs more than the sums
    whole = np.empty((8, *lab.shape[:2]), np.int16)
    best, other, spare = whole[:3], whole[3:6], whole[6:]
    light, *colours = cv2.split(lab)
    _change(light, best, spare)
    for plane in colours:
        _change(plane, other, spare, colour=True)
        more = cv2.compare(other[0], best[0], cv2.CMP_GT)
        for mine, theirs in zip(best, other, strict=True):
            cv2.copyTo(theirs, more, mine)
    some = np.sort(best[0, 1::_EVERY, 1::_EVERY], axis=None)
    noise, strong = float(some[len(some) // 2]) + 1e-3, float(some[len(some) * 9 // 10])
    least = max(_NOISE_TIMES * noise, strong * _STRONG_SHARE)
    return Edges(lab, cv2.blur(lab, (5, 5)), np.asarray(cv2.merge(list(best)), np.int16), least)


def _change(plane: Pixels, into: Numbers, spare: Numbers, *, colour: bool = False) -> None:
    """Strength and parts of the change in one channel (Scharr); the root is taken by Robertson's estimate, within 4 %."""
    (strength, x, y), (large, small) = into, spare
    for part, (across, down) in ((x, (1, 0)), (y, (0, 1))):
        cv2.Scharr(plane, cv2.CV_16S, across, down, dst=part)
        if colour:
            np.right_shift(part, 1, out=large)
            np.add(part, large, out=part)
    np.abs(x, out=strength)
    np.abs(y, out=small)
    cv2.max(strength, small, dst=large)
    cv2.min(strength, small, dst=small)
    np.right_shift(large, 3, out=strength)
    np.subtract(large, strength, out=strength)
    small >>= 1
    strength += small
    cv2.max(strength, large, dst=strength)
