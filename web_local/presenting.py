"""How values are written for people: dates in full, codes in groups, euro with a comma."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Final

from flask_babel import format_date, format_datetime, format_time, get_timezone, gettext, ngettext

from contracts.practices.model import Attachment, FieldKind

_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_AMOUNT: Final = re.compile(r"-?\d+\.\d{2}")
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")
_MONTH: Final = re.compile(r"\d{4}-\d{2}")
_CF_PARTS: Final = (3, 6, 11, 15, 16)
_CF_CHARS: Final = 16


def moment(unix_ms: int) -> str:
    """A moment as a clerk says it: “oggi alle 10:42”, else “domenica 22 novembre alle 10:42”."""
    when = dt.datetime.fromtimestamp(unix_ms / 1000, dt.UTC)
    local = when.astimezone(get_timezone())
    hour = format_time(when, "HH:mm")
    if local.date() == dt.datetime.now(get_timezone()).date():
        return f"oggi alle {hour}"
    return f"{format_date(local.date(), 'EEEE d MMMM y')} alle {hour}"


def short_moment(unix_ms: int) -> str:
    """A moment in a list: ``22/11/2026 10:42``."""
    return format_datetime(dt.datetime.fromtimestamp(unix_ms / 1000, dt.UTC), "dd/MM/y HH:mm")


def long_day(iso: str) -> str:
    """A date in full, “3 febbraio 1950”; what is no ISO date stays as it is."""
    day = _day(iso)
    return format_date(day, "d MMMM y") if day else iso


def short_day(iso: str) -> str:
    """A date as forms have it, ``03/02/1950``; what is no ISO date stays as it is."""
    day = _day(iso)
    return day.strftime("%d/%m/%Y") if day else iso


def typed_day(text: str) -> str | None:
    """ISO date of a day typed as ``3/2/1950``, ``03.02.1950``, ``03021950`` or ISO; None if it is none."""
    found = re.fullmatch(r"\s*(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})\s*", text) or re.fullmatch(
        r"\s*(\d{2})(\d{2})(\d{4})\s*", text
    )
    if not found:
        return text.strip() if _day(text.strip()) else None
    day, month, year = (int(part) for part in found.groups())
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return None


def codice_fiscale(text: str) -> str:
    """In the groups people read it in: ``RSS MRA 85T10 A562 S``."""
    if len(text) != _CF_CHARS:
        return text
    starts = (0, *_CF_PARTS[:-1])
    return " ".join(text[start:end] for start, end in zip(starts, _CF_PARTS, strict=True))


def iban(text: str) -> str:
    """In fours (ISO 13616 print format)."""
    plain = text.replace(" ", "")
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def in_field(kind: FieldKind, value: str) -> str:
    """A canonical answer as the clerk would type it; anything else untouched."""
    if kind is FieldKind.DATE:
        return short_day(value)
    if kind is FieldKind.AMOUNT and _AMOUNT.fullmatch(value):
        return value.replace(".", ",")
    if kind is FieldKind.IBAN:
        return iban(value)
    if kind is FieldKind.NUMBER and _NUMBER.fullmatch(value):
        return value.replace(".", ",")
    if kind is FieldKind.MONTH and _MONTH.fullmatch(value):
        return "/".join(reversed(value.split("-")))
    return value


def span(seconds: int) -> str:
    """A length of time in words: “3 minuti”, “2 ore”, “4 giorni”."""
    minute, hour, day = 60, 3_600, 86_400
    if seconds < minute:
        return str(ngettext("%(num)d secondo", "%(num)d secondi", max(1, seconds)))
    if seconds < hour:
        return str(ngettext("%(num)d minuto", "%(num)d minuti", -(-seconds // minute)))
    if seconds < 2 * day:
        return str(ngettext("%(num)d ora", "%(num)d ore", round(seconds / hour)))
    return str(ngettext("%(num)d giorno", "%(num)d giorni", round(seconds / day)))


def pairs(values: list[str]) -> list[tuple[str, str]]:
    """Values that are their own labels."""
    return [(value, value) for value in values]


def summary(errors: Mapping[str, str], inputs: Mapping[str, tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Errors by field as lines of a summary: id of the input, its label, the sentence; in the page's order."""
    return [
        (ident, label, gettext(errors[name])) for name, (ident, label) in inputs.items() if name in errors
    ]


def paper_title(expected: Sequence[Attachment], ident: str) -> str:
    """Title of an expected paper; the signed summary is nobody's attachment but has a name too."""
    for paper in expected:
        if paper.id == ident:
            return paper.title
    return gettext("Foglio firmato")


def paper_pairs(expected: Sequence[Attachment], missing: Sequence[str]) -> list[tuple[str, str]]:
    """Expected papers as options, each with what the clerk must know of it."""
    return [(paper.id, _paper_label(paper, missing)) for paper in expected]


def _paper_label(paper: Attachment, missing: Sequence[str]) -> str:
    if paper.id in missing:
        return f"{paper.title} ({gettext('obbligatorio')})"
    return paper.title if paper.required else f"{paper.title} ({gettext('se c’è')})"


def _day(iso: str) -> dt.date | None:
    if not _ISO_DATE.fullmatch(iso):
        return None
    try:
        return dt.date.fromisoformat(iso)
    except ValueError:
        return None
