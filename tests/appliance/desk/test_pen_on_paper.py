"""The summary signed on the screen: the words that were shown, the strokes as lines, and a manifest that binds both."""

from __future__ import annotations

import io
import subprocess

import msgspec
import numpy as np
import pikepdf
import pytest
from PIL import Image

from appliance.desk import dossier
from appliance.desk import sitting as w
from appliance.desk.signing import unsigned
from appliance.desk.summary import summary_pdf
from appliance.desk.summary_words import CONFIRMED, heading, sections
from contracts.desk_api.clerk import SignatureWay
from contracts.identity import fingerprint
from tests.appliance.desk.kit import ESTRATTO, NASPI
from tests.appliance.desk.test_papers import BELONGINGS, text_of
from tests.appliance.desk.test_papers import signed as on_paper
from tests.appliance.desk.test_session import CATALOGUE, filled, go
from tests.appliance.desk.test_signing import NAME
from tests.papers.vectors import CURVE, drawn_on, pictures_in

WITHOUT_PEN = ["Firmato a mano", "Impronta SHA-256"]


def pdf_of(state):
    return summary_pdf(state, CATALOGUE.get(state.practice_key), BELONGINGS)


def signed(practice="naspi", answers=NASPI):
    ready = go(filled(practice, answers), w.PagesDone(), w.ReadBackConfirmed("0" * 64))
    shown = fingerprint(pdf_of(unsigned(ready)))
    return go(ready, w.PenDrawn(NAME, shown), w.Signed(SignatureWay.PEN, ""))


@pytest.mark.parametrize(("practice", "answers"), [("naspi", NASPI), ("estratto_conto", ESTRATTO)])
def test_strokes_are_lines_in_the_content_of_an_archivable_page(practice, answers):
    state = signed(practice, answers)
    pdf = pdf_of(state)
    assert pdf == pdf_of(state)
    assert pikepdf.pdfa.validate_written(io.BytesIO(pdf), "2b").verdict == "pass"
    *before, last = drawn_on(pdf)
    assert last[CURVE] == sum(len(stroke) - 1 for stroke in state.pen.strokes) > 300
    assert not any(CURVE in page for page in before)
    assert pictures_in(pdf) == 0
    assert CURVE not in drawn_on(pdf_of(unsigned(state)))[-1]


def test_the_signed_summary_says_how_when_where_and_under_which_words():
    state = signed()
    said = text_of(pdf_of(state))
    for words in (
        "sullo schermo dello sportello (dispositivo prova0000001), 18/11/2026, ore",
        "Della firma si conserva solo il disegno.",
        state.pen.shown_sha256,
        "L'operatore dello sportello op-00000000",
    ):
        assert words in said
    assert not any(words in text_of(pdf_of(unsigned(state))) for words in WITHOUT_PEN)


def test_what_is_read_on_the_screen_is_what_stands_on_the_sheet():
    state = unsigned(signed())
    practice = CATALOGUE.get(state.practice_key)
    sheet = "".join(text_of(pdf_of(state)).split())
    shown = [*heading(state, practice, BELONGINGS), CONFIRMED]
    for section in sections(state, practice):
        shown += [section.title, *section.sentences]
        shown += [fact.value for fact in section.facts]
    assert len(shown) > 30
    assert [words for words in shown if "".join(words.split()) not in sheet] == []


def test_a_doubtful_hour_is_said_beside_the_signature():
    doubtful = msgspec.structs.replace(signed(), time_trusted=False)
    assert text_of(pdf_of(doubtful)).count("(ora non certa)") == 2


def test_the_strokes_stand_at_the_place_to_sign():
    """Ink of the signature alone: what the signed sheet has and the same sheet with one dot has not."""
    state = signed()
    dot = msgspec.structs.replace(state.pen, strokes=[[(0, 0)]])
    with_name, with_dot = (
        rendered(pdf_of(msgspec.structs.replace(state, pen=pen))) for pen in (state.pen, dot)
    )
    rows, columns = np.nonzero(np.abs(with_name.astype(int) - with_dot) > 100)
    line = words_at(pdf_of(state), "Firma")
    assert line - 32 < rows.max() * 25.4 / 100 < line + 3
    assert columns.min() * 25.4 / 100 + 1 >= 22 + 48
    assert columns.max() * 25.4 / 100 <= 22 + 48 + 80 + 1
    assert rows.min() * 25.4 / 100 > line - 32


def rendered(pdf):
    """The last page in grey at 100 dots an inch."""
    pages = len(drawn_on(pdf))
    command = ["pdftoppm", "-r", "100", "-f", str(pages), "-l", str(pages), "-gray", "-"]
    return np.asarray(
        Image.open(io.BytesIO(subprocess.run(command, input=pdf, capture_output=True, check=True).stdout))
    )


def words_at(pdf, word):
    """Millimetres from the top of the last page to the foot of the last such word."""
    command = ["pdftotext", "-bbox", "-", "-"]
    lines = subprocess.run(command, input=pdf, capture_output=True, check=True, text=False).stdout.decode()
    found = [line for line in lines.splitlines() if f">{word}<" in line][-1]
    return float(found.partition('yMax="')[2].partition('"')[0]) * 25.4 / 72


def test_the_manifest_binds_the_signature_to_the_summary_that_was_shown():
    state = signed()
    practice = CATALOGUE.get(state.practice_key)
    plain, pen = dossier.summary_part(pdf_of(unsigned(state))), dossier.pen_part(pdf_of(state))
    manifest = dossier.manifest(state, practice, BELONGINGS, [plain, pen], "0.1.0")
    attested = manifest.attestation
    assert attested.signature is SignatureWay.PEN
    assert attested.titolo_validita == "firma_elettronica_semplice_in_presenza"
    assert attested.on_screen == dossier.OnScreen(
        shown_sha256=plain.document.sha256, drawn_at=state.pen.drawn_ms, box="prova0000001"
    )
    assert [(one.kind, one.formation, one.pages) for one in manifest.documents] == [
        ("summary", "a", 2),
        ("signature", "a", 2),
    ]
    assert "strokes" not in msgspec.json.encode(manifest).decode()


def test_other_signatures_bind_no_screen():
    for way in (SignatureWay.PAPER, SignatureWay.CANNOT_SIGN):
        state = on_paper(way=way)
        content = dossier.manifest(state, CATALOGUE.get(state.practice_key), BELONGINGS, [], "0.1.0")
        assert content.attestation.on_screen is None
