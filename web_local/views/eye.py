"""What the camera sees: pictures as one endless answer, and what the desk makes of them as a stream of news."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, make_response, stream_with_context

from contracts.desk_api.clerk import LiveQuestion
from contracts.errors import PueError
from web_local import visit, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.desk_api.clerk import LookView

blueprint = Blueprint("eye", __name__)

VIEWERS: Final = 4
"""At once: each holds a thread of this process while it looks."""
FRAME_WAIT_S: Final = 2.0
GIVE_UP_S: Final = 8.0
"""Without a picture for so long the answer ends; the page asks again when the camera is back."""
LOOK_WAIT_S: Final = 3.0
PING_S: Final = 9.0
BOUNDARY: Final = "pue-frame"
_places = threading.BoundedSemaphore(VIEWERS)


@blueprint.get("/immagine/viva")
def live() -> Response:
    """The live picture: JPEG after JPEG (multipart/x-mixed-replace). The next is fetched when the last was taken off our hands."""
    session = visit.token()
    visit.glance(session)
    if not _places.acquire(blocking=False):
        return make_response("", 503)
    response = Response(
        stream_with_context(_Frames(session)), mimetype=f"multipart/x-mixed-replace; boundary={BOUNDARY}"
    )
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Frames:
    """Frames for one viewer. The place is given back however the viewer goes, also before the first frame."""

    def __init__(self, session: str) -> None:
        self._session, self._number, self._had_s = session, 0, time.monotonic()
        self._closed = False

    def __iter__(self) -> _Frames:
        return self

    def __next__(self) -> bytes:
        while time.monotonic() - self._had_s < GIVE_UP_S:
            try:
                frame = visit.desk().live(
                    LiveQuestion(token=self._session, after=self._number, wait_s=FRAME_WAIT_S)
                )
            except PueError:
                break
            if frame.data:
                self._number, self._had_s = frame.number, time.monotonic()
                head = (
                    f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame.data)}\r\n\r\n"
                )
                return head.encode() + frame.data + b"\r\n"
        self.close()
        raise StopIteration

    def close(self) -> None:
        """Called by the server when the viewer is gone."""
        if not self._closed:
            self._closed = True
            _places.release()


@blueprint.get("/occhio")
def sight() -> Response:
    """Where the sheet is and what would help, each time it changes; `sessione` when there is none any more."""
    session = visit.token()
    visit.glance(session)
    response = Response(stream_with_context(_news(session)), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _news(session: str) -> Iterator[str]:
    number, told, told_s = 0, "", time.monotonic()
    yield "retry: 2000\n\n"
    while True:
        try:
            look = visit.desk().sight(LiveQuestion(token=session, after=number, wait_s=LOOK_WAIT_S))
        except PueError as refusal:
            if refusal.code in visit.SESSION_OVER:
                yield "event: sessione\ndata: finita\n\n"
            return
        number = look.number
        text = _told(look)
        if text != told:
            told, told_s = text, time.monotonic()
            yield f"event: vista\ndata: {text}\n\n"
        elif time.monotonic() - told_s > PING_S:
            told_s = time.monotonic()
            yield ": ping\n\n"


def _told(look: LookView) -> str:
    hint = words.tell_hint(look.hint)
    seen = {
        "corners": [[round(x, 4), round(y, 4)] for x, y in look.corners],
        "hint": hint.text,
        "tone": hint.tone,
        "steady": round(look.steady, 2),
        "gone": look.hint == "camera_gone",
    }
    return json.dumps(seen, ensure_ascii=False)
