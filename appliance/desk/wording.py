"""Canonical answers as people hear and read them in Italian."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec

from contracts.desk_api.clerk import ReadBackLine
from contracts.practices.model import Answers, Field, FieldKind, Practice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROME: Final = ZoneInfo("Europe/Rome")
MONTHS: Final = (
    *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno"),
    *("luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"),
)
_CF_GROUPS: Final = (3, 3, 5, 4, 1)


def day_words(day: dt.date) -> str:
    """``1º maggio 1950``."""
    return f"{'1º' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"


def day_figures(day: dt.date) -> str:
    """``01/05/1950``."""
    return f"{day.day:02d}/{day.month:02d}/{day.year}"


def moment(unix_ms: int) -> dt.datetime:
    """A time of a message as the clock on an Italian wall."""
    return dt.datetime.fromtimestamp(unix_ms / 1000, dt.UTC).astimezone(ROME)


def moment_words(unix_ms: int) -> str:
    """``23/11/2026, ore 10:05``."""
    at = moment(unix_ms)
    return f"{day_figures(at.date())}, ore {at.hour:02d}:{at.minute:02d}"


def grouped(text: str, sizes: Sequence[int]) -> str:
    """Signs in groups, the last size repeating."""
    parts, start, turn = [], 0, 0
    while start < len(text):
        size = sizes[min(turn, len(sizes) - 1)]
        parts.append(text[start : start + size])
        start, turn = start + size, turn + 1
    return " ".join(parts)


def spoken(field: Field, value: str) -> str:
    """One canonical answer as a person reads it; text that is not canonical stays as it is."""
    if field.kind is FieldKind.CHOICE:
        return next((option.label for option in field.options if option.value == value), value)
    return _SPOKEN.get(field.kind, str)(value)


def _code(value: str) -> str:
    return grouped(value, _CF_GROUPS) if len(value) == 16 else value


def _phone(value: str) -> str:
    return f"{value[:3]} {grouped(value[3:], (3,))}" if value.startswith("+39") else value


def _date(value: str) -> str:
    try:
        return day_words(dt.date.fromisoformat(value))
    except ValueError:
        return value


def _amount(value: str) -> str:
    whole, _, cents = value.partition(".")
    if not (whole.isdecimal() and cents.isdecimal()):
        return value
    return f"{int(whole):,}".replace(",", ".") + f",{cents} €"


def _month(value: str) -> str:
    year, _, month = value.partition("-")
    known = month.isdecimal() and 1 <= int(month) <= len(MONTHS)
    return f"{MONTHS[int(month) - 1]} {year}" if known else value


_SPOKEN: Final[Mapping[FieldKind, Callable[[str], str]]] = {
    FieldKind.CODICE_FISCALE: _code,
    FieldKind.CF_PIVA: _code,
    FieldKind.IBAN: lambda value: grouped(value, (4,)),
    FieldKind.DATE: _date,
    FieldKind.AMOUNT: _amount,
    FieldKind.MONTH: _month,
    FieldKind.NUMBER: lambda value: value.replace(".", ","),
    FieldKind.BOOL: lambda value: {"true": "Sì", "false": "No"}.get(value, value),
    FieldKind.PHONE: _phone,
}


def all_lines(practice: Practice, answers: Answers, *, only_read_back: bool = False) -> list[ReadBackLine]:
    """Every answer given, in the order of the questions; a repeated field gives a line for each value."""
    return [
        ReadBackLine(
            label=field.label if len(values) == 1 else f"{field.label} {number}",
            value=spoken(field, value),
            step=step.id,
        )
        for step in practice.steps
        for field in practice.asked(step, answers)
        if field.read_back or not only_read_back
        for values in [answers.get(field.name, [])]
        for number, value in enumerate(values, 1)
    ]


def shown_sha256(lines: Sequence[ReadBackLine], declarations: Sequence[str]) -> str:
    """Fingerprint of what the citizen heard, kept as proof of what was confirmed."""
    return hashlib.sha256(msgspec.json.encode([list(lines), list(declarations)])).hexdigest()
