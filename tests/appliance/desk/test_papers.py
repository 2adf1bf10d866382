"""What is put on paper and into the dossier: legal words, no word too many, the same bytes twice."""

from __future__ import annotations

import datetime as dt
import io
import json
import subprocess
import zipfile

import msgspec
import pytest

from appliance.desk import dossier, receipts
from appliance.desk import sitting as w
from appliance.desk.summary import summary_pdf
from appliance.desk.summary_words import PENAL_WARNING
from appliance.desk.views import SIGNED_SUMMARY, deadline
from appliance.devices.printer.receipt import Code, render_image
from appliance.devices.printer.receipt_pdf import render_pdf
from contracts.desk_api.clerk import KeptBecause, LetterRow, SignatureWay
from contracts.identity import fingerprint
from contracts.messages.enrolment import Belongings, Site
from contracts.messages.letters import LetterWord
from tests.appliance.desk.kit import ESTRATTO, NASPI
from tests.appliance.desk.test_session import CATALOGUE, TODAY, filled, go, page

TAKEN = 1_795_000_000_000
BELONGINGS = Belongings(
    box="prova0000001",
    shard="00",
    site=Site(site="a074-1", istat="001001", comune="Agliè", provincia="TO", office="Sportello di prova"),
    authority="",
    recipient="",
    fleet_key="",
    recipient_key="",
    broker_host="",
    broker_port=1,
    post_url="",
)


def signed(practice="naspi", answers=None, way=SignatureWay.PAPER):
    state = go(filled(practice, answers or NASPI), w.PagesDone(), w.ReadBackConfirmed("0" * 64))
    state = go(state, w.PageWanted(page(5, "signature").page, "signature"), w.PageTaken(page(5, "signature")))
    return go(state, w.Signed(way, "mano ingessata"))


SCANNED = w.PageFacts(
    page="00000000-0001-7000-8000-000000000000",
    attachment="signature",
    taken_at=1,
    sha256="0" * 64,
    size_bytes=1,
    remarks=["page.cut"],
    grave=["page.cut"],
    kept=KeptBecause.ORIGINAL_IS_SO,
)


def facts(state):
    practice = CATALOGUE.get(state.practice_key)
    parts = [dossier.attachment_part(1, SIGNED_SUMMARY, b"%PDF-1.7 scan", [SCANNED])]
    code = receipts.qr_text(BELONGINGS.box, state.number, TAKEN, b"k" * 32)
    return receipts.facts_of(
        state, practice, BELONGINGS, parts, deadline(practice, state.answers, TODAY), code
    )


def test_both_sides_of_a_card_are_one_sheet_of_their_document():
    card = msgspec.structs.replace(SCANNED, width_mm=85.6, height_mm=53.98)
    letter = msgspec.structs.replace(SCANNED, width_mm=210.0, height_mm=297.0)
    documents = [
        dossier.attachment_part(1, SIGNED_SUMMARY, b"%PDF-1.7", pages).document
        for pages in ([card, card], [letter, letter], [letter, card, card])
    ]
    assert [(one.pages, len(one.captured)) for one in documents] == [(1, 2), (2, 2), (2, 3)]


def row(state, word=LetterWord.SAVED, **more):
    return LetterRow(
        letter=state.letter,
        number=state.number,
        practice_name="",
        taken_at=TAKEN,
        word=word,
        word_at=TAKEN,
        **more,
    )


def words_of(document):
    return "\n".join(text for block in document.blocks for text in msgspec.structs.astuple(block))


NASPI_63 = {**NASPI, "data_cessazione": [(TODAY - dt.timedelta(days=63)).strftime("%d/%m/%Y")]}


def test_an_unsent_receipt_says_what_it_is_not_and_which_day_is_at_risk():
    state = signed(answers=NASPI_63)
    said = words_of(receipts.receipt(facts(state), row(state), TODAY))
    for words in (
        "PRESA IN CARICO QUI. Non ancora ricevuta dall'INPS.",
        "Oggi è il giorno 63 di 68.",
        "28/11/2026",
        "entro 55 giorni",
        "circolare INPS 55/2021",
        "Riepilogo firmato, 1 pag., " + fingerprint(b"%PDF-1.7 scan")[:12],
        "Questa ricevuta non è il provvedimento.",
        "op-00000000",
        "A074-1/2026/000001",
        "con il chip del documento",
    ):
        assert words in said
    assert "inviata" not in said.lower()


@pytest.mark.parametrize(
    ("word", "more", "says", "never"),
    [
        (LetterWord.SENT, {}, "TRASMESSA. Non ancora ricevuta dall'INPS.", "Protocollo"),
        (
            LetterWord.RECEIVED,
            {"protocollo": "INPS.77", "office": "Ivrea"},
            "RICEVUTA dall'INPS.",
            "Non ancora",
        ),
        (LetterWord.UNREADABLE, {}, "non ha potuto leggerla", "RICEVUTA"),
        (
            LetterWord.SAVED,
            {"code": "letter.conflict"},
            "C'è un problema nella trasmissione",
            "Parte da sola",
        ),
        (
            LetterWord.RECEIVED,
            {"protocollo": "INPS.77", "answer_by": "2027-01-17"},
            "17/01/2027",
            "55 giorni da",
        ),
    ],
)
def test_the_receipt_speaks_in_the_letters_present_state(word, more, says, never):
    state = signed(answers=NASPI_63)
    said = words_of(receipts.receipt(facts(state), row(state, word, **more), TODAY))
    assert says in said
    assert never not in said


def test_a_deadline_that_passed_is_said():
    state = signed(answers=NASPI_63)
    said = words_of(receipts.receipt(facts(state), row(state), TODAY + dt.timedelta(days=10)))
    assert "Il termine è scaduto il 28/11/2026." in said


def test_no_receipt_names_the_citizen():
    state = signed()
    kept = msgspec.json.encode(facts(state)).decode()
    said = words_of(receipts.receipt(facts(state), row(state), TODAY))
    for datum in ("ESEMPIO", "MARIA", "IT60X", state.citizen.codice_fiscale):
        assert datum not in kept + said


def test_the_code_finds_the_case_and_cannot_be_invented():
    state = signed()
    document = receipts.receipt(facts(state), row(state), TODAY)
    (code,) = [block.text for block in document.blocks if isinstance(block, Code)]
    assert code.split("|")[:4] == ["PUE1", "prova0000001", state.number, str(TAKEN // 1000)]
    other = receipts.qr_text(BELONGINGS.box, state.number, TAKEN, b"another key of 32 bytes ........")
    assert code != other


def test_the_receipt_can_be_drawn_on_both_papers():
    state = signed()
    document = receipts.receipt(facts(state), row(state), TODAY)
    assert render_image(document).height > 500
    assert render_pdf(document).startswith(b"%PDF-")


def text_of(pdf: bytes) -> str:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


@pytest.mark.parametrize(("practice", "answers"), [("naspi", NASPI), ("estratto_conto", ESTRATTO)])
def test_the_summary_holds_every_answer_the_warning_and_places_to_sign(practice, answers):
    state = signed(practice, answers)
    pdf = summary_pdf(state, CATALOGUE.get(state.practice_key), BELONGINGS)
    assert pdf == summary_pdf(state, CATALOGUE.get(state.practice_key), BELONGINGS)
    said = text_of(pdf)
    for words in (
        PENAL_WARNING,
        "Firma di chi fa la domanda",
        "L'operatore dello sportello",
        "MARIA ESEMPIO",
    ):
        assert words in said
    assert "12 aprile 1985" in said
    if practice == "naspi":
        assert "IT60 X054 2811 1010 0000 0123 456" in said


def test_what_people_type_cannot_change_the_paper():
    state = signed("naspi", {**NASPI, "datore_denominazione": ["<b>Ditta</b> & figli <img src='x'/>"]})
    assert "<b>Ditta</b> & figli" in text_of(
        summary_pdf(state, CATALOGUE.get(state.practice_key), BELONGINGS)
    )


def test_an_impediment_is_on_the_paper_with_its_cause():
    state = signed(way=SignatureWay.CANNOT_SIGN)
    assert "non può firmare (mano ingessata)" in text_of(
        summary_pdf(state, CATALOGUE.get(state.practice_key), BELONGINGS)
    )


def test_a_dossier_is_the_same_bytes_twice_and_its_manifest_is_first():
    state = signed()
    practice = CATALOGUE.get(state.practice_key)
    parts = [
        dossier.summary_part(summary_pdf(state, practice, BELONGINGS)),
        dossier.attachment_part(1, SIGNED_SUMMARY, b"%PDF-1.7 scan", [SCANNED]),
    ]
    content = dossier.manifest(state, practice, BELONGINGS, parts, "0.1.0")
    packed = dossier.pack(content, parts)
    assert packed == dossier.pack(content, parts)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == [
            "manifest.json",
            "documents/summary.pdf",
            "documents/signed_summary.pdf",
        ]
        assert archive.testzip() is None
        read = json.loads(archive.read("manifest.json"))
    assert read["practice"] == "naspi@2026-01"
    assert [document["formation"] for document in read["documents"]] == ["a", "b"]
