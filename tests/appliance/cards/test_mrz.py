"""Printed lines: specimens of ICAO Doc 9303 parts 4 to 6, and every single misreading is caught."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards.errors import MalformedCode
from appliance.cards.mrz import Format, Mrz, MrzKey, build_td1, check_digit

# Specimens printed in the standard: the state UTO and its citizens do not exist.
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
LONG_NUMBER = (
    "I<UTOD23145890<7349<<<<<<<<<<<",
    "3407127M9507122UTO<<<<<<<<<<<2",
    "STEVENSON<<PETER<JOHN<<<<<<<<<",
)


@pytest.mark.parametrize(("lines", "form"), [(TD1, Format.TD1), (TD2, Format.TD2), (TD3, Format.TD3)])
def test_the_three_sizes(lines, form):
    zone = Mrz.parse(lines)
    assert zone.format is form
    assert (zone.surname, zone.given_names) == ("ERIKSSON", "ANNA MARIA")
    assert (zone.issuing_state, zone.nationality, zone.sex) == ("UTO", "UTO", "F")
    assert (zone.birth, zone.expiry) == ("740812", "120415")
    assert zone.document_number in ("D23145890", "L898902C3")
    assert zone.expires_on() == datetime.date(2012, 4, 15)
    assert zone.born_on(datetime.date(2026, 1, 1)) == datetime.date(1974, 8, 12)


def test_a_number_longer_than_its_field_runs_on():
    assert Mrz.parse(LONG_NUMBER).document_number == "D23145890734"


@pytest.mark.parametrize("rest", ["<1", "<<X", "<"])
def test_a_number_that_runs_on_into_nothing(rest):
    """The filler that says "longer than nine signs", and then no more signs."""
    first, *others = LONG_NUMBER
    with pytest.raises(MalformedCode) as caught:
        Mrz.parse([f"{first[:14]}<{rest}".ljust(29, "<") + "1", *others])
    assert caught.value.facts["field"] == "document_number"


@pytest.mark.parametrize("lines", [TD1, TD2, TD3])
def test_lines_as_people_type_them(lines):
    typed = "\n".join(" ".join(line.lower()) for line in lines) + "\n"
    assert Mrz.parse(typed) == Mrz.parse(lines) == Mrz.parse("".join(lines))


@given(st.sampled_from([TD1, TD2, TD3]), st.data())
def test_a_misread_digit_is_caught(lines, data):
    rows = list(lines)
    row = 1
    places = [place for place, sign in enumerate(rows[row]) if sign.isdigit()]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([sign for sign in "0123456789" if sign != rows[row][place]]))
    rows[row] = rows[row][:place] + other + rows[row][place + 1 :]
    with pytest.raises(MalformedCode):
        Mrz.parse(rows)


@given(st.text(max_size=100))
def test_any_text_is_lines_or_our_error(text):
    with pytest.raises(MalformedCode):
        Mrz.parse(text)


def test_the_error_does_not_repeat_what_was_typed():
    with pytest.raises(MalformedCode) as caught:
        Mrz.parse(("X" * 30, "Y" * 30, "Z" * 30))
    assert "XXX" not in str(caught.value) + str(caught.value.facts)
    assert "D23145890" not in repr(Mrz.parse(TD1)) + repr(MrzKey.from_lines(TD1))


def test_key_material_is_the_same_from_lines_and_from_parts():
    assert MrzKey.from_lines(TD1).information() == MrzKey("d23145890", "740812", "120415").information()


@pytest.mark.parametrize(
    ("number", "birth", "expiry"),
    [("", "740812", "120415"), ("D2314", "7408", "120415"), ("D2314", "740812", "12-415")],
)
def test_parts_that_cannot_be_are_refused(number, birth, expiry):
    with pytest.raises(MalformedCode):
        MrzKey(number, birth, expiry)


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=9),
    st.dates(datetime.date(1930, 1, 1), datetime.date(2020, 1, 1)),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=10),
)
def test_lines_we_build_are_lines_we_read(number, birth, surname):
    zone = Mrz.parse(
        build_td1(
            document_code="C",
            issuing_state="ITA",
            document_number=number,
            birth=f"{birth:%y%m%d}",
            sex="F",
            expiry="310412",
            nationality="ITA",
            surname=surname,
            given_names="ADA LIA",
        )
    )
    assert (zone.document_number, zone.surname, zone.given_names) == (number, surname, "ADA LIA")
    assert zone.born_on(datetime.date(2029, 12, 31)) == birth


def test_check_digit_of_the_standard():
    assert check_digit("520727") == "3"
    assert check_digit("AB2134<<<") == "5"
