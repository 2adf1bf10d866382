"""What may help the form: accounts, codes, register numbers, days, sums. Only what proves itself; offered, never filled in.

Nothing here decides: where two findings contradict each other both are there, in the order of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from appliance.capture.jobs import Box, FoundHere
from appliance.capture.leaf import Word
from appliance.capture.recognition.amounts import amounts
from appliance.capture.recognition.codes import codici_fiscali, ibans, partite_iva
from appliance.capture.recognition.dates import dates
from appliance.capture.recognition.protocols import protocols
from appliance.capture.recognition.stream import Hit, Stream, stream_of

MAX_OF_A_KIND: Final = 40
"""A contributions statement has dozens of days and sums; they must not crowd out its one account."""
MAX_SHOWN: Final = 80
_FINDERS: Final[dict[str, Callable[[Stream], Iterable[Hit]]]] = {
    "iban": ibans,
    "codice_fiscale": codici_fiscali,
    "partita_iva": partite_iva,
    "protocol": protocols,
    "date": dates,
    "amount": amounts,
}
"""In order of how sure their form is: a later kind is not looked for inside what an earlier one has taken."""


def find(words: tuple[Word, ...]) -> tuple[FoundHere, ...]:
    """Everything on a page that has a check of its own, or a form that cannot be mistaken, in the order of reading.

    A letter misread for a digit, or the other way, is mended only if exactly one mending passes the check. The same value
    of the same kind is found once, where it stands first.
    """
    stream = stream_of(words)
    taken = bytearray(len(stream.signs))
    found: list[tuple[int, FoundHere]] = []
    for kind, finder in _FINDERS.items():
        hits = list(_free(finder(stream), taken))
        for hit in hits:
            taken[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
        found += [(hit.start, _here(kind, hit, stream)) for hit in hits]
    return tuple(finding for _, finding in sorted(found, key=lambda pair: pair[0]))


def _free(hits: Iterable[Hit], taken: bytearray) -> Iterator[Hit]:
    """Hits of one kind may overlap each other, as two readings of one number do, but nothing of a surer kind."""
    seen: set[str] = set()
    for hit in hits:
        if len(seen) == MAX_OF_A_KIND:
            return
        if hit.value not in seen and not any(taken[hit.start : hit.end]):
            seen.add(hit.value)
            yield hit


def _here(kind: str, hit: Hit, stream: Stream) -> FoundHere:
    shown = " ".join(stream.signs[hit.start : hit.end].split())[:MAX_SHOWN]
    return FoundHere(kind=kind, value=hit.value, shown=shown, box=_around(hit, stream), repaired=hit.repaired)


def _around(hit: Hit, stream: Stream) -> Box:
    words = [stream.words[index] for index in stream.words_of(hit.start, hit.end)]
    return (
        min(word.left for word in words),
        min(word.top for word in words),
        max(word.right for word in words),
        max(word.bottom for word in words),
    )
