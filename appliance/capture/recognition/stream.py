"""The words of a page as one run of plain signs, each sign knowing its word: what patterns are looked for in."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

from appliance.capture.leaf import Word
from appliance.capture.recognition.text import MAX_LETTERS, MAX_WORDS

MAX_SIGNS: Final = 120_000
"""A full page has about five thousand; beyond lies nothing a clerk would look for."""
_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
"""Controls, zero-width and direction signs: nobody sees them on paper, so none may hide or turn a number."""
_PLAIN: Final = str.maketrans(
    dict.fromkeys("‐‑‒–—―−", "-")  # noqa: RUF001 - the dashes of typesetters
    | dict.fromkeys("‘’‛′`´", "'")  # noqa: RUF001 - and their apostrophes
)


class Hit(msgspec.Struct, frozen=True):
    """Something found between two places of a stream.

    Attributes:
        value: canonical.
        repaired: it was printed, or read, a little differently.
    """

    start: int
    end: int
    value: str
    repaired: bool = False


class Stream(msgspec.Struct, frozen=True):
    """The signs of a page.

    Attributes:
        signs: words in reading order, a space between two, a line feed where a line ends.
        owner: for each sign the index of its word; the gap after a word belongs to it.
        words: those the signs come from.
    """

    signs: str
    owner: tuple[int, ...]
    words: tuple[Word, ...]

    def words_of(self, start: int, end: int) -> list[int]:
        """Indexes of the words between two places."""
        return sorted(set(self.owner[start:end]))


def stream_of(words: Sequence[Word]) -> Stream:
    """Signs made plain (NFKC, one kind of dash and apostrophe), the invisible gone; bounded, whoever made the words."""
    taken = tuple(words[:MAX_WORDS])
    pieces: list[str] = []
    owner: list[int] = []
    for index, word in enumerate(taken):
        plain = plain_signs(word.text)
        if len(owner) + len(plain) + 1 > MAX_SIGNS:
            break
        last_of_line = index + 1 == len(taken) or taken[index + 1].line != word.line
        piece = plain + ("\n" if last_of_line else " ")
        pieces.append(piece)
        owner += [index] * len(piece)
    return Stream("".join(pieces), tuple(owner), taken)


def plain_signs(text: str) -> str:
    """One word as people see it, at most `MAX_LETTERS` long."""
    text = text[:MAX_LETTERS]
    if text.isascii() and text.isalnum():
        return text
    plain = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    return "".join(sign for sign in plain if unicodedata.category(sign) not in _INVISIBLE)[:MAX_LETTERS]
