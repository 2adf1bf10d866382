"""Adding a box: where it will stand, then its name and a token that is shown once."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import flask
import msgspec
import sqlalchemy as sa

from contracts import places
from contracts.errors import PueError
from contracts.identity import box_name, site_name
from contracts.places import Comune
from fleet.registry import boxes
from fleet.registry.tables import SiteRow

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from fleet.console.ground import Ground
    from fleet.faces.guard import Guard

KEPT: Final = timedelta(minutes=5)
MAX_KEPT: Final = 100
MAX_OFFICE_CHARS: Final = 120


class PlaceUnclear(PueError):
    """No comune, or several, bear this name."""

    code = "enrolment.place_unclear"
    http_status = 422


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A token on its way to the page that shows it."""

    box: str
    site: str
    comune: str
    token: str
    hours: int
    at: datetime


class Once:
    """Tokens waiting to be shown: each can be taken once, and none waits for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Made] = {}

    def put(self, made: Made) -> str:
        """Keep it; the key for the page that will show it."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            fresh = {k: m for k, m in self._kept.items() if made.at - m.at < KEPT}
            self._kept = dict(list(fresh.items())[-MAX_KEPT + 1 :])
            self._kept[key] = made
        return key

    def take(self, key: str, now: datetime) -> Made | None:
        """What was kept under the key, for the first who asks in time."""
        with self._lock:
            made = self._kept.pop(key, None)
        return made if made is not None and now - made.at < KEPT else None


def blueprint(ground: Ground, guard: Guard) -> flask.Blueprint:
    """``/enrol``."""
    room = flask.Blueprint("enrol", __name__, url_prefix="/enrol")
    view = _View(ground, guard)
    room.add_url_rule("", "form", view.form)
    room.add_url_rule("", "add", view.add, methods=["POST"])
    room.add_url_rule("/token/<box>", "token", view.token, methods=["POST"])
    room.add_url_rule("/shown/<key>", "shown", view.shown)
    return room


class _View:
    def __init__(self, ground: Ground, guard: Guard) -> None:
        self._ground, self._guard, self._once = ground, guard, Once()

    def form(self) -> str:
        self._guard.require("operator")
        return flask.render_template("enrol.html", given={}, problem=None, choices=[])

    def add(self) -> Response:
        self._guard.require("operator")
        given = {
            key: flask.request.form.get(key, "").strip()[:120] for key in ("comune", "desk", "office", "name")
        }
        found = find(given["comune"])
        try:
            if len(found) != 1:
                raise _unclear(given["comune"], found)
            key = self._make(found[0], given)
        except PueError as why:
            page = flask.render_template("enrol.html", given=given, problem=why.problem(), choices=found[:20])
            return flask.make_response(page, 422)
        return flask.redirect(flask.url_for("enrol.shown", key=key), 303)

    def _make(self, comune: Comune, given: dict[str, str]) -> str:
        now, hours = self._ground.clock.now(), self._ground.settings.enrolment.token_hours
        with self._ground.database.write() as session:
            desk = given["desk"] or str(_next_desk(session.scalars(_desks(comune)).all()))
            site = site_name(f"{comune.belfiore.lower()}-{desk}")
            first = self._ground.settings.boxes
            name = given["name"] or None
            office = given["office"][:MAX_OFFICE_CHARS]
            box = boxes.add_box(session, site, now=now, first=first, name=name, office=office)
            token = boxes.new_token(session, box, now=now, life=timedelta(hours=hours))
        made = Made(box=box, site=site, comune=comune.name, token=token, hours=hours, at=now)
        return self._once.put(made)

    def token(self, box: str) -> Response:
        """A new token for a box that is in the book; those before it die."""
        self._guard.require("operator")
        now, hours = self._ground.clock.now(), self._ground.settings.enrolment.token_hours
        with self._ground.database.write() as session:
            known = boxes.get(session, box_name(box))
            token = boxes.new_token(session, known.box, now=now, life=timedelta(hours=hours))
        made = Made(
            box=known.box, site=known.site.site, comune=known.site.comune, token=token, hours=hours, at=now
        )
        return flask.redirect(flask.url_for("enrol.shown", key=self._once.put(made)), 303)

    def shown(self, key: str) -> str:
        self._guard.require("operator")
        made = self._once.take(key, self._ground.clock.now())
        return flask.render_template("enrol_shown.html", made=made)


def find(text: str) -> list[Comune]:
    """Comuni meant by a text: a Belfiore code, a name, or a name and its province as ``Castro (BG)``."""
    wanted = text.strip()
    coded = [comune for comune in places.comuni() if comune.belfiore == wanted.upper()]
    name, _, province = wanted.removesuffix(")").partition("(")
    named = places.named(name)
    if province:
        named = [comune for comune in named if comune.provincia == province.strip().upper()]
    return coded or named


def _unclear(text: str, found: list[Comune]) -> PlaceUnclear:
    if not found:
        return PlaceUnclear(
            f"no comune is called {text!r}: write its full name, like Agordo, or its Belfiore code"
        )
    return PlaceUnclear("several comuni bear this name: add the province, as in the list below")


def _desks(comune: Comune) -> sa.Select[str]:
    return sa.select(SiteRow.site).where(SiteRow.site.startswith(f"{comune.belfiore.lower()}-"))


def _next_desk(sites: object) -> int:
    taken = {int(str(site).rpartition("-")[2]) for site in sites}  # type: ignore[attr-defined]
    return next(n for n in range(1, 100) if n not in taken)
