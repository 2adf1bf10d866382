"""What was signed on the screen, drawn on the summary: lines in the page's own content stream, never a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reportlab.lib.units import mm
from reportlab.platypus import Flowable

from appliance.desk.pen import curves
from contracts.desk_api.clerk import PEN_HEIGHT, PEN_WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.desk.pen import Point

WIDE: Final = 80 * mm
HIGH: Final = WIDE * PEN_HEIGHT / PEN_WIDTH
LINE: Final = 0.9
"""Points; every line is as thick as every other, because a hand's pressure is not known."""
_UNIT: Final = WIDE / PEN_WIDTH


class PenMark(Flowable):
    """The strokes of a settled signature, `HIGH` points high.

    Args:
        strokes: as `appliance.desk.pen.settle` leaves them.
        left: points between the margin and the place to sign.
        below: points by which the place reaches down over what follows; letters have tails.
    """

    def __init__(self, strokes: Sequence[Sequence[Point]], *, left: float, below: float) -> None:
        super().__init__()
        self.width, self.height = left + WIDE, HIGH - below
        self._strokes, self._left, self._below = strokes, left, below

    def draw(self) -> None:
        """On the canvas the library has put there."""
        canvas = self.canv
        canvas.saveState()
        canvas.setLineWidth(LINE)
        canvas.setLineCap(1)
        canvas.setLineJoin(1)
        line = canvas.beginPath()
        for stroke in self._strokes:
            line.moveTo(*self._place(stroke[0]))
            for one, other, end in curves(stroke):
                line.curveTo(*self._place(one), *self._place(other), *self._place(end))
        canvas.drawPath(line, stroke=1, fill=0)
        canvas.restoreState()

    def _place(self, point: tuple[float, float]) -> tuple[float, float]:
        """The screen counts from the top, the sheet from the foot."""
        return self._left + point[0] * _UNIT, HIGH - self._below - point[1] * _UNIT
