"""A picture with a document lying in it → the document alone and flat, at the picture's own resolution and without a true size."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from appliance.capture.flattening import straightened
from appliance.capture.geometry import Pixels, to_pixels
from appliance.capture.outline import find


def flat_documents(picture: Pixels, long_side_px: int) -> Iterator[Pixels]:
    """In grey: the document, if one is seen; then the whole picture, where it was held so near that no edge is.

    Args:
        picture: height × width × 3 (BGR), or grey.
        long_side_px: what is larger is made so large.
    """
    high, wide = picture.shape[:2]
    corners = find(picture).corners
    grey = picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    if corners is not None:
        quad = to_pixels(corners, wide, high)
        sides = np.linalg.norm(np.roll(quad, -1, 0) - quad, axis=1)
        across, down = float(sides[[0, 2]].mean()), float(sides[[1, 3]].mean())
        scale = min(1.0, long_side_px / max(across, down))
        yield straightened(grey, quad, (max(1, round(across * scale)), max(1, round(down * scale))))
    scale = min(1.0, long_side_px / max(high, wide))
    if scale == 1:
        yield grey
    else:
        yield np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
