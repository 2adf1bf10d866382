"""The life of an order on the box, as rules: no clock, no wire, no hand. `carry_out.py` has the hands.

An order is written down before anything is done about it, and "running" is written down before the act:
a box that dies in between says `interrupted` when it wakes, and never does it twice.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from contracts import codec
from contracts.envelope import MAX_STATEMENT_BYTES, Purpose, Statement, read_statement
from contracts.errors import PueError, WhoCanAct
from contracts.messages.orders import Order, OrderState

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Happening(enum.StrEnum):
    """What can happen to an order on a box."""

    MAY_RUN = "may_run"
    MUST_WAIT = "must_wait"
    """The desk serves a citizen."""
    TOO_LATE = "too_late"
    REFUSED = "refused"
    DONE = "done"
    BROKE = "broke"
    WOKE = "woke"
    """The agent started and found the order in this state."""


_S, _H = OrderState, Happening
TABLE: Final[dict[tuple[OrderState, Happening], OrderState]] = {
    (_S.RECEIVED, _H.MAY_RUN): _S.RUNNING,
    (_S.RECEIVED, _H.MUST_WAIT): _S.WAITING_SESSION,
    (_S.RECEIVED, _H.TOO_LATE): _S.EXPIRED,
    (_S.RECEIVED, _H.REFUSED): _S.REJECTED,
    (_S.RECEIVED, _H.WOKE): _S.RECEIVED,
    (_S.WAITING_SESSION, _H.MAY_RUN): _S.RUNNING,
    (_S.WAITING_SESSION, _H.MUST_WAIT): _S.WAITING_SESSION,
    (_S.WAITING_SESSION, _H.TOO_LATE): _S.EXPIRED,
    (_S.WAITING_SESSION, _H.REFUSED): _S.REJECTED,
    (_S.WAITING_SESSION, _H.WOKE): _S.WAITING_SESSION,
    (_S.RUNNING, _H.DONE): _S.SUCCEEDED,
    (_S.RUNNING, _H.BROKE): _S.FAILED,
    (_S.RUNNING, _H.WOKE): _S.INTERRUPTED,
}


class OrderRefused(PueError):
    """What came on the order topic is no order for this box; it is told as an event, never carried out."""

    code = "order.refused"
    who = WhoCanAct.OPERATOR


class OrderRetained(OrderRefused):
    """Orders are never retained: a retained one would be given again at every connection."""

    code = "order.retained"


class OrderNotMine(OrderRefused):
    """Well signed, but for another box: somebody plays it again elsewhere."""

    code = "order.not_mine"


class OrderOutOfStep(PueError):
    """A happening that cannot befall an order in this state: a fault of this program."""

    code = "order.out_of_step"
    who = WhoCanAct.OPERATOR


def after(state: OrderState, happening: Happening) -> OrderState:
    """The state that follows.

    Raises:
        OrderOutOfStep: nothing of the kind can happen in this state; final states know no happening.
    """
    try:
        return TABLE[state, happening]
    except KeyError:
        raise OrderOutOfStep(f"{happening} cannot befall an order that is {state}") from None


def read_order(payload: bytes, *, retained: bool, box: str, fleet_key: Ed25519PublicKey) -> Order:
    """The order in a message from the wire, if it is one for this box.

    Raises:
        OrderRetained: the broker kept it.
        StatementRefused: not signed by the fleet as an order.
        InvalidMessage: not a message we can read.
        OrderNotMine: it names another box.
    """
    if retained:
        raise OrderRetained("a retained order is refused: clear the topic")
    statement = codec.decode(Statement, payload, limit=MAX_STATEMENT_BYTES * 2)
    order = read_statement(statement, Order, Purpose.ORDER, fleet_key)
    if order.box != box:
        raise OrderNotMine("the order names another box", order=order.order)
    return order


def too_late(order: Order, now_ms: int, *, time_trusted: bool) -> bool:
    """Whether the deadline has passed.

    A box that woke in the past must not call a fresh order stale nor an old one fresh; with an untrusted
    clock the order's own hour is the earliest it can be, and the broker's message expiry guards the rest.
    """
    return (now_ms if time_trusted else max(now_ms, order.issued_at)) > order.deadline


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> received"]
    lines += [f"    {a} --> {b}: {h}" for (a, h), b in TABLE.items() if a is not b]
    lines += [f"    {state} --> [*]" for state in sorted({b for b in TABLE.values() if b.final})]
    return "\n".join(lines) + "\n"
