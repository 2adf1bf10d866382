"""The deadline guard: whether there is still time, and whether the road can be trusted to open before it is over.

A line that has been away for some time may stay away as long again; three days are the least that is kept in hand,
for a week-end and a repair. Where the road may come too late, the citizen is told where else to go, while there is time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts import places
from contracts.desk_api.clerk import DeadlineRisk

if TYPE_CHECKING:
    from contracts.desk_api.clerk import LineView
    from contracts.messages.enrolment import Site

DAY_S: Final = 86_400
IN_HAND_DAYS: Final = 3
NEAR_DAYS: Final = 14
INPS: Final = "INPS"
CONTACT_CENTER: Final = "803 164"
"""Free from fixed lines. Source: INPS, public pages."""


def risk(days_left: int, line: LineView) -> DeadlineRisk:
    """What a clerk must know of a last day.

    Args:
        days_left: to the last day; 0 on it, negative after it.
        line: the road to the fleet, as it is now.
    """
    if days_left < 0:
        return DeadlineRisk.PASSED
    if not line.connected:
        # Whoever never heard of the fleet cannot say for how long the line has been away.
        away_s = line.heard_s if line.heard_s is not None else line.oldest_s
        if days_left * DAY_S <= max(IN_HAND_DAYS * DAY_S, 2 * away_s):
            return DeadlineRisk.ROAD
    return DeadlineRisk.NEAR if days_left <= NEAR_DAYS else DeadlineRisk.NONE


def elsewhere(body: str, site: Site | None) -> list[str]:
    """Where else a case can be presented, as a citizen reads it; empty for a body nobody told us about.

    Args:
        body: who decides.
        site: where the box stands; None while that cannot be read.
    """
    if body == INPS:
        return [_office(site), "un patronato (è gratis)", f"il telefono dell'INPS: {CONTACT_CENTER}"]
    if body == "COMUNE":
        return [f"l'ufficio protocollo del Comune{f' di {site.comune}' if site else ''}"]
    return []


def _office(site: Site | None) -> str:
    """INPS has an office in every provincial capital; nearer ones are in no list we may ship."""
    here = places.by_istat(site.istat) if site else None
    if here is None or not here.nearest_capital:
        return "una sede INPS"
    if here.distance_km < 1:
        return f"la sede INPS di {here.nearest_capital}"
    return f"una sede INPS, per esempio a {here.nearest_capital} (a {round(here.distance_km)} km in linea d'aria)"
