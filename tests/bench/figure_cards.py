"""Hostile cards by the thousand, and what a child process costs a photo."""

from __future__ import annotations

from appliance.capture import portrait, portrait_program
from appliance.cards.software.persona import portrait_jpeg2000
from tests.bench.measure import Figure, compare, machine, timed
from tests.fuzz import mutants

MUTANTS = 10_000


def figures() -> list[Figure]:
    """Broken promises among mutated cards (none is the goal), their cost beside a good card's, and a photo's."""
    tally = mutants.try_many(range(MUTANTS))
    good = mutants.try_good(200)
    face = portrait_jpeg2000(20)
    return [
        Figure(
            name=f"{MUTANTS:,} mutated hostile cards: hangs, escaped faults and false greens",
            value=len(tally.bad),
            unit="cards",
            peer="allowed",
            peer_value=0,
            ratio=0.0,
            goal="== 0",
            rounds=tally.count,
            machine=machine(),
            ok=not tally.bad,
        ),
        Figure(
            name="mutated hostile card, read and judged (mean)",
            value=tally.cpu_s / tally.count * 1e3,
            unit="ms of CPU",
            peer="the same cards unharmed",
            peer_value=good.cpu_s / good.count * 1e3,
            ratio=(tally.cpu_s / tally.count) / (good.cpu_s / good.count),
            goal="<= 2",
            rounds=tally.count,
            machine=machine(),
            ok=tally.cpu_s / tally.count <= 2 * good.cpu_s / good.count,
        ),
        Figure(
            name="mutated hostile card, the slowest",
            value=tally.slowest_s,
            unit="s of CPU",
            peer="limit of a reading",
            peer_value=mutants.READING_LIMIT_S,
            ratio=tally.slowest_s / mutants.READING_LIMIT_S,
            goal="<= 0.1",
            rounds=tally.count,
            machine=machine(),
            ok=tally.slowest_s <= mutants.READING_LIMIT_S / 10,
        ),
        compare(
            "photo of a chip, drawn in a child process",
            "ms",
            lambda: 1e3 * timed(lambda: portrait.portrait_jpeg(face)),
            "in this process",
            lambda: 1e3 * timed(lambda: portrait_program.draw(face)),
        ),
    ]
