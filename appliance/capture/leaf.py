"""A finished page: encoded once, measured on paper, with the words that were read on it."""

from __future__ import annotations

import enum

import msgspec


class Encoding(enum.StrEnum):
    """How a page's picture is kept. Never JBIG2: it may exchange digits (BSI TR-03138)."""

    G4 = "g4"
    """Black and white, CCITT Group 4, as a one-strip TIFF: text, 300 dots per inch."""
    JPEG = "jpeg"
    """Grey or colour: stamps, handwriting, photographs; 200 dots per inch."""


class Word(msgspec.Struct, frozen=True):
    """One recognised word and where it stands.

    Attributes:
        text: never empty, no spaces.
        left, top, right, bottom: fractions of the page's width and height.
        line: words of the same line have the same number, counted from the top.
        confidence: 0 to 1, as the recogniser says.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    line: int
    confidence: float


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One page as it goes into a document.

    Attributes:
        image: TIFF or JPEG, upright, without any metadata.
        encoding: which of the two.
        width_px, height_px: of the image.
        width_mm, height_mm: of the paper it shows.
        words: what was read on it, empty where nobody asked.
    """

    image: bytes
    encoding: Encoding
    width_px: int
    height_px: int
    width_mm: float
    height_mm: float
    words: tuple[Word, ...] = ()
