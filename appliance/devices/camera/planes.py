"""A frame as libcamera gives it → JPEG, without a detour over red, green and blue: a JPEG is made of the same three planes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import simplejpeg

from appliance.devices.camera.port import CameraFault

Plane = np.ndarray[Any, np.dtype[np.uint8]]
LAYOUTS: Final = ("YUV420", "NV12")
LEAST_STILL_QUALITY: Final = 90
"""Below it a picture is looked at once, and may be made by the quicker arithmetic."""


class Planes(NamedTuple):
    """Brightness, and colour at half its size each way (BT.601, full range)."""

    bright: Plane
    blue: Plane
    red: Plane


def planes_of(frame: Plane, layout: str, width: int, height: int) -> Planes:
    """The planes of a frame; they share its memory.

    Args:
        frame: 3/2·height rows, brightness first. YUV420: rows of `stride` bytes, then both colours with half the stride,
            two of their rows in a row. NV12: rows of `width` bytes, the colours side by side.
        layout: one of `LAYOUTS`.
        width: even, of the picture; at most the stride, which hardware pads.
        height: even, of the picture.

    Raises:
        CameraFault: another layout.
    """
    if layout not in LAYOUTS:
        raise CameraFault("the camera gives pictures of a kind unknown here", layout=layout)
    bright, rest = frame[:height, :width], frame[height:]
    if layout == "NV12":
        pairs = rest.reshape(height // 2, width // 2, 2)
        return Planes(bright, pairs[..., 0], pairs[..., 1])
    colours = np.ascontiguousarray(rest).reshape(2, height // 2, frame.shape[1] // 2)[..., : width // 2]
    return Planes(bright, colours[0], colours[1])


def jpeg_of(planes: Planes, quality: int, turn_deg: int = 0) -> bytes:
    """A JPEG, turned clockwise by a multiple of 90°."""
    turned = (np.ascontiguousarray(np.rot90(plane, -turn_deg // 90)) for plane in planes)
    live = quality < LEAST_STILL_QUALITY
    return bytes(simplejpeg.encode_jpeg_yuv_planes(*turned, quality=quality, fastdct=live))
