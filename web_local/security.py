"""Walls of the face: headers, host and origin, the token against forged forms, the one cookie.

Rules and their reasons are in docs/decisions; the header set is tested word by word.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from web_local.settings import WebSettings

COOKIE: Final = "pue"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-Csrf"
MAX_BODY_BYTES: Final = 262_144
"""A page of a form is text; no file is ever uploaded by a browser."""
MAX_PARTS: Final = 600
TOKEN_CHARS: Final = (16, 64)

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
}
OPEN_DOORS: Final = frozenset({"entrance.enter", "entrance.first"})
"""Who comes in has no session yet, or an old one: the origin is checked, the session's word is not asked."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


class WrongHost(PueError):
    """The browser called us by a name that is not ours (DNS rebinding, a wrong bookmark)."""

    code = "web.wrong_host"
    who = WhoCanAct.TECHNICIAN


class ForgedForm(PueError):
    """A form that did not come from our own page, or from a page of a session that is over."""

    code = "web.forged_form"
    who = WhoCanAct.CLERK


def csrf_token(token: str) -> str:
    """The word a form of this session must carry. It needs no memory, so it outlives our restart."""
    return hmac.new(token.encode(), b"pue form", hashlib.sha256).hexdigest()


def new_once() -> str:
    """A token for one act, drawn when the page is drawn."""
    return secrets.token_urlsafe(18)


def guard(app: Flask, settings: WebSettings) -> None:
    """Put the walls around an app."""
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES, MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES, MAX_FORM_PARTS=MAX_PARTS
    )

    @app.before_request
    def check() -> None:
        if not settings.listen.startswith("unix:") or settings.hosts:
            _check_host(settings)
        g.token = _session_token()
        if request.method not in SAFE_METHODS:
            _check_origin()
            if g.token and request.endpoint not in OPEN_DOORS:
                _check_csrf(g.token)

    @app.after_request
    def put_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers[name] = value
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response


def keep_session(response: Response, token: str, *, https: bool) -> Response:
    """Give the browser the desk's token: out of reach of scripts and of other sites, gone with the window."""
    response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", secure=https, path="/")
    return response


def forget_session(response: Response, *, https: bool) -> Response:
    """Take the token back and have the browser throw away what it kept of us."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", secure=https, path="/")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _session_token() -> str:
    token = request.cookies.get(COOKIE, "")
    shortest, longest = TOKEN_CHARS
    well_formed = shortest <= len(token) <= longest and token.replace("-", "").replace("_", "").isalnum()
    return token if well_formed and token.isascii() else ""


def _check_host(settings: WebSettings) -> None:
    host = urlsplit(f"//{request.host}")
    name = (host.hostname or "").lower()
    if name not in settings.known_hosts and f"[{name}]" not in settings.known_hosts:
        raise WrongHost("this face answers only to the names in its settings")


def _check_origin() -> None:
    """Browsers say where a request comes from; one that says nothing at all is not a browser's form.

    `Referrer-Policy: no-referrer` makes browsers send ``Origin: null`` with our own forms, therefore
    Sec-Fetch-Site (W3C Fetch Metadata) is asked first.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site == "same-origin":
            return
        raise ForgedForm("the form came from another site")
    origin = request.headers.get("Origin", "")
    if origin != f"{request.scheme}://{request.host}":
        raise ForgedForm("the form does not say that it came from here")


def _check_csrf(token: str) -> None:
    given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), csrf_token(token).encode()):
        raise ForgedForm("the form does not carry the word of this session")
