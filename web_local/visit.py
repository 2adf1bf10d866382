"""One request of a clerk: which session, what the desk shows it, and how a form becomes an act."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec
from flask import Response, current_app, g, make_response, redirect, render_template, request, url_for

from contracts.desk_api.clerk import Ask, ClerkDoor, DeskView, Watch
from contracts.desk_api.door import DoorClosed
from contracts.errors import Problem, PueError, WhoCanAct
from contracts.settled import settled
from web_local.security import forget_session
from web_local.settings import WebSettings

DESK = "pue-desk"
SETTINGS = "pue-settings"
WATCHER = "pue-watcher"

SESSION_OVER = frozenset({"clerk.logged_out", "web.session_over"})
LOCKED = "clerk.locked"

A = TypeVar("A", bound=msgspec.Struct)


class SessionOver(PueError):
    """There is no session, or the desk no longer knows it."""

    code = "web.session_over"
    who = WhoCanAct.CLERK


class NotFilled(PueError):
    """A form of ours that was not filled as the desk needs it. `fields` holds a sentence for each."""

    code = "web.not_filled"
    who = WhoCanAct.CLERK

    def __init__(self, **fields: str) -> None:
        super().__init__("a field is not filled as asked")
        self.fields = fields


def desk() -> ClerkDoor:
    """The clerk's door."""
    return cast("ClerkDoor", current_app.extensions[DESK])


def settings() -> WebSettings:
    """The settings of this face."""
    return cast("WebSettings", current_app.extensions[SETTINGS])


def token() -> str:
    """The session's token.

    Raises:
        SessionOver: there is none.
    """
    if not g.token:
        raise SessionOver("nobody is logged in")
    return str(g.token)


def look() -> DeskView:
    """The desk as this session may see it; asked once per request."""
    if "view" not in g:
        g.view = desk().look(Ask(token=token()))
    return cast("DeskView", g.view)


def glance(session: str) -> DeskView:
    """The same without counting as work of the clerk: for pages that refresh themselves."""
    return desk().watch(Watch(token=session, revision=-1, wait_s=0))


def act(kind: type[A], **values: Any) -> A:
    """An act of this session with the form's `once`.

    Raises:
        NotFilled: a value is not what the desk needs.
    """
    plain = {"token": token(), "once": request.form.get("once", ""), **values}
    try:
        return msgspec.convert(plain, settled(kind))
    except msgspec.ValidationError:
        raise NotFilled from None


def remember(view: DeskView) -> DeskView:
    """Keep the desk's answer as what this request shows."""
    g.view = view
    return view


def forget_view() -> None:
    """What was seen of the desk in this request may not be so any more."""
    g.pop("view", None)


def wants_fragment() -> bool:
    """Whether a script asks, not a person: then a redirect would end in the wrong place."""
    return "HX-Request" in request.headers or "text/event-stream" in request.headers.get("Accept", "")


def see(endpoint: str, **values: Any) -> Response:
    """Answer to a form: go and look at a page (POST, redirect, GET)."""
    return make_response(redirect(url_for(endpoint, **values), 303))


def page(template: str, status: int = 200, /, **values: Any) -> Response:
    """A whole page."""
    return make_response(render_template(template, **values), status)


def to_entrance(why: str = "") -> Response:
    """Everybody who has no session ends here; a fragment is told to take its whole page along."""
    target = url_for("entrance.door", perche=why) if why else url_for("entrance.door")
    if wants_fragment():
        response = make_response("", 401)
        response.headers["HX-Redirect"] = target
    else:
        response = make_response(redirect(target, 303))
    return forget_session(response, https=settings().https)


def raise_if_general(refusal: PueError) -> None:
    """Let through what concerns the session or the desk as a whole, not the act: its place is another page."""
    if isinstance(refusal, DoorClosed) or refusal.code in SESSION_OVER or refusal.code == LOCKED:
        raise refusal


def problem_of(error: PueError) -> Problem:
    """The error as a value, for the page that shows it."""
    return error.problem()
