"""Orders: what the fleet asks of a box, and what became of it.

An order travels inside a signed statement (`contracts.envelope.Statement`), is never
retained, and is carried out once: the box remembers its id before it acts.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from contracts.codec import Message
from contracts.identity import BoxName, LetterId
from contracts.messages.report import Head, Short, UnixMs


class OrderKind(enum.StrEnum):
    """Orders a box knows."""

    PING = "ping"
    IDENTIFY = "identify"
    """Blink the desk's light, so that a person in the room finds the box."""
    RESTART_DESK = "restart_desk"


class Precondition(enum.StrEnum):
    """What must hold before an order runs; a refusal names the one that does not."""

    IDLE_DESK = "idle_desk"
    """No citizen is at the desk: the agent holds the quiet claim while it acts."""
    TIME_TRUSTED = "time_trusted"
    DISK_FREE = "disk_free"


class OrderState(enum.StrEnum):
    """Life of an order. `received` is not `running`; `running` is not done."""

    QUEUED = "queued"
    SENT = "sent"
    RECEIVED = "received"
    WAITING_SESSION = "waiting_session"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def final(self) -> bool:
        """Nothing follows."""
        return self in _FINAL


_FINAL = {
    OrderState.SUCCEEDED,
    OrderState.FAILED,
    OrderState.REJECTED,
    OrderState.EXPIRED,
    OrderState.CANCELLED,
    OrderState.INTERRUPTED,
}


class Order(Message, frozen=True, kw_only=True):
    """One order to one box.

    Attributes:
        deadline: after it the box does not begin; the fleet calls it expired.
        by: the operator's user name.
    """

    v: int = 1
    order: LetterId
    box: BoxName
    kind: OrderKind
    seconds: Annotated[int, Meta(ge=1, le=600)] | None = None
    preconditions: list[Precondition] = []
    issued_at: UnixMs
    deadline: UnixMs
    by: Short


class Result(Head, frozen=True, kw_only=True):
    """A step in the life of an order, said by the box (``up/result``).

    Attributes:
        code: stable word of a refusal or failure, empty when there is none.
        facts: small answers (``ping`` gives `uptime_s`).
    """

    order: LetterId
    state: OrderState
    code: Short = ""
    who: Short = ""
    facts: dict[str, str | int | float | bool | None] = {}
