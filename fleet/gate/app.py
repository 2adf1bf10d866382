"""The gate as a Flask app: no page, no session, problems as JSON, bodies bounded."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

import flask
import msgspec
from werkzeug.exceptions import HTTPException

from contracts.errors import Problem, PueError, WhoCanAct
from fleet.database import DatabaseUnavailable
from fleet.gate.premises import Premises, settle

log = logging.getLogger(__name__)

PROBLEM: Final = "application/problem+json"


def create_gate(premises: Premises, blueprints: Iterable[flask.Blueprint]) -> flask.Flask:
    """The door for boxes and recipients.

    Args:
        premises: database, settings, clock.
        blueprints: of the rooms that have something to say over HTTPS. They raise `PueError`; a class
            attribute `http_status` chooses the status (400 without).
    """
    app = flask.Flask("fleet.gate", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = premises.settings.gate.max_body_bytes
    settle(app, premises)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.register_error_handler(PueError, _refusal)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)
    app.add_url_rule("/healthz", "healthz", _healthz)
    return app


def problem_response(problem: Problem, status: int) -> flask.Response:
    """A refusal as it travels."""
    return flask.Response(msgspec.json.encode(problem), status=status, content_type=PROBLEM)


def _healthz() -> flask.Response:
    return flask.Response("ok\n", content_type="text/plain")


def _refusal(error: Exception) -> flask.Response:
    assert isinstance(error, PueError)
    unavailable = isinstance(error, DatabaseUnavailable)
    if unavailable:
        log.error("database: %s", error)
    status = 503 if unavailable else int(getattr(error, "http_status", 400))
    response = problem_response(error.problem(), status)
    if unavailable:
        response.headers["Retry-After"] = "5"
    if getattr(error, "http_basic", False):
        response.headers["WWW-Authenticate"] = 'Basic realm="pue enrolment"'
    return response


def _http(error: Exception) -> flask.Response:
    assert isinstance(error, HTTPException)
    status = error.code or 500
    code = f"gate.http_{status}"
    response = problem_response(Problem(code=code, who=WhoCanAct.OPERATOR, message=error.name), status)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers[name] = value
    return response


def _fault(error: Exception) -> flask.Response:
    # The class and the place, never the text: it might quote what a client sent.
    log.error("fault in %s: %s", flask.request.endpoint, type(error).__name__, exc_info=error)
    problem = Problem(code="gate.fault", who=WhoCanAct.OPERATOR, message="the server failed; try again later")
    return problem_response(problem, 500)
