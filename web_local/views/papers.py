"""Pages of paper, one by one: looked at, kept, turned, straightened, blackened, held against the form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request, url_for

from contracts.desk_api.clerk import (
    AutoTake,
    KeepPage,
    MovePage,
    PageAct,
    PageView,
    RedactPage,
    ShapePage,
    UseFinding,
)
from contracts.errors import PueError
from web_local import visit
from web_local.words import N_

if TYPE_CHECKING:
    from contracts.desk_api.clerk import SittingView

blueprint = Blueprint("papers", __name__, url_prefix="/sportello/foglio")

BOXES = 6
"""Places that can be blackened at once; more with a second go."""
BORDERS = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
"""Where four corners begin when no sheet was found."""
CORNERS = (
    N_("in alto a sinistra"),
    N_("in alto a destra"),
    N_("in basso a destra"),
    N_("in basso a sinistra"),
)
SIDES = (N_("da sinistra"), N_("dall'alto"), N_("fino a destra"), N_("fino in basso"))


@blueprint.get("/<uuid:page>")
def one(page: object) -> Response:
    """A page large, and what can be done with it."""
    return _draw("paper.html", str(page))


@blueprint.get("/<uuid:page>/rifai")
def again(page: object) -> Response:
    """The live picture, to take the page again."""
    return _draw("paper_again.html", str(page))


@blueprint.get("/<uuid:page>/angoli")
def corners(page: object) -> Response:
    """The picture as taken, with four corners to move."""
    shown = _page(visit.look().sitting, str(page))
    found = (shown.corners if shown else []) or BORDERS
    typed = [f"{round(100 * number, 1):g}".replace(".", ",") for corner in found for number in corner]
    return _draw("paper_corners.html", str(page), typed=typed, errors={})


@blueprint.post("/<uuid:page>/angoli")
def shape(page: object) -> Response:
    """The clerk's own corners, in per cent."""
    typed = [request.form.get(f"n{at}", "") for at in range(8)]
    numbers = [_percent(text, -20, 120) for text in typed]
    if any(number is None for number in numbers):
        errors = {
            f"n{at}": N_("Scriva un numero da 0 a 100.")
            for at, number in enumerate(numbers)
            if number is None
        }
        return _draw("paper_corners.html", str(page), 422, typed=typed, errors=errors)
    pairs = [(numbers[at], numbers[at + 1]) for at in range(0, 8, 2)]
    return _do("shape_page", ShapePage, str(page), then="papers.one", corners=pairs)


@blueprint.get("/<uuid:page>/copri")
def cover(page: object) -> Response:
    """The page, with boxes to draw over what does not belong into the dossier."""
    return _draw("paper_cover.html", str(page), typed=[[""] * 4] * BOXES, errors={})


@blueprint.post("/<uuid:page>/copri")
def redact(page: object) -> Response:
    """Blacken the boxes, in per cent."""
    typed = [[request.form.get(f"b{box}-{side}", "").strip() for side in range(4)] for box in range(BOXES)]
    errors: dict[str, str] = {}
    boxes = []
    for number, row in enumerate(typed):
        if not any(row):
            continue
        sides = [_percent(text, 0, 100) for text in row]
        left, top, right, bottom = (math.nan if side is None else side for side in sides)
        if left < right and top < bottom:
            boxes.append((left, top, right, bottom))
        else:
            errors[f"b{number}-0"] = N_(
                "Servono quattro numeri da 0 a 100, il primo e il secondo più piccoli."
            )
    if not boxes and not errors:
        errors["b0-0"] = N_("Segni almeno un riquadro.")
    if errors:
        return _draw("paper_cover.html", str(page), 422, typed=typed, errors=errors)
    return _do("redact_page", RedactPage, str(page), then="papers.one", boxes=boxes)


@blueprint.post("/tieni")
def keep() -> Response:
    """Keep a page that is not as it should be."""
    page, because = request.form.get("page", ""), request.form.get("because", "")
    if not because:
        return _draw("paper.html", page, 422, errors={"because": N_("Scelga perché la pagina va bene così.")})
    return _do("keep_page", KeepPage, page, then="papers.one", because=because)


@blueprint.post("/gira")
def turn() -> Response:
    """A quarter clockwise."""
    return _do("turn_page", PageAct, request.form.get("page", ""), then="papers.one")


@blueprint.post("/sposta")
def move() -> Response:
    """One place up or down."""
    page, _, way = request.form.get("page", "").partition(" ")
    return _do("move_page", MovePage, page, up=way == "su")


@blueprint.post("/usa")
def use_finding() -> Response:
    """Put what stands on the page into the form."""
    page, _, number = request.form.get("page", "").partition(" ")
    return _do(
        "use_finding", UseFinding, page, then="papers.one", number=int(number) if number.isdigit() else -1
    )


@blueprint.post("/da-solo")
def auto_take() -> Response:
    """Photograph a paper by itself, or no more."""
    attachment = "" if request.form.get("off") else request.form.get("attachment", "")
    try:
        visit.desk().auto_take(visit.act(AutoTake, attachment=attachment))
    except PueError as refusal:
        return _refused(refusal)
    return visit.see("sitting.mirror")


# ---- inside


def _percent(text: str, least: float, most: float) -> float | None:
    """Per cent as typed, as a fraction."""
    try:
        number = float(text.replace(",", ".").replace("%", "").strip())
    except ValueError:
        return None
    return number / 100 if least <= number <= most else None


def _page(sitting: SittingView | None, page: str) -> PageView | None:
    papers = sitting.pages if sitting else None
    return next((one for one in papers.pages if one.page == page), None) if papers else None


def _draw(template: str, page: str, status: int = 200, **values: Any) -> Response:
    """The page as it is now; what is not there any more leads back to the sitting."""
    view = visit.look()
    shown = _page(view.sitting, page)
    if view.locked or shown is None or view.sitting is None or view.sitting.pages is None:
        return visit.see("sitting.mirror")
    values.setdefault("problem", view.sitting.trouble)
    values.setdefault("errors", {})
    number = [one.page for one in view.sitting.pages.pages].index(page) + 1
    values |= {"corner_names": CORNERS, "side_names": SIDES}
    return visit.page(template, status, shot=shown, number=number, **values)


def _do(call: str, kind: type[Any], page: str, *, then: str = "sitting.mirror", **values: Any) -> Response:
    try:
        view = getattr(visit.desk(), call)(visit.act(kind, page=page, **values))
    except PueError as refusal:
        return _refused(refusal, page)
    if then == "sitting.mirror" or _page(view.sitting, page) is None:
        return visit.see("sitting.mirror")
    return visit.see(then, page=page)


def _refused(refusal: PueError, page: str = "") -> Response:
    visit.raise_if_general(refusal)
    problem = None if isinstance(refusal, visit.NotFilled) else refusal.problem()
    visit.forget_view()
    if page and _page(visit.look().sitting, page) is not None:
        return _draw("paper.html", page, 409, problem=problem)
    return visit.see("sitting.mirror")


def first_not_judged(sitting: SittingView) -> str:
    """Where the first page is that must be taken again or kept; empty if there is none."""
    for one in sitting.pages.pages if sitting.pages else ():
        if one.grave and one.kept is None:
            return url_for("papers.one", page=one.page)
    return ""
