"""The newest orders of the whole fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import flask
import sqlalchemy as sa

from fleet.orders import book
from fleet.orders.tables import OrderRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from fleet.console.ground import Ground
    from fleet.faces.guard import Guard

NEWEST: Final = 100


def blueprint(ground: Ground, _guard: Guard) -> flask.Blueprint:
    """``/orders``."""
    room = flask.Blueprint("orders", __name__)

    def page() -> str:
        with ground.database.read() as session:
            return flask.render_template("orders.html", orders=newest(session))

    def fragment() -> str:
        with ground.database.read() as session:
            return flask.render_template("order_rows.html", orders=newest(session))

    room.add_url_rule("/orders", "page", page)
    room.add_url_rule("/fragments/orders", "fragment", fragment)
    return room


def newest(session: Session) -> list[book.OrderView]:
    """The newest orders, newest first."""
    query = sa.select(OrderRow).order_by(OrderRow.issued_at.desc()).limit(NEWEST)
    # The rows are in the session already: `get` asks the database nothing more.
    rows = list(session.scalars(query))
    return [book.get(session, row.order) for row in rows]
