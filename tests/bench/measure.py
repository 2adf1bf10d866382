"""One way to measure: ours and the peer in turn, the medians and their ratio."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable

import msgspec


class Figure(msgspec.Struct, kw_only=True):
    """A measured figure as `build/bench.json` holds it.

    Attributes:
        ratio: ours to the peer's; what is better depends on the unit and `goal` says it.
        goal: the bound as words, e.g. ``<= 2.0``; empty where there is none yet.
        ok: whether the goal is met.
    """

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    goal: str
    rounds: int
    machine: str
    ok: bool


def machine() -> str:
    """Kind and number of processors, kernel, Python."""
    return f"{platform.machine()} x{os.cpu_count()}, Linux {platform.release()}, Python {platform.python_version()}"


def timed(act: Callable[[], object]) -> float:
    """Seconds one call takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def compare(
    name: str, unit: str, ours: Callable[[], float], peer_name: str, peer: Callable[[], float], **bound: float
) -> Figure:
    """Run both in turn, after one round that is not counted.

    Args:
        name: of the figure.
        unit: of what both callables return.
        ours: one round; returns its figure.
        peer_name: what it is compared with.
        peer: one round of the peer.
        bound: `at_most` or `at_least` for the ratio, and `rounds` (5).
    """
    rounds = int(bound.get("rounds", 5))
    ours(), peer()
    pairs = [(ours(), peer()) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    goal, ok = "", True
    if "at_most" in bound:
        goal, ok = f"<= {bound['at_most']:g}", ratio <= bound["at_most"]
    elif "at_least" in bound:
        goal, ok = f">= {bound['at_least']:g}", ratio >= bound["at_least"]
    return Figure(
        name=name,
        value=statistics.median(a for a, _ in pairs),
        unit=unit,
        peer=peer_name,
        peer_value=statistics.median(b for _, b in pairs),
        ratio=ratio,
        goal=goal,
        rounds=rounds,
        machine=machine(),
        ok=ok,
    )
