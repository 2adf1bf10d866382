"""What a clerk typed → the canonical text that travels, or a code that says what is wrong with it.

People copy numbers with spaces, dots and small letters; all of that is read. What cannot be read surely is
refused, never guessed: a wrong account pays somebody else.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import unicodedata
from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.cards import codice_fiscale
from appliance.desk.wording import MONTHS
from contracts import places
from contracts.desk_api.clerk import FieldProblem
from contracts.practices.model import MAX_VALUE_CHARS, Answers, Field, FieldKind, Practice, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EARLIEST: Final = dt.date(1900, 1, 1)
LATEST_YEARS_AHEAD: Final = 60
OLDEST_PERSON_YEARS: Final = 110
SOON_YEARS: Final = 10
MAX_AMOUNT_EURO: Final = 99_999_999
MAX_NUMBER_DIGITS: Final = 9
WARNING: Final = "warning."
"""Codes that begin so stop the clerk once; saving the same answers again passes."""


class Wrong(msgspec.Struct, frozen=True):
    """Why an answer is refused."""

    code: str
    facts: dict[str, str | int] = {}


def read(field: Field, text: str, today: dt.date) -> str | Wrong:
    """One answer.

    Args:
        field: the question.
        text: as typed, not blank.
        today: decides the century of a short year and bounds dates.

    Returns:
        Canonical text as `FieldKind` says, or `Wrong`.
    """
    if len(text) > MAX_VALUE_CHARS:
        return Wrong("answer.too_long", {"limit": MAX_VALUE_CHARS})
    clean = _one_line(text)
    if not clean:
        return Wrong("answer.required")
    if field.kind is FieldKind.CHOICE:
        return clean if clean in {option.value for option in field.options} else Wrong("answer.not_an_option")
    if field.kind in _DATED:
        return _DATED[field.kind](clean, today)
    return _READERS[field.kind](clean)


def _one_line(text: str) -> str:
    """Normal form C, control signs and doubled blanks gone."""
    visible = "".join(
        " " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign
        for sign in unicodedata.normalize("NFC", text)
        if unicodedata.category(sign) not in {"Cf", "Cs", "Co"}
    )
    return " ".join(visible.split())


def _compact(text: str) -> str:
    return re.sub(r"[\s.\-_/]", "", text).upper()


# ---- codes of people and firms ---------------------------------------------------------------------------


def read_codice_fiscale(text: str) -> str | Wrong:
    """Sixteen signs (D.M. 23 December 1976, omocodia included) or the eleven digits of a provisional one.

    Judged by its own control sign only. A date is never derived from it: two digits of a year name no
    century, and a library that guesses makes a centenarian a child.
    """
    code = _compact(text)
    if re.fullmatch(r"[0-9]{11}", code):
        return code if _eleven_digits_agree(code) else Wrong("answer.cf_wrong_check")
    if not re.fullmatch(_CF_SHAPE, code):
        return Wrong("answer.cf_shape", {"signs": len(code)})
    if not codice_fiscale.is_well_formed(code):
        return Wrong("answer.cf_wrong_check")
    day = int(code[9:11].translate(_OMOCODIA)) % 40
    return code if 1 <= day <= 31 else Wrong("answer.cf_shape", {"signs": len(code)})


_DIGIT: Final = "[0-9LMNPQRSTUV]"
_CF_SHAPE: Final = rf"[A-Z]{{6}}{_DIGIT}{{2}}[ABCDEHLMPRST]{_DIGIT}{{2}}[A-Z]{_DIGIT}{{3}}[A-Z]"
_OMOCODIA: Final = str.maketrans("LMNPQRSTUV", "0123456789")


def sex_of(code: str) -> str:
    """``F`` or ``M`` as a well-formed code of sixteen signs says; empty for any other text."""
    if not codice_fiscale.is_well_formed(code):
        return ""
    return "F" if int(code[9:11].translate(_OMOCODIA)) > 40 else "M"


def _eleven_digits_agree(digits: str) -> bool:
    """Control digit of a *partita IVA* (D.P.R. 633/1972; Luhn's way)."""
    total = 0
    for place, sign in enumerate(digits):
        value = int(sign) * (1 if place % 2 == 0 else 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and digits != "0" * 11


def read_cf_or_piva(text: str) -> str | Wrong:
    """A codice fiscale, or a partita IVA with its control digit."""
    code = _compact(text)
    if code.startswith("IT") and len(code) == 13:
        code = code[2:]
    if code.isdecimal() and code.isascii():
        if len(code) != 11:
            return Wrong("answer.piva_shape", {"signs": len(code)})
        return code if _eleven_digits_agree(code) else Wrong("answer.piva_wrong_check")
    return read_codice_fiscale(code)


def read_iban(text: str) -> str | Wrong:
    """ISO 13616, with the national control sign too: the international one alone lets a wrong CIN pass."""
    import schwifty
    from schwifty import exceptions

    code = _compact(text)
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", code):
        return Wrong("answer.iban_shape", {"signs": len(code)})
    try:
        schwifty.IBAN(code, validate_bban=True)
    except exceptions.InvalidChecksumDigits:
        return Wrong("answer.iban_wrong_check")
    except exceptions.InvalidBBANChecksum:
        return Wrong("answer.iban_wrong_national_check")
    except (exceptions.SchwiftyException, ValueError):
        return Wrong("answer.iban_shape", {"signs": len(code)})
    return code


# ---- dates and amounts -----------------------------------------------------------------------------------


def read_date(text: str, today: dt.date) -> str | Wrong:
    """``31/12/1950`` (also with dots, dashes, blanks or nothing between), ``1950-12-31``, ``1.2.85``.

    A year of two digits is taken only if one century alone makes sense.
    """
    found = (
        re.fullmatch(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})", text)
        or re.fullmatch(r"(?P<d>\d{1,2})\s*[/.\- ]\s*(?P<m>\d{1,2})\s*[/.\- ]\s*(?P<y>\d{4}|\d{2})", text)
        or re.fullmatch(r"(?P<d>\d{2})(?P<m>\d{2})(?P<y>\d{4})", text)
    )
    if found is None or not text.isascii():
        return Wrong("answer.date_unreadable")
    year = int(found["y"])
    if len(found["y"]) == 2:
        sensible = [
            century + year
            for century in (1900, 2000)
            if today.year - OLDEST_PERSON_YEARS <= century + year <= today.year + SOON_YEARS
        ]
        if len(sensible) != 1:
            return Wrong("answer.date_century")
        year = sensible[0]
    try:
        day = dt.date(year, int(found["m"]), int(found["d"]))
    except ValueError:
        return Wrong("answer.date_unreadable")
    if not day >= EARLIEST or day.year > today.year + LATEST_YEARS_AHEAD:
        return Wrong("answer.date_out_of_range")
    return day.isoformat()


def read_month(text: str, today: dt.date) -> str | Wrong:
    """``03/2026``, ``3 2026``, ``2026-03``, ``marzo 2026``; no century is guessed."""
    found = re.fullmatch(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})", text) or re.fullmatch(
        r"(?P<m>[0-9]{1,2}|[a-z]+)\s*[/.\- ]\s*(?P<y>[0-9]{4})", text.casefold()
    )
    if found is None:
        return Wrong("answer.month_unreadable")
    word = found["m"]
    number = int(word) if word.isdecimal() else 1 + MONTHS.index(word) if word in MONTHS else 0
    if not 1 <= number <= 12:
        return Wrong("answer.month_unreadable")
    year = int(found["y"])
    if not EARLIEST.year <= year <= today.year + LATEST_YEARS_AHEAD:
        return Wrong("answer.date_out_of_range")
    return f"{year:04d}-{number:02d}"


def read_year(text: str, today: dt.date) -> str | Wrong:
    """Four digits."""
    if not re.fullmatch(r"[0-9]{4}", text):
        return Wrong("answer.year_shape")
    if not EARLIEST.year <= int(text) <= today.year + LATEST_YEARS_AHEAD:
        return Wrong("answer.date_out_of_range")
    return text


_DATED: Final[Mapping[FieldKind, Callable[[str, dt.date], str | Wrong]]] = {
    FieldKind.DATE: read_date,
    FieldKind.MONTH: read_month,
    FieldKind.YEAR: read_year,
}


def read_number(text: str) -> str | Wrong:
    """``50``, ``33,3``, ``1.200``: as `read_amount`, without cents that nobody wrote; a per cent sign may follow."""
    bare = re.sub(r"[\s%]", "", text)
    found = re.fullmatch(
        r"(?P<whole>[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,(?P<part>[0-9]{1,4}))?", bare
    ) or re.fullmatch(r"(?P<whole>[0-9]+)\.(?P<part>[0-9]{1,2})", bare)
    if found is None:
        return Wrong("answer.number_unreadable")
    whole = found["whole"].replace(".", "").lstrip("0") or "0"
    if len(whole) > MAX_NUMBER_DIGITS:
        return Wrong("answer.number_too_large", {"limit": MAX_NUMBER_DIGITS})
    return f"{whole}.{found['part']}" if found["part"] else whole


def read_amount(text: str) -> str | Wrong:
    """Euro as Italians write them: ``1.234,56``; a lone point is a decimal one only before one or two digits."""
    bare = re.sub(r"(€|eur|euro|\s|')", "", text, flags=re.IGNORECASE)
    if not bare.isascii():
        return Wrong("answer.amount_unreadable")
    found = re.fullmatch(
        r"(?P<whole>\d{1,3}(?:\.\d{3})+|\d+)(?:,(?P<cents>\d{1,2})?)?", bare
    ) or re.fullmatch(r"(?P<whole>\d+)\.(?P<cents>\d{1,2})", bare)
    if found is None:
        return Wrong("answer.amount_unreadable")
    whole = int(found["whole"].replace(".", ""))
    if whole > MAX_AMOUNT_EURO:
        return Wrong("answer.amount_too_large", {"limit": MAX_AMOUNT_EURO})
    return f"{whole}.{(found['cents'] or '').ljust(2, '0')}"


# ---- places and contacts ---------------------------------------------------------------------------------


def read_comune(text: str) -> str | Wrong:
    """A comune of today by its own spelling, else one of former times or a State abroad in capitals.

    Where two share a name the province decides: ``Samone (TN)``.
    """
    with_province = re.fullmatch(r"(?P<name>.+?)\s*\(\s*(?P<sigla>[A-Za-z]{2})\s*\)", text)
    name = with_province["name"] if with_province else text
    found = places.named(name)
    if with_province:
        sigla = with_province["sigla"].upper()
        chosen = [comune for comune in found if comune.provincia == sigla]
        if chosen:
            return chosen[0].name if len(found) == 1 else f"{chosen[0].name} ({sigla})"
        found = []
    if len(found) == 1:
        return found[0].name
    if found:
        listed = ", ".join(f"{comune.name} ({comune.provincia})" for comune in found)
        return Wrong("answer.comune_two", {"listed": listed})
    if _plain_name(name) in _elsewhere():
        return name.upper()
    return Wrong("answer.comune_unknown")


@functools.cache
def _elsewhere() -> frozenset[str]:
    """Names of States and of comuni of former times, from python-codicefiscale's tables."""
    from codicefiscale import data

    rows = [*data.get_countries_data(), *data.get_municipalities_data()]
    return frozenset(_plain_name(name) for row in rows for name in (row["name"], *row["name_slugs"]))


def _plain_name(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if sign.isalnum())


def read_cap(text: str) -> str | Wrong:
    """Five digits."""
    code = re.sub(r"\s", "", text)
    return code if re.fullmatch(r"[0-9]{5}", code) else Wrong("answer.cap_shape")


def read_address(text: str) -> str | Wrong:
    """A line somebody could find."""
    return text if len(text) >= 3 and any(sign.isalpha() for sign in text) else Wrong("answer.address_short")


def read_phone(text: str) -> str | Wrong:
    """E.164; a number without prefix is Italian and keeps its leading zero (ITU-T E.164, AGCOM's plan)."""
    bare = re.sub(r"[\s.\-/()]", "", text)
    bare = "+" + bare[2:] if bare.startswith("00") else bare
    if re.fullmatch(r"0[0-9]{5,10}|3[0-9]{8,9}", bare):
        bare = "+39" + bare
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", bare):
        return Wrong("answer.phone_shape")
    if bare.startswith("+39") and not re.fullmatch(r"\+39(0[0-9]{5,10}|3[0-9]{8,9})", bare):
        return Wrong("answer.phone_shape")
    return bare


def read_email(text: str) -> str | Wrong:
    """RFC 5321 loosely: somebody, at, a domain with a point."""
    bare = text.replace(" ", "")
    if not re.fullmatch(r"[^@\s<>(),;:\"\\]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}", bare):
        return Wrong("answer.email_shape")
    name, _, domain = bare.rpartition("@")
    return f"{name}@{domain.lower()}"


_YES_NO: Final = {"true": "true", "si": "true", "sì": "true", "false": "false", "no": "false"}


def read_bool(text: str) -> str | Wrong:
    """``true``/``false``, sì/no."""
    return _YES_NO.get(text.casefold()) or Wrong("answer.yes_or_no")


def read_text(text: str) -> str | Wrong:
    """Any line."""
    return text


def read_protocol(text: str) -> str | Wrong:
    """A register number as printed elsewhere."""
    code = text.upper().replace(" ", "")
    return code if re.fullmatch(r"[A-Z0-9][A-Z0-9./_\-]{1,59}", code) else Wrong("answer.protocol_shape")


_READERS: Final[Mapping[FieldKind, Callable[[str], str | Wrong]]] = {
    FieldKind.CODICE_FISCALE: read_codice_fiscale,
    FieldKind.CF_PIVA: read_cf_or_piva,
    FieldKind.IBAN: read_iban,
    FieldKind.TEXT: read_text,
    FieldKind.AMOUNT: read_amount,
    FieldKind.COMUNE: read_comune,
    FieldKind.CAP: read_cap,
    FieldKind.ADDRESS: read_address,
    FieldKind.PHONE: read_phone,
    FieldKind.EMAIL: read_email,
    FieldKind.BOOL: read_bool,
    FieldKind.PROTOCOL: read_protocol,
    FieldKind.NUMBER: read_number,
}


# ---- a whole step ----------------------------------------------------------------------------------------


class StepRead(msgspec.Struct, frozen=True):
    """A step after reading.

    Attributes:
        answers: canonical where read, as typed where refused.
        problems: in the order of the fields; those whose code begins with `WARNING` may be overruled.
    """

    answers: Answers
    problems: list[FieldProblem]

    @property
    def refused(self) -> bool:
        """Whether something is surely wrong."""
        return any(not problem.code.startswith(WARNING) for problem in self.problems)


def read_step(practice: Practice, step: Step, typed: Answers, known: Answers, today: dt.date) -> StepRead:
    """Read all answers of a step together; rules (`when`) look at answers given before and in it.

    Args:
        practice: for the cross-checks.
        step: the step typed.
        typed: what was typed, by field; unknown fields are ignored.
        known: canonical answers of all steps so far.
        today: see `read`.
    """
    answers = {name: values for name, values in known.items() if name not in {f.name for f in step.fields}}
    typed = _in_rows(step, typed)
    mine: Answers = {}
    problems: list[FieldProblem] = []
    for field in step.fields:
        if field.when is not None and not field.when.holds({**answers, **mine}):
            continue
        values, wrong = _read_field(field, typed.get(field.name, []), today)
        problems += wrong
        if values:
            mine[field.name] = values
    if not problems:
        problems += cross_check(practice, {**answers, **mine}, step)
    return StepRead(mine, problems)


def _read_field(field: Field, typed: Sequence[str], today: dt.date) -> tuple[list[str], list[FieldProblem]]:
    # In a group an empty place is somebody's: what stands below it must not move up to another person.
    given = [value for value in typed if value.strip() or field.group]
    if not any(value.strip() for value in given):
        return [], [FieldProblem(field=field.name, code="answer.required")] if field.required else []
    if len(given) > field.repeat:
        limit: dict[str, str | int] = {"limit": field.repeat}
        return given[: field.repeat], [FieldProblem(field=field.name, code="answer.too_many", facts=limit)]
    values, problems = [], []
    for index, text in enumerate(given):
        found = read(field, text, today) if text.strip() else _blank(field)
        if isinstance(found, Wrong):
            problems.append(FieldProblem(field=field.name, index=index, code=found.code, facts=found.facts))
            values.append(text[:MAX_VALUE_CHARS])
        else:
            values.append(found)
    return values, problems


def _blank(field: Field) -> str | Wrong:
    return Wrong("answer.required") if field.required else ""


def _in_rows(step: Step, typed: Answers) -> Answers:
    """Fields of one group are columns of one table: equally long, without the rows in which nothing was typed."""
    rows = dict(typed)
    for group in dict.fromkeys(field.group for field in step.fields if field.group):
        names = [field.name for field in step.fields if field.group == group]
        table = list(zip_longest(*(typed.get(name, []) for name in names), fillvalue=""))
        kept = [row for row in table if any(value.strip() for value in row)]
        rows.update({name: [row[at] for row in kept] for at, name in enumerate(names)})
    return rows


def cross_check(practice: Practice, answers: Answers, step: Step) -> list[FieldProblem]:
    """What two answers say against each other: a warning, because both can be right (a corrected code)."""
    del practice  # the shared blocks use the same names in every practice
    here = {field.name for field in step.fields}
    code, birth, sex = (_first(answers, name) for name in ("codice_fiscale", "data_nascita", "sesso"))
    if not here & {"codice_fiscale", "data_nascita", "sesso"} or len(code) != 16 or not birth:
        return []
    if not codice_fiscale.fits(code, dt.date.fromisoformat(birth), sex.upper()):
        return [FieldProblem(field="codice_fiscale", code=f"{WARNING}cf_birth_differs")]
    return []


def _first(answers: Answers, name: str) -> str:
    return next(iter(answers.get(name, [])), "")


def complete_answers(
    practice: Practice, answers: Answers, today: dt.date
) -> tuple[Answers, int, list[FieldProblem]]:
    """All answers read once more: the whole, and the first step that is refused with its problems."""
    whole: Answers = {}
    for number, step in enumerate(practice.steps):
        found = read_step(practice, step, answers, whole, today)
        if found.refused:
            return answers, number, found.problems
        whole.update(found.answers)
    return whole, 0, []
