"""Signing on the screen: the citizen reads the summary, then signs in a box with pen, finger or mouse."""

from __future__ import annotations

import re
from typing import Final

from flask import Blueprint, Response, request

from contracts.desk_api.clerk import (
    MAX_PEN_POINTS,
    MAX_STROKES,
    PEN_HEIGHT,
    PEN_SHORTEST,
    PEN_STEP,
    PEN_WIDTH,
    Act,
    Ask,
    DrawSignature,
)
from contracts.errors import Problem, PueError, WhoCanAct
from web_local import visit

blueprint = Blueprint("pen", __name__, url_prefix="/sportello/penna")

BOX: Final = {
    "wide": PEN_WIDTH,
    "high": PEN_HEIGHT,
    "step": PEN_STEP,
    "least": PEN_SHORTEST,
    "strokes": MAX_STROKES,
    "points": MAX_PEN_POINTS,
}
"""What the page's script has to know of the box, under the names of its data attributes."""
UNREADABLE: Final = Problem(code="web.broken", who=WhoCanAct.CLERK)
"""What no script of ours would send."""
_LONGEST_TEXT: Final = 12 * MAX_PEN_POINTS
_STROKES: Final = re.compile(r"(\d{1,4} \d{1,4})([ .]\d{1,4} \d{1,4})*")


@blueprint.get("")
def sign_here() -> Response:
    """The words of the summary, and the box under them."""
    return _draw()


@blueprint.post("")
def signed() -> Response:
    """What was drawn goes to the desk; whether it can be read is the next page's question."""
    strokes = read_strokes(request.form.get("strokes", ""))
    if strokes is None:
        return _draw(422, UNREADABLE)
    shown = request.form.get("shown", "")
    try:
        drawing = visit.act(DrawSignature, shown_sha256=shown, strokes=strokes)
        visit.desk().draw_signature(drawing)
    except PueError as refusal:
        visit.raise_if_general(refusal)
        return _draw(409, UNREADABLE if isinstance(refusal, visit.NotFilled) else refusal.problem())
    return visit.see("sitting.mirror")


@blueprint.post("/rifai")
def again() -> Response:
    """It cannot be read: an empty box."""
    try:
        visit.desk().erase_signature(visit.act(Act))
    except PueError as refusal:
        visit.raise_if_general(refusal)
        return visit.see("sitting.mirror")
    return visit.see("pen.sign_here")


def read_strokes(text: str) -> list[list[list[int]]] | None:
    """Strokes from the page's hidden field: ``x y x y``, a point between two strokes; None where it is something else."""
    if not text:
        return []
    if len(text) > _LONGEST_TEXT or not _STROKES.fullmatch(text):
        return None
    strokes = []
    for stroke in text.split("."):
        numbers = [int(number) for number in stroke.split(" ")]
        strokes.append([[x, y] for x, y in zip(numbers[::2], numbers[1::2], strict=True)])
    return strokes


def _draw(status: int = 200, problem: Problem | None = None) -> Response:
    """Only while somebody may sign here; else the sitting's own page knows better."""
    visit.forget_view()
    sitting = visit.look().sitting
    if sitting is None or "draw_signature" not in sitting.may or sitting.signature or sitting.pen:
        return visit.see("sitting.mirror")
    words = visit.desk().summary_words(Ask(token=visit.token()))
    return visit.page("pen.html", status, summary=words, box=BOX, problem=problem)
