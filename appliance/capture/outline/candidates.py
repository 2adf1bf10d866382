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
_LIGHTER: Final = 50
"""Paper against a mat, in L*a*b*."""
_RUN: Final = 0.15
"""A sheet that leaves the picture covers this much of a border."""
_LEAST_LEAVING: Final = 0.1
_LEFT_OVER: Final = 0.08
"""What of the sheet lies beside the outline that was found; three fingers are half as much."""
_CANNY: Final = (20, 45, 80)


def region_quads(edges: Edges) -> list[Quad]:
    """Around regions that edges close, or that differ from the rest in brightness or colour."""
    half = cv2.resize(edges.lab, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    light = cv2.extractChannel(half, 0)
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
    found: list[Quad] = []
    for low in _CANNY:
        found += [quad * 2 + 0.5 for quad in _around(cv2.dilate(cv2.Canny(light, low, low * 2.5), square))]
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


def leaving_quad(edges: Edges, other: Quad | None) -> Quad | None:
    """A light sheet on a darker desk that runs out of the picture on one or two sides; None where there is none.

    Args:
        edges: of the picture.
        other: what was found otherwise; where it covers the light region, that is the sheet, and a hand or another paper
            reaches to the border.
    """
    light = cv2.resize(cv2.extractChannel(edges.lab, 0), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    mask = _split(light, inverse=False)
    inside, outside = light[mask > 0], light[mask == 0]
    if not len(inside) or not len(outside) or float(inside.mean()) - float(outside.mean()) < _LIGHTER:
        return None
    count, label, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    whole = (label == largest).astype(np.uint8)
    runs = [float(border.mean()) for border in (whole[0], whole[-1], whole[:, 0], whole[:, -1])]
    out = sum(run > _RUN for run in runs)
    if whole.mean() < _LEAST_LEAVING or not 1 <= out <= 2:
        return None
    if other is not None:
        covered = cv2.fillPoly(np.zeros_like(whole), [np.rint(other / 2).astype(np.int32)], 1)
        if float((whole & (1 - covered)).sum()) < _LEFT_OVER * float(whole.sum()):
            return None
    outline, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return ordered(cv2.boxPoints(cv2.minAreaRect(max(outline, key=len)))) * 2 + 0.5
