"""A step of questions, drawn and read back."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from contracts.desk_api.clerk import Direction, FieldProblem, FormView
from contracts.practices.catalogue import shipped
from web_local import form, presenting

AUU = shipped().get("auu@2026-01")
STEP = {step.id: step for step in AUU.steps}


@pytest.fixture(autouse=True)
def request_context(app):
    with app.test_request_context():
        yield


def view(step, answers, problems=(), fields=None):
    return FormView(
        step=STEP[step],
        fields=AUU.asked(STEP[step], answers) if fields is None else fields,
        number=1,
        of=5,
        answers=answers,
        problems=list(problems),
    )


def rows(shown, block):
    found = next(b for b in shown.blocks if b.name == block)
    return [[question.value for question in row.questions] for row in found.rows]


def test_rows_of_a_group_stand_side_by_side():
    shown = form.draw(view("figli", {"figlio_cf": ["A", "B"], "figlio_condizione": ["studio", "minorenne"]}))
    assert rows(shown, "figlio") == [["A", "studio", ""], ["B", "minorenne", ""]]


def test_an_empty_group_shows_one_row_and_no_way_to_take_it_away():
    (block,) = form.draw(view("figli", {})).blocks
    assert (len(block.rows), block.may_add, block.may_remove) == (1, True, False)


def test_a_row_asked_for_is_added_once_and_complains_about_nothing():
    problem = FieldProblem(field="figlio_cf", code="answer.required")
    shown = form.draw(view("figli", {"figlio_cf": ["A"]}, [problem]), extra_rows="figlio")
    assert len(rows(shown, "figlio")) == 2
    assert shown.problems == []


def test_the_tenth_row_is_the_last():
    (block,) = form.draw(view("figli", {"figlio_cf": ["A"] * 10}), extra_rows="figlio").blocks
    assert (len(block.rows), block.may_add) == (10, False)


def test_problems_stand_at_their_row_and_in_the_summary():
    problem = FieldProblem(field="figlio_cf", index=1, code="answer.cf_shape", facts={"signs": 3})
    shown = form.draw(view("figli", {"figlio_cf": ["A", "BCD"]}, [problem]))
    ((ident, label, sentence),) = shown.problems
    assert (ident, label) == ("c-figlio_cf-1", "Codice fiscale del figlio")
    assert "qui sono 3" in sentence


def test_a_question_that_hangs_on_another_waits_hidden():
    shown = form.draw(view("pagamento", {"modalita": ["bonifico_domiciliato"]}))
    iban = next(block for block in shown.blocks if block.name == "iban").rows[0].questions[0]
    assert not iban.asked
    assert iban.rule == {"field": "f.modalita", "one-of": "", "none-of": "bonifico_domiciliato"}


def test_a_question_that_hangs_on_another_page_is_left_out_or_plain():
    shown = form.draw(view("famiglia", {}, fields=[STEP["famiglia"].fields[0]]))
    assert [block.name for block in shown.blocks][:2] == ["nucleo_monogenitoriale", "cf_altro_genitore"]


def test_values_are_shown_as_people_write_them():
    assert presenting.in_field(STEP["pagamento"].fields[1].kind, "IT60X0542811101000000123456") == (
        "IT60 X054 2811 1010 0000 0123 456"
    )
    born = next(field for field in STEP["anagrafica"].fields if field.name == "data_nascita")
    assert presenting.in_field(born.kind, "1950-02-03") == "03/02/1950"
    assert presenting.in_field(born.kind, "30 febbraio") == "30 febbraio"


def test_answers_are_read_by_field_and_strangers_are_ignored():
    posted = MultiDict({"f.modalita": "iban", "f.iban": "  it60   x05 ", "f.altro": "x", "csrf": "y"})
    assert form.read_answers(STEP["pagamento"], posted) == {
        "modalita": ["iban"],
        "iban": ["it60 x05"],
        "intestatario_coincide": [],
    }


def test_empty_rows_fall_away_and_gaps_keep_their_place():
    posted = MultiDict(
        {
            "f.figlio_cf": "A",
            "f.figlio_condizione.2": "studio",
            "f.figlio_cf.2": "C",
            "f.figlio_disabilita.2": "media",
        }
    )
    assert form.read_answers(STEP["figli"], posted) == {
        "figlio_cf": ["A", "C"],
        "figlio_condizione": ["", "studio"],
        "figlio_disabilita": ["", "media"],
    }


def test_a_row_is_taken_away_whole():
    posted = MultiDict({"f.figlio_cf": "A", "f.figlio_cf.1": "B", "f.figlio_condizione.1": "studio"})
    answers = form.read_answers(STEP["figli"], posted, drop=("figlio", 0))
    assert answers == {"figlio_cf": ["B"], "figlio_condizione": ["studio"], "figlio_disabilita": [""]}


@pytest.mark.parametrize(
    ("pressed", "button"),
    [
        ("next", form.Button(Direction.NEXT)),
        ("back", form.Button(Direction.BACK)),
        ("stay", form.Button(Direction.STAY)),
        ("qualcosa", form.Button(Direction.NEXT)),
        ("add:figlio", form.Button(Direction.STAY, more="figlio", anchor="gruppo-figlio")),
        ("drop:figlio:3", form.Button(Direction.STAY, drop=("figlio", 3), anchor="gruppo-figlio")),
        ("drop:figlio:x", form.Button(Direction.STAY, drop=None, anchor="gruppo-figlio")),
    ],
)
def test_buttons(pressed, button):
    assert form.read_button(pressed) == button


@pytest.mark.parametrize(
    ("typed", "iso"),
    [
        ("3/2/1950", "1950-02-03"),
        ("03.02.1950", "1950-02-03"),
        (" 03-02-1950 ", "1950-02-03"),
        ("03021950", "1950-02-03"),
        ("1950-02-03", "1950-02-03"),
        ("31/02/1950", None),
        ("3/2/50", None),
        ("ieri", None),
        ("", None),
    ],
)
def test_days_are_read_as_people_type_them(typed, iso):
    assert presenting.typed_day(typed) == iso


def test_codes_are_written_in_groups():
    assert presenting.codice_fiscale("PRVMRA50B43A074X") == "PRV MRA 50B43 A074 X"
    assert presenting.codice_fiscale("00012345678") == "00012345678"
    assert presenting.span(59) == "59 secondi"
    assert presenting.span(61) == "2 minuti"
    assert presenting.span(7_300) == "2 ore"
    assert presenting.span(3 * 86_400) == "3 giorni"
