"""What changes by itself: one watcher thread per process, any number of listening pages.

The watcher asks the desk without a session, so it learns only that something changed; each page then
asks with its own session what it may see. A page that connects gets the whole state first, never a delta.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from contracts.desk_api.clerk import ClerkDoor, Watch
from contracts.desk_api.door import DoorClosed
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

PING_S: Final = 10.0
"""Well under the 15 s after which proxies and browsers begin to doubt."""
WATCH_S: Final = 20.0
RETRY_S: Final = 1.0
NOTHING_YET: Final = -1


class Watcher:
    """Keeps the desk's revision and wakes whoever waits for the next."""

    def __init__(self, desk: ClerkDoor) -> None:
        self._desk = desk
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._revision = NOTHING_YET
        self._beat = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch; a second start does nothing."""
        with self._changed:
            if self._thread is None and not self._stop.is_set():
                # A daemon: it may sit in a long poll of 20 s when the process is told to end.
                self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End all waiting at once."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether pages should stop listening."""
        return self._stop.is_set()

    def beats(self) -> Iterator[bool]:
        """True at once and after each change of the desk, False when it is time to say that we are alive."""
        seen = self._beat  # before the first word: what changes while it is being said is not lost
        yield True
        while not self._stop.is_set():
            news, seen = self._wait_past(seen)
            if self._stop.is_set():
                return
            yield news

    def _wait_past(self, seen: int) -> tuple[bool, int]:
        with self._changed:
            news = self._changed.wait_for(lambda: self._beat != seen or self._stop.is_set(), PING_S)
            return news, self._beat

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                view = self._desk.watch(Watch(revision=self._revision, wait_s=WATCH_S))
            except DoorClosed:
                self._become(NOTHING_YET)
                self._stop.wait(RETRY_S)
            except PueError as error:
                log.warning("the desk refuses to be watched: %s", error)
                self._stop.wait(RETRY_S * 5)
            else:
                self._become(view.revision)

    def _become(self, revision: int) -> None:
        with self._changed:
            if revision != self._revision:
                self._revision = revision
                self._beat += 1
                self._changed.notify_all()
