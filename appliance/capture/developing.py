"""A picture as taken → a page: found, flattened, turned, cleaned, judged, encoded. Runs in the darkroom."""

from __future__ import annotations

import dataclasses
from typing import Final

import cv2
import numpy as np

from appliance.capture import quality
from appliance.capture.cleaning import Ink, clean, ink
from appliance.capture.encoding import again, dpi_of, encode, pixels_of, seen
from appliance.capture.flattening import Sheet, flatten, whole
from appliance.capture.folding import of_corners
from appliance.capture.geometry import Corners, Pixels
from appliance.capture.jobs import Develop, Developed, Redact, Redacted
from appliance.capture.likeness import SAME_AT_MOST, distance, likeness
from appliance.capture.opening import open_here
from appliance.capture.outline import Finding, find
from appliance.capture.quality import PageFlaw
from appliance.capture.redaction import blacken, reach_of
from appliance.capture.turning import turn, upright

JUDGING_DPI: Final = 100
LIGHT_BORDER: Final = 150
"""A picture whose border is as light as paper all round shows no desk: it is the page itself."""

DOUBTS: Final = {
    Finding.CUT: PageFlaw.CUT,
    Finding.SEVERAL: PageFlaw.SEVERAL,
    Finding.UNSURE: PageFlaw.UNSURE,
}


@dataclasses.dataclass(frozen=True)
class Found:
    """Where the page is in the picture (None: all of it), and what there is to say about that."""

    corners: Corners | None
    flaws: list[PageFlaw]


def develop(job: Develop) -> Developed:
    """See `jobs.Develop`.

    Raises:
        InvalidPicture: no picture that can be opened.
        NoSheet: the clerk's corners make no sheet.
    """
    picture = open_here(job.picture)
    found = Found(job.corners, []) if job.corners else locate(picture)
    small = _sheet(picture, found.corners, job.px_per_mm, JUDGING_DPI)
    clear = clean(small.pixels)
    needed = ink(clear, small.dpi)
    grey = cv2.cvtColor(clear, cv2.COLOR_BGR2GRAY)
    degrees = _degrees(job, grey, small.dpi)
    page, sheet = _final(picture, found.corners, job.px_per_mm, needed)
    turned = turn(page, degrees)
    mine = likeness(turned)
    if PageFlaw.NOT_FOUND in found.flaws:
        flaws = [*found.flaws, *quality.of_nothing(small.pixels)]
    else:
        flaws = [
            *found.flaws,
            *quality.of_light(small.pixels, small.dpi),
            *_folded(picture, found.corners, small),
            *quality.of_fingers(small.pixels, small.dpi),
            *quality.of_content(grey, small.pixels, small.dpi),
            *_sharp(turned, sheet),
        ]
        again = any(distance(mine, other) <= SAME_AT_MOST for other in job.earlier)
        if again and PageFlaw.BLURRED not in flaws:  # blurred pages are all alike
            flaws.append(PageFlaw.SAME_PAGE)
    lying = degrees in {90, 270}
    width_mm, height_mm = (sheet.height_mm, sheet.width_mm) if lying else (sheet.width_mm, sheet.height_mm)
    leaf = encode(turned, needed, width_mm, height_mm)
    remarks = quality.in_order(flaws)
    return Developed(
        leaf=leaf,
        seen=seen(turned),
        corners=found.corners,
        degrees=degrees,
        remarks=tuple(flaw.value for flaw in remarks),
        grave=tuple(flaw.value for flaw in remarks if flaw in quality.GRAVE),
        likeness=mine,
    )


def redact_leaf(job: Redact) -> Redacted:
    """See `jobs.Redact`."""
    black = blacken(pixels_of(job.leaf), job.boxes, grid_px=reach_of(job.leaf.encoding))
    return Redacted(leaf=again(job.leaf, black), seen=seen(black))


def locate(picture: Pixels) -> Found:
    """The sheet in a picture nobody has looked at."""
    outline = find(picture)
    if outline.finding is Finding.SURE:
        return Found(outline.corners, [])
    if _is_page_itself(picture):
        return Found(None, [])
    if outline.corners is None:
        return Found(None, [PageFlaw.NOT_FOUND])
    return Found(outline.corners, [DOUBTS[outline.finding]])


def _is_page_itself(picture: Pixels) -> bool:
    """A scan or a finished page: light all round, and of one tone there."""
    grey = cv2.cvtColor(cv2.resize(picture, (200, 200), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    border = np.concatenate([grey[:4].ravel(), grey[-4:].ravel(), grey[:, :4].ravel(), grey[:, -4:].ravel()])
    paper = float(np.percentile(grey, 90))
    return bool(np.percentile(border, 5) > LIGHT_BORDER and abs(float(np.median(border)) - paper) < 12)


def _sheet(picture: Pixels, corners: Corners | None, px_per_mm: float | None, dpi: float) -> Sheet:
    if corners is None:
        return whole(picture, best_dpi=dpi)
    return flatten(picture, corners, px_per_mm=px_per_mm, best_dpi=dpi)


def _folded(picture: Pixels, corners: Corners | None, sheet: Sheet) -> list[PageFlaw]:
    return of_corners(picture, corners, sheet.width_mm, sheet.height_mm) if corners else []


def _final(
    picture: Pixels, corners: Corners | None, px_per_mm: float | None, needed: Ink
) -> tuple[Pixels, Sheet]:
    """The page at the resolution and in the tones it is kept in."""
    source = picture if needed is Ink.COLOUR else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    sheet = _sheet(source, corners, px_per_mm, dpi_of(needed))
    return clean(sheet.pixels), sheet


def _degrees(job: Develop, grey: Pixels, dpi: float) -> int:
    if job.degrees is not None:
        return job.degrees
    found = upright(grey, dpi)
    return found.degrees if found.sure else 0


def _sharp(page: Pixels, sheet: Sheet) -> list[PageFlaw]:
    grey = page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    scale = quality.SHARPNESS_DPI / sheet.dpi
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return quality.of_sharpness(grey)
