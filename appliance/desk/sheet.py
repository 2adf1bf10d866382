"""What our A4 sheets have in common: faces, styles and margins; the same words give the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from appliance.devices.fonts import Fonts, FontsMissing

if TYPE_CHECKING:
    from collections.abc import Sequence


def sheet(out: BinaryIO, title: str, regular: str) -> SimpleDocTemplate:
    """An empty sheet to be built into `out`; `regular`: name of its usual face."""
    return SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=22 * mm,
        rightMargin=22 * mm,
        topMargin=20 * mm,
        bottomMargin=22 * mm,
        title=title,
        lang="it-IT",
        invariant=1,
        # a font that is not embedded, even an unused one, is no PDF/A: the page would begin with one
        initialFontName=regular,
    )


def faces(fonts: Fonts) -> tuple[str, str]:
    """Names of the regular and the bold face, ready to be written with.

    Raises:
        FontsMissing: a font file is damaged.
    """
    try:
        for path in (fonts.regular, fonts.bold):
            pdfmetrics.registerFont(TTFont(path.stem, path))
    except (TTFError, OSError) as error:
        raise FontsMissing("a font file is damaged: install the package fonts-noto-core again") from error
    return fonts.regular.stem, fonts.bold.stem


class Styles:
    """Paragraphs in the sheet's few styles; everything typed by people is escaped."""

    def __init__(self, regular: str, bold: str) -> None:
        self._title = ParagraphStyle("title", fontName=bold, fontSize=17, leading=22, spaceAfter=6)
        self._strong = ParagraphStyle("strong", fontName=bold, fontSize=13, leading=17, spaceAfter=4)
        self._heading = ParagraphStyle("heading", fontName=bold, fontSize=11.5, leading=15, spaceBefore=8)
        self._line = ParagraphStyle("line", fontName=regular, fontSize=10.5, leading=14.5)
        self._bold = ParagraphStyle("bold", fontName=bold, fontSize=10.5, leading=14.5)
        self._small = ParagraphStyle("small", fontName=regular, fontSize=8.5, leading=11.5, spaceBefore=4)

    def title(self, text: str) -> Paragraph:
        return Paragraph(escape(text), self._title)

    def strong(self, text: str) -> Paragraph:
        return Paragraph(escape(text), self._strong)

    def heading(self, text: str) -> Paragraph:
        return Paragraph(escape(text), self._heading)

    def line(self, text: str) -> Paragraph:
        return Paragraph(escape(text), self._line)

    def small(self, text: str) -> Paragraph:
        return Paragraph(escape(text), self._small)

    def cell(self, text: str, *, bold: bool = False) -> Paragraph:
        return Paragraph(escape(text), self._bold if bold else self._line)

    def table(self, rows: Sequence[Sequence[Paragraph]]) -> Table:
        style = TableStyle(
            [
                ("FONTNAME", (0, 0), (-1, -1), self._line.fontName),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, "#888888"),
            ]
        )
        return Table([list(row) for row in rows], colWidths=[62 * mm, 104 * mm], style=style)
