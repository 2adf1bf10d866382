"""Bar codes of cards and papers on a desk."""

from __future__ import annotations

import numpy as np
import pytest
import zxingcpp

from appliance.capture.barcodes import read_barcodes
from tests.papers import desks
from tests.papers.symbols import CODICE_FISCALE, KINDS, sample


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_each_kind_is_read_as_it_was_printed(kind, seed):
    printed = sample(seed, kind)
    assert [(code.kind, code.text) for code in read_barcodes(printed.picture)] == [(kind, printed.lines[0])]


def test_a_codice_fiscale_is_known_as_one_and_nothing_else_is():
    assert read_barcodes(sample(1, "code39").picture)[0].codice_fiscale == CODICE_FISCALE
    assert read_barcodes(sample(1, "qr").picture)[0].codice_fiscale == ""


def test_a_codice_fiscale_whose_control_letter_is_wrong_is_none():
    wrong = CODICE_FISCALE[:-1] + "F"
    code = np.asarray(zxingcpp.create_barcode(wrong, zxingcpp.BarcodeFormat.Code39).to_image(scale=3))
    found = read_barcodes(np.pad(code, 60, constant_values=255))
    assert [(one.text, one.codice_fiscale) for one in found] == [(wrong, "")]


def test_several_codes_are_all_there_each_once():
    pieces = [
        np.asarray(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=6))
        for text in ("primo", "secondo", "primo")
    ]
    high = max(piece.shape[0] for piece in pieces)
    row = [
        np.pad(piece, ((40, 40 + high - piece.shape[0]), (40, 40)), constant_values=255) for piece in pieces
    ]
    assert sorted(code.text for code in read_barcodes(np.hstack(row))) == ["primo", "secondo"]


@pytest.mark.parametrize("paper", ["letter", "form", "photo"])
def test_text_and_pictures_are_no_codes(paper):
    assert read_barcodes(desks.sample(5, paper=paper, desk="wood").picture) == []
