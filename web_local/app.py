"""The clerk's face: a Flask app that mirrors the desk and remembers nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request, url_for
from flask_babel import Babel
from werkzeug.exceptions import HTTPException

from contracts.desk_api.door import DoorClosed
from contracts.errors import Problem, PueError, WhoCanAct
from web_local import presenting, security, signs, visit, words
from web_local.live import Watcher
from web_local.views import (
    desk_ways,
    entrance,
    event_stream,
    eye,
    guide,
    letters,
    papers,
    pen,
    pictures,
    sitting,
)

if TYPE_CHECKING:
    from contracts.desk_api.clerk import ClerkDoor
    from web_local.settings import WebSettings

log = logging.getLogger(__name__)

FILTERS = (
    presenting.moment,
    presenting.short_moment,
    presenting.long_day,
    presenting.codice_fiscale,
    presenting.pairs,
    presenting.summary,
    presenting.paper_title,
    presenting.paper_pairs,
)
ROOMS = (entrance, desk_ways, sitting, papers, pen, letters, eye, pictures, event_stream, guide)


def create_app(settings: WebSettings, desk: ClerkDoor) -> Flask:
    """Build the face of one desk. Nothing is asked of the desk before the first request.

    The caller starts the app's watcher (`start_watching`) in the process that serves.
    """
    app = Flask("web_local")
    app.extensions[visit.DESK] = desk
    app.extensions[visit.SETTINGS] = settings
    app.extensions[visit.WATCHER] = Watcher(desk)
    app.config.update(BABEL_DEFAULT_LOCALE="it", BABEL_DEFAULT_TIMEZONE=settings.timezone)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "locale"
    app.url_map.strict_slashes = False
    Babel(app)
    security.guard(app, settings)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    _teach_templates(app)
    _answer_errors(app)
    return app


def start_watching(app: Flask) -> Watcher:
    """Begin to follow the desk; the one who starts also stops."""
    watcher: Watcher = app.extensions[visit.WATCHER]
    watcher.start()
    return watcher


def _teach_templates(app: Flask) -> None:
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    for write in FILTERS:
        app.add_template_filter(write, write.__name__)
    app.add_template_filter(words.tell, "tell")

    @app.context_processor
    def surroundings() -> dict[str, Any]:
        view = g.get("view")
        return {
            "view": view,
            "sitting": view.sitting if view else None,
            "signs": signs,
            "words": words,
            "settings": app.extensions[visit.SETTINGS],
            "csrf": security.csrf_token(g.token) if g.get("token") else "",
            "once": security.new_once,
        }


def _answer_errors(app: Flask) -> None:
    @app.errorhandler(DoorClosed)
    def closed(_error: DoorClosed) -> Response:
        return _resting()

    @app.errorhandler(PueError)
    def refused(error: PueError) -> Response:
        if error.code in visit.SESSION_OVER:
            return visit.to_entrance("finita" if g.get("token") else "")
        if error.code == visit.LOCKED:
            return visit.to_entrance("blocco")
        return _refusal(visit.problem_of(error), 409)

    @app.errorhandler(HTTPException)
    def wrong(error: HTTPException) -> Response:
        status = error.code or 500
        if status == 405 and request.method == "GET":
            return visit.see("sitting.mirror" if request.path.startswith("/sportello") else "desk_ways.start")
        code = {404: "web.not_found", 413: "web.too_large"}.get(status, "web.broken")
        return _refusal(Problem(code=code, who=WhoCanAct.CLERK), status)

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        # The kind only: the text of an unforeseen error may quote what a citizen said.
        frames = _where(error)
        log.error("unforeseen %s at %s", type(error).__name__, frames)
        return _refusal(Problem(code="web.broken", who=WhoCanAct.OPERATOR), 500)


def _where(error: Exception) -> str:
    frame, line = error.__traceback__, ""
    while frame is not None:
        line = f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}"
        frame = frame.tb_next
    return line


def _refusal(problem: Problem, status: int) -> Response:
    if visit.wants_fragment():
        response = Response("", status)
        response.headers["HX-Reswap"] = "none"
        return response
    return visit.page("refusal.html", status, problem=problem)


def _resting() -> Response:
    """The desk is away: keep what was typed, come back by itself."""
    if visit.wants_fragment():
        return Response("", 503)
    kept: list[tuple[str, str]] = []
    if request.method == "POST" and request.path.startswith("/sportello/"):
        kept = [
            (name, value) for name, value in request.form.items(multi=True) if name != security.CSRF_FIELD
        ]
    g.pop("view", None)
    back = request.path if kept else url_for("desk_ways.start")
    if request.method == "GET" and request.endpoint:
        back = request.path
    response = visit.page("resting.html", 503, kept=kept, back=back)
    response.headers["Retry-After"] = "3"
    return response
