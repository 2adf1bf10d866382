"""What the desk knows of the road to the fleet: only what the agent told it, and how long ago."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from contracts.desk_api.clerk import LineView
from contracts.desk_api.status import LinkFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.messages.report import OutboxHealth

SILENT_S: Final = 180.0
"""An agent that said nothing for so long is not believed to be connected."""


class Road:
    """Keeps the agent's last word."""

    def __init__(self, *, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._told: tuple[LinkFacts, float] | None = None

    def tell(self, facts: LinkFacts) -> bool:
        """The agent's word; whether the page must change for it."""
        with self._lock:
            before, self._told = self._told, (facts, self._monotonic_s())
        return before is None or (before[0].connected, before[0].waiting_why) != (
            facts.connected,
            facts.waiting_why,
        )

    def view(self, outbox: OutboxHealth) -> LineView:
        """The line as the clerk sees it."""
        with self._lock:
            told = self._told
        if told is None:
            return LineView(
                connected=False, waiting=outbox.waiting, oldest_s=outbox.oldest_s, waiting_why="agent.silent"
            )
        facts, at_s = told
        age_s = self._monotonic_s() - at_s
        silent = age_s > SILENT_S
        return LineView(
            connected=facts.connected and not silent,
            heard_s=None if facts.heard_s is None else facts.heard_s + int(age_s),
            waiting=outbox.waiting,
            oldest_s=outbox.oldest_s,
            waiting_why="agent.silent" if silent else facts.waiting_why,
        )
