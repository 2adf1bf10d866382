"""A camera tried out for a technician: does it run, how fast, and is what it sees sharp and well lit."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Final

import msgspec
from PIL import Image

from appliance.capture.jobs import Develop, Developed
from appliance.devices.camera.port import CameraFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.capture.darkroom import Darkroom
    from appliance.devices.camera.port import Camera

SHEETLESS: Final = frozenset({"not_found", "blank", "back"})
"""Without a printed sheet nothing can be said about sharpness."""
BAD: Final = frozenset({"blurred", "too_dark", "glare"})
"""What a technician must put right: it would spoil every page."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        live_px, still_px: width and height.
        frames_per_s: live pictures, one asked for after the other.
        first_s, still_s: from asking to having it.
        remarks: the darkroom's, gravest first (`appliance.capture.quality.PageFlaw`).
        facts: what the driver says of itself.
    """

    driver: str
    live_px: tuple[int, int]
    frames_per_s: float
    first_s: float
    still_px: tuple[int, int]
    still_bytes: int
    still_s: float
    remarks: tuple[str, ...]
    facts: dict[str, str] = {}

    @property
    def sharpness(self) -> str:
        """sharp, soft, blurred, or unknown."""
        if SHEETLESS & set(self.remarks):
            return "unknown"
        return next((word for word in ("blurred", "soft") if word in self.remarks), "sharp")

    @property
    def light(self) -> str:
        """good, too_dark or glare."""
        return next((word for word in ("too_dark", "glare") if word in self.remarks), "good")

    @property
    def good(self) -> bool:
        """Whether citizens can be served with it."""
        return not BAD & set(self.remarks)


def try_out(
    camera: Camera,
    darkroom: Darkroom,
    *,
    seconds: float,
    px_per_mm: float | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[Trial, bytes]:
    """Look for some seconds, take one picture, have it judged.

    Args:
        camera: open.
        darkroom: opens the picture; this process does not.
        seconds: of live pictures.
        px_per_mm: of a full picture on the desk, where it is known.

    Returns:
        What was found, and the picture.

    Raises:
        CameraError: no picture came.
        RemoteProblem, DarkroomFailed: it cannot be judged.
    """
    began_s = monotonic()
    live = camera.preview()
    first_s = monotonic() - began_s
    count, looking_s = 0, monotonic()
    while (passed_s := monotonic() - looking_s) < seconds or not count:
        camera.preview()
        count += 1
    began_s = monotonic()
    with camera.hold("scan"):
        still = camera.still()
    still_s = monotonic() - began_s
    state = camera.state()
    seen = darkroom.ask(Develop(picture=still, degrees=0, px_per_mm=px_per_mm), Developed)
    trial = Trial(
        driver=state.driver,
        live_px=_size(live),
        frames_per_s=round(count / passed_s, 1),
        first_s=round(first_s, 2),
        still_px=_size(still),
        still_bytes=len(still),
        still_s=round(still_s, 2),
        remarks=seen.remarks,
        facts={name: str(value) for name, value in state.facts.items()},
    )
    return trial, still


def _size(picture: bytes) -> tuple[int, int]:
    """From its head; the picture itself is not opened."""
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as head:
            return head.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise CameraFault("what the camera gave is no picture") from error
