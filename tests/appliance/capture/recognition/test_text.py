"""Pages are read for real, in the languages of Italy's borders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from appliance.capture.recognition.text import LanguageMissing, plain, read_words

FACE = "/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf"
TEXTS = {
    "ita": ["Città di Esempio, però già perché così", "Totale: 1.234,56 € entro il 22/11/2026"],
    "deu": ["Die Gemeinde bestätigt die Größe", "Straße und Übergabe am Nachmittag"],
    "fra": ["La commune certifie le reçu délivré", "à la fenêtre, où l'été commence"],
    "slv": ["Občina potrjuje, da je vloga oddana", "življenje in čas za družino"],
}


def printed(lines, dpi=200):
    page = Image.new("L", (round(8.27 * dpi), round(5 * dpi)), 250)
    face = ImageFont.truetype(FACE, round(dpi / 72 * 12))
    for at, text in enumerate(lines):
        ImageDraw.Draw(page).text((dpi, dpi * (0.8 + at * 0.4)), text, fill=20, font=face)
    return np.asarray(page)


@pytest.mark.parametrize("language", TEXTS)
def test_a_page_is_read_letter_by_letter(language):
    assert plain(read_words(printed(TEXTS[language]), 200, (language,))) == "\n".join(TEXTS[language])


def test_words_stand_where_they_were_printed():
    words = read_words(printed(TEXTS["ita"]), 200)
    first = words[0]
    assert (first.text, first.line) == ("Città", 0)
    assert first.left == pytest.approx(1 / 8.27, abs=0.01)
    assert first.top == pytest.approx(0.8 / 5, abs=0.02)
    assert words[-1].line == 1
    assert all(0 <= word.confidence <= 1 for word in words)


def test_black_and_white_at_three_hundred():
    _, black = cv2.threshold(printed(TEXTS["ita"], 300), 150, 255, cv2.THRESH_BINARY)
    assert plain(read_words(black, 300)) == "\n".join(TEXTS["ita"])


@pytest.mark.parametrize("page", [np.full((500, 400), 250, np.uint8), np.zeros((40, 40), np.uint8)])
def test_where_nothing_is_printed_nothing_is_read(page):
    assert read_words(page, 200) == ()


def test_a_language_that_is_not_there_is_named_with_its_package():
    with pytest.raises(LanguageMissing, match="tesseract-ocr-eng"):
        read_words(printed(["x"]), 200, ("eng",))
