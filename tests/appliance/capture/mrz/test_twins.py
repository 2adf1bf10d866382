"""Signs that look alike: what a recogniser says of them is not believed, what their shapes say is."""

from __future__ import annotations

import pytest

from appliance.capture.jobs import LinesHere
from appliance.capture.mrz.layouts import TD1, check_digit
from appliance.capture.mrz.shapes import ALPHABET
from appliance.capture.mrz.twins import agreed, doubted, with_twins


def cell(**likely):
    return {**dict.fromkeys(ALPHABET, 1e-5), **{sign.strip("_"): value for sign, value in likely.items()}}


def best(of):
    return max(of, key=of.get)


def test_of_twins_the_shape_alone_is_asked():
    assert best(agreed(cell(O=0.8, _0=0.2), cell(_0=0.99))) == "O"


def test_of_others_both_are_asked():
    assert best(agreed(cell(E=0.55, F=0.45), cell(F=0.9, E=0.1))) == "F"


def test_neither_forbids_what_the_other_is_sure_of():
    one = agreed(cell(K=0.99), cell(X=0.99))
    assert one["K"] == pytest.approx(one["X"], rel=0.05)
    assert one["K"] < 0.7


def test_a_place_in_which_nothing_was_read_is_what_its_shape_says():
    assert best(agreed(cell(K=0.9), {"<": 0.5, "?": 0.5})) == "K"


def test_a_zero_may_be_an_o():
    assert with_twins(cell(_0=0.9))["O"] > 0.01


def zone(number, state="ROU"):
    upper = f"I<{state}{number}{check_digit(number)}".ljust(30, "<")
    lines = (upper, "9001011F3001019ROU<<<<<<<<<<<0", "ESEMPIO<<ZOE".ljust(30, "<"))
    return LinesHere(layout="TD1", lines=lines, confidence=((0.98,) * 30,) * 3, sure=True)


def test_zeros_and_o_that_may_change_places_are_not_sure():
    """An O counts 24 more than a zero: with the weights 1, 7 and 7 three of them change the sum by a multiple of ten."""
    found = doubted(TD1, zone("6BOO42O37"))
    assert not found.sure
    assert min(found.confidence[0][5:14]) <= 0.5
    assert min(found.confidence[2]) == 0.98


@pytest.mark.parametrize("number", ["AB0123456", "AB1234567", "AO1234567"])
def test_one_zero_cannot_change_alone(number):
    assert doubted(TD1, zone(number)).sure


def test_italian_numbers_have_their_form():
    assert doubted(TD1, zone("CA00000AA", "ITA")).sure
