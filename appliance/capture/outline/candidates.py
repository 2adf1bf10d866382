"""Quadrilaterals that might be the sheet: around regions that edges close or that differ from the rest."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from appliance.capture.geometry import Pixels, Quad, ordered
from appliance.capture.outline.edges import Edges

LEAST_AREA: Final = 0.02
"""Of the frame: a card under a high camera."""
LARGEST_AREA: Final = 0.97
_REGIONS: Final = 3
_CANNY: Final = (20, 45, 80)


def region_quads(edges: Edges) -> list[Quad]:
    """Around regions that edges close, or that differ from the rest in brightness or colour."""
    light = cv2.extractChannel(edges.lab, 0)
    found: list[Quad] = []
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
    for low in _CANNY:
        found += _around(cv2.dilate(cv2.Canny(light, low, low * 2.5), square))
    half = cv2.resize(edges.lab, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    light = cv2.extractChannel(half, 0)
    for plane, inverse in ((light, False), (_colour(half), True), (_evened(light), False)):
        # pixel centres: the middle of a half-size pixel lies between two of the whole
        found += [quad * 2 + 0.5 for quad in _around(_split(plane, inverse=inverse))]
    return found


def _colour(lab: Pixels) -> Pixels:
    """How far from grey."""
    grey = np.full(lab.shape[:2], 128, np.uint8)
    apart = [cv2.absdiff(cv2.extractChannel(lab, channel), grey) for channel in (1, 2)]
    return np.asarray(cv2.max(*apart), np.uint8)


def _evened(light: Pixels) -> Pixels:
    """Brightness without the slow fall of the light: white paper on a white desk under one lamp."""
    return np.asarray(cv2.divide(light, cv2.blur(light, (81, 81)), scale=150), np.uint8)


def _split(plane: Pixels, *, inverse: bool) -> Pixels:
    way = cv2.THRESH_BINARY_INV if inverse else cv2.THRESH_BINARY
    _, mask = cv2.threshold(plane, 0, 255, way | cv2.THRESH_OTSU)
    block = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 5))
    return np.asarray(
        cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, block), cv2.MORPH_OPEN, block), np.uint8
    )


def _around(mask: Pixels) -> list[Quad]:
    """The tightest quadrilateral and rectangle around each of the largest regions."""
    least = LEAST_AREA * mask.size
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found: list[Quad] = []
    for outline in sorted(outlines, key=len, reverse=True)[: 4 * _REGIONS]:
        hull = cv2.convexHull(outline)
        if cv2.contourArea(hull) < least or len(hull) < 4:
            continue
        quad = np.asarray(cv2.approxPolyN(hull, 4) if len(hull) > 4 else hull).reshape(-1, 2)
        if len(quad) == 4:
            found.append(ordered(quad))
        found.append(ordered(cv2.boxPoints(cv2.minAreaRect(hull))))
    return found
