"""What is drawn on a PDF's pages, read from their content streams by a library that did not write them."""

from __future__ import annotations

import io

import pikepdf

CURVE = "c"
"""The operator that appends a Bézier to the path."""


def drawn_on(pdf: bytes) -> list[dict[str, int]]:
    """For each page how often each operator stands in its content."""
    counts: list[dict[str, int]] = []
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for page in opened.pages:
            here: dict[str, int] = {}
            for instruction in pikepdf.parse_content_stream(page):
                name = str(instruction.operator)
                here[name] = here.get(name, 0) + 1
            counts.append(here)
    return counts


def pictures_in(pdf: bytes) -> int:
    """Image objects anywhere in the file, inline ones too."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        found = sum(
            1
            for thing in opened.objects
            if isinstance(thing, pikepdf.Stream) and thing.get("/Subtype") == "/Image"
        )
        inline = sum(1 for page in opened.pages for _ in _inline(page))
    return found + inline


def _inline(page: pikepdf.Page):
    return (
        one for one in pikepdf.parse_content_stream(page) if isinstance(one, pikepdf.ContentStreamInlineImage)
    )
