"""The even places in which the signs of a zone stand → a picture of each sign.

All lines of a zone begin under each other and have one pitch (ICAO 9303-3, §4.1): the gaps between signs are found in all lines at
once, as the phase of one wave, and followed where a card that is not quite flat stretches them.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import cv2
import numpy as np

from appliance.capture.geometry import Pixels
from appliance.capture.mrz.rows import Row
from appliance.capture.mrz.shapes import HIGH_PX, WIDE_PX, Floats

COUNTS: Final = {3: (30,), 2: (44, 36)}
"""Signs in a line, by the lines of a zone."""
_SLACK: Final = 2.5
"""Signs by which the length of a line, measured roughly, may be wrong."""
_FINE: Final = 0.0025
"""Pitches are tried in steps of this share."""
_PIECES: Final = 7
_BLACK: Final = 90
"""Ink darker than this counts no more: a bold sign weighs as much as a thin one."""
_BEND: Final = 0.3
"""Places by which a piece of the lines may be off an even pitch."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """Where the signs stand in a level part.

    Attributes:
        across: the middle of each place, in pixels.
        down: the middle of each sign, lines × places.
        pitch: from one place to the next.
    """

    across: Floats
    down: Floats
    pitch: float


def grid_of(even: Pixels, rows: list[Row]) -> Grid | None:
    """The places of two or three lines, or None where they do not stand evenly.

    Args:
        even: paper white, signs dark.
        rows: from the upper one.
    """
    ink = np.minimum(255 - even, _BLACK)
    lines = np.stack([ink[row.top : row.bottom].mean(0, dtype=np.float32) for row in rows])
    left, right = min(row.left for row in rows), max(row.right for row in rows)
    waves = _pitch(lines.sum(0), left, right, COUNTS[len(rows)])
    if waves is None:
        return None
    pitch, count = waves
    bend = _gaps(lines.sum(0), left, right, pitch)
    if bend is None:
        return None
    first = _first(lines, bend, count, (left + right) / 2)
    across = np.asarray(_place(bend, np.arange(count) + first + 0.5), np.float32)
    down = np.stack([_heights(ink, row, across, pitch) for row in rows])
    return Grid(across, down, pitch)


def _pitch(ink: Floats, left: int, right: int, counts: tuple[int, ...]) -> tuple[float, int] | None:
    """The pitch whose wave is strongest, and how many signs a line then has."""
    long = right - left
    x = np.arange(left, right, dtype=np.float32)
    seen = ink[left:right] - ink[left:right].mean()
    seen *= np.hanning(long)
    best = (0.0, 0.0, 0)
    for count in counts:
        signs = np.arange(count - _SLACK, count + _SLACK, count * _FINE, dtype=np.float32)
        waves = np.abs(np.exp((-2j * np.pi) * np.outer(signs / long, x)).astype(np.complex64) @ seen)
        at = int(waves.argmax())
        best = max(best, (float(waves[at]), float(long / signs[at]), count))
    return (best[1], best[2]) if best[0] > 0 else None


def _gaps(ink: Floats, left: int, right: int, pitch: float) -> tuple[Floats, float] | None:
    """How the gaps lie: a square curve of how far they are off x = n · pitch, over x; and the pitch."""
    long = right - left
    x = np.arange(left, right, dtype=np.float32)
    wave = np.exp((-2j * np.pi / pitch) * x) * (ink[left:right] - ink[left:right].mean())
    window = np.hanning(2 * long // (_PIECES + 1) + 2)
    middles = np.linspace(left + len(window) / 2, right - len(window) / 2, _PIECES)
    phases = []
    for middle in middles:
        start = max(0, round(middle - left - len(window) / 2))
        part = wave[start : start + len(window)]
        phases.append(np.sum(part * window[: len(part)]))
    turns = np.unwrap(np.angle(phases)) / (2 * np.pi)
    # ink is strongest half a place after a gap
    off = (-turns - 0.5) * pitch
    curve = np.polyfit(middles, off, 2, w=np.abs(phases))
    if np.abs(np.polyval(curve, middles) - off).max() > _BEND * pitch:
        return None
    return np.asarray(curve, np.float32), pitch


def _place(bend: tuple[Floats, float], number: Floats) -> Floats:
    """Where the gap of a number lies, and between gaps."""
    curve, pitch = bend
    x = number * pitch
    for _ in range(3):
        x = number * pitch + np.polyval(curve, x)
    return np.asarray(x)


def _first(lines: Floats, bend: tuple[Floats, float], count: int, middle: float) -> int:
    """The number of the first place: all places of all lines hold ink, fillers too."""
    curve, pitch = bend
    guess = round((middle - float(np.polyval(curve, middle))) / pitch - count / 2)
    numbers = np.arange(guess - 4, guess + count + 4)
    edges = _place(bend, np.arange(numbers[0], numbers[-1] + 2))
    sums = np.cumsum(np.pad(lines, ((0, 0), (1, 0))), 1)
    ends = np.clip(np.rint(edges), 0, lines.shape[1]).astype(int)
    held = np.diff(sums[:, ends], axis=1)
    held = np.minimum(held / np.maximum(np.median(held, axis=1, keepdims=True), 1e-3), 0.5).sum(0)
    return int(numbers[0]) + int(np.convolve(held, np.ones(count), "valid").argmax())


def _heights(ink: Pixels, row: Row, across: Floats, pitch: float) -> Floats:
    """The middle of the ink along a line, as a straight one through its pieces."""
    room = round(0.3 * row.high)
    top = max(0, row.top - room)
    part = ink[top : row.bottom + room].astype(np.float32)
    part = np.maximum(part - _BLACK / 4, 0)
    ends = np.clip(
        np.rint(np.linspace(across[0] - pitch / 2, across[-1] + pitch / 2, _PIECES + 1)), 0, part.shape[1]
    )
    high = np.arange(len(part), dtype=np.float32) + top
    seen = []
    for start, stop in zip(ends[:-1].astype(int), ends[1:].astype(int), strict=True):
        held = part[:, start:stop].sum(1)
        if held.sum() > 0:
            seen.append(((start + stop) / 2, float((held * high).sum() / held.sum())))
    if len(seen) < 3:
        return np.full(len(across), (row.top + row.bottom - 1) / 2, np.float32)
    x, y = np.array(seen).T
    return np.asarray(np.polyval(np.polyfit(x, y, 1), across), np.float32)


def signs_in(even: Pixels, grid: Grid, lower: float = 0.0) -> Pixels:
    """Each sign alone: lines × places × `HIGH_PX` × `WIDE_PX`.

    Args:
        even: as for `grid_of`.
        grid: of the same part.
        lower: all lines are looked for so many of these pixels lower.
    """
    step = grid.pitch / WIDE_PX
    x = (np.arange(WIDE_PX, dtype=np.float32) - (WIDE_PX - 1) / 2) * step
    y = (np.arange(HIGH_PX, dtype=np.float32) - (HIGH_PX - 1) / 2 + lower) * step
    lines, places = grid.down.shape
    shape = (lines, HIGH_PX, places, WIDE_PX)
    map_x = np.broadcast_to(grid.across[None, None, :, None] + x, shape)
    map_y = np.broadcast_to(grid.down[:, None, :, None] + y[:, None, None], shape)
    flat = (lines * HIGH_PX, places * WIDE_PX)
    sheet = cv2.remap(
        even,
        np.ascontiguousarray(map_x, np.float32).reshape(flat),
        np.ascontiguousarray(map_y, np.float32).reshape(flat),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(sheet).reshape(shape).transpose(0, 2, 1, 3)
