"""Commands to a card, each waited for only so long.

PC/SC has no limit of its own: a chip may ask its reader for more time for ever, and no call of PC/SC ends that. So the
call is made on a thread of its own; whoever waits may stop waiting. The thread stays until the card leaves.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Asking:
    """One thread that makes the calls of one session, one after the other.

    Args:
        call: what is called with each command; may take any time.
    """

    def __init__(self, call: Callable[[list[int]], tuple[int, list[int]]]) -> None:
        self._call = call
        self._questions: queue.SimpleQueue[list[int] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[int, list[int]]] = queue.SimpleQueue()
        self._afterwards: Callable[[], None] = lambda: None
        self.is_waiting = False
        self._thread = threading.Thread(target=self._serve, name="card_asking", daemon=True)
        self._thread.start()

    def ask(self, command: list[int], limit_s: float) -> tuple[int, list[int]] | None:
        """Result and answer of the call; None when it took longer: then nothing more may be asked."""
        self.is_waiting = True
        self._questions.put(command)
        try:
            answer = self._answers.get(timeout=limit_s)
        except queue.Empty:
            return None
        self.is_waiting = False
        return answer

    def end(self, afterwards: Callable[[], None]) -> None:
        """Call `afterwards`: here and now when no call is under way, else on the thread, as soon as it is free."""
        if self.is_waiting:
            self._afterwards = afterwards
            self._questions.put(None)
            return
        self._questions.put(None)
        self._thread.join()
        afterwards()

    def _serve(self) -> None:
        while (command := self._questions.get()) is not None:
            self._answers.put(self._call(command))
        self._afterwards()
