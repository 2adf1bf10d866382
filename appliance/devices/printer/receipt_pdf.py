"""A receipt on A4, drawn from the same blocks as its raster. Apart, because the PDF library takes long to load."""

from __future__ import annotations

import io

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from appliance.devices.fonts import Fonts, FontsMissing
from appliance.devices.printer.receipt import (
    Big,
    Code,
    Line,
    Pair,
    ReceiptDocument,
    Rule,
    Small,
    Title,
    broken,
)


class _Sheet:
    """A4 pages being written from top to bottom; sizes in points."""

    def __init__(self, canvas: Canvas, fonts: tuple[str, str]) -> None:
        self.canvas, self.regular, self.bold = canvas, *fonts
        self.left, self.right, self.top, self.bottom = 25 * mm, A4[0] - 25 * mm, A4[1] - 25 * mm, 25 * mm
        self.y = self.top

    def step(self, height: float) -> float:
        if self.y - height < self.bottom:
            self.canvas.showPage()
            self.y = self.top
        self.y -= height
        return self.y

    def text(self, text: str, size: float, *, bold: bool = False, centred: bool = False) -> None:
        face = self.bold if bold else self.regular
        for line in broken(
            text, self.right - self.left, lambda part: pdfmetrics.stringWidth(part, face, size)
        ):
            y = self.step(size * 1.4)
            self.canvas.setFont(face, size)
            if centred:
                self.canvas.drawCentredString((self.left + self.right) / 2, y, line)
            else:
                self.canvas.drawString(self.left, y, line)

    def pair(self, key: str, value: str) -> None:
        y = self.step(11 * 1.5)
        self.canvas.setFont(self.regular, 11)
        self.canvas.drawString(self.left, y, key)
        column = self.left + 55 * mm
        lines = broken(value, self.right - column, lambda part: pdfmetrics.stringWidth(part, self.bold, 11))
        for number, line in enumerate(lines):
            y = y if number == 0 else self.step(11 * 1.4)
            self.canvas.setFont(self.bold, 11)
            self.canvas.drawString(column, y, line)

    def rule(self) -> None:
        y = self.step(12)
        self.canvas.line(self.left, y + 4, self.right, y + 4)

    def code(self, text: str) -> None:
        modules = [list(row) for row in segno.make(text, error="m", micro=False, boost_error=False).matrix]
        dot = 35 * mm / len(modules)
        y = self.step(45 * mm) + 40 * mm
        for down, row in enumerate(modules):
            for across, dark in enumerate(row):
                if dark:
                    self.canvas.rect(
                        self.left + across * dot, y - (down + 1) * dot, dot, dot, stroke=0, fill=1
                    )


def _registered(fonts: Fonts) -> tuple[str, str]:
    """Names of the two faces as reportlab knows them; always embedded, as archives want it."""
    try:
        for path in (fonts.regular, fonts.bold):
            pdfmetrics.registerFont(TTFont(path.stem, path))
    except (TTFError, OSError) as error:
        raise FontsMissing("a font file is damaged: install the package fonts-noto-core again") from error
    return fonts.regular.stem, fonts.bold.stem


def render_pdf(receipt: ReceiptDocument, *, fonts: Fonts | None = None) -> bytes:
    """The receipt as an A4 PDF, the same bytes for the same receipt. The title is its only metadata."""
    out = io.BytesIO()
    names = _registered(fonts or Fonts())
    canvas = Canvas(out, pagesize=A4, invariant=1, initialFontName=names[0], lang="it-IT")  # type: ignore[arg-type]  # the stub says float
    canvas.setTitle(receipt.title)
    sheet = _Sheet(canvas, names)
    for block in receipt.blocks:
        match block:
            case Title(text):
                sheet.text(text, 16, bold=True, centred=True)
            case Big(text):
                sheet.text(text, 22, bold=True, centred=True)
            case Line(text):
                sheet.text(text, 11)
            case Pair(key, value):
                sheet.pair(key, value)
            case Rule():
                sheet.rule()
            case Small(text):
                sheet.text(text, 9)
            case Code(text):
                sheet.code(text)
    canvas.showPage()
    canvas.save()
    return out.getvalue()
