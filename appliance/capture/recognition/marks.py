"""What kind of paper a page is, by the bar code it bears: surer than words, where there is one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from appliance.capture.jobs import BarcodeHere

NOTICE: Final = "avviso_pagopa"
TESSERA: Final = "tessera_sanitaria"
KINDS: Final = (NOTICE, TESSERA)
_PAGOPA: Final = "PAGOPA|002|"
"""How the QR code of a notice to pay begins: the word and the version of what follows (pagoPA, *SANP*)."""


def borne(codes: Iterable[BarcodeHere]) -> str:
    """The kind that the page's codes prove it to be; empty where they prove none, or several."""
    kinds = {kind for code in codes if (kind := _kind(code))}
    return kinds.pop() if len(kinds) == 1 else ""


def _kind(code: BarcodeHere) -> str:
    if code.kind == "qr" and code.text.startswith(_PAGOPA):
        return NOTICE
    # Nothing else prints a person's number as bars: on the back of a Tessera Sanitaria it stands alone.
    return TESSERA if code.kind == "code39" and code.codice_fiscale else ""
