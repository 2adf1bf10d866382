"""Numbers that carry their own check: codice fiscale, partita IVA, IBAN.

A recogniser takes O for 0, I or l for 1, S for 5, B for 8, Z for 2, a bracket for I, and now and then gives both twins where one
stands. Such a sign is put right only where the check then holds and only one way makes it hold; what still does not hold is
not offered.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from string import ascii_uppercase, digits
from typing import Final

import msgspec

from appliance.capture.recognition.stream import Hit, Stream

MAX_CHOICES: Final = 64
"""Ways of reading one number that are tried; with more, one of them would fit the check by chance."""
MAX_SHORTER: Final = 6
"""Ways to take one sign of twins away; with more, one of them would fit the check by chance."""

_TOKEN: Final = re.compile(r"[0-9A-Za-z]+")
_WITH_STROKES: Final = re.compile(r"[\[\]!]?[0-9A-Za-z]+")
_STROKES: Final = "l[]!"
"""Read where a 1 or an I stands."""
_GAP: Final = re.compile(r"[ .\-|_/:]{1,3}")
_GAP_OVER_LINES: Final = re.compile(r"[ .\-|_/:]{0,2}\n?[ .\-|_/:]{0,2}")
_LOOKS_LIKE: Final = {"O": "0", "I": "1", "S": "5", "B": "8", "Z": "2"}
_TWICE: Final = frozenset({"0O", "1I", "5S", "8B", "2Z", "8S"})
"""Given side by side for one sign."""
_LETTER_FOR: Final = {digit: letter for letter, digit in _LOOKS_LIKE.items()}


class _Token(msgspec.Struct, frozen=True):
    start: int
    end: int
    signs: str


# ---- one reading of doubtful signs -----------------------------------------------------------------------


def settle(printed: str, allowed: Sequence[str], holds: Callable[[str], bool]) -> tuple[str, bool] | None:
    """The number that stands there, and whether a sign of it had to be put right.

    Args:
        printed: as read, without blanks.
        allowed: for each place the signs that may stand there.
        holds: the number's own check.

    Returns:
        None where the check holds for no reading, or for more than one.
    """
    if len(printed) == len(allowed) + 1:
        shorter = set(_without_twins(printed))
        if len(shorter) > MAX_SHORTER:
            return None
        whole = {one[0] for text in shorter if (one := settle(text, allowed, holds))}
        return (whole.pop(), True) if len(whole) == 1 else None
    if len(printed) != len(allowed):
        return None
    plain = printed.upper()
    if all(sign in place for sign, place in zip(plain, allowed, strict=True)) and holds(plain):
        return plain, False
    choices = [_readings(sign, place) for sign, place in zip(printed, allowed, strict=True)]
    ways = 1
    for choice in choices:
        ways *= len(choice)
    if not 0 < ways <= MAX_CHOICES:
        return None
    found = {code for signs in itertools.product(*choices) if holds(code := "".join(signs))}
    return (found.pop(), True) if len(found) == 1 else None


def _without_twins(printed: str) -> Iterator[str]:
    """One sign less, where two that are taken for each other stand side by side."""
    for at, pair in enumerate(itertools.pairwise(printed.upper())):
        if "".join(sorted(pair)) in _TWICE:
            yield printed[:at] + printed[at + 1 :]
            yield printed[: at + 1] + printed[at + 2 :]


def _readings(sign: str, allowed: str) -> str:
    """What a sign may have been. A digit is doubted only where it cannot stand: letters are rarer in numbers than digits."""
    large = sign.upper()
    likely = [large, _LOOKS_LIKE.get(large, "")]
    if sign in _STROKES:
        likely += ["1", "I"]
    if large not in allowed:
        likely.append(_LETTER_FOR.get(large, ""))
    return "".join(dict.fromkeys(one for one in likely if one and one in allowed))


# ---- where numbers may stand -----------------------------------------------------------------------------


def _tokens(stream: Stream) -> Iterator[list[_Token]]:
    """In two ways where it matters: a bracket may be one, or the number's first sign."""
    for shape in (_TOKEN, _WITH_STROKES):
        yield [_Token(found.start(), found.end(), found.group()) for found in shape.finditer(stream.signs)]


def _gathered(
    stream: Stream, tokens: Sequence[_Token], first: int, wanted: int, gap: re.Pattern[str]
) -> tuple[str, int, int] | None:
    """Tokens from `first` on that make `wanted` signs, or one more: the signs, the place after them, how many tokens."""
    signs, after = "", tokens[first].start
    for count, token in enumerate(itertools.islice(tokens, first, first + wanted), 1):
        if signs and not gap.fullmatch(stream.signs, after, token.start):
            return None
        signs, after = signs + token.signs, token.end
        if len(signs) >= wanted:
            return (signs, after, count) if len(signs) <= wanted + 1 else None
    return None


# ---- codice fiscale --------------------------------------------------------------------------------------

_DIGIT: Final = digits + "LMNPQRSTUV"
"""Omocodia: where two people would share a code, digits from the right become these letters. DM 23 December 1976."""
_CF_PLACES: Final = (
    *[ascii_uppercase] * 6,
    *[_DIGIT] * 2,
    "ABCDEHLMPRST",
    *[_DIGIT] * 2,
    ascii_uppercase,
    *[_DIGIT] * 3,
    ascii_uppercase,
)
_OMOCODIA: Final = str.maketrans("LMNPQRSTUV", digits)
_ODD_VALUES: Final = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)
_CF_DIGITS_AT: Final = (6, 7, 9, 10, 12, 13, 14)
_LEAST_DIGITS: Final = 4
"""Printed as digits in a code that had to be repaired or put together; prose has none."""


def codici_fiscali(stream: Stream) -> Iterator[Hit]:
    """Codes of sixteen signs, in one piece or in several on one line."""
    for tokens in _tokens(stream):
        yield from _codici_of(stream, tokens)


def _codici_of(stream: Stream, tokens: Sequence[_Token]) -> Iterator[Hit]:
    for first, token in enumerate(tokens):
        gathered = _gathered(stream, tokens, first, len(_CF_PLACES), _GAP)
        if gathered is None:
            continue
        printed, end, pieces = gathered
        settled = settle(printed, _CF_PLACES, codice_fiscale_holds)
        if settled is None:
            continue
        code, repaired = settled
        few_digits = sum(sign.isdigit() for sign in printed) < _LEAST_DIGITS
        if few_digits and (repaired or pieces > 1 or not printed.isupper()):
            continue
        yield Hit(token.start, end, code, repaired)


def codice_fiscale_holds(code: str) -> bool:
    """The shape, the control letter, and a day that a month may have."""
    if len(code) != 16 or any(sign not in place for sign, place in zip(code, _CF_PLACES, strict=True)):
        return False
    day = int(code[9:11].translate(_OMOCODIA)) % 40
    return (
        1 <= day <= 31
        and int(code[9:11].translate(_OMOCODIA)) <= 71
        and _control_letter(code[:15]) == code[15]
    )


def _control_letter(fifteen: str) -> str:
    total = 0
    for place, sign in enumerate(fifteen):
        rank = int(sign) if sign.isdigit() else ord(sign) - ord("A")
        total += _ODD_VALUES[rank] if place % 2 == 0 else rank
    return chr(ord("A") + total % 26)


# ---- partita IVA -----------------------------------------------------------------------------------------

_PIVA: Final = re.compile(
    r"(?i:(?<![A-Za-z])(?:p\. ?iva|p\.? ?i\.?|partita iva|piva|c\.? ?f\.?|cod\. ?fisc\.?|codice fiscale|mwst|ust|tva|id)"
    r"(?![A-Za-z]))[^0-9\n]{0,30}(?<![0-9])(?P<n>[0-9]{11})(?![0-9A-Za-z])"
)


def partite_iva(stream: Stream) -> Iterator[Hit]:
    """Eleven digits after a word that says what they are: one number in ten passes the check by chance."""
    for found in _PIVA.finditer(stream.signs):
        if partita_iva_holds(found["n"]):
            yield Hit(*found.span("n"), found["n"])


def partita_iva_holds(number: str) -> bool:
    """Luhn's control digit (DPR 633/1972)."""
    doubled = (int(sign) * (1 + place % 2) for place, sign in enumerate(number))
    return number != "0" * 11 and sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


# ---- IBAN ------------------------------------------------------------------------------------------------

_SIGNS_OF: Final = {"n": digits, "a": ascii_uppercase, "c": digits + ascii_uppercase}
_HEAD: Final = (*[ascii_uppercase] * 2, *[digits] * 2)


def ibans(stream: Stream) -> Iterator[Hit]:
    """Account numbers whose check and national check hold (ISO 13616), with or without blanks, over two lines at most."""
    for tokens in _tokens(stream):
        yield from _ibans_of(stream, tokens)


def _ibans_of(stream: Stream, tokens: Sequence[_Token]) -> Iterator[Hit]:
    for first, token in enumerate(tokens):
        head = "".join(piece.signs for piece in tokens[first : first + 4])[:4]
        if len(head) < 4 or not all(_readings(sign, place) for sign, place in zip(head, _HEAD, strict=True)):
            continue
        for country in itertools.product(*(_readings(sign, ascii_uppercase) for sign in head[:2])):
            found = _iban_of("".join(country), stream, tokens, first)
            if found:
                code, end, repaired = found
                yield Hit(token.start, end, code, repaired)
                break


def _iban_of(
    country: str, stream: Stream, tokens: Sequence[_Token], first: int
) -> tuple[str, int, bool] | None:
    allowed = _iban_places(country)
    gathered = _gathered(stream, tokens, first, len(allowed), _GAP_OVER_LINES) if allowed else None
    if gathered is None or stream.signs.count("\n", tokens[first].start, gathered[1]) > 1:
        return None
    settled = settle(gathered[0], allowed, iban_holds)
    return (settled[0], gathered[1], settled[1]) if settled else None


def _iban_places(country: str) -> tuple[str, ...]:
    """What may stand where in that country's account numbers; nothing for a country that has none."""
    from schwifty import registry
    from schwifty.exceptions import SchwiftyException

    try:
        structure = str(registry.get_iban_spec(country).bban_spec)
    except (SchwiftyException, KeyError):
        return ()
    parts = re.findall(r"([0-9]+)!?([nac])", structure)
    return (*country, digits, digits, *(_SIGNS_OF[kind] for count, kind in parts for _ in range(int(count))))


def iban_holds(code: str) -> bool:
    """Both checks: the international one alone lets one wrong national sign in 26 pass."""
    import schwifty
    from schwifty.exceptions import SchwiftyException

    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", code) or _mod_97(code) != 1:
        return False
    try:
        schwifty.IBAN(code, validate_bban=True)
    except (SchwiftyException, ValueError):
        return False
    return True


def _mod_97(code: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97
