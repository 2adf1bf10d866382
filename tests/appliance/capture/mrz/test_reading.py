"""Printed lines in pictures of documents on a desk, whichever way they lie; and pictures in which there are none."""

from __future__ import annotations

import random

import numpy as np
import pytest

from appliance.capture.mrz import reading
from appliance.capture.mrz.layouts import TD1
from appliance.capture.mrz.reading import read_printed_lines
from appliance.capture.mrz.shapes import ALPHABET
from appliance.capture.mrz.zone import zone_in
from tests.papers import cards, desks


@pytest.mark.parametrize("kind", ["td1", "td2", "td3"])
@pytest.mark.parametrize("quarters", range(4))
def test_a_document_that_lies_any_way(kind, quarters):
    printed = cards.sample(100 + quarters, kind)
    found = read_printed_lines(np.ascontiguousarray(np.rot90(printed.picture, quarters)))
    assert found is not None
    assert found.lines == printed.lines
    assert found.layout == kind.upper()


def test_of_many_documents_nearly_all_are_read_and_no_wrong_one_is_called_sure():
    right = 0
    for seed in range(12):
        printed = cards.sample(seed)
        found = read_printed_lines(printed.picture)
        if found is None:
            continue
        right += found.lines == printed.lines
        assert found.lines == printed.lines or not found.sure
    assert right >= 11


@pytest.mark.parametrize("seed", [500_026, 500_077])
def test_zeros_and_o_in_a_number_without_a_rule_are_told_by_their_shape(seed):
    """Their check digit holds for another number too, and was called sure of it."""
    printed = cards.sample(seed)
    found = read_printed_lines(printed.picture)
    assert found.lines == printed.lines
    assert found.sure


@pytest.mark.parametrize("seed", [500_030, 600_073])
def test_grain_beside_a_line_or_pale_fillers_in_it_do_not_hide_the_lines_above(seed):
    printed = cards.sample(seed)
    assert read_printed_lines(printed.picture).lines == printed.lines


@pytest.mark.parametrize(("said", "confirmed"), [("B", True), ("8", False)])
def test_a_letter_is_not_sure_only_because_its_place_takes_no_digits(said, confirmed):
    lines = cards.lines_of(random.Random(7), "td1")
    shapes = [[{**dict.fromkeys(ALPHABET, 1e-4), sign: 0.99} for sign in line] for line in lines]
    shapes[2][0] = {**dict.fromkeys(ALPHABET, 1e-4), "B": 0.005, said: 0.98}
    shaped = reading.Shaped(TD1, shapes, 0.99)
    assert reading._confirmed(zone_in(TD1, shapes), shaped) is confirmed


def test_signs_that_stand_evenly_need_no_recogniser(monkeypatch):
    def never(*_):
        pytest.fail("the recogniser was asked")

    monkeypatch.setattr(reading, "read_line", never)
    printed = cards.sample(3, "td1")
    assert read_printed_lines(printed.picture).lines == printed.lines


def test_another_typeface_is_left_to_the_recogniser(monkeypatch):
    monkeypatch.setattr(cards, "FACES", ("/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",))
    shaped = []
    alone = reading._by_both
    monkeypatch.setattr(
        reading, "_by_both", lambda read, by_shape: shaped.append(by_shape) or alone(read, by_shape)
    )
    printed = cards.sample(2, "td1")
    assert read_printed_lines(printed.picture).lines == printed.lines
    assert shaped
    assert not any(shaped)


def test_held_so_near_that_no_edge_is_seen():
    printed = cards.sample(3, "td1")
    found = read_printed_lines(printed.picture)
    high, wide = printed.picture.shape[:2]
    near = printed.picture[round(0.26 * high) : round(0.8 * high), round(0.16 * wide) : round(0.84 * wide)]
    assert found is not None
    assert read_printed_lines(np.ascontiguousarray(near)).lines == printed.lines


@pytest.mark.parametrize("paper", ["letter", "form", "receipt", "photo"])
def test_other_papers_have_no_zone(paper):
    assert read_printed_lines(desks.sample(11, paper=paper, desk="dark").picture) is None


def test_an_empty_picture_has_none():
    assert read_printed_lines(np.full((400, 600, 3), 128, np.uint8)) is None
