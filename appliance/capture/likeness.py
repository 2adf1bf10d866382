"""Whether two pages are the same page: a fingerprint that survives another light, a small shift, a small turn.

A perceptual hash: the signs of the 256 lowest frequencies against their median.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from appliance.capture.geometry import Pixels

SAME_AT_MOST: Final = 0.14
"""The same sheet photographed again differs in 4 to 6 of 100 bits, another one of the same form in 16 or more."""
_SIDE: Final = 64
_LOW: Final = 16


def likeness(page: Pixels) -> bytes:
    """32 bytes that say what a page looks like, and nothing that could be read."""
    grey = page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(cv2.GaussianBlur(grey, (3, 3), 0), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_LOW, :_LOW].reshape(-1)
    return np.packbits(low > np.median(low)).tobytes()


def distance(one: bytes, other: bytes) -> float:
    """Share of bits that differ, 0 to 1.

    Raises:
        ValueError: they are not both fingerprints.
    """
    if len(one) != len(other) or not one:
        raise ValueError("these are not two fingerprints")
    differing = np.bitwise_xor(np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8))
    return int(np.unpackbits(differing).sum()) / (8 * len(one))
