"""Signs as a recogniser gives them → lines that hold, the same signs mended, or nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from appliance.capture.mrz.layouts import TD1, TD2, TD3, check_digit, composite_holds
from appliance.capture.mrz.signs import ALPHABET, Sign
from appliance.capture.mrz.zone import placed, zone_of
from tests.papers import cards

LAYOUTS = {"td1": TD1, "td2": TD2, "td3": TD3}


def read(line, **changed):
    """A line as a good recogniser reads it; `changed` maps places (as p3) to what it says there: one sign, none, several."""
    signs = []
    for place, sign in enumerate(line):
        said = changed.get(f"p{place}", sign)
        for at, one in enumerate(said):
            signs.append(sure(one, (place + 0.5 + 0.2 * (at - (len(said) - 1) / 2)) / len(line)))
    return signs


def sure(sign, at, likely=0.97, other=""):
    rest = dict.fromkeys(ALPHABET, 1e-05)
    if other:
        rest[other] = 1 - likely
    return Sign(sign, at, {**rest, sign: likely})


def printed(kind, seed):
    return cards.lines_of(random.Random(seed), kind)


@pytest.mark.parametrize("kind", ["td1", "td2", "td3"])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_read_well_is_the_zone(kind, seed):
    lines = printed(kind, seed)
    found = zone_of([read(line) for line in lines])
    assert found.lines == lines
    assert found.layout == kind.upper()
    assert found.sure
    assert [len(row) for row in found.confidence] == [len(line) for line in lines]


def test_a_line_of_the_page_above_two_lines_does_no_harm():
    lines = printed("td3", 1)
    assert zone_of([read("AUTORITA<ISSUING"), *map(read, lines)]).lines == lines


def test_letters_and_digits_that_look_alike_are_told_by_their_places():
    upper, lower, names = (
        "C<ITACO84800ZD4<<<<<<<<<<<<<<<",
        printed("td1", 3)[1],
        "BOZIO<<ZOE<<<<<<<<<<<<<<<<<<<<",
    )
    lower = lower[:29]
    body = upper[5:30] + lower[0:7] + lower[8:15] + lower[18:29]
    lower += check_digit(body)
    said = [
        upper.replace("O", "0"),
        lower.replace("1", "I").replace("0", "O"),
        names.replace("O", "0").replace("Z", "2"),
    ]
    assert zone_of([read(line) for line in said]).lines == (upper, lower, names)


@pytest.mark.parametrize("wrong", ["document", "birth", "expiry", "composite"])
def test_a_check_digit_that_does_not_hold_is_no_zone(wrong):
    upper, lower = printed("td3", 2)
    place = {"document": 9, "birth": 19, "expiry": 27, "composite": 43}[wrong]
    other = str((int(lower[place]) + 4) % 10)
    assert zone_of([read(upper), read(lower[:place] + other + lower[place + 1 :])]) is None


def test_fillers_that_were_lost_are_there_again():
    upper, lower = printed("td3", 4)
    gaps = {f"p{place}": "" for place in (30, 33, 34)}
    found = zone_of([read(upper, **gaps), read(lower)])
    assert found.lines == (upper, lower)
    assert found.sure


def test_a_sign_that_was_read_twice_is_one():
    upper, lower = printed("td3", 5)
    place = 10
    found = zone_of([read(upper), read(lower, **{f"p{place}": lower[place] * 2})])
    assert found.lines == (upper, lower)


def test_a_mark_of_the_card_before_the_line_is_no_sign():
    upper, lower = printed("td3", 6)
    signs = read(lower)
    shifted = [Sign(one.text, (one.at * 44 + 1) / 45, one.likely) for one in signs]
    assert zone_of([read(upper), [sure("1", 0.4 / 45), *shifted]]).lines == (upper, lower)


def test_a_doubtful_letter_of_a_name_is_said_for_nothing_checks_it():
    upper, lower, names = printed("td1", 7)
    signs = read(names)
    signs[2] = sure(names[2], signs[2].at, 0.55, "X")
    found = zone_of([read(upper), read(lower), signs])
    assert found.lines == (upper, lower, names)
    assert not found.sure
    assert found.confidence[2][2] < 0.7


def lower_line(number):
    line = f"{number}{check_digit(number)}ROU900101{check_digit('900101')}F300101{check_digit('300101')}"
    line = line.ljust(42, "<") + "<"
    return line + check_digit(line[0:10] + line[13:20] + line[21:43])


def test_two_readings_that_both_hold_are_not_sure():
    """Two signs exchanged for their twins may keep every check digit: then nobody knows which is printed."""
    facts = random.Random(1)
    numbers = ("".join(facts.choices("0O34", k=9)) for _ in range(2000))
    one, other = next(
        (a, b)
        for a in numbers
        if (b := a.translate(str.maketrans("0O", "O0"))) != a and lower_line(a)[9:] == lower_line(b)[9:]
    )
    signs = read(lower_line(one))
    for place, (sign, twin) in enumerate(zip(one, other, strict=True)):
        if sign != twin:
            signs[place] = sure(sign, signs[place].at, 0.52, twin)
    found = zone_of([read("P<ROUESEMPIO<<ZOE".ljust(44, "<")), signs])
    assert found.lines[1][:9] in {one, other}
    assert not found.sure


@pytest.mark.parametrize("count", [0, 1, 12, 33, 39, 70])
def test_too_few_or_too_many_signs_are_no_line(count):
    for layout in LAYOUTS.values():
        if abs(count - layout.width) > 0.15 * layout.width:
            assert placed(read("A" * count), layout.width) is None


@given(
    some.lists(
        some.lists(some.tuples(some.sampled_from(ALPHABET), some.floats(0, 1)), max_size=48), max_size=4
    )
)
def test_whatever_is_read_what_comes_out_holds(rows):
    lines = [[sure(sign, at) for sign, at in sorted(row, key=lambda one: one[1])] for row in rows]
    found = zone_of(lines)
    if found:
        layout = LAYOUTS[found.layout.lower()]
        assert composite_holds(layout, list(found.lines))
        assert all(len(line) == layout.width and set(line) <= set(ALPHABET) for line in found.lines)


@pytest.mark.parametrize("kind", ["td1", "td2", "td3"])
def test_the_check_is_that_of_the_card_room(kind):
    """Two rooms that may not know each other count the same."""
    from appliance.cards.mrz import Mrz

    for seed in range(40):
        lines = printed(kind, seed)
        assert composite_holds(LAYOUTS[kind], list(lines))
        Mrz.parse(list(lines))
