"""Signs that are taken for each other, 0 and O before all: what the recogniser says of them, and what no check digit tells.

In a number that takes letters as well as digits, two zeros read for two O may leave the check digit as it was, and the last check
digit of the zone weighs the number's signs as the number's own does. Only their shapes tell them apart.
"""

from __future__ import annotations

import itertools
from typing import Final

import msgspec

from appliance.capture.jobs import LinesHere
from appliance.capture.mrz.layouts import Kind, Layout, check_digit

Cell = dict[str, float]
"""What may stand in one place, and how likely it is."""

TWINS: Final = {
    "0O": 0.05,
    "1I": 0.05,
    "2Z": 0.05,
    "5S": 0.05,
    "8B": 0.05,
    "6G": 0.02,
    "0D": 0.002,
    "0Q": 0.002,
}
"""How likely a sign was its twin whatever the recogniser says: it learnt no letters of one width."""
ALIKE: Final = ("0ODQ", "1I", "2Z", "5S", "8B", "6G")
"""Among these the recogniser is not asked where their shapes are known."""
DOUBT: Final = 0.004
"""Neither is believed when it says that a sign cannot be."""
OPEN: Final = 0.5
"""How sure a zero is that may as well be an O."""


def with_twins(cell: Cell) -> Cell:
    """The recogniser's answer, and that each sign may be its twin."""
    values = dict(cell)
    for pair, likely in TWINS.items():
        for mine, twin in itertools.permutations(pair):
            values[mine] = max(values.get(mine, 0.0), likely * cell.get(twin, 0.0))
    return values


def agreed(shape: Cell, read: Cell) -> Cell:
    """One place as two have seen it: which sign by both, which of twins by its shape alone."""
    values = {}
    for sign, likely in shape.items():
        group = next((twins for twins in ALIKE if sign in twins), sign)
        theirs = max(DOUBT, read.get("?", 0.0), *(read.get(one, 0.0) for one in group))
        values[sign] = max(likely, DOUBT) * theirs
    total = sum(values.values())
    return {sign: value / total for sign, value in values.items()}


def doubted(layout: Layout, found: LinesHere) -> LinesHere:
    """The same, not sure where zeros and O may change places and every check digit would hold.

    Italy's numbers have letters and digits in known places (see `zone`): of them there is no doubt.
    """
    if found.lines[0][2:5] == "ITA":
        return found
    confidence = [list(row) for row in found.confidence]
    for part in layout.parts:
        if part.kind is Kind.ANY and part.check is not None:
            for place in _open(found.lines[part.line][part.start : part.stop]):
                confidence[part.line][part.start + place] = OPEN
    sure = found.sure and min(map(min, confidence)) > OPEN
    return msgspec.structs.replace(found, confidence=tuple(map(tuple, confidence)), sure=sure)


def _open(text: str) -> set[int]:
    """The places of zeros and O some of which may be the other, the check digit being what it is."""
    places = [place for place, sign in enumerate(text) if sign in "0O"]
    found: set[int] = set()
    for count in range(2, len(places) + 1):
        for some in itertools.combinations(places, count):
            other = list(text)
            for place in some:
                other[place] = "O" if text[place] == "0" else "0"
            if check_digit("".join(other)) == check_digit(text):
                found.update(some)
    return found
