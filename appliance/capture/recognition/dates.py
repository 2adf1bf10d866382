"""Days of the calendar as offices print them.

``22/11/2026``, ``22.11.2026``, ``2026-11-22``, ``22 novembre 2026``, ``1. Jänner 2026``, ``1er février 2026``,
``22. novembra 2026``. A year of two digits names no century, so such a day is not offered; and no digit is ever
repaired, because nothing would say that it was right.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from appliance.capture.recognition.nearness import folded, within_one
from appliance.capture.recognition.stream import Hit, Stream

EARLIEST: Final = dt.date(1900, 1, 1)
LATEST: Final = dt.date(2100, 12, 31)

_NUMERIC: Final = re.compile(
    r"(?<![0-9A-Za-z./\-])(?P<d>[0-9]{1,2}) ?(?P<by>[/.\-]) ?(?P<m>[0-9]{1,2}) ?(?P=by) ?(?P<y>[0-9]{4})"
    r"(?![0-9A-Za-z]|[/.\-][0-9])"
)
_ISO: Final = re.compile(
    r"(?<![0-9A-Za-z./\-])(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})(?![0-9A-SU-Za-z]|[/.\-][0-9])"
)
_NAMED: Final = re.compile(
    r"(?<![0-9A-Za-z/])(?P<d>[0-9]{1,2})(?:er|o|[^\w\s])?[ \n\-]?(?P<month>[^\W\d_]{3,10})\.?[ \n\-](?P<y>[0-9]{4})"
    r"(?![0-9A-Za-z])"
)
_ORDER: Final = (
    "gennaio gen januar jänner jan janvier janv januarja",
    "febbraio feb februar feber février févr februarja",
    "marzo mar märz mars marec marca",
    "aprile apr april avril avr aprila",
    "maggio mag mai maj maja",
    "giugno giu juni juin junij junija",
    "luglio lug juli juillet juil julij julija",
    "agosto ago august aug août avgust avgusta",
    "settembre set sett september sept septembre septembra",
    "ottobre ott oktober okt octobre oct oktobra",
    "novembre nov november novembra",
    "dicembre dic dezember dez décembre déc december decembra dec",
)
_MONTHS: Final = {folded(name): number for number, names in enumerate(_ORDER, 1) for name in names.split()}
_LONG_ENOUGH: Final = 5
"""Shorter names differ from one another, and from other words, by a single letter."""


def dates(stream: Stream) -> Iterator[Hit]:
    """All days printed in full, canonical as ISO 8601."""
    for pattern in (_NUMERIC, _ISO):
        for found in pattern.finditer(stream.signs):
            day = _day(int(found["y"]), int(found["m"]), int(found["d"]))
            if day:
                yield Hit(found.start(), found.end(), day)
    for found in _NAMED.finditer(stream.signs):
        month, repaired = _month(found["month"])
        day = _day(int(found["y"]), month, int(found["d"]))
        if day:
            yield Hit(found.start(), found.end(), day, repaired)


def is_date(text: str) -> bool:
    """Whether this is a day and nothing else, in digits."""
    found = _NUMERIC.fullmatch(text) or _ISO.fullmatch(text)
    return found is not None and bool(_day(int(found["y"]), int(found["m"]), int(found["d"])))


def _month(name: str) -> tuple[int, bool]:
    """Its number, 0 for none; whether one letter had to be put right."""
    plain = folded(name)
    if plain in _MONTHS:
        return _MONTHS[plain], False
    near = {
        number for known, number in _MONTHS.items() if len(known) >= _LONG_ENOUGH and within_one(plain, known)
    }
    return (near.pop(), True) if len(near) == 1 and len(plain) >= _LONG_ENOUGH else (0, False)


def _day(year: int, month: int, day: int) -> str:
    try:
        found = dt.date(year, month, day)
    except ValueError:
        return ""
    return found.isoformat() if EARLIEST <= found <= LATEST else ""
