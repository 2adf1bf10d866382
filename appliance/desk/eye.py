"""The desk's eye: what lies under the camera, looked at while somebody looks; a page is photographed when it lies still.

The picture is the camera's; what is in it, the darkroom says. The eye works only while a clerk's page asks for it, and
takes a page by itself only for a paper the clerk has chosen.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from appliance.capture.jobs import Look, Looked
from appliance.desk import sitting as words
from contracts.desk_api.clerk import LivePicture, LookView, Stage
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.capture.darkroom import Darkroom
    from appliance.desk.sitting import Event, Sitting
    from appliance.devices.camera.live import Live

WATCHED_S: Final = 3.0
"""Whoever looks asks again within this time."""
LOOK_EVERY_S: Final = 0.1
LOOK_LIMIT_S: Final = 5.0
FRAME_WAIT_S: Final = 0.5
CAPTURING: Final = frozenset({Stage.PAGES, Stage.SIGN})
CAMERA_GONE: Final = "camera_gone"
WAIT_FOR_FOCUS: Final = "blurred"
BLIND: Final = "blind"
"""The darkroom failed; the picture goes on, the outline does not."""


class Eye:
    """Give `body` a worker of its own.

    Args:
        live: the camera's live pictures.
        darkroom: where they are looked at.
        sitting: the open one.
        notice: tell the desk of an event.
        page_id: a new page's id.
        focusing: whether the camera is looking for its focus, and gives no picture for that reason.
    """

    def __init__(
        self,
        live: Live,
        darkroom: Darkroom,
        *,
        sitting: Callable[[], Sitting | None],
        notice: Callable[[Event], None],
        page_id: Callable[[], str],
        focusing: Callable[[], bool],
    ) -> None:
        self._live, self._darkroom = live, darkroom
        self._sitting, self._notice, self._page_id = sitting, notice, page_id
        self._focusing = focusing
        self._changed = threading.Condition()
        self._sight = LookView(number=0)
        self._asked_s = -WATCHED_S
        self._seen_for = ""

    def live(self, after: int, wait_s: float) -> LivePicture:
        """The newest live picture past `after`; none in time is an empty one."""
        frame = self._live.next(after, wait_s)
        return (
            LivePicture(number=after) if frame is None else LivePicture(number=frame.number, data=frame.jpeg)
        )

    def sight(self, after: int, wait_s: float) -> LookView:
        """What is seen, once it is newer than `after`."""
        with self._changed:
            self._asked_s = time.monotonic()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._sight.number > after, wait_s)
            return self._sight

    def body(self, stopping: threading.Event) -> None:
        """Look, again and again, while somebody asks."""
        number = 0
        while not stopping.is_set():
            with self._changed:
                self._changed.wait_for(self._watched, FRAME_WAIT_S)
            if not self._watched():
                continue
            began_s = time.monotonic()
            number = self._look(number)
            stopping.wait(max(0.0, LOOK_EVERY_S - (time.monotonic() - began_s)))

    def _watched(self) -> bool:
        state = self._sitting()
        capturing = state is not None and state.stage in CAPTURING
        return capturing and time.monotonic() - self._asked_s < WATCHED_S

    def _look(self, number: int) -> int:
        frame = self._live.next(number, FRAME_WAIT_S)
        state = self._sitting()
        if state is None:
            return number
        if frame is None:
            self._show(hint=WAIT_FOR_FOCUS if self._focusing() else CAMERA_GONE)
            return number
        seen_for = f"{state.sitting}/{state.stage}/{state.auto}"
        job = Look(frame=frame.jpeg, at_s=frame.taken_at_s, anew=seen_for != self._seen_for)
        try:
            seen = self._darkroom.ask(job, Looked, limit_s=LOOK_LIMIT_S)
        except PueError:
            self._seen_for = ""
            self._show(hint=BLIND)
            return frame.number
        self._seen_for = seen_for
        self._show(corners=list(seen.corners or ()), hint=seen.hint, steady=seen.steady)
        if seen.shoot and state.auto and not state.pending:
            self._notice(words.PageWanted(self._page_id(), state.auto))
        return frame.number

    def _show(
        self, *, hint: str, corners: list[tuple[float, float]] | None = None, steady: float = 0.0
    ) -> None:
        with self._changed:
            self._sight = LookView(
                number=self._sight.number + 1, corners=corners or [], hint=hint, steady=steady
            )
            self._changed.notify_all()
