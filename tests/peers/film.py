"""Moving pictures in a file, which play a USB camera: each frame a JPEG, as such a camera sends them."""

from __future__ import annotations

import cv2
import numpy as np


def film(path, frames):
    """Write the frames (Pillow images of one size) to `path` (.avi)."""
    made = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, frames[0].size)
    assert made.isOpened()
    for frame in frames:
        made.write(np.asarray(frame.convert("RGB"))[..., ::-1])
    made.release()
    return path
