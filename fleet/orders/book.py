"""Orders: made and signed here, told to the box, and followed until their end.

The statement the box verifies is signed once, when the order is made, and kept: what was sent can always be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from contracts import codec
from contracts.envelope import Purpose, Statement, sign_statement
from contracts.errors import PueError, WhoCanAct
from contracts.identity import BoxName, LetterId, make_id
from contracts.messages.orders import Order, OrderKind, OrderState, Precondition, Result
from contracts.messages.report import Birth
from fleet.clock import unix_ms
from fleet.link import outbound
from fleet.link.router import Arrival
from fleet.orders.tables import OrderRow, ResultRow
from fleet.registry import boxes, timeline
from fleet.registry.boxes import BoxState
from fleet.registry.timeline import Kind

DEFAULT_LIFE: Final = timedelta(minutes=15)
LONGEST_LIFE: Final = timedelta(days=7)
EXPIRY_MARGIN: Final = timedelta(seconds=30)
"""The box's last word may still be on the road when the deadline passes."""

RUNNING_MARGIN: Final = timedelta(minutes=15)
"""What was begun in time may take this long."""


ALWAYS: Final[Mapping[OrderKind, tuple[Precondition, ...]]] = {
    OrderKind.RESTART_DESK: (Precondition.IDLE_DESK,),
}
"""What an order of a kind asks whoever gives it: no citizen is interrupted by an operator."""


class OrderRefused(PueError):
    """The order makes no sense: no such box at work, or a deadline that is none."""

    code = "orders.refused"
    who = WhoCanAct.OPERATOR


class OrderUnknown(PueError):
    """No order has this id."""

    code = "orders.unknown"
    who = WhoCanAct.OPERATOR


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order and its newest state."""

    order: LetterId
    box: BoxName
    kind: OrderKind
    by: str
    issued_at: datetime
    deadline: datetime
    state: OrderState
    state_at: datetime
    code: str
    who: str
    facts: dict[str, Any]


def give(
    session: Session,
    box: BoxName,
    kind: OrderKind,
    *,
    by: str,
    key: Ed25519PrivateKey,
    now: datetime,
    random: bytes,
    life: timedelta = DEFAULT_LIFE,
    seconds: int | None = None,
    preconditions: Sequence[Precondition] = (),
) -> OrderView:
    """Give an order: signed, written in the book, queued for the link, all with the caller's transaction.

    Args:
        session: of `Database.write()`.
        box: to whom.
        kind: what.
        by: the operator's user name.
        key: the fleet's signing key (`fleet.enrolment.keys.fleet_key`).
        now: the hour.
        random: ten random bytes for the order's id.
        life: after it the box does not begin; at most `LONGEST_LIFE`.
        seconds: argument of the kinds that have one.
        preconditions: what must hold besides what `ALWAYS` asks; `idle_desk` waits for the sitting to end.

    Raises:
        BoxUnknown: no such box.
        OrderRefused: the box is not at work, or the deadline is out of bounds.
    """
    if boxes.get(session, box).state is not BoxState.ENROLLED:
        msg = f"box {box} is not enrolled: it cannot take orders"
        raise OrderRefused(msg, box=box)
    if not timedelta(0) < life <= LONGEST_LIFE:
        msg = f"an order lives between a second and {LONGEST_LIFE.days} days"
        raise OrderRefused(msg)
    order = Order(
        order=make_id(unix_ms(now), random),
        box=box,
        kind=kind,
        seconds=seconds,
        preconditions=list(dict.fromkeys((*ALWAYS.get(kind, ()), *preconditions))),
        issued_at=unix_ms(now),
        deadline=unix_ms(now + life),
        by=by,
    )
    statement = sign_statement(order, Purpose.ORDER, key)
    row = OrderRow(
        order=order.order,
        box=box,
        kind=kind.value,
        by=by,
        statement=codec.encode(statement).decode(),
        issued_at=now,
        deadline=now + life,
        state=OrderState.QUEUED.value,
        state_at=now,
        state_seq=0,
        code="",
        who="",
        facts={},
    )
    session.add(row)
    outbound.publish_order(session, box, statement, order=order.order, deadline=row.deadline, now=now)
    _note(session, row, now)
    return _view(row)


def get(session: Session, order: str) -> OrderView:
    """One order.

    Raises:
        OrderUnknown: no such order.
    """
    row = session.get(OrderRow, order)
    if row is None:
        msg = "no order has this id"
        raise OrderUnknown(msg)
    return _view(row)


def of_box(session: Session, box: str, *, limit: int = 50) -> list[OrderView]:
    """The newest orders of a box, newest first."""
    query = sa.select(OrderRow).where(OrderRow.box == box).order_by(OrderRow.issued_at.desc()).limit(limit)
    return [_view(row) for row in session.scalars(query)]


def on_sent(session: Session, ref: str, now: datetime) -> None:
    """The broker has the order (`ref` as `link.outbound.publish_order` wrote it)."""
    room, _, order = ref.partition(":")
    row = session.get(OrderRow, order) if room == "order" else None
    if row is not None and row.state == OrderState.QUEUED:
        _move(session, row, OrderState.SENT, now)


def on_birth(session: Session, arrival: Arrival) -> None:
    """A box connected: what it was sent and never answered goes out again.

    The broker keeps no queue for a box that was never there, and none past its session; the box carries an order out
    once, however often it hears it.
    """
    if not isinstance(arrival.message, Birth) or arrival.retained:
        return
    unheard = sa.select(OrderRow).where(
        OrderRow.box == arrival.box,
        OrderRow.state == OrderState.SENT.value,
        OrderRow.deadline > arrival.received_at,
    )
    for row in session.scalars(unheard):
        statement = codec.decode(Statement, row.statement.encode())
        outbound.publish_order(
            session, row.box, statement, order=row.order, deadline=row.deadline, now=arrival.received_at
        )


def on_result(session: Session, arrival: Arrival) -> None:
    """A step told by the box. The newest report number wins; an order of another box is refused.

    Raises:
        OrderUnknown: the box tells of an order it was never given.
    """
    message = arrival.message
    assert isinstance(message, Result)
    row = session.get(OrderRow, message.order)
    if row is None or row.box != arrival.box:
        msg = "a result for an order this box was never given"
        raise OrderUnknown(msg)
    if session.get(ResultRow, (arrival.box, arrival.life, message.seq)) is not None:
        return
    session.add(
        ResultRow(
            box=arrival.box,
            life=arrival.life,
            seq=message.seq,
            order=message.order,
            state=message.state.value,
            received_at=arrival.received_at,
        )
    )
    session.flush()
    if message.seq <= row.state_seq or _settled(row):
        return
    row.state_seq = message.seq
    row.code, row.who, row.facts = message.code, message.who, dict(message.facts)
    _move(session, row, message.state, arrival.received_at)


def expire(session: Session, now: datetime) -> int:
    """Close orders whose time is over; how many. A later word of the box that did it still counts."""
    pending = [state.value for state in OrderState if not state.final]
    over = sa.select(OrderRow).where(OrderRow.state.in_(pending), OrderRow.deadline <= now - EXPIRY_MARGIN)
    closed = 0
    for row in session.scalars(over.limit(500)):
        if row.state == OrderState.RUNNING and row.deadline > now - RUNNING_MARGIN:
            continue
        row.code = "orders.no_answer"
        _move(session, row, OrderState.EXPIRED, now)
        closed += 1
    return closed


def _settled(row: OrderRow) -> bool:
    """Final by the box's own word. `expired` may be our guess: the box knows better what it did."""
    return OrderState(row.state).final and row.code != "orders.no_answer"


def _move(session: Session, row: OrderRow, state: OrderState, now: datetime) -> None:
    row.state, row.state_at = state.value, now
    _note(session, row, now)


def _note(session: Session, row: OrderRow, now: datetime) -> None:
    bad = row.state in {OrderState.FAILED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.INTERRUPTED}
    timeline.note(
        session,
        row.box,
        Kind.ORDER,
        row.state,
        at=now,
        severity="warning" if bad else "info",
        ref=row.order,
        facts={"kind": row.kind, "by": row.by, "code": row.code},
    )


def _view(row: OrderRow) -> OrderView:
    return OrderView(
        order=row.order,
        box=row.box,
        kind=OrderKind(row.kind),
        by=row.by,
        issued_at=row.issued_at,
        deadline=row.deadline,
        state=OrderState(row.state),
        state_at=row.state_at,
        code=row.code,
        who=row.who,
        facts=row.facts,
    )
