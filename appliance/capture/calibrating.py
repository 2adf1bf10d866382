"""How many pixels of a full picture make a millimetre on the desk: from a paper of known size laid under the camera."""

from __future__ import annotations

import math
from typing import Final

from appliance.capture.flattening import SIZES_MM, SheetKind
from appliance.capture.geometry import Pixels, to_pixels
from appliance.capture.jobs import Measure, Measured
from appliance.capture.opening import open_here
from appliance.capture.outline import Finding, find
from contracts.errors import PueError, WhoCanAct

UNEVEN: Final = 0.04
"""How far the scales of two sides may lie apart: more is another paper, or a camera that does not look straight down."""


class NotMeasured(PueError, ValueError):
    """The paper was not found, or is not of the size that was said."""

    code = "capture.not_measured"
    who = WhoCanAct.TECHNICIAN


def measure(job: Measure) -> Measured:
    """See `jobs.Measure`.

    Raises:
        InvalidPicture: no picture that can be opened.
        NotMeasured: the paper was not found for sure, or is not of that size.
    """
    return Measured(px_per_mm=px_per_mm(open_here(job.picture), SheetKind(job.kind)))


def px_per_mm(picture: Pixels, kind: SheetKind) -> float:
    """The scale of the desk's surface.

    Args:
        picture: as taken, at its full size.
        kind: of the paper that lies there; one of `SIZES_MM`.

    Raises:
        NotMeasured: it was not found for sure, or is not of that size.
    """
    outline = find(picture)
    if outline.finding is not Finding.SURE or outline.corners is None:
        raise NotMeasured("lay one paper alone on the dark mat", finding=outline.finding.value)
    quad = to_pixels(outline.corners, picture.shape[1], picture.shape[0])
    sides = [math.dist(quad[at], quad[(at + 1) % 4]) for at in range(4)]
    scales = [side / mm for side, mm in zip(sorted(sides), _sides_mm(kind), strict=True)]
    if max(scales) / min(scales) - 1 > UNEVEN:
        raise NotMeasured(
            "this is another paper, or the camera does not look straight down",
            least=round(min(scales), 2),
            most=round(max(scales), 2),
        )
    return sum(scales) / len(scales)


def _sides_mm(kind: SheetKind) -> list[float]:
    short, long = SIZES_MM[kind]
    return [short, short, long, long]
