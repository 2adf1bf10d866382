"""What a citizen carries besides a chip: the bar code and the magnetic stripe of a Tessera Sanitaria, printed lines.

DM 11 March 2004 (Code 39 with the codice fiscale, no check character), ISO/IEC 7811-6 (tracks). None of it proves
anything: it spares typing, and it is compared with what a chip has signed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import re

from appliance.cards import codice_fiscale
from appliance.cards.cns_data import luhn_digit
from appliance.cards.errors import MalformedCode
from appliance.cards.mrz import Mrz

MAX_SIGNS = 256
"""Longer than any code of these; the rest of a scanner's line is not even looked at."""
_MOST_LINES = 3
_CARD_NUMBER = re.compile(r";?(80380[0-9]{14})([0-9])(?:\?[0-9:;<=>?]?)?")
_TRACK = re.compile(r"%?([A-Z0-9' ]+)(\?[A-Z0-9]?)?")
"""Start and end signs are not everywhere; a check sign may follow the end."""
_PRINTED_LINE = re.compile(
    r"[A-Z0-9<]{30}|[A-Z0-9<]{36}|[A-Z0-9<]{44}|[A-Z0-9<]{72}|[A-Z0-9<]{88}|[A-Z0-9<]{90}"
)


class Kind(enum.StrEnum):
    CODICE_FISCALE = "codice_fiscale"
    CARD_NUMBER = "card_number"
    """The twenty digits of a Tessera Sanitaria."""
    PRINTED_LINE = "printed_line"
    """One line of a machine readable zone, or the whole of it in one run."""


@dataclasses.dataclass(frozen=True, repr=False)
class Carried:
    """One code, filtered: only signs such a code may hold."""

    kind: Kind
    value: str


def read_scan(text: str) -> Carried | None:
    """What a scanner or a stripe reader sent, or None for anything else: a scanner is a keyboard anybody can feed.

    Args:
        text: one line as the device gave it.
    """
    line = text[:MAX_SIGNS].strip().upper()
    code = _codice_fiscale(line)
    if code is not None:
        return Carried(Kind.CODICE_FISCALE, code)
    if _PRINTED_LINE.fullmatch(line) and "<" in line:
        return Carried(Kind.PRINTED_LINE, line)
    number = _CARD_NUMBER.fullmatch(line)
    if number is not None and luhn_digit(number[1]) == number[2]:
        return Carried(Kind.CARD_NUMBER, number[1] + number[2])
    return None


def _codice_fiscale(line: str) -> str | None:
    """The bar code alone, or the first sixteen signs of track 1, which goes on with the names."""
    plain = (
        line.replace("*", "") if line.startswith("*") else line
    )  # some scanners send Code 39's own start and stop
    found = _TRACK.fullmatch(plain)
    if found is None:
        return None
    code, rest = found[1][:16], found[1][16:]
    with_names = not rest or re.fullmatch(r"[A-Z' ]+", rest) is not None
    return code if with_names and codice_fiscale.is_well_formed(code) else None


class PrintedLines:
    """Puts a machine readable zone together as a scanner reads it: line by line, in order, again where one went wrong."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> tuple[str, ...] | None:
        """The zone's lines once they are whole and their check digits are right; then it begins anew."""
        self._lines = [*self._lines, line][-_MOST_LINES:]
        for start in range(len(self._lines)):
            candidate = tuple(self._lines[start:])
            with contextlib.suppress(MalformedCode):
                Mrz.parse(candidate)
                self.forget()
                return candidate
        return None

    def forget(self) -> None:
        """Nothing of a citizen stays here."""
        self._lines = []
