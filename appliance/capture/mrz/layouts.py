"""The three sizes of a machine readable zone: what may stand where, and what each check digit runs over.

ICAO 9303-5 (TD1), 9303-6 (TD2), 9303-4 (TD3).
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

_WEIGHTS: Final = (7, 3, 1)


class Kind(enum.StrEnum):
    """What may stand in a part of a line."""

    DIGITS = "digits"
    LETTERS = "letters"
    """And fillers."""
    SEX = "sex"
    ANY = "any"


SIGNS: Final = {
    Kind.DIGITS: "0123456789",
    Kind.LETTERS: "ABCDEFGHIJKLMNOPQRSTUVWXYZ<",
    Kind.SEX: "MF<",
    Kind.ANY: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<",
}


class Part(msgspec.Struct, frozen=True):
    """Some places of one line, and the place of their check digit in that line.

    Attributes:
        open_check: the digit may be a filler, where nothing stands in the part or the number runs on elsewhere.
    """

    line: int
    start: int
    stop: int
    kind: Kind
    check: int | None = None
    open_check: bool = False


class Layout(msgspec.Struct, frozen=True):
    """One size.

    Attributes:
        name: as ICAO calls it.
        parts: all places but those of check digits.
        composite: what the last check digit runs over, as line, start, stop.
        composite_at: its line and place.
    """

    name: str
    lines: int
    width: int
    parts: tuple[Part, ...]
    composite: tuple[tuple[int, int, int], ...]
    composite_at: tuple[int, int]


_HEAD: Final = (Part(0, 0, 2, Kind.LETTERS), Part(0, 2, 5, Kind.LETTERS))
_LOWER: Final = (
    Part(1, 0, 9, Kind.ANY, check=9, open_check=True),
    Part(1, 10, 13, Kind.LETTERS),
    Part(1, 13, 19, Kind.DIGITS, check=19),
    Part(1, 20, 21, Kind.SEX),
    Part(1, 21, 27, Kind.DIGITS, check=27),
)
TD1: Final = Layout(
    "TD1",
    3,
    30,
    (
        *_HEAD,
        Part(0, 5, 14, Kind.ANY, check=14, open_check=True),
        Part(0, 15, 30, Kind.ANY),
        Part(1, 0, 6, Kind.DIGITS, check=6),
        Part(1, 7, 8, Kind.SEX),
        Part(1, 8, 14, Kind.DIGITS, check=14),
        Part(1, 15, 18, Kind.LETTERS),
        Part(1, 18, 29, Kind.ANY),
        Part(2, 0, 30, Kind.LETTERS),
    ),
    ((0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 29)),
    (1, 29),
)
TD2: Final = Layout(
    "TD2",
    2,
    36,
    (*_HEAD, Part(0, 5, 36, Kind.LETTERS), *_LOWER, Part(1, 28, 35, Kind.ANY)),
    ((1, 0, 10), (1, 13, 20), (1, 21, 35)),
    (1, 35),
)
TD3: Final = Layout(
    "TD3",
    2,
    44,
    (*_HEAD, Part(0, 5, 44, Kind.LETTERS), *_LOWER, Part(1, 28, 42, Kind.ANY, check=42, open_check=True)),
    ((1, 0, 10), (1, 13, 20), (1, 21, 43)),
    (1, 43),
)

LAYOUTS: Final = (TD1, TD2, TD3)


def check_digit(text: str) -> str:
    """Letters count from 10, the filler as 0 (ICAO 9303-3, §4.9)."""
    values = (0 if sign == "<" else int(sign, 36) for sign in text)
    return str(sum(value * _WEIGHTS[place % 3] for place, value in enumerate(values)) % 10)


def composite_holds(layout: Layout, lines: list[str]) -> bool:
    """Whether the last check digit is right."""
    text = "".join(lines[line][start:stop] for line, start, stop in layout.composite)
    line, place = layout.composite_at
    return lines[line][place] == check_digit(text)
