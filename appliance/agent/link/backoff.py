"""When to try again: spread at first, then exponential with full jitter.

Thousands of boxes lose the same broker in the same second. Without a spread of the first attempt they
return in the same second too, and the broker drowns in handshakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


class Backoff:
    """Delays before attempts.

    Args:
        chance: source of jitter.
        spread_s: the first attempt comes within so many seconds, evenly spread.
        base_s: ceiling of the second attempt's delay; it doubles with each failure.
        cap_s: no delay is longer.
    """

    def __init__(
        self, chance: random.Random, *, spread_s: float, base_s: float = 2.0, cap_s: float = 300.0
    ) -> None:
        self._chance = chance
        self.spread_s = spread_s
        self._base_s = base_s
        self._cap_s = cap_s
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait before the attempt that follows."""
        if self._failures == 0:
            ceiling_s = self.spread_s
        else:
            ceiling_s = min(self._cap_s, self._base_s * 2 ** min(self._failures - 1, 16))
        self._failures += 1
        return self._chance.uniform(0.0, ceiling_s)

    def succeeded(self) -> None:
        """The road is open: the next trouble is a first one again."""
        self._failures = 0
