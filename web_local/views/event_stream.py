"""The one stream of news for an open page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, current_app, render_template, stream_with_context

from contracts.desk_api.door import DoorClosed
from contracts.errors import PueError
from web_local import signs, visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.desk_api.clerk import DeskView
    from web_local.live import Watcher

log = logging.getLogger(__name__)

blueprint = Blueprint("event_stream", __name__)

RETRY_MS = 2000
OVER = "event: sessione\ndata: finita\n\n"


@blueprint.get("/eventi")
def stream() -> Response:
    """State on connect, then after each change; `: ping` in between; `sessione` when there is none any more."""
    session = visit.token()
    visit.glance(session)
    watcher = cast("Watcher", current_app.extensions[visit.WATCHER])
    watcher.start()
    response = Response(stream_with_context(_news(watcher, session)), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _news(watcher: Watcher, session: str) -> Iterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    for changed in watcher.beats():
        if not changed:
            yield ": ping\n\n"
            continue
        try:
            view = visit.glance(session)
        except DoorClosed:
            yield "event: riavvio\ndata: si\n\n"
            continue
        except PueError as refusal:
            if refusal.code in visit.SESSION_OVER:
                yield OVER
                return
            log.warning("the desk gives no news: %s", refusal.code)
            continue
        yield _state(view)
        if view.clerk is None:
            yield OVER
            return


def _state(view: DeskView) -> str:
    fragment = render_template("fragments/state.html", view=view, sitting=view.sitting)
    lines = "".join(f"data: {line}\n" for line in fragment.splitlines() if line.strip())
    news = f"event: desk\ndata: {view.revision}\n\n"
    return f"id: {view.revision}\n{lines}\nevent: fase\ndata: {signs.phase(view)}\n\n{news}"
