"""The operators' page as a WSGI application: pages, fragments, one stream, and the JSON API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import flask
from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from contracts.errors import Problem
from contracts.identity import box_name
from fleet.console import api, board, box_page, causes, enrol, order_page, story
from fleet.console.ground import Ground
from fleet.faces.guard import Guard
from fleet.health import board as health
from fleet.health.liveness import Life
from fleet.registry.boxes import BoxUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator


VIEWER: Final = "viewer"
OPERATOR: Final = "operator"
ADMIN: Final = "admin"
ROLES: Final = (VIEWER, OPERATOR, ADMIN)
COOKIE: Final = "pue_console"
DEAF_AFTER: Final = timedelta(seconds=60)
RETRY_MS: Final = 2_000


def create_app(ground: Ground, *, behind_https: bool = False) -> flask.Flask:
    """The console.

    Args:
        ground: database, settings, clock, accounts, key, pulse.
        behind_https: a proxy in front speaks HTTPS and says so in ``X-Forwarded-Proto``.
    """
    app = APIFlask(
        __name__,
        title="PUE fleet",
        version="1",
        json_errors=False,
        spec_path="/api/v1/openapi.json",
        docs_path=None,
    )
    if behind_https:
        # The type checker knows the attribute as a method; replacing it is Flask's own way.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.spec_processor(_only_the_api)
    guard = Guard(
        app, ground.accounts, cookie=COOKIE, secure=behind_https, home="board", missing=(BoxUnknown,)
    )
    view = _View(ground)
    app.add_url_rule("/", "board", view.board)
    app.add_url_rule("/fragments/board", "board_rows", view.board_rows)
    app.add_url_rule("/events", "events", view.events)
    for room in (box_page, order_page, enrol, api):
        app.register_blueprint(room.blueprint(ground, guard))
    _teach_templates(app, ground)
    return app


def _only_the_api(spec: Any) -> Any:
    """Pages are for people; OpenAPI describes what programs may rely on."""
    spec["paths"] = {path: what for path, what in spec["paths"].items() if path.startswith("/api/")}
    return spec


class _View:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def board(self) -> str:
        return flask.render_template("board.html", **self._board())

    def board_rows(self) -> str:
        return flask.render_template("board_rows.html", **self._board())

    def _board(self) -> dict[str, Any]:
        now = self._ground.clock.now()
        with self._ground.database.read() as session:
            lights, ears = health.board(session), health.ears(session)
        wanted = _wanted()
        deaf = bool(lights) and not any(now - ear.at < DEAF_AFTER for ear in ears)
        return {"board": board.build(lights, wanted, now), "wanted": wanted, "deaf": deaf, "now": now}

    def events(self) -> flask.Response:
        """Server-sent events: ``changed`` whenever the page should be drawn again."""
        box = flask.request.args.get("box") or None
        beats = self._ground.pulse.beats(box_name(box) if box else None)
        cookie = flask.request.cookies.get(COOKIE, "")

        def stream() -> Iterator[str]:
            yield f"retry: {RETRY_MS}\n\n"
            for number in beats:
                if self._ground.accounts.session(cookie) is None:
                    yield "event: ended\ndata: \n\n"
                    return
                yield f"id: {number}\nevent: changed\ndata: {number}\n\n"

        headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        return flask.Response(stream(), mimetype="text/event-stream", headers=headers)


def _wanted() -> board.Filter:
    args = flask.request.args
    show = next((s for s in board.Show if s.value == args.get("show")), board.Show.ALL)
    return board.Filter(
        show=show,
        region=args.get("region", "")[: board.MAX_TEXT_CHARS],
        text=args.get("text", "").strip()[: board.MAX_TEXT_CHARS],
    )


def _teach_templates(app: flask.Flask, ground: Ground) -> None:
    def ago(then: datetime | None) -> str:
        return causes.ago(then, ground.clock.now()) if then else "never"

    filters: dict[str, Callable[..., str]] = {
        "ago": ago,
        "span": causes.span,
        "words": causes.words,
        "clock": lambda at: f"{at:%d %b %H:%M:%S} UTC",
        "iso": lambda at: at.isoformat(timespec="seconds"),
        "percent": lambda ratio: f"{100 * ratio:.0f} %",
        "size": _size,
        "hour": lambda unix_s: f"{datetime.fromtimestamp(unix_s, UTC):%H:%M} UTC",
    }
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals.update(
        tell=story.tell,
        story=story,
        Life=Life,
        problem_words=problem_words,
    )
    app.context_processor(lambda: {"may": _may(ground)})


def _may(ground: Ground) -> Callable[[str], bool]:
    session = flask.g.get("session")
    return lambda role: session is not None and ground.accounts.has_role(session, role)


def _size(size_bytes: int) -> str:
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit in {"B", "kB"} else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def problem_words(problem: Problem) -> str:
    """A refusal as a sentence."""
    text = problem.message or problem.code
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
