"""When pages come out blurred again and again, the lens is no longer where it was: the camera looks for its focus anew."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from contracts.errors import PueError

if TYPE_CHECKING:
    from appliance.desk.sitting import PageFacts
    from appliance.devices.camera.port import Camera

log = logging.getLogger(__name__)
IN_A_ROW: Final = 3
"""One blurred page is a hand that moved; three are a column that was pushed."""
BLURRED: Final = "page.blurred"
REFOCUSED: Final = "page.refocused"


class Focusing:
    """Counts; used by the one worker that takes pages.

    Args:
        camera: whose pages they are.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._blurred = 0

    def after(self, facts: PageFacts) -> PageFacts:
        """The page just taken; with a remark where the camera has just focused anew, so that the clerk takes it again."""
        self._blurred = self._blurred + 1 if BLURRED in facts.remarks else 0
        if self._blurred < IN_A_ROW:
            return facts
        self._blurred = 0
        try:
            moved = self._camera.refocus()
        except PueError as error:
            log.warning("the focus was not looked for: %s", error.code)
            return facts
        return msgspec.structs.replace(facts, remarks=[*facts.remarks, REFOCUSED]) if moved else facts
