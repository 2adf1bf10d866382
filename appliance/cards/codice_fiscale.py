"""The sixteen signs of an Italian codice fiscale: is it well formed, and does it fit the person? DM 23 December 1976."""

from __future__ import annotations

import datetime
import re

_SHAPE = re.compile(r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]")
_MONTHS = "ABCDEHLMPRST"
_ODD_ORDER = "BAKPLCQDREVOSFTGUHMINJWZYX"
"""The letter's place is its value when it stands in an odd place; a digit counts as the letter of the same rank."""
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
        letters = [sign for sign in name.upper() if "A" <= sign <= "Z"]
        vowels = "".join(sign for sign in letters if sign in "AEIOU")
        return "".join(sign for sign in letters if sign not in "AEIOU"), vowels

    consonants, vowels = split(surname)
    first = (consonants + vowels + "XXX")[:3]
    consonants, vowels = split(given_names)
    if len(consonants) > 3:
        consonants = consonants[0] + consonants[2:4]
    return first + (consonants + vowels + "XXX")[:3]


def compute(surname: str, given_names: str, birth: datetime.date, sex: str, place_code: str) -> str:
    """A whole code; for invented people only: the real one is assigned, not computed."""
    fifteen = name_signs(surname, given_names) + birth_signs(birth, sex) + place_code.upper()
    return fifteen + control_letter(fifteen)
