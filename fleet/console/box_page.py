"""One box: facts, lights, a day as charts, its life as one list, and its orders."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import flask

from contracts.errors import PueError
from contracts.identity import box_name
from contracts.messages.orders import OrderKind, Precondition
from fleet.console import board, causes
from fleet.health import board as health
from fleet.orders import book
from fleet.registry import boxes, timeline

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from fleet.console.ground import Ground
    from fleet.faces.guard import Guard

LINES: Final = 60
TABLE_ROWS: Final = 24
IDENTIFY_S: Final = 60
RESTART_LIFE: Final = timedelta(hours=4)
"""A restart waits for the citizen at the desk; four hours outlast any sitting and not the day."""


class NoSuchOrder(PueError):
    """A kind of order this page does not give."""

    code = "orders.unknown_kind"
    http_status = 400


def blueprint(ground: Ground, guard: Guard) -> flask.Blueprint:
    """Routes under ``/boxes/<box>``."""
    room = flask.Blueprint("box", __name__, url_prefix="/boxes/<box>")
    view = _View(ground, guard)
    room.add_url_rule("", "page", view.page)
    room.add_url_rule("/fragment", "fragment", view.fragment)
    room.add_url_rule("/series.json", "series", view.series)
    room.add_url_rule("/orders", "order", view.order, methods=["POST"])
    return room


class _View:
    def __init__(self, ground: Ground, guard: Guard) -> None:
        self._ground, self._guard = ground, guard

    def page(self, box: str) -> str:
        return flask.render_template("box.html", **self._facts(box))

    def fragment(self, box: str) -> str:
        return flask.render_template("box_live.html", **self._facts(box))

    def _facts(self, box: str) -> dict[str, Any]:
        now, below = self._ground.clock.now(), flask.request.args.get("below", type=int)
        with self._ground.database.read() as session:
            light = health.light(session, box_name(box))
            lines = timeline.lines(session, box, limit=LINES, below=below)
            orders = book.of_box(session, box, limit=8)
            series = health.series(session, box, now=now)
        return {
            "light": light,
            "row": board.row(light, now),
            "trust": causes.trust(light, now),
            "catalogue": causes.catalogue(light),
            "lines": lines,
            "more": len(lines) == LINES,
            "orders": orders,
            "hours": _by_hour(series, now.timestamp()),
            "now": now,
        }

    def series(self, box: str) -> flask.Response:
        """Columns for the charts."""
        with self._ground.database.read() as session:
            found = health.series(session, box_name(box), now=self._ground.clock.now())
        columns = found.columns
        shown = {
            "load": [_times(v, 100) for v in columns["load_ratio"]],
            "temperature": columns["temperature_c"],
            "memory": _used(columns["memory_total_bytes"], columns["memory_available_bytes"]),
            "letters": columns["outbox_waiting"],
        }
        return flask.jsonify(at=found.at_s, **shown)

    def order(self, box: str) -> Response:
        """Give an order in the operator's name."""
        session = self._guard.require("operator")
        kind = next((k for k in OrderKind if k.value == flask.request.form.get("kind")), None)
        if kind is None:
            raise NoSuchOrder("this page gives no such order")
        give(self._ground, box_name(box), kind, by=session.name)
        return flask.redirect(flask.url_for("box.page", box=box) + "#orders", 303)


def give(ground: Ground, box: str, kind: OrderKind, *, by: str) -> book.OrderView:
    """Sign and queue an order with the arguments that belong to its kind.

    Raises:
        BoxUnknown, OrderRefused, KeysUnavailable: nothing was queued.
    """
    restart = kind is OrderKind.RESTART_DESK
    with ground.database.write() as session:
        boxes.get(session, box)
        return book.give(
            session,
            box,
            kind,
            by=by,
            key=ground.key(),
            now=ground.clock.now(),
            random=os.urandom(10),
            life=RESTART_LIFE if restart else book.DEFAULT_LIFE,
            seconds=IDENTIFY_S if kind is OrderKind.IDENTIFY else None,
            preconditions=(Precondition.IDLE_DESK,) if restart else (),
        )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else round(value * factor, 1)


def _used(total: list[float | None], free: list[float | None]) -> list[float | None]:
    return [
        round(100 * (1 - f / t), 1) if t and f is not None else None for t, f in zip(total, free, strict=True)
    ]


def _by_hour(series: health.Series, now_s: float) -> list[dict[str, Any]]:
    """The same day as a table: one row an hour, newest first, for who does not see charts."""
    used = _used(series.columns["memory_total_bytes"], series.columns["memory_available_bytes"])
    rows = []
    for hour in range(TABLE_ROWS):
        until = now_s - 3_600 * hour
        inside = [i for i, at in enumerate(series.at_s) if until - 3_600 < at <= until]
        if inside:
            rows.append(
                {
                    "until": until,
                    "reports": len(inside),
                    "load": _mean([_times(series.columns["load_ratio"][i], 100) for i in inside]),
                    "temperature": _mean([series.columns["temperature_c"][i] for i in inside]),
                    "memory": _mean([used[i] for i in inside]),
                    "letters": _mean([series.columns["outbox_waiting"][i] for i in inside]),
                }
            )
    return rows


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 1) if known else None
