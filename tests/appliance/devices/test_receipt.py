from __future__ import annotations

import io

import numpy as np
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from appliance.devices.fonts import FONT_FOLDERS, Fonts, FontsMissing
from appliance.devices.printer.receipt import (
    Big,
    Code,
    EmptyCode,
    Line,
    Pair,
    ReceiptDocument,
    ReceiptTooLong,
    Rule,
    Small,
    Title,
    render_image,
)
from appliance.devices.printer.receipt_pdf import render_pdf

RECEIPT = ReceiptDocument(
    "PUE-0042-000123",
    (
        Title("Comune di Esempio"),
        Big("PUE-0042-000123"),
        Rule(),
        Pair("Pratica", "Assegno unico e universale per i figli a carico"),
        Pair("Data", "22/11/2026"),
        Line("Città, perché, già: àèìòù € čšž äöüß œ."),
        Small("Conservi questa ricevuta."),
        Code("PUE-0042-000123|2026-11-22"),
    ),
)


@pytest.mark.parametrize("folders", [FONT_FOLDERS, FONT_FOLDERS[-1:]], ids=["debian", "carried"])
def test_the_picture_is_one_bit_as_wide_as_the_paper_and_not_empty(folders):
    fonts = Fonts(folders)
    picture = render_image(RECEIPT, fonts=fonts)
    assert picture.mode == "1"
    assert picture.width == 576
    black = 1 - np.asarray(picture, np.uint8)
    assert 0.02 < black.mean() < 0.5
    assert black[:, :8].sum() == 0, "ink in the margin is cut off by the printer"
    assert black[:, -8:].sum() == 0


def test_the_same_receipt_is_the_same_picture_and_the_same_pdf():
    assert render_image(RECEIPT).tobytes() == render_image(RECEIPT).tobytes()
    assert render_pdf(RECEIPT) == render_pdf(RECEIPT)


@pytest.mark.parametrize(
    ("folders", "letters"),
    [(FONT_FOLDERS, "àèéìòùÀÈ€čšžČŠŽäöüßœç«»–"), (FONT_FOLDERS[-1:], "àèéìòùÀÈ€šžäöüßœç«»–")],
    ids=["debian", "carried"],
)
def test_each_accent_of_our_languages_is_drawn(folders, letters):
    """Pillow's own default face draws "Citt□": a missing letter looks like any other missing letter."""
    face = Fonts(folders).face(40)

    def drawn(letter: str) -> bytes:
        return bytes(face.getmask(letter))

    missing = drawn("\U0010fffd")
    assert [letter for letter in letters if drawn(letter) == missing] == []


def test_without_any_font_it_says_which_package(tmp_path):
    with pytest.raises(FontsMissing, match="fonts-noto-core"):
        Fonts((tmp_path,))


def test_a_damaged_font_is_ours_to_name(tmp_path):
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        (tmp_path / name).write_bytes(b"no font")
    for render in (render_image, render_pdf):
        with pytest.raises(FontsMissing):
            render(RECEIPT, fonts=Fonts((tmp_path,)))


@pytest.mark.parametrize("width_px", [384, 512, 576])
@given(text=st.text(max_size=300))
@settings(max_examples=15, deadline=None)
def test_any_text_fits_any_paper(width_px, text):
    receipt = ReceiptDocument("x", (Line(text), Pair(text, text), Big(text)))
    assert render_image(receipt, width_px=width_px).width == width_px


def test_a_long_word_is_broken_and_nothing_is_lost():
    short = render_image(ReceiptDocument("x", (Line("W" * 20),)))
    long = render_image(ReceiptDocument("x", (Line("W" * 200),)))
    assert long.height > 4 * short.height


@pytest.mark.parametrize("folders", [FONT_FOLDERS, FONT_FOLDERS[-1:]], ids=["debian", "carried"])
def test_the_pdf_opens_is_a4_and_holds_the_text_fonts_inside(folders):
    data = render_pdf(RECEIPT, fonts=Fonts(folders))
    with pikepdf.open(io.BytesIO(data)) as pdf:
        (page,) = pdf.pages
        assert [round(float(side)) for side in page.mediabox] == [0, 0, 595, 842]
        assert str(pdf.docinfo["/Title"]) == RECEIPT.title
        for font in page.resources["/Font"].values():
            descriptor = font["/FontDescriptor"]
            assert "/FontFile2" in descriptor


def test_a_long_receipt_goes_on_on_a_second_page():
    data = render_pdf(ReceiptDocument("x", tuple(Line(f"riga {n} " + "parola " * 30) for n in range(60))))
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert len(pdf.pages) > 1


def test_endless_receipts_are_refused():
    with pytest.raises(ReceiptTooLong):
        ReceiptDocument("x", (Rule(),) * 201)
    with pytest.raises(ReceiptTooLong):
        ReceiptDocument("x", (Pair("a", "b" * 501),))


def test_a_code_of_nothing_is_refused_and_a_long_one_fits():
    with pytest.raises(EmptyCode):
        Code("")
    picture = render_image(ReceiptDocument("x", (Code("è" * 500),)), width_px=384)
    assert np.asarray(picture)[:, :8].all()


def test_the_code_is_square_with_a_quiet_zone():
    picture = render_image(ReceiptDocument("x", (Code("PUE-0042-000123"),)))
    black = ~np.asarray(picture)
    rows, columns = np.flatnonzero(black.any(axis=1)), np.flatnonzero(black.any(axis=0))
    assert rows[-1] - rows[0] == columns[-1] - columns[0]
    assert columns[0] > 30
    assert isinstance(picture, Image.Image)
