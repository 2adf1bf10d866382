"""What is blackened is gone: from the picture before it is encoded, and from the words under it."""

from __future__ import annotations

import math

import numpy as np

from appliance.capture.geometry import Pixels
from appliance.capture.jobs import Box
from appliance.capture.leaf import Word


def blacken(page: Pixels, boxes: tuple[Box, ...]) -> Pixels:
    """The page with the boxes filled black; rounded outwards, so that never less is covered than was asked.

    Args:
        page: grey or in colour.
        boxes: left, top, right, bottom as fractions.
    """
    high, wide = page.shape[:2]
    black = np.array(page, copy=True)
    for left, top, right, bottom in boxes:
        black[
            max(0, math.floor(top * high)) : min(high, math.ceil(bottom * high)),
            max(0, math.floor(left * wide)) : min(wide, math.ceil(right * wide)),
        ] = 0
    return black


def words_left(words: tuple[Word, ...], boxes: tuple[Box, ...]) -> tuple[Word, ...]:
    """Only words no box touches."""
    return tuple(word for word in words if not any(_touch(word, box) for box in boxes))


def _touch(word: Word, box: Box) -> bool:
    left, top, right, bottom = box
    return word.left < right and left < word.right and word.top < bottom and top < word.bottom
