"""The promise of a link: one connection to the fleet's broker, kept alive by itself, speaking in events.

A link never calls into the agent's rules: it puts events into an inbox and lets go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from contracts.errors import PueError, WhoCanAct


class LinkError(PueError):
    """The link cannot be what it should be."""

    code = "link.failed"
    who = WhoCanAct.WAIT


class Opened(msgspec.Struct, frozen=True):
    """The broker accepted us; subscriptions and birth are on their way. `connection` is its epoch."""

    connection: str


class Closed(msgspec.Struct, frozen=True):
    """There is no connection; `code` is a stable word for why."""

    code: str


class Incoming(msgspec.Struct, frozen=True):
    """A message from the fleet. It stays the broker's until `Link.done` is called with it.

    Attributes:
        mark: the link's own number for `done`.
        connection: epoch it came on; `done` on another one is void, the broker sends it again.
    """

    topic: str
    payload: bytes
    retained: bool
    mark: int
    connection: str


class Forbidden(msgspec.Struct, frozen=True):
    """The broker refused a publication (MQTT 5 reason 0x87): an access list that is wrong, or a theft."""

    topic: str


LinkEvent = Opened | Closed | Incoming | Forbidden
OnEvent = Callable[[LinkEvent], None]


class Words(msgspec.Struct, frozen=True):
    """What a connection says of itself: made anew for each one, will and birth with the same epoch."""

    connection: str
    topic: str
    birth: bytes
    will: bytes


class Link(Protocol):
    """Front of a link."""

    @property
    def connected(self) -> bool:
        """Whether the broker holds our connection now."""
        ...

    def send(self, topic: str, payload: bytes, *, expiry_s: int | None = None) -> bool:
        """Hand a message over at QoS 1, never retained; False when there is no connection. Any thread."""
        ...

    def done(self, incoming: Incoming) -> None:
        """The message was dealt with, durably: the broker may forget it. Any thread."""
        ...

    def goodbye(self, payload: bytes, within_s: float) -> bool:
        """A planned end: say a last retained word, then disconnect. Whether it was heard in time."""
        ...

    def set_keepalive(self, keepalive_s: int) -> None:
        """Keep-alive of the next connection; a change renews the present one."""
        ...

    def renew(self) -> None:
        """Leave and come back at once: certificate or keep-alive changed."""
        ...

    def set_spread(self, spread_s: float) -> None:
        """Over how many seconds the first attempt after a loss is spread."""
        ...

    def wake(self) -> None:
        """Look up from waiting (somebody asked to stop)."""
        ...
