"""What the eye asks of the darkroom: where the sheet is in a live picture, and whether it is time."""

from __future__ import annotations

import cv2
import numpy as np

from appliance.capture.jobs import Look, Looked
from appliance.capture.outline import Finding, find
from appliance.capture.watching import Watcher
from contracts.errors import PueError, WhoCanAct


class FrameUnreadable(PueError, ValueError):
    """A live picture that is no picture."""

    code = "capture.frame_invalid"
    who = WhoCanAct.TECHNICIAN


class Looking:
    """Remembers what was seen before, for one sitting and paper."""

    def __init__(self) -> None:
        self._watcher = Watcher()

    def look(self, job: Look) -> Looked:
        """One live picture.

        Raises:
            FrameUnreadable: it is no JPEG.
        """
        frame = cv2.imdecode(np.frombuffer(job.frame, np.uint8), cv2.IMREAD_COLOR) if job.frame else None
        if frame is None:
            raise FrameUnreadable("a live picture cannot be opened")
        outline = find(frame)
        moment = self._watcher.see(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), outline)
        seen = outline.finding in {Finding.SURE, Finding.UNSURE, Finding.CUT}
        return Looked(
            corners=outline.corners if seen else None,
            hint=moment.hint.value,
            steady=round(moment.steady, 3),
            shoot=moment.shoot,
        )
