"""The codice fiscale held against everything else that is known, and the traps in it."""

from __future__ import annotations

import datetime

import pytest
from codicefiscale import codicefiscale as another
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards.carried import MAX_SIGNS, Carried, Kind, PrintedLines, read_scan
from appliance.cards.cns_data import luhn_digit
from appliance.cards.codice_fiscale import Disagreement, compute, cross_check, place_code, place_exists
from appliance.cards.software.persona import ALDO, MARIA, NICOLO
from appliance.cards.software.personalise import Blank, Form, zone_of

CODE = MARIA.codice_fiscale
DAY = datetime.date(2030, 1, 1)


def check(code=CODE, **changes):
    known = {"birth": MARIA.birth, "sex": "F", "names": ("ESEMPIO", "MARIA")}
    return cross_check(code, **{**known, **changes})


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ()),
        ({"code": CODE[:15] + "A"}, (Disagreement.MALFORMED,)),
        ({"code": "NOT A CODE AT ALL"}, (Disagreement.MALFORMED,)),
        ({"birth": datetime.date(1985, 4, 13)}, (Disagreement.BIRTH,)),
        ({"sex": "M"}, (Disagreement.BIRTH,)),
        ({"sex": "X"}, ()),
        ({"birth": None}, ()),
        ({"names": ("ESEMPI", "MARIA")}, ()),
        ({"names": ("BIANCHI", "MARIA")}, (Disagreement.NAMES,)),
        ({"names": None}, ()),
        ({"carried": CODE}, ()),
        ({"carried": ALDO.codice_fiscale}, (Disagreement.CARRIED,)),
    ],
)
def test_what_disagrees_and_what_does_not(changes, found):
    assert check(**changes) == found


def test_all_omocodie_are_read_as_what_they_stand_for():
    for code in another.decode(CODE)["omocodes"]:
        assert check(code) == (), code
        assert place_code(code) == "H501"


def test_an_omocodia_is_somebody_else_than_the_plain_code():
    other = another.decode(CODE)["omocodes"][1]
    assert check(carried=other) == (Disagreement.CARRIED,)


def test_two_digits_of_a_year_accuse_nobody_of_a_century():
    old, young = (datetime.date(year, 4, 12) for year in (1885, 1985))
    assert check(birth=old) == check(birth=young) == ()


def test_places_that_are_no_more_and_places_abroad():
    for code in ("D620", "M125", "Z118", "Z135", "A001"):  # Fiume and others, Jugoslavia, USSR
        assert place_exists(code, datetime.date(1930, 1, 1)) or place_exists(code, None), code
    assert not place_exists("A000", None)
    assert not place_exists("Z999", None)
    assert place_exists("M999", None), "a comune founded after the table was made is not held against anybody"
    wrong = compute("ESEMPIO", "MARIA", MARIA.birth, "F", "A000")
    assert check(wrong) == (Disagreement.PLACE,)


def test_accents_do_not_count():
    code = compute("D'ESEMPIO", "NICOLO", NICOLO.birth, NICOLO.sex, "H501")
    assert cross_check(code, birth=NICOLO.birth, sex=NICOLO.sex, names=("D'ESEMPIO", "NICOLÒ")) == ()


# ---- what is scanned


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        CODE.lower(),
        f"*{CODE}*",
        f"{CODE}\r",
        f"%{CODE}ESEMPIO  MARIA?",
        f"{CODE}ESEMPIO  MARIA",
        f"%{CODE}?9",
    ],
)
def test_bar_code_and_first_track(text):
    found = read_scan(text)
    assert (found.kind, found.value) == (Kind.CODICE_FISCALE, CODE)


def test_second_track():
    number = "8038000123456789012" + luhn_digit("8038000123456789012")
    for text in (number, f";{number}?", f";{number}?7"):
        assert read_scan(text) == Carried(Kind.CARD_NUMBER, number)
    assert read_scan(number[:-1] + str((int(number[-1]) + 1) % 10)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        CODE[:15],
        CODE[:15] + "A",
        CODE + "\x1b[2J",
        CODE + "<script>",
        "https://esempio.test/" + CODE,
        "A" * 5000,
    ],
)
def test_anything_else_is_nothing(text):
    assert read_scan(text) is None


@given(st.text(max_size=MAX_SIGNS * 2))
def test_only_signs_such_a_code_may_hold_come_through(text):
    found = read_scan(text)
    assert found is None or set(found.value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
    assert found is None or found.value not in repr(found)


def test_printed_lines_one_by_one_and_again():
    zone = zone_of(Blank(), DAY)
    upper, middle, lower = (zone[start : start + 30] for start in (0, 30, 60))
    lines = PrintedLines()
    assert [lines.add(one) for one in (middle, upper, middle)] == [None, None, None]
    assert lines.add(lower) == (upper, middle, lower)
    assert lines.add(lower) is None, "nothing of the last citizen is left"
    assert lines.add(zone) == (zone,)


def test_the_two_lines_of_a_passport():
    zone = zone_of(Blank(person=NICOLO, form=Form.PASSPORT), DAY)
    lines = PrintedLines()
    assert lines.add(zone[:44]) is None
    assert lines.add(zone[44:]) == (zone[:44], zone[44:])
    assert read_scan(zone[:44]).kind is Kind.PRINTED_LINE
