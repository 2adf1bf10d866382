"""The list of practices as a clerk looks for one: by heading, in the order of everyday life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from web_local.words import AREAS, OTHER_AREA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.desk_api.clerk import PracticeRow


def by_area(rows: Iterable[PracticeRow]) -> list[tuple[str, list[PracticeRow]]]:
    """Headings with their practices; a heading this face does not know comes last, an empty one not at all."""
    left = list(rows)
    found = [(heading, [row for row in left if row.area == area]) for area, heading in AREAS.items()]
    found.append((OTHER_AREA, [row for row in left if row.area not in set(AREAS)]))
    return [(heading, members) for heading, members in found if members]
