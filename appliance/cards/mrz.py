"""The machine readable zone: three sizes, their check digits, and the key material made of it.

ICAO 9303-3 §4.9 (check digits), 9303-4 (TD3), 9303-5 (TD1), 9303-6 (TD2), 9303-11 §4.3.2 (MRZ information).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib
import re

from appliance.cards.errors import MalformedCode

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
_DATE = re.compile(r"\d{6}")
_WEIGHTS = (7, 3, 1)


class Format(enum.StrEnum):
    TD1 = "TD1"
    TD2 = "TD2"
    TD3 = "TD3"


_SHAPES = {(3, 30): Format.TD1, (2, 36): Format.TD2, (2, 44): Format.TD3}


def check_digit(text: str) -> str:
    """One digit over `text`; letters count from 10, the filler as 0."""
    values = (0 if sign == "<" else int(sign, 36) for sign in text)
    return str(sum(value * _WEIGHTS[place % 3] for place, value in enumerate(values)) % 10)


def _wrong(what: str) -> MalformedCode:
    return MalformedCode(f"the machine readable zone is not right: {what}", kind="mrz", field=what)


@dataclasses.dataclass(frozen=True, repr=False)
class MrzKey:
    """What opens a document by its printed lines.

    Attributes:
        document_number: as printed, fillers may be left out.
        birth: YYMMDD.
        expiry: YYMMDD.

    Raises:
        MalformedCode: a value no document can have.
    """

    document_number: str
    birth: str
    expiry: str

    def __post_init__(self) -> None:
        number = self.document_number.upper().rstrip("<")
        if not 1 <= len(number) <= 22 or not set(number) <= _ALPHABET:
            raise _wrong("document_number")
        for name in ("birth", "expiry"):
            if not _DATE.fullmatch(getattr(self, name)):
                raise _wrong(name)
        object.__setattr__(self, "document_number", number)

    @classmethod
    def from_lines(cls, lines: str | list[str] | tuple[str, ...]) -> MrzKey:
        """From the two or three printed lines, check digits verified."""
        zone = Mrz.parse(lines)
        return cls(zone.document_number, zone.birth, zone.expiry)

    def information(self) -> bytes:
        number = self.document_number.ljust(9, "<")
        parts = (number, self.birth, self.expiry)
        return "".join(part + check_digit(part) for part in parts).encode("ascii")

    def pace_password(self) -> bytes:
        return hashlib.sha1(self.information(), usedforsecurity=False).digest()


@dataclasses.dataclass(frozen=True, repr=False)
class Mrz:
    """A parsed zone; names with single spaces, dates still six digits."""

    format: Format
    document_code: str
    issuing_state: str
    document_number: str
    nationality: str
    birth: str
    sex: str
    expiry: str
    surname: str
    given_names: str
    optional: str

    @classmethod
    def parse(cls, lines: str | list[str] | tuple[str, ...]) -> Mrz:
        """From lines as typed or scanned: spaces and case are forgiven, check digits are not.

        Raises:
            MalformedCode: fact ``field`` names what is wrong.
        """
        rows = _rows(lines)
        form = _SHAPES.get((len(rows), len(rows[0]) if rows else 0))
        if form is None or len({len(row) for row in rows}) != 1:
            raise _wrong("shape")
        if any(not set(row) <= _ALPHABET for row in rows):
            raise _wrong("alphabet")
        return _parse_td1(rows) if form is Format.TD1 else _parse_two_rows(form, rows)

    def expires_on(self) -> datetime.date:
        """Documents with a chip all expire in this century."""
        return _date(self.expiry, 2000)

    def born_on(self, reference: datetime.date) -> datetime.date | None:
        """The latest such day not after `reference`; None when the day is not known (fillers, 00)."""
        try:
            day = _date(self.birth, 2000)
            return day if day <= reference else _date(self.birth, 1900)
        except MalformedCode:
            return None


def _date(text: str, century: int) -> datetime.date:
    try:
        return datetime.date(century + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError as fault:
        raise _wrong("date") from fault


def _rows(lines: str | list[str] | tuple[str, ...]) -> list[str]:
    """Rows without spaces; one run of 90, 72 or 88 signs (as DG1 holds them) is cut by itself."""
    pieces = lines.split("\n") if isinstance(lines, str) else list(lines)
    rows = [row for row in ("".join(piece.split()).upper() for piece in pieces) if row]
    if len(rows) == 1 and len(rows[0]) in (90, 72, 88):
        text = rows[0]
        width = {90: 30, 72: 36, 88: 44}[len(text)]
        rows = [text[start : start + width] for start in range(0, len(text), width)]
    return rows


def _checked(text: str, digit: str, what: str) -> str:
    if check_digit(text) != digit:
        raise _wrong(what)
    return text


def _names(field: str) -> tuple[str, str]:
    surname, _, given = field.partition("<<")
    return (" ".join(surname.replace("<", " ").split()), " ".join(given.replace("<", " ").split()))


def _parse_td1(rows: list[str]) -> Mrz:
    upper, middle, lower = rows
    number, digit, optional = upper[5:14], upper[14], upper[15:30]
    if digit == "<" and optional.rstrip("<"):  # a number longer than nine signs runs on in the optional data
        rest = optional.split("<", 1)[0]
        if not rest:
            raise _wrong("document_number")
        number, digit, optional = number + rest[:-1], rest[-1], optional[len(rest) :]
    surname, given = _names(lower)
    composite = upper[5:30] + middle[0:7] + middle[8:15] + middle[18:29]
    _checked(composite, middle[29], "composite")
    return Mrz(
        format=Format.TD1,
        document_code=upper[0:2].rstrip("<"),
        issuing_state=upper[2:5].rstrip("<"),
        document_number=_checked(number, digit, "document_number").rstrip("<"),
        nationality=middle[15:18].rstrip("<"),
        birth=_checked(middle[0:6], middle[6], "birth"),
        sex=middle[7].replace("<", "X"),
        expiry=_checked(middle[8:14], middle[14], "expiry"),
        surname=surname,
        given_names=given,
        optional=(optional.rstrip("<") + " " + middle[18:29].rstrip("<")).strip(),
    )


def _parse_two_rows(form: Format, rows: list[str]) -> Mrz:
    upper, lower = rows
    surname, given = _names(upper[5:])
    last = len(lower) - 1
    _checked(lower[0:10] + lower[13:20] + lower[21:last], lower[last], "composite")
    optional = lower[28:last]
    if form is Format.TD3:
        if lower[42] != "<" or optional[:-1].strip("<"):
            _checked(lower[28:42], lower[42], "optional")
        optional = lower[28:42]
    number, digit = lower[0:9], lower[9]
    if form is Format.TD2 and digit == "<" and optional.rstrip("<"):
        rest = optional.split("<", 1)[0]
        if not rest:
            raise _wrong("document_number")
        number, digit, optional = number + rest[:-1], rest[-1], optional[len(rest) :]
    return Mrz(
        format=form,
        document_code=upper[0:2].rstrip("<"),
        issuing_state=upper[2:5].rstrip("<"),
        document_number=_checked(number, digit, "document_number").rstrip("<"),
        nationality=lower[10:13].rstrip("<"),
        birth=_checked(lower[13:19], lower[19], "birth"),
        sex=lower[20].replace("<", "X"),
        expiry=_checked(lower[21:27], lower[27], "expiry"),
        surname=surname,
        given_names=given,
        optional=optional.rstrip("<"),
    )


def build_td1(
    *,
    document_code: str,
    issuing_state: str,
    document_number: str,
    birth: str,
    sex: str,
    expiry: str,
    nationality: str,
    surname: str,
    given_names: str,
) -> str:
    """Ninety signs with their check digits; for the software card."""
    number = document_number.ljust(9, "<")
    upper = f"{document_code.ljust(2, '<')}{issuing_state.ljust(3, '<')}{number}{check_digit(number)}".ljust(
        30, "<"
    )
    middle = (
        f"{birth}{check_digit(birth)}{sex}{expiry}{check_digit(expiry)}{nationality.ljust(3, '<')}".ljust(
            29, "<"
        )
    )
    middle += check_digit(upper[5:30] + middle[0:7] + middle[8:15] + middle[18:29])
    return upper + middle + _name_field(surname, given_names, 30)


def build_td3(
    *,
    document_code: str,
    issuing_state: str,
    document_number: str,
    birth: str,
    sex: str,
    expiry: str,
    nationality: str,
    surname: str,
    given_names: str,
) -> str:
    """Eighty-eight signs with their check digits; for the software passport."""
    upper = (
        f"{document_code.ljust(2, '<')}{issuing_state.ljust(3, '<')}{_name_field(surname, given_names, 39)}"
    )
    number = document_number.ljust(9, "<")
    lower = f"{number}{check_digit(number)}{nationality.ljust(3, '<')}"
    lower += f"{birth}{check_digit(birth)}{sex}{expiry}{check_digit(expiry)}".ljust(29, "<") + "0"
    lower += check_digit(lower[0:10] + lower[13:20] + lower[21:43])
    return upper + lower


def _name_field(surname: str, given_names: str, width: int) -> str:
    return f"{surname}<<{given_names}".replace(" ", "<").replace("'", "").ljust(width, "<")[:width]
