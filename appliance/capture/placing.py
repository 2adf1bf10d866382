"""Which pages share a sheet, and where each stands on it: front and back of a card on one A4, both at their true size."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CARD_MM: Final = 100
"""Smaller papers (cards) are shown at their true size on a sheet of A4: nobody files a page as large as a card."""
A4_MM: Final = (210.0, 297.0)
TOP_MM: Final = 30.0
BETWEEN_MM: Final = 15.0
ON_A_SHEET: Final = 2
"""A card has two sides."""
Size = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Place:
    """Attributes: `page` counts from 0; `left_mm` and `bottom_mm` are from the sheet's left and lower border."""

    page: int
    left_mm: float
    bottom_mm: float


@dataclasses.dataclass(frozen=True)
class Laid:
    """One sheet of the document."""

    width_mm: float
    height_mm: float
    places: tuple[Place, ...]


def laid(sizes_mm: Sequence[Size]) -> list[Laid]:
    """The sheets of a document whose pages have these sizes (width, height), in order.

    A card that follows a card lies under it; the third begins another sheet.
    """
    sheets: list[Laid] = []
    cards: list[tuple[int, Size]] = []
    for page, size in enumerate(sizes_mm):
        if cards and (len(cards) == ON_A_SHEET or not is_card(size)):
            sheets.append(_with_cards(cards))
            cards = []
        if is_card(size):
            cards.append((page, size))
        else:
            sheets.append(Laid(*size, (Place(page, 0.0, 0.0),)))
    return [*sheets, _with_cards(cards)] if cards else sheets


def is_card(size_mm: Size) -> bool:
    """Whether a page of this size is a card; one whose size nobody knows is none."""
    return 0 < max(size_mm) < CARD_MM


def _with_cards(cards: list[tuple[int, Size]]) -> Laid:
    places, top = [], A4_MM[1] - TOP_MM
    for page, (wide, high) in cards:
        places.append(Place(page, (A4_MM[0] - wide) / 2, top - high))
        top -= high + BETWEEN_MM
    return Laid(*A4_MM, tuple(places))
