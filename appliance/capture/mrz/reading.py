"""A picture with an identity document in it → its printed lines."""

from __future__ import annotations

import itertools
from typing import Final

from appliance.capture.geometry import Pixels
from appliance.capture.jobs import LinesHere
from appliance.capture.lying import flat_documents
from appliance.capture.mrz.rows import Zone, zones
from appliance.capture.mrz.signs import Sign, read_line
from appliance.capture.mrz.zone import zone_of

LONG_SIDE_PX: Final = 1_700
"""More pixels say nothing more of letters 2.5 mm high on a page of 125 mm."""
TRIED: Final = 4
LEAST_SIGNS: Final = 25
MOST_SIGNS: Final = 51


def read_printed_lines(picture: Pixels) -> LinesHere | None:
    """The zone of the document that lies in the picture, whichever way it lies.

    Args:
        picture: height × width × 3 (BGR), or grey.

    Raises:
        ModelMissing: the recogniser is not installed.
    """
    for page in flat_documents(picture, LONG_SIDE_PX):
        for zone in itertools.islice(zones(page), TRIED):
            found = zone_of(_read(zone))
            if found:
                return found
    return None


def _read(zone: Zone) -> list[list[Sign]]:
    """All lines, or none as soon as one cannot be of a zone."""
    width = 30 if len(zone.lines) == 3 else 44
    read = []
    for line in zone.lines:
        signs = read_line(line, width)
        if not LEAST_SIGNS <= len(signs) <= MOST_SIGNS:
            return []
        read.append(signs)
    return read
