"""The code scanner at the desk: what it reads becomes an event of the sitting, or nothing. Never a log line."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from appliance.cards.carried import Kind, PrintedLines, read_scan
from appliance.desk import sitting as words
from appliance.runtime.workers import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.runtime.workers import Worker


class Scanning:
    """A listener of the scanner.

    Args:
        news: the worker events are told on; the scanner's own thread is never held.
        tell: hears each event.
        awake: whether a clerk is at work; at a locked desk nothing is scanned.
    """

    def __init__(self, news: Worker, tell: Callable[[words.Event], None], awake: Callable[[], bool]) -> None:
        self._news, self._tell, self._awake = news, tell, awake
        self._printed = PrintedLines()

    def __call__(self, text: str) -> None:
        """One code, as the scanner sent it."""
        found = read_scan(text) if self._awake() else None
        if found is None:
            return
        if found.kind is Kind.CODICE_FISCALE:
            self._say(words.CarriedNoticed(found.value))
        elif found.kind is Kind.PRINTED_LINE:
            lines = self._printed.add(found.value)
            if lines is not None:
                self._say(words.CodeEntered(None, lines))

    def _say(self, event: words.Event) -> None:
        with contextlib.suppress(WorkerError):
            self._news.submit(self._tell, event)
