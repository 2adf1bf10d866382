"""What stands on a clean page: Tesseract in this process, on one processor, page by page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from appliance.capture.geometry import Pixels
from appliance.capture.leaf import Word
from contracts.errors import PueError, WhoCanAct

DATA: Final = Path("/usr/share/tesseract-ocr/5/tessdata")
"""Where Debian lays the languages."""
LANGUAGES: Final = ("ita", "deu", "fra", "slv")
READING_DPI: Final = 200
"""As good as 300, and half the work."""
MAX_WORDS: Final = 20_000
MAX_LETTERS: Final = 60
LEAST_CONFIDENCE: Final = 0.30
"""Below it a word is most often a stain, a stamp's rim or a signature."""
CODE_LETTERS: Final = 6
"""From so many letters and digits on, with a digit among them, a word is a code. No dictionary knows those, so the engine
trusts them little, and each has a check of its own."""


class LanguageMissing(PueError):
    """A language's data is not installed."""

    code = "capture.language_missing"
    who = WhoCanAct.TECHNICIAN


def read_words(page: Pixels, dpi: float, languages: tuple[str, ...] = ("ita",)) -> tuple[Word, ...]:
    """The words of a page in the order of reading.

    Args:
        page: clean; grey or black and white.
        dpi: its dots per inch.
        languages: as Tesseract names them; the first one first.

    Raises:
        LanguageMissing: with the name of the Debian package that brings it.
    """
    for language in languages:
        if not (DATA / f"{language}.traineddata").is_file():
            raise LanguageMissing(f"install tesseract-ocr-{language}", language=language)
    os.environ["OMP_THREAD_LIMIT"] = "1"  # its threads cost more than they bring
    scale = READING_DPI / dpi
    if scale < 1:
        page = np.asarray(cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        dpi = READING_DPI
    return tuple(_words(page, dpi, "+".join(languages)))


def _words(page: Pixels, dpi: float, languages: str) -> list[Word]:
    import tesserocr

    high, wide = page.shape[:2]
    found: list[Word] = []
    with tesserocr.PyTessBaseAPI(path=str(DATA), lang=languages, psm=tesserocr.PSM.AUTO) as reader:
        reader.SetImage(Image.fromarray(page))
        reader.SetSourceResolution(round(dpi))
        reader.Recognize()
        walker = reader.GetIterator()
        if walker is None:
            return []
        line = -1
        for here in tesserocr.iterate_level(walker, tesserocr.RIL.WORD):
            if here.IsAtBeginningOf(tesserocr.RIL.TEXTLINE):
                line += 1
            word = _word(here, tesserocr.RIL.WORD, wide, high, max(0, line))
            if word is not None:
                found.append(word)
            if len(found) == MAX_WORDS:
                break
    return found


def _word(here: Any, level: Any, wide: int, high: int, line: int) -> Word | None:
    box = here.BoundingBox(level)
    try:
        text = "".join((here.GetUTF8Text(level) or "").split())
    except RuntimeError:  # how the library says that nothing was read here
        return None
    confidence = here.Confidence(level) / 100
    if (
        not text
        or box is None
        or len(text) > MAX_LETTERS
        or (confidence < LEAST_CONFIDENCE and not _is_code(text))
    ):
        return None
    left, top, right, bottom = box
    return Word(text, left / wide, top / high, right / wide, bottom / high, line, round(confidence, 3))


def _is_code(text: str) -> bool:
    return sum(sign.isalnum() for sign in text) >= CODE_LETTERS and any(sign.isdigit() for sign in text)


def plain(words: tuple[Word, ...]) -> str:
    """The text, a line for each line."""
    lines: dict[int, list[str]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word.text)
    return "\n".join(" ".join(line) for line in lines.values())
