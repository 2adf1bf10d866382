"""Register numbers: of an ISEE statement, of an INPS office, and what stands after *Prot.* on anybody's letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from appliance.capture.recognition.dates import is_date
from appliance.capture.recognition.stream import Hit, Stream

_DASH: Final = r" ?- ?"
_ISEE: Final = re.compile(
    rf"(?<![0-9A-Za-z])INPS{_DASH}ISEE{_DASH}(?P<year>20[0-9]{{2}}){_DASH}(?P<number>[0-9A-Z]{{6,12}}){_DASH}(?P<part>[0-9]{{2}})"
    r"(?![0-9A-Za-z])"
)
_INPS: Final = re.compile(
    r"(?<![0-9A-Za-z])INPS ?\. ?(?P<office>[0-9]{4}) ?\. ?(?P<day>[0-9]{2}/[0-9]{2}/[0-9]{4}) ?\. ?(?P<number>[0-9]{7})"
    r"(?![0-9A-Za-z])"
)
_DAY: Final = r"[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-][0-9]{4}"
_LABEL: Final = r"(?<![A-Za-z])(?i:prot(?:ocoll[a-z]{1,5}|ocole|okol[a-z]{0,4})?)(?![A-Za-z])"
_BETWEEN: Final = (
    rf"(?:[ .:°\-]|(?i:nr|n|no|ro|num|numero|gen|generale|inps|številka|št|del)\b|{_DAY}(?= )){{0,12}}?"
)
_NUMBER: Final = r"(?:[0-9]{1,12}|[A-Z]{1,8}[./\-]?[0-9]{1,12})(?:(?: ?/ ?|[.\-_])[0-9A-Z]{1,12}){0,5}"
_LABELLED: Final = re.compile(
    rf"{_LABEL}{_BETWEEN}(?P<n>(?<![0-9A-Za-z/])(?!{_DAY}(?![0-9])){_NUMBER})(?![0-9A-Za-z])"
)
_LEAST_SIGNS: Final = 2


def protocols(stream: Stream) -> Iterator[Hit]:
    """All register numbers, canonical in capitals without blanks."""
    for found in _ISEE.finditer(stream.signs):
        yield Hit(found.start(), found.end(), f"INPS-ISEE-{found['year']}-{found['number']}-{found['part']}")
    for found in _INPS.finditer(stream.signs):
        if is_date(found["day"]):
            value = f"INPS.{found['office']}.{found['day']}.{found['number']}"
            yield Hit(found.start(), found.end(), value)
    for found in _LABELLED.finditer(stream.signs):
        value = found["n"].replace(" ", "")
        if len(value) >= _LEAST_SIGNS and not is_date(value):
            yield Hit(*found.span("n"), value)
