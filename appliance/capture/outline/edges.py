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
Places = npt.NDArray[np.int32]
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
        strength: of the strongest change among the three channels, per pixel; colour counts one and a half times,
            because paper and desk often differ more in colour than in brightness and L*a*b* gives it half the numbers.
        across, down: that change's two parts.
        least: a change this strong counts fully.
    """

    lab: Pixels
    calm: Pixels
    strength: Numbers
    across: Numbers
    down: Numbers
    least: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.strength.shape[1], self.strength.shape[0]

    def along(self, x: Places, y: Places, normal_x: Floats, normal_y: Floats) -> tuple[Floats, Floats]:
        """How strong the change is at places, and how squarely it crosses a line with that normal (0 to 1)."""
        strength = self.strength[y, x].astype(np.float32)
        crossing = np.abs(self.across[y, x] * normal_x + self.down[y, x] * normal_y)
        return strength, crossing / np.maximum(strength, 1)


def edges_of(frame: Pixels) -> Edges:
    """The changes of a colour or grey frame."""
    colour = frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
    lab = cv2.GaussianBlur(cv2.cvtColor(colour, cv2.COLOR_BGR2LAB), (5, 5), 0)
    strength, across, down = _change(lab, 0)
    for channel in (1, 2):
        theirs, x, y = _change(lab, channel)
        more = (theirs > strength).view(np.uint8)
        for whole, part in ((strength, theirs), (across, x), (down, y)):
            cv2.copyTo(part, more, whole)
    some = strength[1::_EVERY, 1::_EVERY]
    noise = float(np.median(some)) + 1e-3
    least = max(_NOISE_TIMES * noise, float(np.percentile(some, 90)) * _STRONG_SHARE)
    return Edges(lab, cv2.blur(lab, (5, 5)), strength, across, down, least)


def _change(lab: Pixels, channel: int) -> tuple[Numbers, Numbers, Numbers]:
    """Strength and parts of the change in one channel (Scharr); the root is taken by Robertson's estimate, within 4 %."""
    plane = cv2.extractChannel(lab, channel)
    x, y = cv2.Scharr(plane, cv2.CV_16S, 1, 0), cv2.Scharr(plane, cv2.CV_16S, 0, 1)
    if channel:
        x, y = x + (x >> 1), y + (y >> 1)
    wide, high = np.abs(x), np.abs(y)
    large, small = cv2.max(wide, high), cv2.min(wide, high)
    strength = cv2.max(large, large - (large >> 3) + (small >> 1))
    return np.asarray(strength, np.int16), np.asarray(x, np.int16), np.asarray(y, np.int16)
