"""Pages that explain: help, accessibility."""

from __future__ import annotations

from flask import Blueprint, Response, g

from contracts.desk_api.clerk import Knock
from web_local import visit

blueprint = Blueprint("guide", __name__)


@blueprint.get("/aiuto")
def help_page() -> Response:
    """What each state means, the keys, whom to call."""
    return _draw("help.html")


@blueprint.get("/accessibilita")
def accessibility() -> Response:
    """The accessibility statement, or where it will be."""
    return _draw("accessibility.html")


def _draw(template: str) -> Response:
    if g.token:
        visit.look()
    else:
        visit.remember(visit.desk().knock(Knock()).desk)
    return visit.page(template)
