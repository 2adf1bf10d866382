"""The words of a sitting: its state, what can happen in it, what it asks for. Values only."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.desk_api.clerk import (
    Direction,
    FieldProblem,
    Identified,
    KeptBecause,
    NoticeWay,
    SignatureWay,
    Stage,
    VerdictKind,
)
from contracts.errors import Problem
from contracts.identity import LetterId
from contracts.messages.report import UnixMs
from contracts.practices.model import Answers

SIGNATURE: str = "signature"
"""The attachment that is the signed summary."""


class Citizen(msgspec.Struct, frozen=True, kw_only=True):
    """Who sits there, as the document says. Empty where it says nothing."""

    surname: str
    name: str
    birth_date: str = ""
    sex: str = ""
    nationality: str = ""
    codice_fiscale: str = ""
    birth_place: str = ""
    address: str = ""
    address_comune: str = ""
    document_kind: str = ""
    document_number: str = ""
    document_expiry: str = ""
    issuing_state: str = ""


class VerdictFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the card's judge said, and the evidence in fingerprints.

    Attributes:
        unchecked: codes of what nobody looked at; `unchecked_lines` are their sentences.
        sod_sha256: of what the issuer signed, as read: the document security object, or a CNS holder's certificate.
        signer_sha256: of the certificate that signed it.
        photo: the chip's photo proved authentic and can be shown.
    """

    kind: VerdictKind
    code: str
    title: str
    lines: list[str]
    codes: list[str] = []
    unchecked: list[str] = []
    unchecked_lines: list[str] = []
    technical: list[str] = []
    access: str = ""
    chip_proof: str = ""
    sod_sha256: str = ""
    signer_sha256: str = ""
    trust_origin: str = ""
    trust_dated: str = ""
    photo: bool = False


class FoundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Something read on a page.

    Attributes:
        value: canonical, as an answer of that kind is.
        shown: as printed.
        box: left, top, right, bottom as fractions of the page.
        repaired: a sign of it was put right.
    """

    kind: str
    value: str
    shown: str
    box: tuple[float, float, float, float]
    repaired: bool = False


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One captured page; its pictures are parts of the draft (`page_parts`).

    Attributes:
        sha256, size_bytes: of the page as it goes into the dossier.
        encoding: ``g4`` or ``jpeg``.
        corners: of the sheet in the picture as taken, x and y in turn, as fractions; empty: the whole picture.
        corners_by_hand: the clerk put them there.
        degrees: turned clockwise from how it lay.
        remarks, grave, kept: see `contracts.desk_api.clerk.PageView`.
        likeness: to notice the same page a second time; hexadecimal.
        alterable: the picture as taken is still in the draft.
        found, looks_like: what was read on it.
    """

    page: LetterId
    attachment: str
    taken_at: UnixMs
    sha256: str
    size_bytes: int
    encoding: str = "jpeg"
    width_px: int = 0
    height_px: int = 0
    width_mm: float = 0.0
    height_mm: float = 0.0
    corners: list[float] = []
    corners_by_hand: bool = False
    degrees: int = 0
    remarks: list[str] = []
    grave: list[str] = []
    kept: KeptBecause | None = None
    likeness: str = ""
    alterable: bool = False
    redacted: bool = False
    found: list[FoundFacts] = []
    looks_like: str = ""


STILL, SEEN, WORDS = "-s", "-v", "-w"
"""What follows a page's id in the names of its parts: as taken, as the clerk looks at it, what was read on it."""


def page_parts(page: str) -> tuple[str, ...]:
    """Names of the draft's parts of one page; its own name is the page as it goes into the dossier."""
    return page, page + STILL, page + SEEN, page + WORDS


class PenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the citizen signed on the screen: lines, and nothing of how they came about.

    Attributes:
        strokes: in pen units, points at equal distances along each line.
        drawn_ms: when the whole of it was handed over.
        shown_sha256: of the summary, as a PDF without a signature, whose words were shown.
    """

    strokes: list[list[tuple[int, int]]]
    drawn_ms: UnixMs
    shown_sha256: str

    def __repr__(self) -> str:
        return "PenFacts()"


class NoticeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A notice on the use of data (GDPR art. 13), as it stood when the citizen sat down.

    Attributes:
        notice: ``id@version``.
        sha256: of its file in the catalogue.
    """

    notice: str
    body: str
    version: str
    sha256: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of the card conversation."""

    code: str
    ratio: float | None = None
    name: str = ""


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of the citizen's case, from sitting down to the sealed letter.

    Attributes:
        letter: id of the letter this sitting may become; decided at the start, so that a crash makes no second.
        notices: what is to be told; decided at the start, so that a draft keeps the version it was begun under.
        card: a card lies on the reader.
        carried: codice fiscale scanned from a Tessera Sanitaria; proves nothing.
        resume: stage to go on with once the citizen of a reopened draft is identified again.
        catalogue: version of the catalogue the practice was chosen from; 0 = the software's own. A draft keeps it.
        step: the page of questions that is open; `reached` is the furthest one.
        answers: canonical where read, as typed where refused (then `problems` says so).
        from_card: fields filled from the card and not touched since.
        auto: the paper that is photographed by itself as soon as it lies still.
        pending: ``page`` or ``print`` while a device works on it.
        trouble: what stopped the last act.
        attested_by: pseudonym of the clerk who took the signature.
    """

    v: Annotated[int, Meta(ge=1, le=1)] = 1
    sitting: LetterId
    letter: LetterId
    number: str
    began_ms: UnixMs
    changed_ms: UnixMs
    time_trusted: bool
    stage: Stage = Stage.INFORM
    notices: list[NoticeFacts] = []
    notice_printed: bool = False
    informed: NoticeWay | None = None
    informed_ms: UnixMs | None = None
    card: bool = False
    carried: str = ""
    reading: Reading | None = None
    citizen: Citizen | None = None
    verdict: VerdictFacts | None = None
    identified: Identified | None = None
    identified_ms: UnixMs | None = None
    by_sight_reason: str = ""
    resume: Stage | None = None
    catalogue: int = 0
    practice_key: str = ""
    practice_name: str = ""
    step: int = 0
    reached: int = 0
    answers: Answers = {}
    problems: list[FieldProblem] = []
    from_card: list[str] = []
    pages: list[PageFacts] = []
    auto: str = ""
    read_back_sha256: str = ""
    read_back_ms: UnixMs | None = None
    summary_printed: bool = False
    signature: SignatureWay | None = None
    pen: PenFacts | None = None
    cause: str = ""
    signed_ms: UnixMs | None = None
    attested_by: str = ""
    saved_ms: UnixMs | None = None
    laid_aside: bool = False
    pending: str = ""
    trouble: Problem | None = None


# ---- what happens ----------------------------------------------------------------------------------------


class Event(msgspec.Struct, frozen=True):
    """Something that happened, asked for by the clerk or told by a device."""


class NoticeWanted(Event, frozen=True):
    """Print the full text of the notices."""


class NoticePrinted(Event, frozen=True):
    """The printer itself says so."""


class Informed(Event, frozen=True):
    """The citizen was told what happens to their data."""

    how: NoticeWay


class CodeEntered(Event, frozen=True):
    """The clerk typed the code printed on the card. Secrets pass through and are never kept."""

    can: str | None = None
    mrz: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "CodeEntered()"


class ContactWanted(Event, frozen=True):
    """Read a card that needs no code. The PIN, where its holder typed one, passes through and is never kept."""

    pin: str | None = None

    def __repr__(self) -> str:
        return "ContactWanted()"


class DocumentWanted(Event, frozen=True):
    """The clerk laid a document under the camera: what is printed on it opens its chip, or says whose it is."""


class DocumentSeen(Event, frozen=True):
    """What the camera read: the printed lines, or the codice fiscale of a Tessera Sanitaria. Passes through like a code."""

    mrz: tuple[str, ...] = ()
    codice_fiscale: str = ""

    def __repr__(self) -> str:
        return "DocumentSeen()"


class CarriedNoticed(Event, frozen=True):
    """A Tessera Sanitaria was held before the code scanner."""

    codice_fiscale: str

    def __repr__(self) -> str:
        return "CarriedNoticed()"


class SeenBySight(Event, frozen=True):
    """The clerk identified by a document without a usable chip."""

    citizen: Citizen
    reason: str


class CardNoticed(Event, frozen=True):
    """A card came or went."""

    present: bool


class ReadingProgressed(Event, frozen=True):
    """The card conversation moved on."""

    reading: Reading


class CardRead(Event, frozen=True):
    """The reading is over and judged; `citizen` is None when the data cannot be believed at all."""

    citizen: Citizen | None
    verdict: VerdictFacts


class ReadFailed(Event, frozen=True):
    """The reading did not come to an end."""

    trouble: Problem


class Compared(Event, frozen=True):
    """The clerk compared the photo with the person."""

    same: bool


class Chosen(Event, frozen=True):
    """A practice of the catalogue, by key."""

    practice: str


class StepSaved(Event, frozen=True):
    """Answers of the open step."""

    step: str
    answers: Answers
    then: Direction


class StepOpened(Event, frozen=True):
    """Back to a step; empty means the papers."""

    step: str


class PageWanted(Event, frozen=True):
    """Capture what lies under the camera, as page `page`; `instead_of` goes when it is there."""

    page: str
    attachment: str
    instead_of: str = ""


class PageTaken(Event, frozen=True):
    """The page is in the draft."""

    facts: PageFacts
    instead_of: str = ""


class PageAltered(Event, frozen=True):
    """The page was made anew from the same picture."""

    facts: PageFacts


class PageFailed(Event, frozen=True):
    """No picture, or no page made of it."""

    trouble: Problem


class PageRead(Event, frozen=True):
    """What stands on a page; `sha256` is of the page that was read."""

    page: str
    sha256: str
    found: tuple[FoundFacts, ...] = ()
    looks_like: str = ""

    def __repr__(self) -> str:
        return "PageRead()"


class PageRemoved(Event, frozen=True):
    """Take a page out."""

    page: str


class PageKept(Event, frozen=True):
    """Keep a page that is not as it should be."""

    page: str
    because: KeptBecause


class PageMoved(Event, frozen=True):
    """One place up or down among the pages of its paper."""

    page: str
    up: bool


class PageTurned(Event, frozen=True):
    """A quarter clockwise."""

    page: str


class PageShaped(Event, frozen=True):
    """The clerk's own corners, x and y in turn."""

    page: str
    corners: tuple[float, ...]


class PageRedacted(Event, frozen=True):
    """Blacken these places."""

    page: str
    boxes: tuple[tuple[float, float, float, float], ...]


class FindingUsed(Event, frozen=True):
    """Put what was read on a page into the form."""

    page: str
    number: int


class AutoSwitched(Event, frozen=True):
    """Photograph this paper by itself; empty: none."""

    attachment: str


class PagesDone(Event, frozen=True):
    """No more papers."""


class ReadBackConfirmed(Event, frozen=True):
    """The citizen heard it and confirmed; `sha256` is of what was shown."""

    sha256: str


class SummaryWanted(Event, frozen=True):
    """Print the summary."""


class SummaryPrinted(Event, frozen=True):
    """The printer itself says so."""


class PrintFailed(Event, frozen=True):
    """Not printed."""

    trouble: Problem


class PenDrawn(Event, frozen=True):
    """The citizen signed on the screen, under the summary of this SHA-256. Strokes as they came pass through."""

    strokes: tuple[tuple[tuple[int, int], ...], ...]
    shown_sha256: str

    def __repr__(self) -> str:
        return "PenDrawn()"


class PenErased(Event, frozen=True):
    """Sign again: what was drawn goes."""


class Signed(Event, frozen=True):
    """How the citizen signed, before this clerk."""

    way: SignatureWay
    cause: str


class SealWanted(Event, frozen=True):
    """Seal and store."""


class Sealed(Event, frozen=True):
    """The letter is in the outbox, durably."""


class SealFailed(Event, frozen=True):
    """It is not; nothing is half done."""

    trouble: Problem


class Finished(Event, frozen=True):
    """The citizen goes."""


class LaidAside(Event, frozen=True):
    """Later."""


class Abandoned(Event, frozen=True):
    """End and erase."""

    reason: str


# ---- what is asked for -----------------------------------------------------------------------------------


class Act(msgspec.Struct, frozen=True):
    """Something hands must do; its outcome comes back as an event."""


class ReadCard(Act, frozen=True):
    """Read with this code. `awaited`: the card may still have to come, from under the camera to the reader."""

    can: str | None
    mrz: tuple[str, ...]
    awaited: bool = False

    def __repr__(self) -> str:
        return "ReadCard()"


class ReadContact(Act, frozen=True):
    """Read a card that needs no code."""

    pin: str | None

    def __repr__(self) -> str:
        return "ReadContact()"


class ReadDocument(Act, frozen=True):
    """Look at the document under the camera. Its picture is not kept."""


class TakePage(Act, frozen=True):
    """Capture a page into the draft."""

    page: str
    attachment: str
    instead_of: str = ""


class AlterPage(Act, frozen=True):
    """Make a page anew: from the picture as taken, or blackened from the page itself."""

    facts: PageFacts
    boxes: tuple[tuple[float, float, float, float], ...] = ()


class ReadPage(Act, frozen=True):
    """Read what stands on a page, when there is time."""

    page: str


class PrintNotice(Act, frozen=True):
    """Print the full text of the notices."""


class PrintSummary(Act, frozen=True):
    """Print what the citizen will sign."""


class Seal(Act, frozen=True):
    """Make the dossier, seal it, put it into the outbox."""


class ErasePart(Act, frozen=True):
    """A part of the draft is not needed any more."""

    part: str


class EraseDraft(Act, frozen=True):
    """Nothing of this sitting stays here."""


class KeepDraft(Act, frozen=True):
    """The sitting leaves the desk; its draft stays, as `state`."""

    state: Sitting
