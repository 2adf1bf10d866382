"""The summary the citizen reads and signs: A4, plain Italian, the same bytes for the same sitting."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Spacer

from appliance.capture.document import archivable
from appliance.desk import wording
from appliance.desk.pen_mark import PenMark
from appliance.desk.sheet import Styles, faces, sheet
from appliance.desk.summary_words import CONFIRMED, doubt, heading, sections, told
from appliance.devices.fonts import Fonts
from contracts.desk_api.clerk import SignatureWay

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

    from appliance.desk.sitting import PenFacts, Sitting
    from contracts.desk_api.clerk import SummarySection
    from contracts.messages.enrolment import Belongings
    from contracts.practices.model import Practice

_BLANK: Final = "______________________________________"
_SIGNS_FROM: Final = 48 * mm
"""Where the place to sign begins, right of the margin."""
_UNDER_LINE: Final = 6 * mm
"""How far the place to sign reaches down to the printed line, which stands at three quarters of the box on the screen."""


def summary_pdf(state: Sitting, practice: Practice, belongings: Belongings) -> bytes:
    """The summary of a confirmed sitting, with what was signed on the screen, if anything was."""
    out = io.BytesIO()
    regular, bold = faces(Fonts())
    page = sheet(out, f"Riepilogo {state.number}", regular)
    text = Styles(regular, bold)
    fine = told(state, practice.body)
    name, *about = heading(state, practice, belongings)
    story: list[Flowable] = [
        text.title("Riepilogo della domanda"),
        text.strong(name),
        *[text.line(line) for line in about],
        Spacer(1, 4 * mm),
        *[flowable for section in sections(state, practice) for flowable in _section(text, section, fine)],
        KeepTogether(_signatures(text, state, belongings.box)),
    ]

    def foot(canvas: Canvas, _: object) -> None:
        canvas.setFont(regular, 8)
        canvas.drawString(22 * mm, 12 * mm, f"{state.number} – pagina {canvas.getPageNumber()}")

    page.build(story, onFirstPage=foot, onLaterPages=foot)
    return archivable(out.getvalue(), title=f"Riepilogo {state.number}")


def _section(text: Styles, section: SummarySection, fine: str) -> list[Flowable]:
    story: list[Flowable] = [text.heading(section.title)]
    if section.facts:
        story.append(
            text.table([[text.cell(fact.label), text.cell(fact.value, bold=True)] for fact in section.facts])
        )
    return [
        *story,
        *[text.small(line) if line == fine else text.line(line) for line in section.sentences],
    ]


def _signatures(text: Styles, state: Sitting, box: str) -> list[Flowable]:
    if state.signature is SignatureWay.CANNOT_SIGN:
        mine = text.line(
            f"La persona non può firmare ({state.cause}). Ha dichiarato quanto sopra all'operatore."
        )
    else:
        mine = text.line(CONFIRMED)
    by_pen = state.pen is not None and bool(state.attested_by)
    return [
        Spacer(1, 6 * mm),
        mine,
        *(_on_screen(text, state, state.pen, box) if state.pen else [Spacer(1, 12 * mm)]),
        text.line(f"Firma di chi fa la domanda  {_BLANK}"),
        Spacer(1, 6 * mm),
        text.line(
            "Attesto che la persona è stata identificata da me e ha firmato, o dichiarato di non poter firmare, "
            "davanti a me (DPR 445/2000, articoli 4 e 38)."
        ),
        Spacer(1, (4 if by_pen else 12) * mm),
        text.line(f"L'operatore dello sportello  {state.attested_by if by_pen else _BLANK}"),
    ]


def _on_screen(text: Styles, state: Sitting, pen: PenFacts, box: str) -> list[Flowable]:
    return [
        text.small(
            "Firmato a mano, con la penna o con il dito, sullo schermo dello sportello "
            f"(dispositivo {box}), {wording.moment_words(pen.drawn_ms)}{doubt(state)}. Della firma si conserva solo "
            "il disegno."
        ),
        text.small(f"Impronta SHA-256 del riepilogo letto prima di firmare: {pen.shown_sha256}"),
        PenMark(pen.strokes, left=_SIGNS_FROM, below=_UNDER_LINE),
    ]
