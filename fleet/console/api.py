"""The same facts as JSON, under ``/api/v1``, described by OpenAPI at ``/api/v1/openapi.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, DateTime, Dict, Integer, List, Nested, String
from apiflask.validators import OneOf

from contracts.identity import box_name
from contracts.messages.orders import OrderKind
from fleet.console import board, box_page
from fleet.health import board as health
from fleet.orders import book

if TYPE_CHECKING:
    import flask

    from fleet.console.ground import Ground
    from fleet.faces.guard import Guard


class DeviceOut(Schema):
    """A device in words."""

    kind = String()
    condition = String()
    words = String()


class BoxOut(Schema):
    """A box as on the board. `why` is the cause to read first, empty when all is fine."""

    box = String()
    site = String()
    office = String()
    comune = String()
    provincia = String()
    region = String()
    life = String()
    level = String()
    why = String()
    heard_at = DateTime(allow_none=True)
    devices = List(Nested(DeviceOut))
    letters_waiting = Integer(allow_none=True)
    clock_trusted = Boolean(allow_none=True)


class OrderIn(Schema):
    """An order to give."""

    kind = String(required=True, validate=OneOf([kind.value for kind in OrderKind]))


class OrderOut(Schema):
    """An order and its newest state."""

    order = String()
    box = String()
    kind = String()
    by = String()
    issued_at = DateTime()
    deadline = DateTime()
    state = String()
    state_at = DateTime()
    code = String()
    facts = Dict()


def blueprint(ground: Ground, guard: Guard) -> flask.Blueprint:
    """``/api/v1``; who asks is known by the session, and changes carry ``X-CSRF-Token``."""
    room = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="fleet")

    @room.get("/boxes")
    @room.output(BoxOut(many=True))  # type: ignore[untyped-decorator, unused-ignore]
    def boxes() -> list[dict[str, Any]]:
        """All boxes, worst first."""
        now = ground.clock.now()
        with ground.database.read() as session:
            return [_box(board.row(light, now)) for light in health.board(session)]

    @room.get("/boxes/<box>")
    @room.output(BoxOut)  # type: ignore[untyped-decorator, unused-ignore]
    def box(box: str) -> dict[str, Any]:
        """One box."""
        with ground.database.read() as session:
            return _box(board.row(health.light(session, box_name(box)), ground.clock.now()))

    @room.get("/boxes/<box>/orders")
    @room.output(OrderOut(many=True))  # type: ignore[untyped-decorator, unused-ignore]
    def orders(box: str) -> list[dict[str, Any]]:
        """The newest orders of a box."""
        with ground.database.read() as session:
            return [_order(order) for order in book.of_box(session, box_name(box))]

    @room.post("/boxes/<box>/orders")
    @room.input(OrderIn)  # type: ignore[untyped-decorator, unused-ignore]
    @room.output(OrderOut, status_code=201)  # type: ignore[untyped-decorator, unused-ignore]
    def give(box: str, json_data: dict[str, str]) -> dict[str, Any]:
        """Give an order to a box."""
        session = guard.require("operator")
        return _order(box_page.give(ground, box_name(box), OrderKind(json_data["kind"]), by=session.name))

    return room


def _box(row: board.Row) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in ("box", "site", "office", "comune", "provincia", "region")}
    return facts | {
        "life": row.life,
        "level": row.cause.level.value,
        "why": row.cause.sentence,
        "heard_at": row.heard_at,
        "devices": [{"kind": d.kind, "condition": d.condition, "words": d.words} for d in row.devices],
        "letters_waiting": row.waiting,
        "clock_trusted": row.clock,
    }


def _order(order: book.OrderView) -> dict[str, Any]:
    names = ("order", "box", "by", "issued_at", "deadline", "state_at", "code", "facts")
    facts = {name: getattr(order, name) for name in names}
    return facts | {"kind": order.kind.value, "state": order.state.value}
