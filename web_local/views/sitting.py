"""The sitting: one address that mirrors the stage, and one address for each act.

The page shows what the desk says; nothing of the citizen is in an address, and going back in the
browser can only show the truth of now.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from flask import Blueprint, Response, g, make_response, request

from contracts.desk_api.clerk import (
    Abandon,
    Act,
    Ask,
    BySight,
    Choose,
    ConfirmReadBack,
    DeskView,
    EnterCode,
    GiveNotice,
    GoToStep,
    LetterAct,
    PageAct,
    ReadContact,
    SamePerson,
    Sign,
    SignatureWay,
    SittingView,
    Stage,
    TakePage,
)
from contracts.errors import Problem, PueError
from web_local import form, visit
from web_local.choosing import by_area
from web_local.presenting import typed_day
from web_local.views.papers import first_not_judged
from web_local.words import N_

blueprint = Blueprint("sitting", __name__, url_prefix="/sportello")

SIGNATURE = "signature"
TEMPLATES = {
    Stage.INFORM: "inform.html",
    Stage.CARD: "card.html",
    Stage.READING: "reading.html",
    Stage.COMPARE: "compare.html",
    Stage.CHOOSE: "choose.html",
    Stage.FORM: "step.html",
    Stage.PAGES: "pages.html",
    Stage.READ_BACK: "read_back.html",
    Stage.SIGN: "sign.html",
    Stage.SEALING: "sealing.html",
    Stage.DONE: "done.html",
}
_CF = re.compile(r"[A-Z0-9]{16}")
_MRZ_LINE = re.compile(r"[A-Z0-9<]{28,44}")
_CAN = re.compile(r"[0-9]{6}")
_PIN = re.compile(r"[0-9]{5,8}")

A = TypeVar("A", bound=Act)


@blueprint.get("")
def mirror() -> Response:
    """The stage the sitting is in."""
    return _draw(visit.look())


def _draw(view: DeskView, status: int = 200, **values: Any) -> Response:
    if view.locked:
        return visit.see("entrance.door", perche="blocco")
    if view.sitting is None:
        return visit.see("desk_ways.start")
    values.setdefault("problem", view.sitting.trouble)
    return visit.page(TEMPLATES[view.sitting.stage], status, **_extras(view.sitting), **values)


def _extras(sitting: SittingView) -> dict[str, Any]:
    """What a stage's page needs beside the view."""
    if sitting.stage is Stage.CHOOSE:
        return {"areas": by_area(visit.desk().practices(Ask(token=visit.token())).practices)}
    if sitting.stage is Stage.FORM and sitting.form is not None:
        extra = request.args.get("righe", "")
        return {"shown": form.draw(sitting.form, extra_rows=extra)}
    if sitting.stage is Stage.PAGES:
        return {"to_judge": first_not_judged(sitting)}
    if sitting.stage is Stage.SIGN:
        taken = sitting.pages.pages if sitting.pages else []
        signed = [page for page in taken if page.attachment == SIGNATURE]
        return {"signed_pages": signed, "to_judge": first_not_judged(sitting)}
    return {}


def _act(call: str, kind: type[A], **values: Any) -> Response:
    """Do one act; a refusal is shown on the page where it happened, with what was typed."""
    try:
        visit.remember(getattr(visit.desk(), call)(visit.act(kind, **values)))
    except PueError as refusal:
        return _refused(refusal)
    return visit.see("sitting.mirror")


def _refused(refusal: PueError, **values: Any) -> Response:
    visit.raise_if_general(refusal)
    g.pop("view", None)
    problem: Problem | None = refusal.problem()
    if isinstance(refusal, visit.NotFilled):
        problem = None
    return _draw(visit.look(), 409, problem=problem, **values)


# ---- before anything is captured ------------------------------------------------------------------------


@blueprint.post("/informativa/stampa")
def print_notice() -> Response:
    """The full text of what is to be told, on paper."""
    return _act("print_notice", Act)


@blueprint.post("/informativa")
def give_notice() -> Response:
    """The citizen was told what happens to their data."""
    return _act("give_notice", GiveNotice, how=request.form.get("how", ""))


# ---- who is here ---------------------------------------------------------------------------------------


@blueprint.post("/codice")
def enter_code() -> Response:
    """The code printed on the card."""
    way = request.form.get("way", "can")
    if way == "mrz":
        return _enter_mrz()
    can = re.sub(r"\s", "", request.form.get("can", ""))
    if not _CAN.fullmatch(can):
        errors = {"can": N_("Servono sei cifre. Le trova in basso a destra, sul davanti della carta.")}
        return _draw(visit.look(), 422, errors=errors, way="can", problem=None)
    return _act("enter_code", EnterCode, can=can)


def _enter_mrz() -> Response:
    text = request.form.get("mrz", "").upper()
    lines = [re.sub(r"[^A-Z0-9<]", "", line) for line in text.splitlines() if line.strip()]
    if not lines or len(lines) > 3 or not all(_MRZ_LINE.fullmatch(line) for line in lines):
        errors = {"mrz": N_("Copi tutte le righe sul retro, una sotto l'altra, con i segni <.")}
        return _draw(visit.look(), 422, errors=errors, way="mrz", mrz=text, problem=None)
    return _act("enter_code", EnterCode, mrz=lines)


@blueprint.post("/documento")
def show_document() -> Response:
    """A document lies under the camera: it reads the lines itself."""
    return _act("show_document", Act)


@blueprint.post("/tessera")
def read_contact() -> Response:
    """A TS-CNS in the slot; its holder may have typed the PIN."""
    pin = re.sub(r"\s", "", request.form.get("pin", ""))
    if pin and not _PIN.fullmatch(pin):
        errors = {"pin": N_("Il PIN ha da 5 a 8 cifre. Se il cittadino non lo ricorda, lasci vuoto.")}
        return _draw(visit.look(), 422, errors=errors, way="contact", problem=None)
    return _act("read_contact", ReadContact, pin=pin or None)


@blueprint.get("/a-vista")
def by_sight() -> Response:
    """The form for a document whose chip cannot be used."""
    view = visit.look()
    if view.sitting is None or view.locked:
        return _draw(view)
    return visit.page("by_sight.html", typed=_known(view.sitting), errors={}, problem=None)


def _known(sitting: SittingView) -> dict[str, str]:
    """What a card already said, or the code of the Tessera Sanitaria, so that nobody types it again."""
    known: dict[str, str] = {}
    if sitting.carried is not None:
        known["codice_fiscale"] = sitting.carried.codice_fiscale
    citizen = sitting.citizen
    if citizen is not None and sitting.stage is Stage.COMPARE:
        day = "/".join(reversed(citizen.birth_date.split("-")))
        known |= {"surname": citizen.surname, "name": citizen.name, "birth_date": day}
        known |= {"codice_fiscale": citizen.codice_fiscale} if citizen.codice_fiscale else {}
    if sitting.verdict is not None and "same_person" not in sitting.may and sitting.citizen is not None:
        known["reason"] = "no_photo"
    return known


@blueprint.post("/a-vista")
def identify_by_sight() -> Response:
    """Identify from the document in the clerk's hand."""
    names = ("surname", "name", "birth_date", "codice_fiscale", "document_kind", "document_number", "reason")
    typed = {name: " ".join(request.form.get(name, "").split()) for name in names}
    errors = _wrong_by_sight(typed)
    if errors:
        visit.look()
        return visit.page("by_sight.html", 422, typed=typed, errors=errors, problem=None)
    values = typed | {
        "birth_date": typed_day(typed["birth_date"]),
        "codice_fiscale": typed["codice_fiscale"].replace(" ", "").upper(),
        "document_number": typed["document_number"].upper(),
    }
    try:
        visit.desk().by_sight(visit.act(BySight, **values))
    except PueError as refusal:
        visit.raise_if_general(refusal)
        visit.look()
        return visit.page("by_sight.html", 409, typed=typed, errors={}, problem=refusal.problem())
    return visit.see("sitting.mirror")


def _wrong_by_sight(typed: dict[str, str]) -> dict[str, str]:
    errors = {}
    if not typed["reason"]:
        errors["reason"] = N_("Scelga perché non si usa il chip.")
    if not typed["document_kind"]:
        errors["document_kind"] = N_("Scelga il documento.")
    if not 4 <= len(typed["document_number"]) <= 20:
        errors["document_number"] = N_("Scriva il numero del documento, come è stampato.")
    if not 1 <= len(typed["surname"]) <= 60:
        errors["surname"] = N_("Scriva il cognome.")
    if not 1 <= len(typed["name"]) <= 60:
        errors["name"] = N_("Scriva il nome.")
    if typed_day(typed["birth_date"]) is None:
        errors["birth_date"] = N_("Scriva la data così: 03/02/1950.")
    if not _CF.fullmatch(typed["codice_fiscale"].replace(" ", "").upper()):
        errors["codice_fiscale"] = N_("Il codice fiscale ha 16 lettere e cifre. È sulla tessera sanitaria.")
    return errors


@blueprint.post("/confronto")
def same_person() -> Response:
    """Photo and person compared by the clerk."""
    return _act("same_person", SamePerson, same=request.form.get("same") == "si")


@blueprint.post("/pratica")
def choose() -> Response:
    """Begin a practice."""
    return _act("choose", Choose, practice=request.form.get("practice", ""))


# ---- questions -----------------------------------------------------------------------------------------


@blueprint.post("/passo")
def save_step() -> Response:
    """Answers of a step: forward, back, one row more or less, or kept while being typed."""
    view = visit.look()
    shown = view.sitting.form if view.sitting else None
    if shown is None or shown.step.id != request.form.get("step"):
        return make_response("", 409) if visit.wants_fragment() else visit.see("sitting.mirror")
    todo = form.read_button(request.form.get("do", "next"))
    answers = form.read_answers(shown.step, request.form, drop=todo.drop)
    saving = visit.act(form.Saving, step=shown.step.id, answers=answers, then=todo.then)
    g.pop("view", None)
    visit.remember(visit.desk().save_step(saving))
    if visit.wants_fragment():
        return make_response("", 204)
    if todo.then == "stay":
        return visit.see("sitting.mirror", righe=todo.more or "-", _anchor=todo.anchor or None)
    return visit.see("sitting.mirror")


@blueprint.post("/vai")
def go_to_step() -> Response:
    """Back to a step to correct it."""
    return _act("go_to_step", GoToStep, step=request.form.get("step", ""))


# ---- papers --------------------------------------------------------------------------------------------


@blueprint.post("/foglio")
def take_page() -> Response:
    """Capture what lies under the camera."""
    attachment, instead_of = request.form.get("attachment", ""), request.form.get("instead_of") or None
    return _act("take_page", TakePage, attachment=attachment, instead_of=instead_of)


@blueprint.post("/foglio/togli")
def remove_page() -> Response:
    """Take a page out."""
    return _act("remove_page", PageAct, page=request.form.get("page", ""))


@blueprint.post("/fogli-finiti")
def pages_done() -> Response:
    """All papers are there."""
    return _act("pages_done", Act)


# ---- confirm, sign, receipt ----------------------------------------------------------------------------


@blueprint.post("/conferma")
def confirm_read_back() -> Response:
    """The citizen heard and confirmed."""
    return _act("confirm_read_back", ConfirmReadBack)


@blueprint.post("/stampa")
def print_summary() -> Response:
    """Print the summary to be signed."""
    return _act("print_summary", Act)


@blueprint.post("/firma")
def sign() -> Response:
    """How the citizen signed."""
    way = request.form.get("way", "")
    cause = " ".join(request.form.get("cause", "").split())
    if way == SignatureWay.CANNOT_SIGN and not cause:
        errors = {"cause": N_("Scriva perché il cittadino non può firmare.")}
        return _draw_cannot_sign(visit.look(), 422, errors)
    return _act("sign", Sign, way=way, cause=cause)


@blueprint.get("/non-firma")
def cannot_sign() -> Response:
    """The page for a citizen who cannot sign."""
    return _draw_cannot_sign(visit.look(), 200, {})


def _draw_cannot_sign(view: DeskView, status: int, errors: dict[str, str]) -> Response:
    if view.sitting is None or view.locked or view.sitting.stage is not Stage.SIGN:
        return _draw(view)
    return visit.page("cannot_sign.html", status, errors=errors, problem=None)


@blueprint.post("/salva")
def seal() -> Response:
    """Seal the dossier and lay it in the outbox."""
    return _act("seal", Act)


@blueprint.post("/ricevuta")
def print_receipt() -> Response:
    """Print the receipt of the letter just saved."""
    return _act("print_receipt", LetterAct, letter=request.form.get("letter", ""))


@blueprint.post("/fine")
def finish() -> Response:
    """The citizen leaves; the desk forgets them."""
    visit.desk().finish(visit.act(Act))
    return visit.see("desk_ways.start")


@blueprint.post("/bozza")
def lay_aside() -> Response:
    """Keep the sitting as a draft."""
    visit.desk().lay_aside(visit.act(Act))
    return visit.see("desk_ways.drafts")


@blueprint.get("/interrompi")
def before_abandon() -> Response:
    """Lay aside or erase? Said in words before anything happens."""
    view = visit.look()
    if view.sitting is None or view.locked:
        return _draw(view)
    return visit.page("abandon.html", errors={}, problem=None)


@blueprint.post("/interrompi")
def abandon() -> Response:
    """End the sitting and erase it."""
    reason = request.form.get("reason", "")
    if not reason:
        visit.look()
        return visit.page("abandon.html", 422, errors={"reason": N_("Scelga il motivo.")}, problem=None)
    visit.desk().abandon(visit.act(Abandon, reason=reason))
    return visit.see("desk_ways.start")
