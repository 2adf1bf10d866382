"""Pages of the open sitting: made in the darkroom, kept in the draft, fetched for the dossier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from appliance.capture.jobs import (
    BarcodesRead,
    Develop,
    Developed,
    LinesRead,
    Read,
    ReadBarcodes,
    ReadLines,
    Redact,
    Redacted,
    WasRead,
)
from appliance.capture.leaf import Encoding, Leaf, Word
from appliance.desk import sitting as words
from appliance.vault.drafts import DraftMissing
from contracts.errors import PueError, WhoCanAct
from contracts.identity import fingerprint
from contracts.settled import settled

if TYPE_CHECKING:
    from appliance.capture.darkroom import Darkroom
    from appliance.capture.geometry import Corners
    from appliance.desk.sitting import PageFacts, Sitting
    from appliance.vault.drafts import Drafts

Parts = dict[str, bytes]
_WORDS: Final = msgspec.json.Decoder(settled(tuple[Word, ...]))
READ_LIMIT_S: Final = 120.0
"""Nobody waits for it; a full page takes six seconds on the slowest box."""


class PageChanged(PueError):
    """A page in the draft is not the one that was taken."""

    code = "desk.failed"
    who = WhoCanAct.TECHNICIAN


class NothingPrinted(PueError):
    """The camera sees no document, or nothing on it that can be read."""

    code = "document.nothing_seen"
    who = WhoCanAct.CLERK


class Pages:
    """What the hands do with pages.

    Args:
        drafts: where parts are kept.
        bright: the darkroom a clerk waits for.
        slow: the one that reads while nobody waits.
        px_per_mm: of the full picture on the desk's surface, where the camera's height is known.
        languages: of papers, as Tesseract names them.
    """

    def __init__(
        self,
        drafts: Drafts,
        bright: Darkroom,
        slow: Darkroom,
        *,
        px_per_mm: float | None = None,
        languages: tuple[str, ...] = ("ita",),
    ) -> None:
        self._drafts, self._bright, self._slow = drafts, bright, slow
        self._px_per_mm, self._languages = px_per_mm, languages

    def take(
        self, state: Sitting, act: words.TakePage, picture: bytes, now_ms: int
    ) -> tuple[PageFacts, Parts]:
        """A page of a picture just taken, and the parts to keep.

        Raises:
            PueError: no page can be made of it.
        """
        earlier = tuple(  # one sheet may well serve as two papers
            bytes.fromhex(page.likeness)
            for page in state.pages
            if page.attachment == act.attachment and page.page != act.instead_of and page.likeness
        )
        job = Develop(picture=picture, px_per_mm=self._px_per_mm, earlier=earlier)
        made = self._bright.ask(job, Developed)
        facts = words.PageFacts(
            page=act.page,
            attachment=act.attachment,
            taken_at=now_ms,
            sha256="",
            size_bytes=0,
            alterable=True,
        )
        return self._made(facts, made), _parts(act.page, made.leaf, made.seen) | {
            act.page + words.STILL: picture
        }

    def document(self, picture: bytes) -> words.DocumentSeen:
        """What is printed on the document in a picture. The picture goes no further.

        Raises:
            NothingPrinted: no lines and no codice fiscale that hold.
        """
        zone = self._bright.ask(ReadLines(picture=picture), LinesRead).zone
        if zone is not None:
            return words.DocumentSeen(mrz=zone.lines)
        codes = self._bright.ask(ReadBarcodes(picture=picture), BarcodesRead).codes
        persons = {code.codice_fiscale for code in codes if code.codice_fiscale}
        if len(persons) != 1:
            raise NothingPrinted("neither printed lines nor a codice fiscale are seen")
        return words.DocumentSeen(codice_fiscale=persons.pop())

    def alter(self, state: Sitting, act: words.AlterPage) -> tuple[PageFacts, Parts]:
        """The page made anew: blackened, or turned and shaped from the picture as taken.

        Raises:
            PueError: it stays as it was.
        """
        facts = act.facts
        if act.boxes:
            leaf = self.leaf(state, facts, words=True)
            black = self._bright.ask(Redact(leaf=leaf, boxes=act.boxes), Redacted)
            return _of_leaf(facts, black.leaf), _parts(facts.page, black.leaf, black.seen)
        picture = self._drafts.load(state.sitting, facts.page + words.STILL)
        job = Develop(
            picture=picture,
            corners=_corners(facts) if facts.corners_by_hand else None,
            degrees=facts.degrees,
            px_per_mm=self._px_per_mm,
        )
        made = self._bright.ask(job, Developed)
        return self._made(facts, made), _parts(facts.page, made.leaf, made.seen)

    def read(self, state: Sitting, page: str) -> words.PageRead | None:
        """What stands on a page; its words are kept. None: the page is gone, or is the signed summary.

        Raises:
            PueError: it cannot be read; nothing is lost.
        """
        facts = next((one for one in state.pages if one.page == page), None)
        if facts is None or facts.attachment == words.SIGNATURE:
            return None
        read = self._read(state, facts)
        found = tuple(
            words.FoundFacts(
                kind=one.kind, value=one.value, shown=one.shown, box=one.box, repaired=one.repaired
            )
            for one in read.found
        )
        return words.PageRead(page=page, sha256=facts.sha256, found=found, looks_like=read.looks_like)

    def leaf(self, state: Sitting, facts: PageFacts, *, words: bool) -> Leaf:
        """A page as it goes into the dossier; one that is not the one that was taken is noticed.

        Args:
            state: the sitting.
            facts: of the page.
            words: with what was read on it; it is read now if nobody had the time.

        Raises:
            PageChanged: it is another page.
            PueError: it cannot be loaded or read.
        """
        image = self._drafts.load(state.sitting, facts.page)
        if fingerprint(image) != facts.sha256:
            raise PageChanged("a captured page is not the one that was taken", page=facts.page)
        leaf = Leaf(
            image=image,
            encoding=Encoding(facts.encoding),
            width_px=facts.width_px,
            height_px=facts.height_px,
            width_mm=facts.width_mm,
            height_mm=facts.height_mm,
        )
        return msgspec.structs.replace(leaf, words=self._words(state, facts)) if words else leaf

    # ---- inside

    def _made(self, facts: PageFacts, made: Developed) -> PageFacts:
        corners = [number for corner in made.corners for number in corner] if made.corners else []
        judged = msgspec.structs.replace(
            facts,
            corners=corners,
            degrees=made.degrees,
            remarks=[f"page.{remark}" for remark in made.remarks],
            grave=[f"page.{remark}" for remark in made.grave],
            kept=None,
            likeness=made.likeness.hex(),
        )
        return _of_leaf(judged, made.leaf)

    def _words(self, state: Sitting, facts: PageFacts) -> tuple[Word, ...]:
        try:
            return _WORDS.decode(self._drafts.load(state.sitting, facts.page + words.WORDS))
        except DraftMissing:
            return self._read(state, facts).words

    def _read(self, state: Sitting, facts: PageFacts) -> WasRead:
        job = Read(
            leaf=self.leaf(state, facts, words=False),
            languages=self._languages,
            asked=facts.attachment,
        )
        read = self._slow.ask(job, WasRead, limit_s=READ_LIMIT_S)
        self._drafts.save(state.sitting, facts.page + words.WORDS, msgspec.json.encode(read.words))
        return read


def _of_leaf(facts: PageFacts, leaf: Leaf) -> PageFacts:
    return msgspec.structs.replace(
        facts,
        sha256=fingerprint(leaf.image),
        size_bytes=len(leaf.image),
        encoding=leaf.encoding.value,
        width_px=leaf.width_px,
        height_px=leaf.height_px,
        width_mm=leaf.width_mm,
        height_mm=leaf.height_mm,
        found=[],
        looks_like="",
    )


def _parts(page: str, leaf: Leaf, seen: bytes) -> Parts:
    return {page: leaf.image, page + words.SEEN: seen}


def _corners(facts: PageFacts) -> Corners:
    a, b, c, d = zip(facts.corners[::2], facts.corners[1::2], strict=True)
    return a, b, c, d
