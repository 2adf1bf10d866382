"""At the door of a face: who is it, did the request come from our own page, and what every answer carries."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import flask
import msgspec
from werkzeug.exceptions import HTTPException

from contracts.errors import InvalidName, Problem, PueError, WhoCanAct
from fleet.faces.accounts import LockedOut, LoginRefused, Session

if TYPE_CHECKING:
    from flask import Flask, Response
    from werkzeug.wrappers import Response as AnyResponse

    from fleet.faces.accounts import Accounts

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
SAFE: Final = {"GET", "HEAD", "OPTIONS"}
MAX_FORM_BYTES: Final = 65_536


class NotOurPage(PueError):
    """A change that was not asked for by a page of this face, or by one that is too old."""

    code = "session.not_our_page"


class NotAllowed(PueError):
    """The role may not do this."""

    code = "session.not_allowed"


class Guard:
    """Wires accounts into a Flask application.

    Args:
        app: gets the before- and after-request hooks, and the routes ``/login`` and ``/logout``.
        accounts: who may come in.
        cookie: name of the session cookie.
        secure: whether the face is reached by HTTPS only.
        home: endpoint to go to after log-in.
        missing: refusals that mean "there is no such thing" (404), besides names that are no names.

    The application brings the templates ``login.html`` (gets `problem`) and ``error.html`` (gets `problem`, `status`).
    """

    def __init__(
        self,
        app: Flask,
        accounts: Accounts,
        *,
        cookie: str,
        secure: bool,
        home: str,
        missing: tuple[type[PueError], ...] = (),
    ) -> None:
        self.accounts = accounts
        self._cookie, self._secure, self._home = cookie, secure, home
        self._missing: tuple[type[PueError], ...] = (InvalidName, *missing)
        app.config["MAX_CONTENT_LENGTH"] = MAX_FORM_BYTES
        app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
        app.before_request(self._before)
        app.after_request(_after)
        app.register_error_handler(HTTPException, _on_http_error)
        app.register_error_handler(PueError, self._on_refusal)
        app.add_url_rule("/static/vendor/<path:filename>", "vendor", _vendor)
        app.add_url_rule("/login", "login", self._login, methods=["GET", "POST"])
        app.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        app.context_processor(_page_words)

    def _before(self) -> AnyResponse | None:
        flask.g.session = self.accounts.session(flask.request.cookies.get(self._cookie, ""))
        if flask.request.method not in SAFE:
            self._check_our_page()
        if flask.request.endpoint in {"static", "vendor", "login"} or flask.g.session is not None:
            return None
        return _to_login()

    def _check_our_page(self) -> None:
        request = flask.request
        # Browsers say where a request comes from; those too old for it send Origin; programs send neither.
        site = request.headers.get("Sec-Fetch-Site", "")
        origin = request.headers.get("Origin", "")
        foreign = site not in {"same-origin", "none"} if site else urlsplit(origin).netloc != request.host
        if foreign and (site or origin):
            raise NotOurPage("the request comes from another site")
        session: Session | None = flask.g.session
        if session is None:
            return
        given = request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
        if not secrets.compare_digest(given.encode(), session.csrf.encode()):
            raise NotOurPage("the page is too old: load it again")

    def _login(self) -> AnyResponse:
        if flask.request.method == "GET":
            if flask.g.session is not None:
                return flask.redirect(flask.url_for(self._home), 303)
            return flask.make_response(flask.render_template("login.html", problem=None))
        form = flask.request.form
        try:
            secret = self.accounts.login(form.get("name", ""), form.get("password", ""), form.get("code", ""))
        except (LoginRefused, LockedOut) as why:
            page = flask.render_template("login.html", problem=why.problem())
            return flask.make_response(page, 429 if isinstance(why, LockedOut) else 401)
        answer = flask.redirect(flask.url_for(self._home), 303)
        answer.set_cookie(self._cookie, secret, secure=self._secure, httponly=True, samesite="Lax", path="/")
        return answer

    def _logout(self) -> AnyResponse:
        self.accounts.logout(flask.request.cookies.get(self._cookie, ""))
        answer = flask.redirect(flask.url_for("login"), 303)
        answer.delete_cookie(self._cookie, path="/")
        return answer

    def _on_refusal(self, why: Exception) -> AnyResponse:
        assert isinstance(why, PueError)
        status = 403 if isinstance(why, NotOurPage | NotAllowed) else 409
        if isinstance(why, self._missing):
            status = 404
        return _refused(why.problem(), getattr(why, "http_status", status))

    def require(self, least: str) -> Session:
        """The session, if its role suffices.

        Raises:
            NotAllowed: it does not.
        """
        session = here()
        if not self.accounts.has_role(session, least):
            raise NotAllowed(
                f"your role is {session.role}: this needs {least}", role=session.role, least=least
            )
        return session


VENDOR: Final = Path(__file__).parents[1] / "console" / "static" / "vendor"
"""Front-end parts, put there by set-up; one copy serves every face of the fleet."""


def _vendor(filename: str) -> Response:
    return flask.send_from_directory(VENDOR, filename, max_age=86_400)


def here() -> Session:
    """The session of the current request; only behind the guard."""
    session = flask.g.session
    assert isinstance(session, Session)
    return session


def wants_json() -> bool:
    """Whether the caller is a program: it gets a `Problem`, never a page."""
    return flask.request.path.startswith("/api/")


def _to_login() -> AnyResponse:
    """A page is sent to the log-in; a fragment or a stream must never receive the log-in page as its content."""
    url = flask.url_for("login")
    if wants_json():
        return problem_response(
            Problem(code="session.none", who=WhoCanAct.OPERATOR, message="log in first"), 401
        )
    stream = "text/event-stream" in flask.request.headers.get("Accept", "")
    if "HX-Request" in flask.request.headers or stream or flask.request.endpoint is None:
        return flask.Response(status=401, headers={"HX-Redirect": url})
    return flask.redirect(url, 303)


def problem_response(problem: Problem, status: int) -> Response:
    """A `Problem` as JSON (RFC 9457 media type, our own members)."""
    return flask.Response(msgspec.json.encode(problem), status=status, mimetype="application/problem+json")


def _refused(problem: Problem, status: int) -> AnyResponse:
    if wants_json():
        return problem_response(problem, status)
    page = flask.render_template("error.html", problem=problem, status=status)
    return flask.make_response(page, status)


def _on_http_error(why: Exception) -> AnyResponse:
    assert isinstance(why, HTTPException)
    status = why.code or 500
    problem = Problem(code=f"http.{status}", who=WhoCanAct.OPERATOR, message=why.name)
    return _refused(problem, status)


def _after(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if flask.request.endpoint not in {"static", "vendor"}:
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _page_words() -> dict[str, Any]:
    return {"session": flask.g.get("session")}
