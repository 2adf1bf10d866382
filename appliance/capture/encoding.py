"""A clean page → the bytes that go into the document, and the picture the clerk looks at."""

from __future__ import annotations

import io
from typing import Final

import cv2
import numpy as np
from PIL import Image

from appliance.capture.cleaning import Ink, bitonal
from appliance.capture.geometry import Pixels
from appliance.capture.leaf import Encoding, Leaf

TEXT_DPI: Final = 300
TONE_DPI: Final = 200
_QUALITY: Final = 75
_SEEN_PX: Final = 1600
_SEEN_QUALITY: Final = 80


def dpi_of(ink: Ink) -> int:
    """Dots per inch a page of this ink is kept with."""
    return TEXT_DPI if ink is Ink.BITONAL else TONE_DPI


def encode(page: Pixels, ink: Ink, width_mm: float, height_mm: float) -> Leaf:
    """A clean page at its final resolution.

    Args:
        page: grey for `Ink.BITONAL` and `Ink.GREY`, in colour for `Ink.COLOUR`.
        ink: what it needs.
        width_mm, height_mm: of the paper.
    """
    if ink is Ink.BITONAL:
        black = bitonal(page)
        return _leaf(g4(black), Encoding.G4, black, width_mm, height_mm)
    return _leaf(jpeg(page, _QUALITY), Encoding.JPEG, page, width_mm, height_mm)


def g4(black: Pixels) -> bytes:
    """CCITT Group 4 in one strip, as a TIFF; what is darker than the middle is black.

    Args:
        black: height × width, 0 and 255.
    """
    out = io.BytesIO()
    # no grain in place of tones: there are none, and looking for them takes longer than packing
    picture = Image.fromarray(black).convert("1", dither=Image.Dither.NONE)
    picture.save(out, "TIFF", compression="group4", tiffinfo={278: picture.height})
    return out.getvalue()


def jpeg(page: Pixels, quality: int) -> bytes:
    """Without metadata."""
    _, packed = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    return bytes(packed.tobytes())


def seen(page: Pixels) -> bytes:
    """What the clerk looks at."""
    scale = min(1.0, _SEEN_PX / max(page.shape[:2]))
    small = page if scale == 1 else cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return jpeg(np.asarray(small, np.uint8), _SEEN_QUALITY)


def pixels_of(leaf: Leaf) -> Pixels:
    """A page's picture again: grey, or colour where it has some."""
    with Image.open(io.BytesIO(leaf.image), formats=("TIFF", "JPEG")) as picture:
        if picture.mode == "RGB":
            return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR), np.uint8)
        return np.asarray(picture.convert("L"), np.uint8)


def again(leaf: Leaf, page: Pixels) -> Leaf:
    """The same page with other pixels, kept as it was kept."""
    image = g4(page) if leaf.encoding is Encoding.G4 else jpeg(page, _QUALITY)
    return _leaf(image, leaf.encoding, page, leaf.width_mm, leaf.height_mm)


def _leaf(image: bytes, encoding: Encoding, page: Pixels, width_mm: float, height_mm: float) -> Leaf:
    return Leaf(
        image=image,
        encoding=encoding,
        width_px=page.shape[1],
        height_px=page.shape[0],
        width_mm=width_mm,
        height_mm=height_mm,
    )
