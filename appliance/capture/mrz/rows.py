"""The printed lines of a machine readable zone in a flat picture of a document, as pictures of their own.

A zone lies along one side of its page: two or three lines of one height, evenly spaced, as long as the page is wide
(ICAO 9303-3, §2 and 9303-4 to -6, appendices).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import Pixels

BAND: Final = 0.42
"""Share of a page's height, from the side it is looked for along, that holds a zone of three lines."""
LEAST_ROW_PX: Final = 9
MOST_ROWS: Final = 3
_SLANTS: Final = (np.arange(-3.0, 3.01, 0.75), np.array((-0.5, -0.25, 0, 0.25, 0.5)))
"""Degrees a zone may still be turned in a flattened card, roughly and then around the best."""
_ON: Final = 0.3
"""Of a busy row's crossings, from which a row belongs to a line."""
_LETTERS: Final = 0.5
"""The same along a line, from which letters stand there and not the noise beside them."""
_PALE: Final = 0.35
"""The same over bare paper, where the sensor has little noise: fillers are thin, and pale under a lamp."""
_SPREAD_PX: Final = 25
"""Wider than any stroke: what is closed over so far is paper."""
_SAME_HEIGHT: Final = 0.35
_EDGE: Final = 0.015
"""Of the width, at either end: there lies what is beside the card."""
_SAME_END: Final = 0.08
"""Of the width: what is beside a line may seem to be a sign or two of it."""
_LEAST_LENGTH: Final = 0.72
"""Of the page's width: a zone of TD1 is 76 of 86 mm, one of TD3 112 of 125 mm."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Where a line stands in a level part, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def high(self) -> int:
        return self.bottom - self.top


@dataclasses.dataclass(frozen=True)
class Zone:
    """A level part of a page and its lines.

    Attributes:
        even: grey, paper white.
        rows: from the upper one.
    """

    even: Pixels
    rows: list[Row]
    likely: float

    def lines(self) -> list[Pixels]:
        """A picture of each line, with a little paper around. All begin and end where most of them do."""
        left = int(np.median([row.left for row in self.rows]))
        right = int(np.median([row.right for row in self.rows]))
        return [_cut(self.even, dataclasses.replace(row, left=left, right=right)) for row in self.rows]


def zones(page: Pixels) -> Iterator[Zone]:
    """What may be a zone along the sides of a flat page (grey): the long ones first, and of a pair the likelier first."""
    high, wide = page.shape
    lying = 0 if wide >= high else 1
    for quarters in ((lying, lying + 2), (1 - lying, 3 - lying)):
        found = [zone for zone in (_along(np.rot90(page, one)) for one in quarters) if zone]
        yield from sorted(found, key=lambda zone: -zone.likely)


def _along(turned: Pixels) -> Zone | None:
    """What may be a zone along the lower side."""
    even = level(ink(np.ascontiguousarray(turned[round(turned.shape[0] * (1 - BAND)) :])))
    rows = _last_rows(_spans(even), even.shape[1])
    return Zone(even, rows, _likely(even, rows)) if len(rows) >= 2 else None


def ink(part: Pixels) -> Pixels:
    """Paper white and signs dark whatever the light: what is narrow and darker than its surroundings."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_SPREAD_PX, _SPREAD_PX))
    paper = cv2.blur(cv2.morphologyEx(part, cv2.MORPH_CLOSE, kernel), (_SPREAD_PX, _SPREAD_PX))
    even = cv2.divide(part, paper, scale=255)
    dark = float(np.percentile(even[::3, ::3], 1))
    return np.asarray(np.clip((even - dark) * (255 / max(1.0, 255 - dark)), 0, 255), np.uint8)


def level(even: Pixels) -> Pixels:
    """The part sheared so that its lines lie level."""
    small = cv2.resize(255 - even, None, fx=0.125, fy=0.5, interpolation=cv2.INTER_AREA)
    slant = 0.0
    for slants in _SLANTS:
        slant = max(slant + slants, key=lambda degrees: _contrast(_sheared(small, float(degrees), 0, 4.0)))
    return _sheared(even, float(slant), 255)


def _sheared(picture: Pixels, degrees: float, border: int, squeezed: float = 1.0) -> Pixels:
    """`squeezed`: how much more the picture was made smaller across than down."""
    high, wide = picture.shape
    rise = np.tan(np.radians(degrees)) * squeezed
    move = np.array([[1, 0, 0], [-rise, 1, rise * wide / 2]], np.float32)
    return np.asarray(
        cv2.warpAffine(picture, move, (wide, high), flags=cv2.INTER_LINEAR, borderValue=border), np.uint8
    )


def _contrast(dark: Pixels) -> float:
    return float(np.var(np.diff(dark.mean(1))))


def _spans(even: Pixels) -> list[Row]:
    """Each line of a level part."""
    # Strokes crossed from left to right: letters have many, photographs and frames few.
    crossed = np.abs(np.diff(even.astype(np.int16), axis=1)).clip(0, 60).astype(np.uint8)
    profile = cv2.GaussianBlur(crossed.mean(1, dtype=np.float32)[:, None], (1, 5), 0).ravel()
    low, most = np.percentile(profile, (10, 97))
    spans = _runs(profile > low + (most - low) * _ON)
    rows = []
    for top, bottom in spans:
        if bottom - top < LEAST_ROW_PX:
            continue
        left, right = _extent(crossed[top:bottom])
        rows.append(Row(top, bottom, left, right))
    return rows


def _extent(crossed: Pixels) -> tuple[int, int]:
    """Where the letters of a line begin and end: its longest stretch without a gap of a letter."""
    high = len(crossed)
    profile = cv2.blur(crossed.mean(0, dtype=np.float32)[None], (high, 1)).ravel()
    edge = round(_EDGE * len(profile))
    paper, letters = np.percentile(profile[edge : len(profile) - edge], (3, 75))
    profile[:edge] = profile[len(profile) - edge :] = 0
    on = (profile > min(_LETTERS * letters, paper + _PALE * (letters - paper))).astype(np.uint8)[None]
    joined = cv2.morphologyEx(on, cv2.MORPH_CLOSE, np.ones((1, high), np.uint8)).ravel()
    left, right = max(_runs(joined > 0), key=lambda run: run[1] - run[0], default=(0, 0))
    # the blur spreads each end by half its reach
    return min(left + high // 2, right), max(left, right - high // 2)


def _runs(on: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """From where to where something is so."""
    changes = np.flatnonzero(np.diff(np.r_[0, on.astype(np.int8), 0]))
    return [(int(start), int(stop)) for start, stop in zip(changes[::2], changes[1::2], strict=True)]


def _last_rows(spans: list[Row], width: int) -> list[Row]:
    """The lowest rows that are long, of one height and length, and evenly spaced."""
    rows: list[Row] = []
    for row in reversed(spans):
        if rows and not _belongs(row, rows, width):
            break
        if row.right - row.left >= _LEAST_LENGTH * width:
            rows.insert(0, row)
        if len(rows) == MOST_ROWS:
            break
    return rows


def _belongs(row: Row, rows: list[Row], width: int) -> bool:
    other = rows[0]
    if max(abs(row.left - other.left), abs(row.right - other.right)) > _SAME_END * width:
        return False
    if abs(row.high / other.high - 1) > _SAME_HEIGHT:
        return False
    step = other.top - row.top
    if len(rows) == 1:
        return step < 4 * other.high
    return abs(step / (rows[1].top - other.top) - 1) < _SAME_HEIGHT


def _likely(even: Pixels, rows: list[Row]) -> float:
    """Ink inside the rows against paper between them."""
    dark = 255 - even.astype(np.float32)
    inside = float(np.mean([dark[row.top : row.bottom].mean() for row in rows]))
    between = float(np.mean([dark[a.bottom : b.top].mean() for a, b in itertools.pairwise(rows)]))
    return inside - 2 * between


def _cut(even: Pixels, row: Row) -> Pixels:
    """The line with paper around; more at its ends, which are not known so well."""
    room, aside = max(4, round(0.28 * row.high)), round(0.6 * row.high)
    return even[max(0, row.top - room) : row.bottom + room, max(0, row.left - aside) : row.right + aside]
