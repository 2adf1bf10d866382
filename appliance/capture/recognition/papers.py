"""What kind of paper a page is, by the words of its head. A suggestion with its reason, never a decision."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from appliance.capture.leaf import Word

HEAD: Final = 0.4
"""A paper says what it is in this upper part."""
LEAST_HITS: Final = 2
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


def looks_like(words: tuple[Word, ...], asked: str) -> str:
    """The kind of paper this page seems to be where that is surely not the one asked for; else empty.

    Args:
        words: read on the page.
        asked: id of the paper the page was taken for.
    """
    if asked in OPEN or asked not in TITLES:
        return ""
    seen = {_plain(word.text) for word in words if word.top < HEAD}
    every = {_plain(word.text) for word in words}
    if _hits(asked, every):
        return ""
    scores = {kind: _hits(kind, seen) for kind in TITLES}
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] >= LEAST_HITS else ""


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
