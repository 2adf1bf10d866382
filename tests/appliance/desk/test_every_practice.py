"""Every practice that ships can be served to its end: its questions answered, its summary, dossier and receipt made."""

from __future__ import annotations

import datetime as dt
import io
import json

import msgspec
import pikepdf
import pytest

from appliance.desk import dossier, receipts
from appliance.desk import sitting as w
from appliance.desk.answers import complete_answers
from appliance.desk.papers import missing_papers
from appliance.desk.summary import summary_pdf
from appliance.desk.views import deadline
from appliance.devices.printer.receipt import render_image
from contracts.desk_api.clerk import SignatureWay
from contracts.messages.letters import LetterWord
from contracts.practices.catalogue import shipped
from tests.appliance.desk.test_papers import BELONGINGS, TAKEN, row, words_of
from tests.appliance.desk.test_session import filled, go, page
from tests.peers.citizen import answers_for

PRACTICES = shipped().practices
TODAY = dt.date.today()  # noqa: DTZ011 - the day only decides how a term is worded


@pytest.mark.parametrize("whole", [False, True], ids=["least", "whole"])
@pytest.mark.parametrize("practice", PRACTICES, ids=lambda practice: practice.id)
def test_a_practice_is_served_to_its_end(practice, whole):
    state = _signed(practice, answers_for(practice, whole=whole))
    _, step, problems = complete_answers(practice, state.answers, TODAY)
    assert (step, problems) == (0, [])

    manifest = json.loads(_manifest(state, practice))
    assert manifest["practice"] == practice.key
    assert set(manifest["answers"]) >= {
        field.name for field in practice.fields() if field.required and not field.when
    }

    pdf = summary_pdf(state, practice, BELONGINGS)
    assert pikepdf.pdfa.validate_written(io.BytesIO(pdf), "2b").verdict == "pass"

    code = receipts.qr_text(BELONGINGS.box, state.number, TAKEN, b"k" * 32)
    view = deadline(practice, state.answers, TODAY)
    facts = receipts.facts_of(state, practice, BELONGINGS, [], view, code)
    for word in LetterWord:
        paper = receipts.receipt(facts, row(state, word), TODAY)
        assert "'COMUNE" not in words_of(paper)
        assert render_image(paper).height > 400


def _signed(practice, answers):
    state = filled(practice.id, answers)
    for number, attachment in enumerate(missing_papers(practice, state), 10):
        state = _photographed(state, number, attachment)
    state = go(state, w.PagesDone(), w.ReadBackConfirmed("0" * 64))
    return go(_photographed(state, 5, "signature"), w.Signed(SignatureWay.PAPER, ""))


def _photographed(state, number, attachment):
    taken = page(number, attachment)
    return go(state, w.PageWanted(taken.page, attachment), w.PageTaken(taken))


def _manifest(state, practice) -> bytes:
    return msgspec.json.encode(dossier.manifest(state, practice, BELONGINGS, [], "0.1.0"))
