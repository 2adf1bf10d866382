"""Settings of the libcamera driver."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from appliance.devices.camera.lens import FARTHEST, NEAREST

FEWEST_BUFFERS: Final = 2

Pixels = Annotated[int, msgspec.Meta(ge=64, le=10_000, multiple_of=2)]


class Picamera2Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a libcamera camera.

    Attributes:
        number: which camera, as picamera2 counts them.
        width, height: the full picture; by default the IMX708's full resolution.
        preview_width, preview_height: the small stream, not larger than the full one.
        switch_mode: let the camera run at half the size, which is faster, and switch for each picture, which takes up to a second.
        turn_deg: turn pictures so that the clerk sees them upright.
        lens_position: fixed focus in dioptres (1/metres); none: focus once on the desk, then stay so.
        lens_file: where the position found is kept; empty: it is looked for at each start.
        focus_s: the longest search for it.
        ev: correction of the automatic exposure in stops, so that paper is white and not burnt.
        same_light_s: exposure and white balance stay as for the first sheet until so long after the last.
        buffers: frames in flight; each costs about 33 MB of contiguous memory at full resolution.
        frame_s: the longest wait for a frame.
    """

    number: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0
    width: Pixels = 4608
    height: Pixels = 2592
    preview_width: Pixels = 640
    preview_height: Pixels = 360
    switch_mode: bool = False
    turn_deg: Literal[0, 90, 180, 270] = 0
    lens_position: Annotated[float, msgspec.Meta(ge=FARTHEST, le=NEAREST)] | None = None
    lens_file: str = ""
    focus_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0
    ev: Annotated[float, msgspec.Meta(ge=-2, le=2)] = 0.3
    same_light_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 180.0
    buffers: Annotated[int, msgspec.Meta(ge=FEWEST_BUFFERS, le=5)] = 3
    frame_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 3.0
