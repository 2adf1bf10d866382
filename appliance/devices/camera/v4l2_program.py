"""The V4L2 driver's child: holds a USB camera by OpenCV, so that the desk loads none of it. Started by `v4l2_child`."""

from __future__ import annotations

import os
import resource
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import msgspec
import numpy as np

from appliance.capture import wire
from appliance.devices.camera.v4l2_words import (
    Failed,
    Focus,
    Focused,
    Open,
    Opened,
    Question,
    Reply,
    Take,
    Taken,
)
from contracts.settled import settled

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_LIMIT_BYTES: Final = 1024 * 1024 * 1024
STALE_FRAMES: Final = 2
"""A camera that nobody asked has so many old frames waiting."""
FRESH_S: Final = 0.2
MANUAL_EXPOSURE, AUTO_EXPOSURE = 1, 3
"""V4L2_EXPOSURE_MANUAL and V4L2_EXPOSURE_APERTURE_PRIORITY."""
FULL_QUALITY, SMALL_QUALITY = 92, 75


class Capture:
    """A camera that runs.

    Raises:
        OSError: it is not there, or cannot be opened.
    """

    def __init__(self, job: Open) -> None:
        self._job = job
        device = stat.S_ISCHR(Path(job.path).stat().st_mode)
        self._capture = cv2.VideoCapture(job.path, cv2.CAP_V4L2 if device else cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise OSError("not opened")
        # MJPG first: the size is chosen among those of the format, and uncompressed ones are slow or small.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, job.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, job.height)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.unknown = tuple(self._set_controls())
        self._asked_s = -FRESH_S

    def _set_controls(self) -> Iterator[str]:
        """Set them; the names of those settings that the camera cannot follow."""
        job, ask = self._job, self._capture.set
        ask(cv2.CAP_PROP_AUTOFOCUS, 1 if job.focus is None else 0)
        if job.focus is not None and not ask(cv2.CAP_PROP_FOCUS, job.focus):
            yield "focus"
        ask(cv2.CAP_PROP_AUTO_EXPOSURE, AUTO_EXPOSURE if job.exposure is None else MANUAL_EXPOSURE)
        if job.exposure is not None and not ask(cv2.CAP_PROP_EXPOSURE, job.exposure):
            yield "exposure"

    @property
    def size(self) -> tuple[int, int]:
        """Of full pictures."""
        get = self._capture.get
        return int(get(cv2.CAP_PROP_FRAME_WIDTH)), int(get(cv2.CAP_PROP_FRAME_HEIGHT))

    def take(self, job: Take) -> bytes:
        """A JPEG.

        Raises:
            OSError: no frame came.
        """
        frame = self._frame(fresh=job.full)
        if not job.full:
            scale = self._job.preview_px / max(frame.shape[:2])
            frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        turned = np.ascontiguousarray(np.rot90(frame, -self._job.turn_deg // 90))
        quality = FULL_QUALITY if job.full else SMALL_QUALITY
        _, jpeg = cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return bytes(jpeg)

    def refocus(self) -> bool:
        """A camera that focuses by itself begins its search when it is switched on again."""
        if self._job.focus is not None:
            return False
        return bool(
            self._capture.set(cv2.CAP_PROP_AUTOFOCUS, 0) and self._capture.set(cv2.CAP_PROP_AUTOFOCUS, 1)
        )

    def _frame(self, *, fresh: bool) -> Any:
        began_s = time.monotonic()
        if fresh or began_s - self._asked_s > FRESH_S:
            for _ in range(STALE_FRAMES):
                self._capture.grab()
        there, frame = self._capture.read()
        self._asked_s = time.monotonic()
        if not there:
            raise OSError("no frame")
        return frame


class Holder:
    """Answers questions, with the camera they are about."""

    def __init__(self) -> None:
        self._capture: Capture | None = None

    def answer(self, job: Question) -> Reply:
        """Whatever becomes of it."""
        try:
            if isinstance(job, Open):
                self._capture = Capture(job)
                width, height = self._capture.size
                return Opened(width=width, height=height, unknown=self._capture.unknown)
            if self._capture is None:
                return Failed(reason="not_open")
            if isinstance(job, Focus):
                return Focused(moves=self._capture.refocus())
            return Taken(jpeg=self._capture.take(job))
        except OSError as error:
            return Failed(reason=str(error.args[0]) if len(error.args) == 1 else type(error).__name__)
        except (cv2.error, MemoryError) as error:
            return Failed(reason=type(error).__name__)


def main() -> int:
    """Ends when the desk does."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)
    holder, decoder = Holder(), msgspec.msgpack.Decoder(settled(Question))
    with socket.socket(fileno=os.dup(0)) as line:
        while True:
            try:
                job = decoder.decode(wire.receive(line))
            except EOFError:
                return 0
            wire.send(line, msgspec.msgpack.encode(holder.answer(job)))


if __name__ == "__main__":
    os._exit(main())  # at once: a driver that hangs in its tidying up must not keep the camera
