"""Names in a State's own letters and in the printed lines: what becomes of accents, and whether two spellings agree.

ICAO 9303-3 §6.A: some letters may be written in more than one way, and long names are cut short.
"""

from __future__ import annotations

import itertools
import re
import unicodedata

_LETTERS: dict[str, tuple[str, ...]] = {
    "Ä": ("AE", "A"),
    "Å": ("AA", "A"),
    "Æ": ("AE",),
    "Đ": ("D",),
    "Ð": ("D",),
    "Ø": ("OE",),
    "Ö": ("OE", "O"),
    "Œ": ("OE",),
    "Ü": ("UE", "UXX", "U"),
    "Ñ": ("N", "NXX"),
    "Þ": ("TH",),
    "ẞ": ("SS",),
    "Ħ": ("H",),
    "Ĳ": ("IJ",),
    "Ł": ("L",),
    "Ŋ": ("N",),
    "Ŧ": ("T",),
}
"""Letters that do not simply lose their mark; the usual way first."""
_MAX_SPELLINGS = 64


def spellings(word: str) -> list[str]:
    """Every way `word` may stand in the printed lines, the usual one first; signs that have no place there are dropped."""
    choices = [_choices(sign) for sign in unicodedata.normalize("NFC", word)]
    ways = itertools.islice(itertools.product(*choices), _MAX_SPELLINGS)
    return list(dict.fromkeys("".join(way) for way in ways))


def _choices(sign: str) -> tuple[str, ...]:
    upper = sign if sign in _LETTERS else sign.upper()
    if upper in _LETTERS:
        return _LETTERS[upper]
    plain = "".join(part for part in unicodedata.normalize("NFD", upper) if "A" <= part <= "Z")
    return (plain,)


def words(name: str) -> list[str]:
    """The words of a name as the printed lines divide it: hyphens part them, apostrophes do not."""
    return [word for word in re.split(r"[\s\-<,.]+", name) if word]


def printed(name: str) -> str:
    """`name` as the printed lines carry it, words apart by spaces."""
    return " ".join(filter(None, (spellings(word)[0] for word in words(name))))


def is_latin(name: str) -> bool:
    return all(unicodedata.name(sign, "").startswith("LATIN") for sign in name if sign.isalpha())


def agree(full: str, printed_name: str) -> bool:
    """The printed words are found in `full`, in order, each whole or cut short; `full` may have more of them.

    A name in another script says nothing for or against the printed one, and agrees.
    """
    if not is_latin(full):
        return True
    wanted = printed_name.split()
    for word in words(full):
        if wanted and any(way.startswith(wanted[0]) for way in spellings(word)):
            wanted.pop(0)
    return not wanted


def best(full: str | None, printed_name: str) -> str:
    """The name for a form: with its accents where the State gives them in letters we write, else as printed."""
    if full is None or not is_latin(full) or not agree(full, printed_name):
        return printed_name
    return full.upper()
