"""A link without a wire: what the agent says is kept, what the fleet says is put in by hand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from appliance.agent.link.port import Closed, Incoming, OnEvent, Opened, Words

if TYPE_CHECKING:
    from collections.abc import Callable


class SimulatedLink:
    """Front: the port. Back: `open`, `close`, `deliver`, `sent` (with `expiries_s`), `retained`, `done_marks`."""

    def __init__(self, words: Callable[[], Words], on_event: OnEvent) -> None:
        self._words = words
        self._on_event = on_event
        self._lock = threading.Lock()
        self._connection = ""
        self._mark = 0
        self.sent: list[tuple[str, bytes]] = []
        self.expiries_s: list[int | None] = []
        self.retained: dict[str, bytes] = {}
        self.done_marks: list[int] = []
        self.keepalive_s = 0

    @property
    def connected(self) -> bool:
        return bool(self._connection)

    def run(self, stopping: threading.Event) -> None:
        """The body of its worker: connects by itself, as a demo wants it."""
        self.open()
        stopping.wait()

    def send(self, topic: str, payload: bytes, *, expiry_s: int | None = None) -> bool:
        with self._lock:
            if self._connection:
                self.sent.append((topic, payload))
                self.expiries_s.append(expiry_s)
            return bool(self._connection)

    def done(self, incoming: Incoming) -> None:
        with self._lock:
            if incoming.connection == self._connection:
                self.done_marks.append(incoming.mark)

    def goodbye(self, payload: bytes, within_s: float) -> bool:  # noqa: ARG002 - the port's shape
        with self._lock:
            heard = bool(self._connection)
            if heard:
                self.retained[self._words().topic] = payload
            self._connection = ""
            return heard

    def set_keepalive(self, keepalive_s: int) -> None:
        self.keepalive_s = keepalive_s

    def renew(self) -> None:
        """There is no certificate to show."""

    def set_spread(self, spread_s: float) -> None:
        """There is no herd to spread."""

    def wake(self) -> None:
        """There is nothing it waits in."""

    # ---- back

    def open(self) -> None:
        """The broker accepts us."""
        words = self._words()
        with self._lock:
            self._connection = words.connection
            self.retained[words.topic] = words.birth
        self._on_event(Opened(words.connection))

    def close(self, code: str = "link.lost") -> None:
        """The connection breaks; the will is published."""
        words = self._words()
        with self._lock:
            self._connection = ""
            self.retained[words.topic] = words.will
        self._on_event(Closed(code))

    def deliver(self, topic: str, payload: bytes, *, retained: bool = False) -> Incoming:
        """The fleet says something."""
        with self._lock:
            self._mark += 1
            incoming = Incoming(topic, payload, retained, self._mark, self._connection)
        self._on_event(incoming)
        return incoming
