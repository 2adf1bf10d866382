"""What kind of paper a page is, by the words of its head. A suggestion with its reason, never a decision."""

from __future__ import annotations

import itertools
import re
import statistics
import unicodedata
from collections.abc import Iterable
from typing import Final

from appliance.capture.leaf import Word

HEAD: Final = 0.4
"""A paper says what it is in this upper part."""
LEAST_HITS: Final = 2
TITLE_WIDTH: Final = 1.2
"""A line whose letters are so much wider than the page's usual ones is a title: large, bold or in capitals. It says what the
paper is; other lines may speak of others."""
TITLE_WEIGHT: Final = 3
TITLES: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "permesso_soggiorno": (("permesso", "soggiorno"), ("permis", "sejour"), ("residence", "permit")),
    "busta_paga": (
        ("busta", "paga"),
        ("cedolino",),
        ("libro", "unico"),
        ("retribuzione", "netto"),
        ("prospetto", "paga"),
    ),
    "lettera": (
        ("licenziamento",),
        ("dimissioni",),
        ("recesso", "rapporto"),
        ("cessazione", "rapporto"),
        ("giusta", "causa"),
    ),
    "isee": (("attestazione", "isee"), ("indicatore", "situazione", "economica")),
    "dsu": (("dichiarazione", "sostitutiva", "unica"),),
    "certificazione_unica": (("certificazione", "unica"),),
    "verbale_invalidita": (("verbale", "commissione"), ("invalidita", "civile")),
    "stato_di_famiglia": (("stato", "famiglia"), ("nucleo", "anagrafico")),
    "contratto_locazione": (("contratto", "locazione"),),
    "delega": (("delega",), ("mandato", "assistenza")),
    "iban": (("coordinate", "bancarie"), ("attestazione", "iban"), ("intestatario", "conto", "iban")),
    "certificato_medico": (("certificato", "medico"),),
}
"""For each kind: groups of words that all stand in the head of such a paper. Ids of the catalogue where it has them."""
OPEN: Final = frozenset({"altro", "signature"})
"""Papers of which anything may be."""


def looks_like(words: tuple[Word, ...], asked: str, borne: str = "") -> str:
    """The kind of paper this page seems to be where that is surely not the one asked for; else empty.

    Args:
        words: read on the page.
        asked: id of the paper the page was taken for.
        borne: what its bar code proves it to be, see `marks`.
    """
    if borne and asked not in OPEN:
        return "" if borne == asked else borne
    if asked in OPEN or asked not in TITLES:
        return ""
    if _hits(asked, _seen(words)):
        return ""
    scores = _scores(words)
    (best, most), (_, next_most) = sorted(scores.items(), key=lambda pair: -pair[1])[:2]
    return best if most >= LEAST_HITS and most > next_most else ""


def _scores(words: tuple[Word, ...]) -> dict[str, int]:
    """For each kind what the lines of the head say for it, titles before all others."""
    scores = dict.fromkeys(TITLES, 0)
    lines = [list(line) for _, line in itertools.groupby(words, key=lambda word: word.line)]
    widths = [
        sum(word.right - word.left for word in line) / max(1, sum(len(word.text) for word in line))
        for line in lines
    ]
    usual = statistics.median(widths or [0.0])
    for line, width in zip(lines, widths, strict=True):
        if line[0].top >= HEAD:
            continue
        seen = _seen(line)
        weight = TITLE_WEIGHT if width > TITLE_WIDTH * usual else 1
        for kind in scores:
            scores[kind] += weight * _hits(kind, seen)
    return scores


def _seen(words: Iterable[Word]) -> set[str]:
    """Articles stand apart: *dell'invalidità* speaks of *invalidità*."""
    return {_plain(part) for word in words for part in re.split("['’]", word.text)}


def _hits(kind: str, seen: set[str]) -> int:
    """How many words of the kind's best group stand there, if all of them do."""
    return max(
        (len(group) if len(group) > 1 else LEAST_HITS for group in TITLES[kind] if _all_in(group, seen)),
        default=0,
    )


def _all_in(group: tuple[str, ...], seen: set[str]) -> bool:
    return all(any(_near(word, other) for other in seen) for word in group)


def _near(one: str, other: str) -> bool:
    """Equal, or one letter misread in a word of six or more."""
    if one == other:
        return True
    if len(one) < 6 or len(one) != len(other):
        return False
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _plain(text: str) -> str:
    flat = unicodedata.normalize("NFD", text.lower())
    return re.sub(r"[^a-z]", "", flat)
