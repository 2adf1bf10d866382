"""Signs as they were read → the lines of a machine readable zone, or nothing.

A recogniser takes O for 0 and the other way round, loses fillers in a long run of them, and sees a sign twice. What a line must
be mends that: signs stand at even distances (ICAO 9303-3, §4.1), most places take only digits or only letters, and check digits
say which of two signs a number has. What still does not hold is no zone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

import msgspec

from appliance.capture.jobs import LinesHere
from appliance.capture.mrz.layouts import (
    LAYOUTS,
    SIGNS,
    TD1,
    Kind,
    Layout,
    Part,
    check_digit,
    composite_holds,
)
from appliance.capture.mrz.signs import Sign
from appliance.capture.mrz.twins import Cell, doubted, with_twins

FILLER: Final = "<"
LEAST_LIKELY: Final = 0.015
MOST_WAYS: Final = 2048
OFF: Final = 0.4
"""How far from its place a sign may be read, in places."""
COUNTED_OFF: Final = 0.75
"""And how far where their number is right: a card that is not quite flat prints unevenly, but a shifted sign is a place off."""
STRAY: Final = 0.1
LOST: Final = 0.04
"""What it costs, in places off, to say that a sign is none, or that one was not read."""
MISSED: Final = 0.5
"""How likely a filler stands where nothing was read."""
LEAST_READ: Final = 0.85
MOST_READ: Final = 1.15
"""Signs that are read against those that are printed; between 36 and 44 nothing is taken for the other."""
SURE: Final = 0.7


# ---- signs into places -----------------------------------------------------------------------------------


def zone_of(read: Sequence[Sequence[Sign]]) -> LinesHere | None:
    """The zone these lines are as the recogniser alone has them, from the upper one.

    Three may be two with a line of the page above them.
    """
    for layout in LAYOUTS:
        cells = placed_lines(read, layout)
        found = zone_in(layout, [[with_twins(cell) for cell in row] for row in cells]) if cells else None
        if found:
            return doubted(layout, found)
    return None


def placed_lines(read: Sequence[Sequence[Sign]], layout: Layout) -> list[list[Cell]] | None:
    """The last lines in the places of a layout, as the recogniser has them. None: they do not stand so."""
    lines = read[-layout.lines :]
    if len(lines) != layout.lines:
        return None
    cells = [placed(signs, layout.width) for signs in lines]
    return [row for row in cells if row] if all(cells) else None


def placed(signs: Sequence[Sign], width: int) -> list[Cell] | None:
    """The signs in `width` even places. None: they do not stand so."""
    if not LEAST_READ * width <= len(signs) <= MOST_READ * width:
        return None
    cells: list[Cell] = [{} for _ in range(width)]
    if len(signs) == width and max(_off(signs, range(width))) < COUNTED_OFF:
        return [dict(sign.likely) for sign in signs]
    fits = []
    # A mark of the card before or after the line may have been read for a sign; fillers at its end may have been lost.
    for before, after, lost in itertools.product(range(2), range(2), range(3)):
        mine = signs[before : len(signs) - after]
        fit = _fit(mine, width - 1 - lost)
        if fit is not None:
            fits.append((fit[0] + STRAY * (before + after) + LOST * lost, mine, fit[1]))
    if not fits:
        return None
    _, mine, places = min(fits, key=lambda fit: fit[0])
    for sign, place in zip(mine, places, strict=True):
        cell = cells[place]
        for text, likely in sign.likely.items():
            cell[text] = max(cell.get(text, 0.0), likely)
    return [cell or _missed(cells, place) for place, cell in enumerate(cells)]


def _missed(cells: list[Cell], place: int) -> Cell:
    """A filler, and surely so between other fillers; beside anything else it may have been something."""
    around = [cells[at] for at in (place - 1, place + 1) if 0 <= at < len(cells)]
    among_fillers = all(not cell or max(cell, key=lambda sign: cell[sign]) == FILLER for cell in around)
    return {FILLER: 1.0} if among_fillers else {FILLER: MISSED, "?": 1 - MISSED}


def _fit(signs: Sequence[Sign], last: int) -> tuple[float, list[int]] | None:
    """How badly the signs stand if they begin at the line's first place, where never a filler is, and end at `last`."""
    start, stop = signs[0].at, signs[-1].at
    if stop <= start:
        return None
    places = [round((sign.at - start) / (stop - start) * last) for sign in signs]
    off = sorted(_off(signs, places))
    return (math.fsum(off) / len(off), places) if off[int(len(off) * 0.9)] <= OFF else None


def _off(signs: Sequence[Sign], places: Sequence[int]) -> list[float]:
    """How far each sign stands from its place, the first and the last being right."""
    start, stop = signs[0].at, signs[-1].at
    step = (stop - start) / max(1, places[-1] - places[0]) or 1.0
    return [
        abs(places[0] + (sign.at - start) / step - place) for sign, place in zip(signs, places, strict=True)
    ]


# ---- what stands in the places ---------------------------------------------------------------------------


def zone_in(layout: Layout, cells: list[list[Cell]]) -> LinesHere | None:
    """What stands in the places of a layout, lines × places, if every check digit holds."""
    for kinds in _number_kinds(layout, cells):
        found = _with_kinds(layout, cells, kinds)
        if found:
            return found
    return None


def _number_kinds(layout: Layout, cells: list[list[Cell]]) -> list[tuple[Kind, ...] | None]:
    """What signs the document's number has: Italy's are known (CIE 3.0: CA00000AA; passport: AA0000000), others are tried."""
    state = "".join(_best(cells[0][place], Kind.LETTERS)[0] for place in range(2, 5))
    if state != "ITA":
        return [None]
    letters, digits = Kind.LETTERS, Kind.DIGITS
    card = (letters, letters, *[digits] * 5, letters, letters)
    book = (letters, letters, *[digits] * 7)
    return [card if layout is TD1 else book, book if layout is TD1 else card, None]


def _with_kinds(layout: Layout, cells: list[list[Cell]], number: tuple[Kind, ...] | None) -> LinesHere | None:
    """The likeliest way to fill all parts for which every check digit holds."""
    choices = []
    for part in layout.parts:
        kinds = [part.kind] * (part.stop - part.start)
        if number and part.kind is Kind.ANY and part.check is not None and part.stop - part.start == 9:
            kinds = list(number)
        ways = _ways(part, kinds, cells[part.line])
        if not ways:
            return None
        choices.append(ways)
    line, place = layout.composite_at
    last = [
        Filled(line, place, place + 1, sign, (likely,), likely)
        for sign, likely in _likely(cells[line][place], Kind.DIGITS)
    ]
    return _first_that_holds(layout, [*choices, last])


class Filled(msgspec.Struct, frozen=True):
    """One way to fill a part, its check digit included where it has one."""

    line: int
    start: int
    stop: int
    text: str
    confidence: tuple[float, ...]
    likely: float


def _ways(part: Part, kinds: list[Kind], row: list[Cell]) -> list[Filled]:
    """The likeliest ways, best first; with a check digit only those for which it holds."""
    options = [_likely(row[part.start + at], kind) for at, kind in enumerate(kinds)]
    if part.check is None:
        options = [one if part.kind is Kind.ANY else one[:1] for one in options]
    else:
        digits = _likely(row[part.check], Kind.DIGITS)
        if part.open_check and row[part.check].get(FILLER, 0) > 0.3:
            digits = [*digits, (FILLER, row[part.check][FILLER])]
        options.append(digits)
    _bound(options)
    ways = []
    for signs in itertools.product(*options):
        text = "".join(sign for sign, _ in signs)
        if part.check is not None and not _check_holds(text, part):
            continue
        confidence = tuple(likely for _, likely in signs)
        ways.append(
            Filled(part.line, part.start, part.start + len(text), text, confidence, math.prod(confidence))
        )
    return sorted(ways, key=lambda way: -way.likely)[:16]


def _check_holds(text: str, part: Part) -> bool:
    body, digit = text[:-1], text[-1]
    if digit == FILLER:  # nothing in the part, or a number that runs on in the optional data
        return part.open_check and (not body.strip(FILLER) or FILLER not in body)
    return check_digit(body) == digit


def _bound(options: list[list[tuple[str, float]]]) -> None:
    """Leave out the least likely signs until few enough ways are left."""
    while math.prod(len(one) for one in options) > MOST_WAYS:
        at = min((at for at, one in enumerate(options) if len(one) > 1), key=lambda at: options[at][-1][1])
        options[at] = options[at][:-1]


def _first_that_holds(layout: Layout, choices: list[list[Filled]]) -> LinesHere | None:
    """The likeliest whole for which the composite check digit holds, and how far it is ahead of the next one."""
    while math.prod(len(ways) for ways in choices) > MOST_WAYS:
        longest = max(choices, key=len)
        longest.pop()
    holding = []
    for ways in itertools.product(*choices):
        lines = [[FILLER] * layout.width for _ in range(layout.lines)]
        for way in ways:
            lines[way.line][way.start : way.stop] = way.text
        rows = ["".join(line) for line in lines]
        if composite_holds(layout, rows):
            holding.append((math.prod(way.likely for way in ways), rows, ways))
    if not holding:
        return None
    holding.sort(key=lambda one: -one[0])
    likely, rows, ways = holding[0]
    confidence = [[1.0] * layout.width for _ in range(layout.lines)]
    for way in ways:
        confidence[way.line][way.start : way.stop] = way.confidence
    alone = len(holding) == 1 or holding[1][0] < (1 - SURE) * likely
    lowest = min(min(row) for row in confidence)
    return LinesHere(
        layout=layout.name,
        lines=tuple(rows),
        confidence=tuple(tuple(round(value, 3) for value in row) for row in confidence),
        sure=alone and lowest >= SURE,
    )


def _likely(cell: Cell, kind: Kind) -> list[tuple[str, float]]:
    """Signs of the kind that may stand there, best first, adding to 1."""
    values = {sign: cell.get(sign, 0.0) for sign in SIGNS[kind]}
    total = sum(values.values())
    if total <= 0:
        return [(FILLER if FILLER in values else "0", 0.0)]
    ranked = sorted(((sign, value / total) for sign, value in values.items()), key=lambda pair: -pair[1])
    return [ranked[0], *(pair for pair in ranked[1:] if pair[1] >= LEAST_LIKELY)]


def _best(cell: Cell, kind: Kind) -> tuple[str, float]:
    return _likely(cell, kind)[0]
