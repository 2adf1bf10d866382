"""The entrance: who works at this desk, first clerk, lock, way out."""

from __future__ import annotations

import re

import msgspec
from flask import Blueprint, Response, g, request

from contracts.desk_api.clerk import Ask, FirstClerk, Knock, Login, Reception, Welcome
from contracts.errors import Problem, PueError
from web_local import visit
from web_local.security import forget_session, keep_session
from web_local.words import N_

blueprint = Blueprint("entrance", __name__)

_USER = re.compile(r"[a-z][a-z0-9.]{1,31}")
_PIN = re.compile(r"[0-9]{6,12}")
_NAME_CHARS = (2, 60)


@blueprint.get("/entra")
def door() -> Response:
    """Ask for name and PIN; on a new box ask for the first clerk; on a locked one for the PIN only."""
    why = request.args.get("perche", "")
    return _draw(visit.desk().knock(Knock()), why=why if why in {"finita", "uscita", "blocco"} else "")


@blueprint.post("/entra")
def enter() -> Response:
    """Name and PIN."""
    user, pin = request.form.get("user", "").strip().lower(), request.form.get("pin", "").strip()
    reception = visit.desk().knock(Knock())
    errors = {}
    if not user:
        errors["user"] = N_("Scelga il suo nome.")
    if not _PIN.fullmatch(pin):
        errors["pin"] = N_("Il PIN ha da 6 a 12 cifre.")
    if errors:
        return _draw(reception, status=422, errors=errors, user=user)
    try:
        welcome = visit.desk().login(Login(user=user, pin=pin))
    except PueError as refusal:
        if not refusal.code.startswith("clerk."):
            raise
        return _draw(reception, status=409, problem=refusal.problem(), user=user)
    return _welcome(welcome)


@blueprint.post("/primo-operatore")
def first() -> Response:
    """The first clerk of a new box, with the code of the hand-over sheet."""
    typed = {
        name: request.form.get(name, "").strip() for name in ("user", "name", "pin", "pin_again", "voucher")
    }
    errors = _wrong_first(typed)
    reception = visit.desk().knock(Knock())
    if errors:
        return _draw(reception, status=422, errors=errors, typed=typed)
    asked = FirstClerk(user=typed["user"], name=typed["name"], pin=typed["pin"], voucher=typed["voucher"])
    try:
        welcome = visit.desk().first_clerk(asked)
    except PueError as refusal:
        if not refusal.code.startswith("clerk."):
            raise
        return _draw(reception, status=409, problem=refusal.problem(), typed=typed)
    return _welcome(welcome)


@blueprint.post("/blocca")
def lock() -> Response:
    """Hide everything at once; the work stays, the PIN brings it back."""
    visit.desk().lock(Ask(token=visit.token()))
    return visit.see("entrance.door", perche="blocco")


@blueprint.post("/esci")
def leave() -> Response:
    """End the session. What the browser kept of us is thrown away."""
    try:
        visit.desk().logout(Ask(token=visit.token()))
    except PueError as refusal:
        if refusal.code not in visit.SESSION_OVER:
            raise
    return forget_session(visit.see("entrance.door", perche="uscita"), https=visit.settings().https)


def _welcome(welcome: Welcome) -> Response:
    target = "sitting.mirror" if welcome.desk.sitting else "desk_ways.start"
    return keep_session(visit.see(target), welcome.token, https=visit.settings().https)


def _wrong_first(typed: dict[str, str]) -> dict[str, str]:
    errors = {}
    shortest, longest = _NAME_CHARS
    if not shortest <= len(typed["name"]) <= longest:
        errors["name"] = N_("Scriva nome e cognome.")
    if not _USER.fullmatch(typed["user"]):
        errors["user"] = N_("Usi solo lettere minuscole, cifre e punti, per esempio: anna.b")
    if not _PIN.fullmatch(typed["pin"]):
        errors["pin"] = N_("Il PIN ha da 6 a 12 cifre.")
    elif typed["pin"] != typed["pin_again"]:
        errors["pin_again"] = N_("I due PIN sono diversi. Li scriva di nuovo.")
    if not typed["voucher"]:
        errors["voucher"] = N_("Copi il codice dal foglio di consegna.")
    return errors


def _draw(
    reception: Reception,
    *,
    status: int = 200,
    why: str = "",
    problem: Problem | None = None,
    errors: dict[str, str] | None = None,
    user: str = "",
    typed: dict[str, str] | None = None,
) -> Response:
    g.view = msgspec.structs.replace(reception.desk, sitting=None, clerk=None)
    template = "entrance.html" if reception.clerks else "first_clerk.html"
    return visit.page(
        template,
        status,
        clerks=reception.clerks,
        why=why,
        problem=problem,
        errors=errors or {},
        user=user,
        typed=typed or {},
    )
