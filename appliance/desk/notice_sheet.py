"""The full text of what a citizen is told of the use of their data: A4, each body's notice on a page of its own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from reportlab.platypus import Flowable, PageBreak

from appliance.capture.document import archivable
from appliance.desk import wording
from appliance.desk.sheet import Styles, faces, sheet
from appliance.devices.fonts import Fonts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.practices.notice import Notice

TITLE = "Informativa sui dati personali"


def notice_pdf(notices: Sequence[Notice]) -> bytes:
    """PDF/A-2b; the same notices give the same bytes.

    Raises:
        FontsMissing: there is nothing to write with.
    """
    out = io.BytesIO()
    regular, bold = faces(Fonts())
    page = sheet(out, TITLE, regular)
    text = Styles(regular, bold)
    story: list[Flowable] = []
    for notice in notices:
        story += [*([PageBreak()] if story else []), *_one(text, notice)]
    page.build(story)
    return archivable(out.getvalue(), title=TITLE)


def _one(text: Styles, notice: Notice) -> list[Flowable]:
    said = notice.text
    return [
        text.title(said.title),
        text.line(said.spoken),
        *[
            flowable
            for section in said.sections
            for flowable in (text.heading(section.title), *[text.line(line) for line in section.text])
        ],
        text.small(f"{said.source}. Versione {said.version}, dal {wording.day_figures(said.valido_dal)}."),
        text.small(f"Impronta SHA-256 del testo: {notice.sha256}"),
    ]
