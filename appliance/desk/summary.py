"""The summary the citizen reads and signs: A4, plain Italian, the same bytes for the same sitting."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from appliance.capture.document import archivable
from appliance.desk import wording
from appliance.desk.sitting import SIGNATURE, Sitting
from appliance.devices.fonts import Fonts, FontsMissing
from contracts.desk_api.clerk import Identified, SignatureWay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reportlab.pdfgen.canvas import Canvas

    from contracts.messages.enrolment import Belongings
    from contracts.practices.model import Practice

PENAL_WARNING: Final = (
    "Chi fa dichiarazioni false, forma atti falsi o ne fa uso è punito dalla legge (DPR 445/2000, articolo 76) "
    "e perde i benefici ottenuti (articolo 75). L'amministrazione può controllare le dichiarazioni (articolo 71)."
)
PRIVACY: Final = (
    "I dati servono solo per questa domanda e vengono trasmessi all'ente che la decide (Regolamento UE 2016/679, "
    "articolo 13). L'informativa completa è disponibile allo sportello."
)
IDENTIFIED: Final = {
    Identified.BY_CHIP: "con il chip del documento e il confronto della fotografia",
    Identified.BY_SIGHT: "a vista, con il documento in mano; il chip del documento non è stato verificato",
}


def summary_pdf(state: Sitting, practice: Practice, belongings: Belongings) -> bytes:
    """The summary of a confirmed sitting."""
    out = io.BytesIO()
    regular, bold = _faces(Fonts())
    page = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=22 * mm,
        rightMargin=22 * mm,
        topMargin=20 * mm,
        bottomMargin=22 * mm,
        title=f"Riepilogo {state.number}",
        lang="it-IT",
        invariant=1,
        # a font that is not embedded, even an unused one, is no PDF/A: the page would begin with one
        initialFontName=regular,
    )
    text = _Text(regular, bold)
    story: list[Flowable] = [
        text.title("Riepilogo della domanda"),
        text.strong(practice.name),
        text.line(f"Per: {practice.body}"),
        text.line(f"Sportello: Comune di {belongings.site.comune} ({belongings.site.provincia})"),
        text.line(f"Numero provvisorio: {state.number}"),
        text.line(f"Data e ora: {wording.moment_words(state.read_back_ms or state.began_ms)}{_doubt(state)}"),
        Spacer(1, 4 * mm),
        *_citizen(text, state),
        *_answers(text, state, practice),
        *_papers(text, state, practice),
        text.heading("Che cosa dichiaro"),
        *[text.line(f"– {sentence}") for sentence in practice.declarations],
        text.line(PENAL_WARNING),
        text.small(PRIVACY),
        KeepTogether(_signatures(text, state)),
    ]

    def foot(canvas: Canvas, _: object) -> None:
        canvas.setFont(regular, 8)
        canvas.drawString(22 * mm, 12 * mm, f"{state.number} – pagina {canvas.getPageNumber()}")

    page.build(story, onFirstPage=foot, onLaterPages=foot)
    return archivable(out.getvalue(), title=f"Riepilogo {state.number}")


def _faces(fonts: Fonts) -> tuple[str, str]:
    try:
        for path in (fonts.regular, fonts.bold):
            pdfmetrics.registerFont(TTFont(path.stem, path))
    except (TTFError, OSError) as error:
        raise FontsMissing("a font file is damaged: install the package fonts-noto-core again") from error
    return fonts.regular.stem, fonts.bold.stem


def _doubt(state: Sitting) -> str:
    return "" if state.time_trusted else " (ora non certa)"


def _citizen(text: _Text, state: Sitting) -> list[Flowable]:
    citizen = state.citizen
    if citizen is None or state.identified is None:
        return []
    lines: list[Flowable] = [
        text.heading("Chi fa la domanda"),
        text.line(f"{citizen.name} {citizen.surname}"),
        text.line(f"Identificazione: {IDENTIFIED[state.identified]}."),
    ]
    if citizen.document_number:
        lines.append(text.line(f"Documento n. {citizen.document_number}"))
    return lines


def _answers(text: _Text, state: Sitting, practice: Practice) -> list[Flowable]:
    story: list[Flowable] = []
    lines = wording.all_lines(practice, state.answers)
    for step in practice.steps:
        rows = [
            [text.cell(line.label), text.cell(line.value, bold=True)]
            for line in lines
            if line.step == step.id
        ]
        if rows:
            story += [text.heading(step.title), text.table(rows)]
    return story


def _papers(text: _Text, state: Sitting, practice: Practice) -> list[Flowable]:
    titles = {paper.id: paper.title for paper in practice.attachments}
    counts: dict[str, int] = {}
    for page in state.pages:
        if page.attachment != SIGNATURE:
            counts[page.attachment] = counts.get(page.attachment, 0) + 1
    listed = [f"– {titles.get(name, name)} ({count} pag.)" for name, count in counts.items()]
    return [text.heading("Documenti allegati"), *[text.line(line) for line in listed or ["Nessuno."]]]


def _signatures(text: _Text, state: Sitting) -> list[Flowable]:
    if state.signature is SignatureWay.CANNOT_SIGN:
        mine = text.line(
            f"La persona non può firmare ({state.cause}). Ha dichiarato quanto sopra all'operatore."
        )
    else:
        mine = text.line("Ho letto, o mi è stato letto, tutto quello che è scritto qui. È giusto.")
    return [
        Spacer(1, 6 * mm),
        mine,
        Spacer(1, 12 * mm),
        text.line("Firma di chi fa la domanda  ______________________________________"),
        Spacer(1, 6 * mm),
        text.line(
            "Attesto che la persona è stata identificata da me e ha firmato, o dichiarato di non poter firmare, "
            "davanti a me (DPR 445/2000, articoli 4 e 38)."
        ),
        Spacer(1, 12 * mm),
        text.line("L'operatore dello sportello  ______________________________________"),
    ]


class _Text:
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
