"""No code without a sentence: the source tree of the box is walked, and every code a clerk can meet is told."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from appliance.capture.quality import PageFlaw
from appliance.capture.recognition.marks import KINDS as KINDS_BY_CODE
from appliance.capture.recognition.papers import TITLES
from appliance.capture.watching import Hint
from appliance.cards.steps import Stage as CardStage
from appliance.desk.eye import BLIND, CAMERA_GONE
from appliance.desk.focusing import REFOCUSED
from appliance.desk.offers import KINDS
from appliance.runtime.clock import TrustReason
from contracts.desk_api.clerk import KeptBecause
from contracts.errors import Problem, WhoCanAct
from contracts.messages.letters import LetterWord
from contracts.practices.catalogue import shipped
from contracts.practices.model import Area, FieldKind
from web_local import signs, words

ROOT = Path(__file__).parents[2]
TREES = ("appliance", "contracts")
DOTTED = re.compile(r"[a-z_]+\.[a-z0-9_]+")
PROBLEM_ROOMS = re.compile(r"(answer|warning)\.")


def _classes():
    for tree in TREES:
        for path in (ROOT / tree).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    yield path, node


def error_codes():
    """Every `code = "…"` of a class."""
    found = set()
    for _path, node in _classes():
        for line in node.body:
            target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
            value = getattr(line, "value", None)
            if isinstance(target, ast.Name) and target.id == "code" and isinstance(value, ast.Constant):
                found.add(value.value)
    return sorted(code for code in found if isinstance(code, str) and DOTTED.fullmatch(code))


def literals(folder):
    """Every dotted literal of a folder's sources."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and DOTTED.fullmatch(node.value)
            ):
                yield node.value


def answer_codes():
    return sorted({code for code in literals("appliance/desk") if PROBLEM_ROOMS.match(code)})


def device_codes():
    rooms = re.compile(r"(card_reader|printer|camera|barcode|panel)\.")
    files = re.compile(r"\.(toml|py|json|sock|db)$")
    return sorted(
        code for code in set(literals("appliance/devices")) if rooms.match(code) and not files.search(code)
    )


def own_sentence(code):
    """Not the one for codes of a newer desk."""
    return words.SENTENCES.get(code) or words.ROOMS.get(code.partition(".")[0])


def test_the_walk_finds_codes_at_all():
    assert {"card.wrong_can", "printer.paper_out", "outbox.full", "sitting.not_now"} <= set(error_codes())
    assert {"answer.required", "answer.iban_shape"} <= set(answer_codes())
    assert {"printer.paper_near_end", "camera.lens_covered"} <= set(device_codes())


@pytest.mark.parametrize("code", error_codes())
def test_every_error_has_a_sentence_and_something_to_do(code):
    sentence = own_sentence(code)
    assert sentence is not None, f"{code} has no sentence in web_local/words.py"
    assert sentence.what.endswith(".")
    assert sentence.do


@pytest.mark.parametrize("code", device_codes())
def test_every_device_state_has_a_sentence(code):
    assert own_sentence(code), f"{code} has no sentence in web_local/words.py"


@pytest.mark.parametrize("code", answer_codes())
def test_every_refused_answer_says_what_to_write(code):
    assert code in words.ANSWERS, f"{code} has no sentence in web_local/words.py"


def test_every_stage_of_the_card_is_told():
    assert {f"card.{stage}" for stage in CardStage} <= set(words.READING)


def test_every_remark_on_a_page_is_told():
    assert {*PageFlaw, REFOCUSED.removeprefix("page.")} <= set(words.REMARKS)


def test_every_hint_of_the_eye_is_told():
    assert {*Hint, CAMERA_GONE, BLIND} <= set(words.HINTS)


def test_every_kind_of_paper_a_page_may_seem_is_told():
    assert {*TITLES, *KINDS_BY_CODE} <= set(words.PAPERS)


def test_every_finding_that_is_offered_has_a_name():
    assert set(KINDS) <= set(words.FOUND)


def test_every_reason_to_keep_a_page_is_told():
    assert set(words.KEPT) == set(KeptBecause)


def test_every_doubt_about_the_clock_shows_the_same_calm_line():
    assert all(isinstance(reason.value, str) for reason in TrustReason)


def test_every_word_of_a_letter_has_its_sign_and_its_next():
    assert set(signs.LETTER_SIGNS) == set(signs.NEXT) == set(LetterWord)
    assert len({(sign.icon, sign.tone, sign.word) for sign in signs.LETTER_SIGNS.values()}) == len(LetterWord)


def test_the_four_words_are_these():
    four = [LetterWord.DRAFT, LetterWord.SAVED, LetterWord.SENT, LetterWord.RECEIVED]
    assert [signs.LETTER_SIGNS[word].word for word in four] == [
        "Bozza",
        "Salvata sul dispositivo",
        "Trasmessa",
        "Ricevuta da INPS",
    ]
    assert len({signs.LETTER_SIGNS[word].tone for word in four}) == 4


def test_nothing_ever_says_sent_off():
    texts = [sentence.what + sentence.do for sentence in words.SENTENCES.values()] + list(signs.NEXT.values())
    assert not [text for text in texts if re.search(r"\binviat[ao]\b", text, re.IGNORECASE)]


def test_every_kind_of_answer_can_be_drawn():
    drawn = set(words.SHAPES) | {FieldKind.BOOL, FieldKind.CHOICE}
    assert drawn == set(FieldKind)


def test_every_repeated_group_has_a_name():
    for practice in shipped().practices:
        for step in practice.steps:
            rounds = {field.group for field in step.fields if field.repeat > 1 and field.group}
            assert rounds <= set(step.groups), f"{practice.key}: {step.id}"


def test_every_area_of_the_catalogue_has_a_heading():
    assert set(words.AREAS) == set(Area)


def test_sentences_are_short_and_free_of_jargon():
    jargon = re.compile(
        r"\b(server|errore|timeout|login|password|token|upload|file|click\w*|input|APDU|MRZ|CAN)\b"
    )
    for code, sentence in words.SENTENCES.items():
        text = f"{sentence.what} {sentence.do}"
        assert not jargon.search(text.replace("ha un errore", "")), f"{code}: {text}"
        assert max(len(part) for part in re.split(r"[.:]", text)) <= 90, f"{code}: {text}"


def test_facts_stand_in_the_sentence(app):
    with app.test_request_context():
        told = words.tell(Problem(code="clerk.locked_out", who=WhoCanAct.WAIT, facts={"wait_s": 45}))
        assert "aspetti 45 secondi" in told.do
        assert words.tell_answer("answer.cf_shape", {"signs": 15}).count("15") == 1


def test_an_unknown_code_is_still_told(app):
    with app.test_request_context():
        told = words.tell(Problem(code="nuovo.mai_visto", who=WhoCanAct.OPERATOR))
        assert (told.what, told.code) == ("Qualcosa non ha funzionato.", "nuovo.mai_visto")
        assert "assistenza" in told.who
