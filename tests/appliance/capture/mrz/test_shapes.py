"""Single signs, drawn: each is known, twins too; and what the network learnt can be learnt again."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.capture.mrz.shapes import (
    ALPHABET,
    HIGH_PX,
    WIDE_PX,
    answer,
    even_ink,
    likelihoods,
    packed,
    unpacked,
)
from tests.papers import teach_signs


@pytest.fixture(scope="module")
def signs():
    return teach_signs.drawn()


@pytest.fixture(scope="module")
def everything(signs):
    return teach_signs.a_sheet(np.random.default_rng(2), signs)


@pytest.fixture(scope="module")
def sheet(everything):
    pictures, labels = everything
    return pictures[labels != teach_signs.NO_SIGN], labels[labels != teach_signs.NO_SIGN]


def test_signs_it_has_not_seen_are_known(sheet):
    pictures, labels = sheet
    assert (likelihoods(pictures).argmax(1) == labels).mean() > 0.995


@pytest.mark.parametrize("pair", ["0O", "0D", "0Q", "OQ", "1I", "2Z", "5S", "8B", "6G"])
def test_twins_are_told_apart(sheet, pair):
    pictures, labels = sheet
    wanted = [ALPHABET.index(sign) for sign in pair]
    mine = np.isin(labels, wanted)
    found = likelihoods(pictures[mine])[:, wanted].argmax(1)
    assert (np.array(wanted)[found] == labels[mine]).mean() > 0.995


def test_of_what_is_no_sign_it_is_not_sure(everything):
    pictures, labels = everything
    assert (likelihoods(pictures[labels == teach_signs.NO_SIGN]).max(1) < 0.7).mean() > 0.85


def test_pale_and_strong_ink_look_alike():
    sign = np.full((1, HIGH_PX, WIDE_PX), 250, np.uint8)
    sign[:, 8:20, 8:12] = 20
    pale = (250 - (250 - sign.astype(int)) // 4).astype(np.uint8)
    np.testing.assert_allclose(even_ink(sign), even_ink(pale), atol=0.05)


def test_bare_paper_stays_pale():
    grain = np.random.default_rng(0).normal(240, 2, (1, HIGH_PX, WIDE_PX)).astype(np.uint8)
    assert even_ink(grain).max() < 0.4


def test_what_is_learnt_survives_its_file(signs):
    network = teach_signs.learn(np.random.default_rng(3), signs, 1)
    pictures, labels = teach_signs.a_sheet(np.random.default_rng(4), signs)
    kept = answer(unpacked(packed(network)), even_ink(pictures))
    assert (kept.argmax(1) == labels).mean() > 0.3
    np.testing.assert_allclose(kept, answer(network, even_ink(pictures)), atol=0.15)
