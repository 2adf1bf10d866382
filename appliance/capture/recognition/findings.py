"""What may help the form: IBAN, codice fiscale, dates, protocol numbers. Only what proves itself; offered, never filled in."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from typing import Final

from codicefiscale import codicefiscale
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from appliance.capture.jobs import Box, FoundHere
from appliance.capture.leaf import Word

MAX_FOUND: Final = 40
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9OISB]{2}[A-Z0-9]{11,30}")
_IBAN_ITALY: Final = 27
_CF: Final = re.compile(r"[A-Z]{6}[A-Z0-9]{2}[A-Z][A-Z0-9]{2}[A-Z][A-Z0-9]{3}[A-Z]")
_CF_LETTERS: Final = "LLLLLLDDLDDLDDDL"
_AS_DIGIT: Final = {"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "S": "5", "B": "8", "Z": "2", "G": "6"}
_AS_LETTER: Final = {"0": "O", "1": "I", "5": "S", "8": "B", "2": "Z", "6": "G"}
_DATE: Final = re.compile(
    r"(?<!\d)(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?!\d)|(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)"
)
_SPOKEN: Final = re.compile(r"(?<!\d)(\d{1,2})[.°º]?\s+([A-Za-zÀ-ž]{3,10})\s+(\d{4})(?!\d)")
_MONTHS: Final = {
    name: number
    for names in (
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "januar februar märz april mai juni juli august september oktober november dezember",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "januar februar marec april maj junij julij avgust september oktober november december",
    )
    for number, name in enumerate(names.split(), 1)
}
_PROTOCOL: Final = re.compile(
    r"INPS[-.][A-Z0-9.-]{6,40}\d|(?<=prot\. n\. )\d{3,10}(?:/\d{2,4})?", re.IGNORECASE
)


def find(words: tuple[Word, ...]) -> tuple[FoundHere, ...]:
    """Everything on a page that has a check of its own, or a form that cannot be mistaken.

    A letter misread for a digit, or the other way, is mended only if exactly one mending passes the check.
    """
    found: dict[tuple[str, str], FoundHere] = {}
    for line in _lines(words):
        for one in itertools.chain(_ibans(line), _codes(line), _dates(line), _protocols(line)):
            found.setdefault((one.kind, one.value), one)
            if len(found) == MAX_FOUND:
                return tuple(found.values())
    return tuple(found.values())


class _Line:
    """The words of one line, with where each sign of the joined text came from."""

    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self.text = " ".join(word.text for word in words)
        self._owner = [at for at, word in enumerate(words) for _ in f"{word.text} "][:-1]

    def box(self, begin: int, end: int) -> Box:
        """Around the words that hold these signs."""
        mine = [self.words[at] for at in dict.fromkeys(self._owner[begin:end])]
        return (
            min(word.left for word in mine),
            min(word.top for word in mine),
            max(word.right for word in mine),
            max(word.bottom for word in mine),
        )

    def joined(self) -> tuple[str, list[int]]:
        """Without spaces and in capitals; and the place of each sign in `text`."""
        kept = [
            (sign.upper(), at)
            for at, sign in enumerate(self.text)
            if sign.isalnum() and len(sign.upper()) == 1
        ]
        return "".join(sign for sign, _ in kept), [at for _, at in kept]


def _lines(words: tuple[Word, ...]) -> Iterator[_Line]:
    for _, line in itertools.groupby(words, key=lambda word: word.line):
        yield _Line(list(line))


def _ibans(line: _Line) -> Iterator[FoundHere]:
    text, places = line.joined()
    for start in range(len(text) - 14):
        if not text[start : start + 2].isalpha() or not _IBAN.match(text, start):
            continue
        if start and not _begins_word(line, places[start]):
            continue
        lengths = [_IBAN_ITALY] if text[start : start + 2] == "IT" else range(34, 14, -1)
        for length in lengths:
            value = _iban(text[start : start + length], length)
            if value:
                end = start + length
                yield _here("iban", value, line, places[start], places[end - 1] + 1)
                break


def _begins_word(line: _Line, place: int) -> bool:
    return place == 0 or not line.text[place - 1].isalnum()


def _iban(text: str, length: int) -> str:
    if len(text) != length:
        return ""
    good = {one for one in _iban_spellings(text) if _iban_valid(one)}
    return good.pop() if len(good) == 1 else ""


def _iban_spellings(text: str) -> Iterator[str]:
    """As read; and, for Italy, with letters in places of digits read as digits (country, check, CIN, ABI, CAB, account)."""
    yield text
    if text.startswith("IT"):
        digits = "".join(_AS_DIGIT.get(sign, sign) for sign in text[5:15])
        check = "".join(_AS_DIGIT.get(sign, sign) for sign in text[2:4])
        yield f"IT{check}{_AS_LETTER.get(text[4], text[4])}{digits}{text[15:]}"
        account = "".join(_AS_DIGIT.get(sign, sign) for sign in text[15:])
        yield f"IT{check}{_AS_LETTER.get(text[4], text[4])}{digits}{account}"


def _iban_valid(text: str) -> bool:
    try:
        IBAN(text, validate_bban=text.startswith("IT"))
    except (SchwiftyException, ValueError):
        return False
    return True


def _codes(line: _Line) -> Iterator[FoundHere]:
    text, places = line.joined()
    for start in range(len(text) - 15):
        raw = text[start : start + 16]
        if not _begins_word(line, places[start]):
            continue
        good = {one for one in (raw, _cf_mended(raw)) if _CF.fullmatch(one) and codicefiscale.is_valid(one)}
        if len(good) == 1:
            yield _here("codice_fiscale", good.pop(), line, places[start], places[start + 15] + 1)


def _cf_mended(raw: str) -> str:
    return "".join(
        _AS_DIGIT.get(sign, sign) if kind == "D" else _AS_LETTER.get(sign, sign)
        for sign, kind in zip(raw, _CF_LETTERS, strict=True)
    )


def _dates(line: _Line) -> Iterator[FoundHere]:
    for match in _DATE.finditer(line.text):
        day, month, year = match.group(1, 2, 3) if match.group(1) else match.group(6, 5, 4)
        value = _day(int(year), int(month), int(day))
        if value:
            yield _here("date", value, line, *match.span())
    for match in _SPOKEN.finditer(line.text):
        month_number = _MONTHS.get(match.group(2).lower())
        value = _day(int(match.group(3)), month_number, int(match.group(1))) if month_number else ""
        if value:
            yield _here("date", value, line, *match.span())


def _day(year: int, month: int, day: int) -> str:
    try:
        return dt.date(year, month, day).isoformat() if 1900 <= year <= 2100 else ""
    except ValueError:
        return ""


def _protocols(line: _Line) -> Iterator[FoundHere]:
    for match in _PROTOCOL.finditer(line.text):
        yield _here("protocol", match.group().upper(), line, *match.span())


def _here(kind: str, value: str, line: _Line, begin: int, end: int) -> FoundHere:
    return FoundHere(kind=kind, value=value, shown=line.text[begin:end][:80], box=line.box(begin, end))
