"""The desk between two citizens: start page, drafts, and the small calls of a page that waits."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response, request

from contracts.desk_api.clerk import Act, Ask, Knock, OpenDraft
from contracts.places import comuni
from web_local import visit

blueprint = Blueprint("desk_ways", __name__)

SHOWN_LETTERS = 4
SUGGESTIONS = 8
SHORTEST_SEARCH = 2


@blueprint.get("/")
def start() -> Response:
    """Start page: the lights, the line, one big button."""
    view = visit.look()
    if view.locked:
        return visit.see("entrance.door", perche="blocco")
    ask = Ask(token=visit.token())
    rows = visit.desk().letters(ask).letters
    return visit.page("start.html", letters=rows[:SHOWN_LETTERS], more=len(rows) > SHOWN_LETTERS)


@blueprint.get("/bozze")
def drafts() -> Response:
    """Sittings laid aside."""
    visit.look()
    return visit.page("drafts.html", drafts=visit.desk().drafts(Ask(token=visit.token())).drafts)


@blueprint.post("/bozze/apri")
def open_draft() -> Response:
    """Take up a sitting laid aside."""
    visit.desk().open_draft(visit.act(OpenDraft, draft=request.form.get("draft", "")))
    return visit.see("sitting.mirror")


@blueprint.post("/comincia")
def begin() -> Response:
    """A citizen has come."""
    visit.desk().begin(visit.act(Act))
    return visit.see("sitting.mirror")


@blueprint.get("/vivo")
def alive() -> Response:
    """Whether the desk answers again; asked by the page that waits for it."""
    visit.desk().knock(Knock())
    return make_response("", 204)


@blueprint.post("/ancora")
def still_here() -> Response:
    """The clerk is working though no page was changed: typing, reading aloud."""
    visit.desk().stay(Ask(token=visit.token()))
    return make_response("", 204)


@blueprint.post("/comuni")
def places() -> Response:
    """Comuni that begin like what was typed, for a field's suggestions."""
    visit.token()
    typed = request.form.get("q", "").strip().casefold()
    if len(typed) < SHORTEST_SEARCH:
        return jsonify([])
    found = [place for place in comuni() if place.name.casefold().startswith(typed)]
    found.sort(key=lambda place: (len(place.name), place.name))
    return jsonify([{"name": place.name, "provincia": place.provincia} for place in found[:SUGGESTIONS]])
