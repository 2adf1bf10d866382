"""Pictures go straight through: photo of the chip, live preview, captured pages. Nothing is kept."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, make_response

from contracts.desk_api.clerk import PictureQuestion
from contracts.errors import PueError
from web_local import visit

blueprint = Blueprint("pictures", __name__)

_WHICH = re.compile(r"photo|preview|[0-9a-f-]{36}(-s)?")
_TYPES = frozenset({"image/jpeg", "image/png"})


@blueprint.get("/immagine/<which>")
def picture(which: str) -> Response:
    """One picture; 404 where there is none, so that the page keeps its calm."""
    if not _WHICH.fullmatch(which):
        abort(404)
    try:
        found = visit.desk().picture(PictureQuestion(token=visit.token(), which=which))
    except visit.SessionOver:
        return make_response("", 401)
    except PueError:
        return make_response("", 404)
    if found.media_type not in _TYPES:
        return make_response("", 404)
    response = make_response(found.data)
    response.headers["Content-Type"] = found.media_type
    return response
