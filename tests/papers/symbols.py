"""Hard pictures of cards and papers with bar codes, and what the codes say: a seed gives the same picture for ever."""

from __future__ import annotations

import random
from typing import Final

import cv2
import numpy as np
import zxingcpp

from tests.papers.cards import PX_PER_MM, Printed, seen

KINDS: Final = {
    "code39": (zxingcpp.BarcodeFormat.Code39, 64.0),
    "pdf417": (zxingcpp.BarcodeFormat.PDF417, 55.0),
    "qr": (zxingcpp.BarcodeFormat.QRCode, 25.0),
    "datamatrix": (zxingcpp.BarcodeFormat.DataMatrix, 14.0),
}
"""Each kind's format and usual width in millimetres; a codice fiscale on a Tessera Sanitaria is 64 mm wide."""
CODICE_FISCALE: Final = "SMPMRA85D52H501E"


def sample(seed: int, kind: str, px_per_mm: float = 11.0) -> Printed:
    """Picture number `seed` of a card with one such code; `lines` holds its text."""
    facts, rng = random.Random(seed), np.random.default_rng(seed)
    text = _text(facts, kind)
    wide, high = round(85.6 * PX_PER_MM), round(54 * PX_PER_MM)
    card = np.full((high, wide), facts.randint(225, 250), np.uint8)
    code = _drawn(kind, text, facts.randint(10, 50))
    top, left = round(5 * PX_PER_MM), (wide - code.shape[1]) // 2
    card[top : top + code.shape[0], left : left + code.shape[1]] = code
    return Printed(seen(facts, rng, cv2.cvtColor(card, cv2.COLOR_GRAY2BGR), px_per_mm), (text,), kind)


def _text(facts: random.Random, kind: str) -> str:
    number = "".join(facts.choices("0123456789", k=11))
    return {
        "code39": CODICE_FISCALE,
        "pdf417": f"ESEMPIO|MARIA|{number}|PRATICA",
        "qr": f"PAGOPA|002|30{number}2345|{number}|12345",
        "datamatrix": f"{number}2026",
    }[kind]


def _drawn(kind: str, text: str, ink: int) -> np.ndarray:
    form, wide_mm = KINDS[kind]
    drawn = np.asarray(zxingcpp.create_barcode(text, form).to_image(scale=1))
    rows, columns = np.flatnonzero((drawn < 128).any(1)), np.flatnonzero((drawn < 128).any(0))
    drawn = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    wide = round(wide_mm * PX_PER_MM)
    high = round(7 * PX_PER_MM) if kind == "code39" else round(wide * drawn.shape[0] / drawn.shape[1])
    large = cv2.resize(drawn, (wide, high), interpolation=cv2.INTER_NEAREST)
    return np.maximum(large, ink).astype(np.uint8)
