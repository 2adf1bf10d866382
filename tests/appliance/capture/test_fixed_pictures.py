"""The whole way on the pictures that a browser drew, against what is known to be on them (`tests/papers/fixed`)."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from appliance.capture.barcodes import read_barcodes
from appliance.capture.developing import develop
from appliance.capture.geometry import Pixels
from appliance.capture.jobs import BarcodeHere, Develop, Read
from appliance.capture.mrz.reading import read_printed_lines
from appliance.capture.opening import open_here
from appliance.capture.outline import Finding, find
from appliance.capture.page_reading import read_leaf
from appliance.capture.quality import PageFlaw
from appliance.capture.recognition.marks import borne

HERE = Path(__file__).parents[2] / "papers" / "fixed"
TRUTH = json.loads((HERE / "truth.json").read_text("utf-8"))
WHOLE = sorted(name for name, says in TRUTH.items() if says.get("remark") != "cut")
GOOD = sorted(name for name, says in TRUTH.items() if "remark" not in says)
LETTERS = sorted(name for name, says in TRUTH.items() if {"found", "words"} & set(says))
NEAR = 0.006
"""Of the picture's diagonal: three millimetres on a sheet of A4."""


def bytes_of(name: str) -> bytes:
    return (HERE / f"{name}.jpg").read_bytes()


def pixels(name: str) -> Pixels:
    return open_here(bytes_of(name))


@functools.cache
def page(name: str):
    return develop(Develop(picture=bytes_of(name)))


@functools.cache
def read(name: str):
    return read_leaf(Read(leaf=page(name).leaf))


def test_every_picture_is_small_and_has_its_truth():
    assert sorted(file.stem for file in HERE.glob("*.jpg")) == sorted(TRUTH)
    assert max(file.stat().st_size for file in HERE.glob("*.jpg")) <= 150_000


@pytest.mark.parametrize("name", WHOLE)
def test_the_sheet_is_found_where_it_lies(name):
    picture = pixels(name)
    outline = find(picture)
    assert outline.finding is Finding.SURE
    size = np.array(picture.shape[1::-1])
    found, true = np.array(outline.corners) * size, np.array(TRUTH[name]["corners"]) * size
    first = min(
        range(4), key=lambda turn: np.abs(np.roll(true, turn, 0) - found).sum()
    )  # upside down is for later
    assert np.linalg.norm(np.roll(true, first, 0) - found, axis=1).max() < NEAR * np.linalg.norm(size)


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_said_against_a_good_page(name):
    assert page(name).grave == ()


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_comes_out_as_a4_and_upright(name):
    made = page(name)
    assert (round(made.leaf.width_mm), round(made.leaf.height_mm)) == (210, 297)
    assert made.degrees == TRUTH[name].get("degrees", 0)
    assert made.leaf.encoding.value == TRUTH[name].get("encoding", "g4")


@pytest.mark.parametrize("name", LETTERS)
def test_what_stands_there_is_read(name):
    says = TRUTH[name]
    assert {tuple(one) for one in says.get("found", [])} <= {
        (one.kind, one.value) for one in read(name).found
    }
    seen = {word.text.upper() for word in read(name).words}
    assert set(says.get("words", "").split()) <= seen


@pytest.mark.parametrize("name", ["blurred", "cut"])
def test_what_is_wrong_is_told(name):
    assert PageFlaw(TRUTH[name]["remark"]) in page(name).grave


@pytest.mark.parametrize("name", ["identity_card", "passport"])
def test_printed_lines_are_read_as_printed(name):
    zone = read_printed_lines(pixels(name))
    assert zone is not None
    assert list(zone.lines) == TRUTH[name]["lines"]


@pytest.mark.parametrize("name", ["notice", "tessera"])
def test_bar_codes_are_read(name):
    assert [[code.kind, code.text] for code in read_barcodes(pixels(name))] == TRUTH[name]["codes"]


@pytest.mark.parametrize(("name", "kind"), [("notice", "avviso_pagopa"), ("tessera", "tessera_sanitaria")])
def test_a_code_says_what_the_paper_is_unless_that_or_anything_was_asked_for(name, kind):
    said = [
        read_leaf(Read(leaf=page(name).leaf, asked=asked)).looks_like
        for asked in ("busta_paga", kind, "altro")
    ]
    assert said == [kind, "", ""]


def test_a_code_that_proves_nothing_changes_nothing():
    codes = [BarcodeHere(kind="qr", text="https://esempio.it"), BarcodeHere(kind="code39", text="ABCD1234")]
    assert borne(codes) == ""
    assert (
        borne(
            [
                BarcodeHere(kind="qr", text="PAGOPA|002|1"),
                BarcodeHere(kind="code39", text="X", codice_fiscale="X"),
            ]
        )
        == ""
    )
