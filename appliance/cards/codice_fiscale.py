"""The sixteen signs of an Italian codice fiscale: is it well formed, and does it fit the person? DM 23 December 1976."""

from __future__ import annotations

import datetime
import enum
import functools
import re
import unicodedata

_SHAPE = re.compile(r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]")
_MONTHS = "ABCDEHLMPRST"
_ODD_ORDER = "BAKPLCQDREVOSFTGUHMINJWZYX"
"""The letter's place is its value when it stands in an odd place; a digit counts as the letter of the same rank."""
_NEWEST_LETTER = "M"
"""Comuni get their codes in order: those of this century begin with it."""
_OMOCODIA = str.maketrans("LMNPQRSTUV", "0123456789")


def control_letter(fifteen: str) -> str:
    total = 0
    for place, sign in enumerate(fifteen):
        rank = int(sign) if sign.isdigit() else ord(sign) - ord("A")
        total += _ODD_ORDER.index(chr(ord("A") + rank)) if place % 2 == 0 else rank
    return chr(ord("A") + total % 26)


def is_well_formed(text: str) -> bool:
    return bool(_SHAPE.fullmatch(text)) and control_letter(text[:15]) == text[15]


def birth_signs(birth: datetime.date, sex: str) -> str:
    """The five signs for day and sex: ``85D52``."""
    day = birth.day + (40 if sex == "F" else 0)
    return f"{birth.year % 100:02d}{_MONTHS[birth.month - 1]}{day:02d}"


def fits(text: str, birth: datetime.date, sex: str) -> bool:
    """The code speaks of somebody born that day of that sex (omocodia undone); an unknown sex fits either."""
    plain = text[6:8].translate(_OMOCODIA) + text[8] + text[9:11].translate(_OMOCODIA)
    return plain in (
        {birth_signs(birth, sex)} if sex in ("M", "F") else {birth_signs(birth, one) for one in "MF"}
    )


def name_signs(surname: str, given_names: str) -> str:
    """The six signs for the names."""

    def split(name: str) -> tuple[str, str]:
        bare = unicodedata.normalize("NFKD", name.upper())
        letters = [sign for sign in bare if "A" <= sign <= "Z"]
        vowels = "".join(sign for sign in letters if sign in "AEIOU")
        return "".join(sign for sign in letters if sign not in "AEIOU"), vowels

    consonants, vowels = split(surname)
    first = (consonants + vowels + "XXX")[:3]
    consonants, vowels = split(given_names)
    if len(consonants) > 3:
        consonants = consonants[0] + consonants[2:4]
    return first + (consonants + vowels + "XXX")[:3]


class Disagreement(enum.StrEnum):
    """Where a codice fiscale and what else is known do not fit each other. None of them accuses anybody."""

    MALFORMED = "codice_fiscale.malformed"
    BIRTH = "codice_fiscale.birth"
    """Day, month, sex, or the last two digits of the year; the century is in no code."""
    NAMES = "codice_fiscale.names"
    PLACE = "codice_fiscale.place"
    """No comune and no State ever had this place code, or not before the birth was over."""
    CARRIED = "codice_fiscale.carried"
    """The bar code or the stripe of the Tessera Sanitaria names somebody else."""


SENTENCES = {
    Disagreement.MALFORMED: "Il codice fiscale nel chip non è scritto come deve.",
    Disagreement.BIRTH: "Il codice fiscale non corrisponde alla data di nascita o al sesso.",
    Disagreement.NAMES: "Il codice fiscale non corrisponde al cognome o al nome.",
    Disagreement.PLACE: "Il luogo di nascita nel codice fiscale non esiste.",
    Disagreement.CARRIED: "La tessera sanitaria è di un'altra persona.",
}


def cross_check(
    code: str,
    *,
    birth: datetime.date | None = None,
    sex: str = "",
    names: tuple[str, str] | None = None,
    carried: str = "",
) -> tuple[Disagreement, ...]:
    """Everything known about a person held against the code.

    Args:
        code: as signed in the chip, or typed.
        birth: None where the day is not known.
        sex: ``M`` or ``F``; anything else fits both.
        names: surname and given names in full, as in the register; None where they may be cut short or transliterated.
        carried: the code of a Tessera Sanitaria, empty where none was shown.
    """
    if not is_well_formed(code):
        return (Disagreement.MALFORMED,)
    found = []
    if birth is not None and not fits(code, birth, sex):
        found.append(Disagreement.BIRTH)
    if names is not None and name_signs(*names) != code[:6]:
        found.append(Disagreement.NAMES)
    if not place_exists(place_code(code), birth):
        found.append(Disagreement.PLACE)
    if (
        carried and carried != code
    ):  # letter for letter: an omocodia is somebody else of the same name and day
        found.append(Disagreement.CARRIED)
    return tuple(found)


def place_code(code: str) -> str:
    """The Belfiore code of the birth place, omocodia undone."""
    return code[11] + code[12:15].translate(_OMOCODIA)


def place_exists(belfiore: str, birth: datetime.date | None) -> bool:
    """A comune, also one that is no more, or a foreign State, also one that is no more.

    One that was founded after the birth is not held against anybody: registers were rewritten when comuni merged.
    """
    places = _places()
    ended = places.get(belfiore)
    if ended is None:  # the newest comuni may be younger than the table
        return belfiore[0] == _NEWEST_LETTER and belfiore > max(places, key=_rank_of_comune)
    return birth is None or ended.year >= birth.year


def _rank_of_comune(belfiore: str) -> str:
    return belfiore if belfiore[0] == _NEWEST_LETTER else ""


@functools.cache
def _places() -> dict[str, datetime.date]:
    """Belfiore code → the last day it was given out. From python-codicefiscale's tables (ISTAT, Agenzia delle Entrate)."""
    from codicefiscale import data

    latest = datetime.date.max
    found: dict[str, datetime.date] = {}
    for group in data.get_indexed_data()["codes"].values():
        for place in group if isinstance(group, list) else [group]:
            ended = str(place.get("date_deleted") or "")[:10]
            day = datetime.date.fromisoformat(ended) if ended else latest
            code = str(place["code"])
            found[code] = max(day, found.get(code, day))
    return found


def compute(surname: str, given_names: str, birth: datetime.date, sex: str, place_code: str) -> str:
    """A whole code; for invented people only: the real one is assigned, not computed."""
    fifteen = name_signs(surname, given_names) + birth_signs(birth, sex) + place_code.upper()
    return fifteen + control_letter(fifteen)
