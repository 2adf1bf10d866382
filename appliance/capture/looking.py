"""What the eye asks of the darkroom: where the sheet is in a live picture, and whether it is time."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from appliance.capture.hindering import hindrance
from appliance.capture.jobs import Look, Looked
from appliance.capture.outline import Finding, find
from appliance.capture.watching import Calm, Watcher
from contracts.errors import PueError, WhoCanAct

WHOLE: Final = frozenset({Finding.SURE, Finding.UNSURE})


class FrameUnreadable(PueError, ValueError):
    """A live picture that is no picture."""

    code = "capture.frame_invalid"
    who = WhoCanAct.TECHNICIAN


class Looking:
    """Remembers what was seen before, for one sitting and paper."""

    def __init__(self) -> None:
        self._watcher = Watcher()
        self._calm = Calm()

    def look(self, job: Look) -> Looked:
        """One live picture.

        Raises:
            FrameUnreadable: it is no JPEG.
        """
        frame = cv2.imdecode(np.frombuffer(job.frame, np.uint8), cv2.IMREAD_COLOR) if job.frame else None
        if frame is None:
            raise FrameUnreadable("a live picture cannot be opened")
        outline = find(frame)
        hindered = hindrance(frame, outline.corners) if outline.corners and outline.finding in WHOLE else None
        moment = self._watcher.see(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), outline, hindered)
        return Looked(
            corners=outline.corners,
            hint=self._calm.told(moment.hint, job.at_s).value,
            steady=round(moment.steady, 3),
            shoot=moment.shoot,
        )
