"""Bar codes on cards and papers: Code 39, PDF417, QR, Data Matrix (and Code 128, which post offices print).

Found on the flat sheet first, at the full picture's resolution: bars turned by more than a few degrees are read badly, and
a live picture holds too few pixels. Small ones are tried once more at twice and four times their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
import zxingcpp

from appliance.capture.geometry import Pixels
from appliance.capture.jobs import BarcodeHere
from appliance.capture.lying import flat_documents
from appliance.capture.recognition.codes import codice_fiscale_holds

NAMES: Final = {
    zxingcpp.BarcodeFormat.Code39: "code39",
    zxingcpp.BarcodeFormat.Code128: "code128",
    zxingcpp.BarcodeFormat.PDF417: "pdf417",
    zxingcpp.BarcodeFormat.QRCode: "qr",
    zxingcpp.BarcodeFormat.DataMatrix: "datamatrix",
}
FORMATS: Final = zxingcpp.BarcodeFormats(list(NAMES))
MAX_TEXT: Final = 4_296
"""What the largest QR code holds (ISO/IEC 18004, table 7)."""
MAX_CODES: Final = 24
LINEAR: Final = frozenset({"code39", "code128"})
LEAST_LINEAR: Final = 4
"""Shorter ones are found by chance among lines of text; Code 39 has no check of its own."""
ENLARGED_AT_MOST_PX: Final = 16_000_000
LONG_SIDE_PX: Final = 4_700


def read_barcodes(picture: Pixels) -> list[BarcodeHere]:
    """All codes of a picture, those of the flat sheet first; each once.

    Args:
        picture: height × width × 3 (BGR), or grey.
    """
    found: dict[tuple[str, str], BarcodeHere] = {}
    for page in flat_documents(picture, LONG_SIDE_PX):
        for code in read_flat(page):
            found.setdefault((code.kind, code.text), code)
        if found:
            break
    return list(found.values())[:MAX_CODES]


def read_flat(page: Pixels) -> list[BarcodeHere]:
    """All codes of a flat sheet, in grey."""
    for tried in _sizes(page):
        codes = [code for seen in zxingcpp.read_barcodes(tried, formats=FORMATS) if (code := _here(seen))]
        if codes:
            return codes
    return []


def _sizes(page: Pixels) -> Iterator[Pixels]:
    yield page
    for times in (2, 4):
        if times * times * page.size <= ENLARGED_AT_MOST_PX:
            yield np.asarray(
                cv2.resize(page, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC), np.uint8
            )


def _here(seen: zxingcpp.Barcode) -> BarcodeHere | None:
    kind, text = NAMES.get(seen.format, ""), seen.text
    if not seen.valid or not kind or not 0 < len(text) <= MAX_TEXT:
        return None
    if kind in LINEAR and len(text) < LEAST_LINEAR:
        return None
    person = text.strip().upper()
    return BarcodeHere(kind=kind, text=text, codice_fiscale=person if codice_fiscale_holds(person) else "")
