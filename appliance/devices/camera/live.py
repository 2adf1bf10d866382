"""Live pictures for any number of viewers: taken once, kept once, shown to whoever asks for the next.

One worker takes pictures while somebody looks. A viewer asks for the picture after the last one it had, so there is one
picture in flight for each and none waits in a queue: who is slow misses some.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.devices.port import DeviceError
from appliance.runtime.workers import Worker

if TYPE_CHECKING:
    from appliance.devices.camera.port import Camera

EVERY_S: Final = 1 / 20
"""Most often; a camera that takes longer sets its own pace."""
WATCHED_S: Final = 3.0
"""Whoever looks asks again within this time; after it the camera rests."""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 2.0


class Frame(msgspec.Struct, frozen=True):
    """One live picture: its number (from 1, growing), when it was taken (monotonic seconds), the picture (JPEG)."""

    number: int
    taken_at_s: float
    jpeg: bytes


class Live:
    """Give `worker` to a group; ask `next` from any thread."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._number = 0
        self._asked_s = -WATCHED_S
        self.worker = Worker("camera-live", body=self._body)

    def next(self, after: int, wait_s: float) -> Frame | None:
        """The newest picture, if its number is past `after`; else the next one, or None when none comes in time.

        Args:
            after: number of the last picture this viewer had; 0 for none.
            wait_s: how long to wait.
        """
        end_s = time.monotonic() + wait_s
        with self._changed:
            while True:
                self._asked_s = time.monotonic()
                self._changed.notify_all()
                frame = self._frame
                if (
                    frame is not None
                    and frame.number > after
                    and self._asked_s - frame.taken_at_s < WATCHED_S
                ):
                    return frame
                left_s = end_s - self._asked_s
                if left_s <= 0 or self.worker.stopping.is_set():
                    return None
                self._changed.wait(min(left_s, WATCHED_S / 2))

    def _body(self, stopping: threading.Event) -> None:
        pause_s = 0.0
        while not stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._watched() or stopping.is_set(), 0.5)
            if not self._watched():
                continue
            began_s = time.monotonic()
            try:
                jpeg = self._camera.preview()
            except DeviceError:
                # absent, lent, in trouble: its state says so; it is tried again, less and less often
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2 or _FIRST_PAUSE_S)
                stopping.wait(pause_s)
                continue
            pause_s = 0.0
            self._show(jpeg, began_s)
            stopping.wait(max(0.0, EVERY_S - (time.monotonic() - began_s)))
        with self._changed:
            self._changed.notify_all()

    def _watched(self) -> bool:
        return time.monotonic() - self._asked_s < WATCHED_S

    def _show(self, jpeg: bytes, taken_at_s: float) -> None:
        with self._changed:
            self._number += 1
            self._frame = Frame(self._number, taken_at_s, jpeg)
            self._changed.notify_all()
