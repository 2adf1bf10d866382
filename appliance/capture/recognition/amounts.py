"""Sums of money in euro, as offices in Italy and its neighbours print them.

A number is money only beside ``€``, ``EUR`` or ``euro``, or with two decimals right after a word such as *importo*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from appliance.capture.recognition.stream import Hit, Stream

MAX_EURO: Final = 99_999_999
"""What an answer of a form may hold."""

_NUMBER: Final = r"(?:[0-9]{1,3}(?:\.[0-9]{3}){1,3}|[0-9]{1,8})(?:,[0-9]{2}|\.[0-9]{2}(?![0-9]))?"
_END: Final = r"(?![0-9]|[.,'][0-9])"
_SIGN: Final = r"(?:€|(?i:eur|euro)(?![A-Za-z]))"
_AFTER_SIGN: Final = re.compile(rf"(?<![0-9A-Za-z\-]){_SIGN}[.:]? ?(?P<n>{_NUMBER}){_END}")
_BEFORE_SIGN: Final = re.compile(rf"(?<![0-9A-Za-z.,'\-/])(?P<n>{_NUMBER}) ?{_SIGN}")
_LABELLED: Final = re.compile(
    r"(?i:\b(?:importo|totale|netto|lordo|canone|retta|saldo|giacenza|reddito|isee|betrag|summe|montant|total|znesek|skupaj)\b)"
    rf"[^0-9\n]{{0,24}}(?<![0-9A-Za-z.,'\-/])(?P<n>(?:[0-9]{{1,3}}(?:\.[0-9]{{3}}){{1,3}}|[0-9]{{1,8}}),[0-9]{{2}}){_END}"
)
_FIRST_GROUP: Final = re.compile(r"(?<![0-9A-Za-z.,'\-/])[0-9]{1,3} $")


def amounts(stream: Stream) -> Iterator[Hit]:
    """All sums, canonical with a point and two decimals.

    Where thousands may be set off by a blank (``14 327,56 €``) or the first number may be another one, both readings
    are offered.
    """
    seen: set[int] = set()
    for pattern in (_AFTER_SIGN, _BEFORE_SIGN, _LABELLED):
        for found in pattern.finditer(stream.signs):
            start, end = found.span("n")
            value = _value(found["n"])
            if start in seen or value is None:
                continue
            seen.add(start)
            yield Hit(start, end, value)
            if pattern is _BEFORE_SIGN:
                yield from _grouped_by_blank(stream, start, end)


def _grouped_by_blank(stream: Stream, start: int, end: int) -> Iterator[Hit]:
    first = _FIRST_GROUP.search(stream.signs, max(0, start - 5), start)
    if first is None or not re.match(r"[0-9]{3}(?![0-9.])", stream.signs[start:end]):
        return
    whole = _value(stream.signs[first.start() : end].replace(" ", ""))
    if whole is not None:
        yield Hit(first.start(), end, whole)


def _value(number: str) -> str | None:
    """``1.234,56`` and ``1.234`` are thousands; a lone point is a decimal one only before two digits."""
    cents = re.search(r"[.,]([0-9]{2})$", number)
    whole = int((number[: cents.start()] if cents else number).replace(".", ""))
    return f"{whole}.{cents[1] if cents else '00'}" if whole <= MAX_EURO else None
