"""What is blackened is gone: from the picture before it is encoded, and from the words under it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from appliance.capture.geometry import Pixels
from appliance.capture.jobs import Box
from appliance.capture.leaf import Encoding, Word

_AROUND_PX: Final = 2
"""How far a pixel reaches into its neighbours: the filter before a page is black and white, a JPEG's colours when they are spread."""
_JPEG_BLOCK_PX: Final = 16
"""A block of colour in a JPEG; whatever lies in it rings through all of it."""


def reach_of(encoding: Encoding) -> int:
    """The grid on which a place must be blackened so that nothing beside it still depends on what was there."""
    return _JPEG_BLOCK_PX if encoding is Encoding.JPEG else 1


def blacken(page: Pixels, boxes: tuple[Box, ...], *, grid_px: int = 1) -> Pixels:
    """The page with the boxes filled black; rounded outwards, so that never less is covered than was asked.

    Args:
        page: grey or in colour.
        boxes: left, top, right, bottom as fractions.
        grid_px: see `reach_of`; 1 for a page that was never encoded.
    """
    high, wide = page.shape[:2]
    around = _AROUND_PX
    black = np.array(page, copy=True)
    for left, top, right, bottom in boxes:
        black[
            max(0, _down(math.floor(top * high), grid_px) - around) : _up(math.ceil(bottom * high), grid_px)
            + around,
            max(0, _down(math.floor(left * wide), grid_px) - around) : _up(math.ceil(right * wide), grid_px)
            + around,
        ] = 0
    return black


def _down(place: int, grid_px: int) -> int:
    return place // grid_px * grid_px


def _up(place: int, grid_px: int) -> int:
    return -(-place // grid_px) * grid_px


def words_left(words: tuple[Word, ...], boxes: tuple[Box, ...]) -> tuple[Word, ...]:
    """Only words no box touches."""
    return tuple(word for word in words if not any(_touch(word, box) for box in boxes))


def _touch(word: Word, box: Box) -> bool:
    left, top, right, bottom = box
    return word.left < right and left < word.right and word.top < bottom and top < word.bottom
