"""Printed lines in pictures of documents on a desk, whichever way they lie; and pictures in which there are none."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.capture.mrz.reading import read_printed_lines
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
