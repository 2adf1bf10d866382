"""Canonical bytes of a health report against the standard library's JSON."""

from __future__ import annotations

import json
from pathlib import Path

from contracts import codec
from contracts.messages.report import Health
from tests.bench.measure import Figure, compare, timed

ROUND = 2_000
EXAMPLE = (Path(codec.__file__).parent / "examples" / "health.json").read_bytes()


def figures() -> list[Figure]:
    """Microseconds to read and to write one report."""
    report = codec.decode(Health, EXAMPLE)
    plain = json.loads(EXAMPLE)

    def each(act: object) -> float:
        assert callable(act)
        return timed(lambda: [act() for _ in range(ROUND)]) / ROUND * 1e6

    return [
        compare(
            "report, read and checked",
            "µs",
            lambda: each(lambda: codec.decode(Health, EXAMPLE)),
            "json.loads (unchecked)",
            lambda: each(lambda: json.loads(EXAMPLE)),
        ),
        compare(
            "report, canonical bytes",
            "µs",
            lambda: each(lambda: codec.encode(report)),
            "json.dumps(sort_keys)",
            lambda: each(lambda: json.dumps(plain, sort_keys=True, separators=(",", ":"))),
        ),
    ]
