"""A picture with an identity document in it → its printed lines.

Each sign is first taken alone and known by its shape, which is quick. Only what is not sure then is read by the recogniser as well,
which needs no even places and knows other typefaces, but takes three times as long as all the rest.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Final

import msgspec

from appliance.capture.geometry import Pixels
from appliance.capture.jobs import LinesHere
from appliance.capture.lying import flat_documents
from appliance.capture.mrz.grid import grid_of, signs_in
from appliance.capture.mrz.layouts import LAYOUTS, Layout
from appliance.capture.mrz.rows import Zone, zones
from appliance.capture.mrz.shapes import ALPHABET, HIGH_PX, WIDE_PX, likelihoods
from appliance.capture.mrz.signs import Sign, read_line
from appliance.capture.mrz.twins import Cell, agreed
from appliance.capture.mrz.zone import SURE, placed_lines, zone_in, zone_of

LONG_SIDE_PX: Final = 1_700
"""More pixels say nothing more of letters 2.5 mm high on a page of 125 mm."""
TRIED: Final = 4
LEAST_SIGNS: Final = 25
MOST_SIGNS: Final = 51
_LOWER_PX: Final = (0.0, -1.5, 1.5)
"""How much lower than the middle of its ink a line is looked at: signs differ in height, and so do their middles."""
_TAUGHT: Final = 0.93
"""How well all signs of a zone are known, on average, at least. Those of other typefaces of one width stay below 0.9: the
network sees in them what is not there, and the recogniser is asked alone."""


@dataclasses.dataclass(frozen=True)
class Shaped:
    """A zone as the shapes of its signs have it: lines × places, and how well they are known, 0 to 1."""

    layout: Layout
    cells: list[list[Cell]]
    known: float


def read_printed_lines(picture: Pixels) -> LinesHere | None:
    """The zone of the document that lies in the picture, whichever way it lies.

    Args:
        picture: height × width × 3 (BGR), or grey.

    Raises:
        ModelMissing: the recogniser is needed, and not installed.
    """
    for page in flat_documents(picture, LONG_SIDE_PX):
        found = _in_page(page)
        if found:
            return found
    return None


def _in_page(page: Pixels) -> LinesHere | None:
    tried: list[tuple[Zone, Shaped | None]] = []
    for zone in itertools.islice(zones(page), TRIED):
        shaped = _by_shape(zone)
        if shaped and (found := zone_in(shaped.layout, shaped.cells)) and _confirmed(found, shaped):
            return found
        tried.append((zone, shaped))
    for zone, shaped in sorted(tried, key=lambda one: -one[1].known if one[1] else 0.0):
        found = _by_both(_read(zone), shaped)
        if found:
            return found
    return None


def _confirmed(found: LinesHere, shaped: Shaped) -> bool:
    """Sure, and no sign another than its shape says only because its place takes none of that kind."""
    seen = zip(found.lines, shaped.cells, strict=True)
    return found.sure and all(
        cell[sign] >= SURE for line, cells in seen for sign, cell in zip(line, cells, strict=True)
    )


def _by_shape(zone: Zone) -> Shaped | None:
    grid = grid_of(zone.even, zone.rows)
    if grid is None:
        return None
    size = grid.down.shape
    layout = next(one for one in LAYOUTS if (one.lines, one.width) == size)
    for lower in _LOWER_PX:
        likely = likelihoods(signs_in(zone.even, grid, lower).reshape(-1, HIGH_PX, WIDE_PX))
        known = float(likely.max(1).mean())
        if known >= _TAUGHT:
            cells = [dict(zip(ALPHABET, map(float, one), strict=True)) for one in likely]
            return Shaped(layout, [cells[at : at + size[1]] for at in range(0, len(cells), size[1])], known)
    return None


def _by_both(read: list[list[Sign]], shaped: Shaped | None) -> LinesHere | None:
    cells = placed_lines(read, shaped.layout) if shaped else None
    if shaped and cells:
        both = [
            [agreed(*pair) for pair in zip(*rows, strict=True)]
            for rows in zip(shaped.cells, cells, strict=True)
        ]
        found = zone_in(shaped.layout, both)
        if found:
            return found
    found = zone_of(read)
    # where signs are of the typeface and yet say something else, nobody is sure
    return msgspec.structs.replace(found, sure=False) if found and shaped else found


def _read(zone: Zone) -> list[list[Sign]]:
    """All lines, or none as soon as one cannot be of a zone."""
    width = 30 if len(zone.rows) == 3 else 44
    read = []
    for line in zone.lines():
        signs = read_line(line, width)
        if not LEAST_SIGNS <= len(signs) <= MOST_SIGNS:
            return []
        read.append(signs)
    return read
