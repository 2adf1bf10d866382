"""The clerk's door of the desk: everything the face may ask, and everything it may see.

One request, one answer. Every request that changes something carries `once`, a token the
page made when it was drawn: the second click gets the first answer. Most calls answer with
the whole `DeskView`, so the page is always a mirror and never a memory.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from contracts.errors import Problem
from contracts.identity import LetterId
from contracts.messages.letters import LetterRow as LetterRow  # noqa: PLC0414 - one of this door's answers
from contracts.messages.report import Short, UnixMs
from contracts.practices.model import Answers, Attachment, Deadline, Field, Step

Token = Annotated[str, Meta(min_length=16, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Value = Annotated[str, Meta(max_length=400)]


class Stage(enum.StrEnum):
    """Where a sitting is. The desk's table of transitions is the law; this is its vocabulary."""

    INFORM = "inform"
    """Before anything is captured, the citizen is told what happens to their data (GDPR art. 13)."""
    CARD = "card"
    """Waiting for the card and its code."""
    READING = "reading"
    """The card is being read."""
    COMPARE = "compare"
    """The verdict is there; the clerk compares the photo with the person."""
    CHOOSE = "choose"
    """Which practice?"""
    FORM = "form"
    """A step of questions."""
    PAGES = "pages"
    """Papers under the camera."""
    READ_BACK = "read_back"
    """The citizen hears and confirms what was written."""
    SIGN = "sign"
    """Summary printed, citizen signs, clerk attests."""
    SEALING = "sealing"
    """The dossier is being sealed and stored."""
    DONE = "done"
    """The letter is in the outbox; the receipt can be printed."""


class VerdictKind(enum.StrEnum):
    """Of identity. Only `VERIFIED` is green."""

    VERIFIED = "verified"
    CHIP_UNPROVEN = "chip_unproven"
    NOT_VERIFIED = "not_verified"
    REFUSED = "refused"


class Identified(enum.StrEnum):
    """How the citizen was identified, as the dossier says it (CAD art. 65, DPR 445/2000 art. 38)."""

    BY_CHIP = "by_chip"
    BY_SIGHT = "by_sight"
    """By the clerk from a document, where the chip could not be verified: said in the dossier."""


class SignatureWay(enum.StrEnum):
    """How the citizen signs."""

    PAPER = "paper"
    """The printed summary is signed and captured."""
    PEN = "pen"
    """Signed by hand on the desk's screen. The line is kept; when and how fast it was drawn is not."""
    CANNOT_SIGN = "cannot_sign"
    """Impediment to signing: the clerk collects the declaration (DPR 445/2000 art. 4)."""


class NoticeWay(enum.StrEnum):
    """How the citizen was told what happens to their data."""

    READ = "read"
    """Read aloud by the clerk."""
    HANDED = "handed"
    """The printed full text was handed over."""


# --- What the clerk sees ---------------------------------------------------------------


class ClerkView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is logged in."""

    name: Short
    idle_lock_s: int


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A device as a light on the page: `condition` gives the colour, `code` the sentence."""

    kind: Short
    condition: Short
    code: Short = ""
    since: UnixMs | None = None


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict, at most four plain lines, and what was not checked."""

    kind: VerdictKind
    code: Short
    title: Short
    lines: list[Short]
    unchecked: list[Short] = []
    technical: list[Short] = []


class CitizenView(msgspec.Struct, frozen=True, kw_only=True):
    """What the clerk needs to know who is here. Empty strings where the card says nothing."""

    surname: Short
    name: Short
    birth_date: Short
    codice_fiscale: Short = ""
    document_number: Short = ""
    document_expiry: Short = ""
    has_photo: bool = False


class CarriedView(msgspec.Struct, frozen=True, kw_only=True):
    """The codice fiscale scanned from a Tessera Sanitaria. It proves nothing; it spares typing and it is compared.

    Attributes:
        agrees: with the chip's; None while there is nothing to compare with.
    """

    codice_fiscale: Short
    agrees: bool | None = None


class ReadingView(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of the card conversation; `ratio` from 0 to 1 where it is known.

    Attributes:
        name: surname and name as soon as they are read; nobody has vouched for them yet.
    """

    code: Short
    ratio: float | None = None
    name: Short = ""


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one answer: a stable code the page has a sentence for."""

    field: Short
    index: int = 0
    code: Short
    facts: dict[str, str | int] = {}


class FormView(msgspec.Struct, frozen=True, kw_only=True):
    """The step to be filled: its words, the fields asked, the answers so far, the problems.

    Attributes:
        number: of this step, from 1.
        of: how many steps of questions there are.
        answers: as the clerk typed them if refused, else canonical.
        from_card: names of fields filled from the card and not touched since.
        good_to_know: before the first question, what the clerk should know of this practice today.
    """

    step: Step
    fields: list[Field]
    number: int
    of: int
    answers: Answers
    problems: list[FieldProblem] = []
    from_card: list[Short] = []
    good_to_know: list[str] = []


class KeptBecause(enum.StrEnum):
    """Why a page that is not as it should be is kept all the same; the dossier says it."""

    ORIGINAL_IS_SO = "original_is_so"
    """The paper itself is torn, pale, stained."""
    NO_BETTER = "no_better"
    """It was tried again and does not get better."""
    COMPLETE = "complete"
    """Nothing that matters is missing or illegible."""


class Fit(enum.StrEnum):
    """How something read on a page stands to the form."""

    SAME = "same"
    OTHER = "other"
    """The form says something else."""
    NEW = "new"
    """The form says nothing yet."""


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something read on a page that the form asks for too. Nobody but the clerk puts it there.

    Attributes:
        number: of this finding, for `use_finding`.
        shown: as a person reads it, in the same form as `written`.
        label: of the form's field it fits; `written` is what stands there now.
        fit: see `Fit`.
        box: left, top, right, bottom as fractions of the page.
        repaired: a sign was not plain and was put right so that the number's own check holds; the clerk looks twice.
    """

    number: int
    kind: Short
    shown: Value
    label: Short
    written: Value = ""
    fit: Fit
    box: tuple[float, float, float, float]
    repaired: bool = False


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """A captured page.

    Attributes:
        remarks: codes of quality the clerk should look at.
        grave: those of them for which the page must be taken again, or kept with a reason.
        kept: that reason.
        alterable: the picture is still there as it was taken: corners and turns can be changed.
        corners: of the sheet in that picture, as fractions, clockwise from the top left; empty: all of it is the page.
        redacted: something was blackened; it is gone for good.
        looks_like: what kind of paper it seems to be, where that is not the one that was asked for.
        findings: see `FindingView`.
    """

    page: LetterId
    attachment: Short
    taken_at: UnixMs
    remarks: list[Short] = []
    grave: list[Short] = []
    kept: KeptBecause | None = None
    alterable: bool = False
    corners: list[tuple[float, float]] = []
    redacted: bool = False
    looks_like: Short = ""
    findings: list[FindingView] = []


class PagesView(msgspec.Struct, frozen=True, kw_only=True):
    """Papers expected and pages taken.

    Attributes:
        auto: the paper that is photographed by itself as soon as it lies still; empty: only when the clerk says so.
        last_step: the step of questions before the papers.
    """

    expected: list[Attachment]
    pages: list[PageView]
    missing: list[Short] = []
    auto: Short = ""
    last_step: Short = ""


class ReadBackLine(msgspec.Struct, frozen=True, kw_only=True):
    """One fact the citizen hears: label, value as spoken, and the step where it is corrected."""

    label: Short
    value: Value
    step: Short


class DeadlineRisk(enum.StrEnum):
    """Whether a last day will be met."""

    NONE = "none"
    NEAR = "near"
    """Within two weeks."""
    ROAD = "road"
    """The line is away, and may come back too late."""
    PASSED = "passed"


class DeadlineView(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest deadline of this practice. `days_left` is negative when it has passed.

    Attributes:
        risk: see `DeadlineRisk`.
        elsewhere: where else the case can be presented; only where the road may come too late.
    """

    deadline: Deadline
    day: Short
    days_left: int
    risk: DeadlineRisk = DeadlineRisk.NONE
    elsewhere: list[str] = []


PEN_WIDTH: Final = 2000
PEN_HEIGHT: Final = 800
"""Sides of the place to sign, in pen units; an A4 sheet shows it 80 mm wide."""
PEN_STEP: Final = 10
"""Pen units between two points of a line, along the line: what was drawn is told apart from when it was drawn."""
PEN_SHORTEST: Final = 240
"""Pen units of line in a signature, about a centimetre on paper; less is a slip of the hand."""
MAX_STROKES: Final = 64
MAX_PEN_POINTS: Final = 4000
"""In all strokes together."""


class PenView(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed on the screen, as lines: SVG path data in a box of `width` by `height` pen units."""

    paths: list[str]
    width: int = PEN_WIDTH
    height: int = PEN_HEIGHT


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told before anything is captured.

    Attributes:
        spoken: read aloud, one text for each body.
        titles: of the full texts, with their versions.
        printed: the full text came out of the printer in this sitting.
    """

    spoken: list[str]
    titles: list[str]
    printed: bool = False


class SittingView(msgspec.Struct, frozen=True, kw_only=True):
    """The citizen at the desk.

    Attributes:
        may: names of the door's calls that the stage allows now.
        trouble: what stopped the last act, until the next act succeeds.
    """

    sitting: LetterId
    stage: Stage
    number: Short
    may: list[Short]
    notice: NoticeView | None = None
    citizen: CitizenView | None = None
    identified: Identified | None = None
    verdict: VerdictView | None = None
    reading: ReadingView | None = None
    carried: CarriedView | None = None
    practice_key: Short = ""
    practice_name: Short = ""
    form: FormView | None = None
    pages: PagesView | None = None
    read_back: list[ReadBackLine] = []
    declarations: list[str] = []
    deadline: DeadlineView | None = None
    signature: SignatureWay | None = None
    pen: PenView | None = None
    summary_printed: bool = False
    saved_at: UnixMs | None = None
    letter: LetterRow | None = None
    trouble: Problem | None = None


class DraftRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sitting laid aside. The clerk sees a name to find it by, nothing more."""

    draft: LetterId
    number: Short
    citizen: Short
    practice_name: Short
    changed_at: UnixMs
    erased_after: UnixMs


class PracticeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A practice that can be begun today. `area` is a value of `contracts.practices.model.Area`."""

    key: Short
    area: Short = ""
    name: Short
    summary: str
    who: str
    body: Short


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """The road to the fleet, as the agent told it."""

    connected: bool
    heard_s: int | None = None
    waiting: int = 0
    oldest_s: int = 0
    waiting_why: Short = ""


class DeskView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole desk at one revision.

    Attributes:
        revision: grows with every change; ask `watch` for the next.
        clerk: None while nobody is logged in; then nothing of a citizen is in the view.
        quiet: the desk is held quiet for maintenance; a sitting cannot begin.
        clock_code: empty, or why the clock is not trusted.
    """

    revision: int
    site: Short
    software: Short
    clerk: ClerkView | None = None
    locked: bool = False
    quiet: bool = False
    clock_code: Short = ""
    devices: list[DeviceView] = []
    line: LineView
    sitting: SittingView | None = None
    drafts: int = 0


# --- What the clerk may ask ------------------------------------------------------------


class Knock(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before anybody logs in: lights, clerks' names."""


class Reception(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a knock. `clerks` are user names; empty means the first PIN must be set."""

    desk: DeskView
    clerks: list[Short]


class FirstClerk(msgspec.Struct, frozen=True, kw_only=True):
    """Make the first clerk of a new box. Refused once there is one.

    `voucher` is printed on the hand-over sheet by provisioning.
    """

    user: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9.]{1,31}$")]
    name: Annotated[str, Meta(min_length=2, max_length=60)]
    pin: Annotated[str, Meta(pattern=r"^[0-9]{6,12}$")]
    voucher: Annotated[str, Meta(max_length=64)]


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A clerk's user name and PIN."""

    user: Annotated[str, Meta(max_length=32)]
    pin: Annotated[str, Meta(max_length=12)]


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The session token. It lives in the clerk's cookie and in the desk's memory only."""

    token: Token
    desk: DeskView


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question by a logged-in clerk."""

    token: Token


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A change by a logged-in clerk. The same `once` again gives the first answer again."""

    token: Token
    once: Token


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Answer when the desk is past `revision`, or after `wait_s` with the same."""

    token: Token | None = None
    revision: int
    wait_s: Annotated[float, Meta(ge=0, le=25)] = 20


class GiveNotice(Act, frozen=True, kw_only=True):
    """The clerk says that the citizen was told what happens to their data, and how."""

    how: NoticeWay


class EnterCode(Act, frozen=True, kw_only=True):
    """The code printed on the card: six digits of the CAN, or the lines of the MRZ."""

    can: Annotated[str, Meta(pattern=r"^[0-9]{6}$")] | None = None
    mrz: list[Annotated[str, Meta(max_length=44)]] = []


class ReadContact(Act, frozen=True, kw_only=True):
    """Read a TS-CNS, for which no code is needed. Its holder may type the PIN; it is used once and kept nowhere."""

    pin: Annotated[str, Meta(pattern=r"^[0-9]{5,8}$")] | None = None

    def __repr__(self) -> str:
        return "ReadContact()"


class BySight(Act, frozen=True, kw_only=True):
    """Identify by a document without a usable chip: the clerk types who it is, and says why."""

    surname: Annotated[str, Meta(min_length=1, max_length=60)]
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    birth_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    codice_fiscale: Annotated[str, Meta(pattern=r"^[A-Z0-9]{16}$")]
    document_kind: Annotated[str, Meta(pattern=r"^(cie|passaporto|patente|permesso_soggiorno)$")]
    document_number: Annotated[str, Meta(min_length=4, max_length=20)]
    reason: Annotated[str, Meta(pattern=r"^(no_chip|chip_unreadable|reader_out_of_order|no_photo)$")]


class SamePerson(Act, frozen=True, kw_only=True):
    """The clerk's comparison of photo and person."""

    same: bool


class Choose(Act, frozen=True, kw_only=True):
    """Begin a practice."""

    practice: Short


class Direction(enum.StrEnum):
    """Where to go after saving a step."""

    NEXT = "next"
    BACK = "back"
    STAY = "stay"


class SaveStep(Act, frozen=True, kw_only=True):
    """Answers of one step as typed. They are kept even when some are refused."""

    step: Short
    answers: dict[Annotated[str, Meta(max_length=40)], Annotated[list[Value], Meta(max_length=20)]]
    then: Direction = Direction.NEXT


class GoToStep(Act, frozen=True, kw_only=True):
    """Back to a step to correct it; an empty `step` means the papers."""

    step: Short = ""


class TakePage(Act, frozen=True, kw_only=True):
    """Capture what lies under the camera now. ``signature`` is the signed summary.

    Attributes:
        instead_of: the page that this one replaces, in its place; it goes only when the new one is there.
    """

    attachment: Short
    instead_of: LetterId | None = None


class AutoTake(Act, frozen=True, kw_only=True):
    """Photograph this paper by itself as soon as it lies still; empty: no more."""

    attachment: Short = ""


class PageAct(Act, frozen=True, kw_only=True):
    """Something to do with one captured page."""

    page: LetterId


class KeepPage(PageAct, frozen=True, kw_only=True):
    """Keep a page that is not as it should be, and say why."""

    because: KeptBecause


class MovePage(PageAct, frozen=True, kw_only=True):
    """One place up or down among the pages of its paper."""

    up: bool


Fraction = Annotated[float, Meta(ge=-0.5, le=1.5)]
"""Of a picture's width or height; a corner may lie a little outside."""
Part = Annotated[float, Meta(ge=0, le=1)]
"""Of a page's width or height."""


class ShapePage(PageAct, frozen=True, kw_only=True):
    """The clerk's own four corners of the sheet, in the picture as it was taken, clockwise from the top left."""

    corners: Annotated[list[tuple[Fraction, Fraction]], Meta(min_length=4, max_length=4)]


class RedactPage(PageAct, frozen=True, kw_only=True):
    """Blacken places (left, top, right, bottom) for good: what lies under them is not kept anywhere."""

    boxes: Annotated[list[tuple[Part, Part, Part, Part]], Meta(min_length=1, max_length=20)]


class UseFinding(PageAct, frozen=True, kw_only=True):
    """Put what was read on a page into the form; clerk and citizen have looked at it."""

    number: Annotated[int, Meta(ge=0, le=99)]


class ConfirmReadBack(Act, frozen=True, kw_only=True):
    """The citizen confirmed what was read aloud."""


PenX = Annotated[int, Meta(ge=0, le=PEN_WIDTH)]
PenY = Annotated[int, Meta(ge=0, le=PEN_HEIGHT)]
Stroke = Annotated[list[tuple[PenX, PenY]], Meta(min_length=1, max_length=MAX_PEN_POINTS)]


class DrawSignature(Act, frozen=True, kw_only=True):
    """The citizen signed on the screen, under the summary whose words the page showed.

    Attributes:
        shown_sha256: of that summary, from `SummaryWords`; refused when it is another one by now.
        strokes: in pen units, from the left and from the top. An empty list is a signature that is too small.
    """

    shown_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    strokes: Annotated[list[Stroke], Meta(max_length=MAX_STROKES)]

    def __repr__(self) -> str:
        return "DrawSignature()"


class Sign(Act, frozen=True, kw_only=True):
    """How the citizen signed. `cause` is required where they could not."""

    way: SignatureWay
    cause: Annotated[str, Meta(max_length=120)] = ""


class Abandon(Act, frozen=True, kw_only=True):
    """End the sitting and erase it."""

    reason: Annotated[str, Meta(pattern=r"^(citizen_left|not_the_person|mistake|other)$")]


class OpenDraft(Act, frozen=True, kw_only=True):
    """Take up a sitting laid aside. The citizen is identified again first where a card served."""

    draft: LetterId


class LetterQuestion(Ask, frozen=True, kw_only=True):
    """About one letter."""

    letter: LetterId


class LetterAct(Act, frozen=True, kw_only=True):
    """Something to do with one letter."""

    letter: LetterId


class PictureQuestion(Ask, frozen=True, kw_only=True):
    """A picture: ``photo`` (from the chip), ``preview`` (live), a captured page's id, or that with ``-s``: as taken."""

    which: Annotated[str, Meta(max_length=40)]


class LiveQuestion(Ask, frozen=True, kw_only=True):
    """The next live picture after number `after`; answered when there is one, or after `wait_s` with none."""

    after: Annotated[int, Meta(ge=0)] = 0
    wait_s: Annotated[float, Meta(ge=0, le=5)] = 2


class LivePicture(msgspec.Struct, frozen=True, kw_only=True):
    """One live picture (JPEG); empty `data` when none came."""

    number: int
    data: bytes = b""


class LookView(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen under the camera now.

    Attributes:
        number: grows with every look.
        corners: of the sheet, as fractions of the live picture, clockwise from the top left; empty where there is none.
        hint: code of the one sentence that helps now.
        steady: from 0 to 1, how near a page is to being photographed by itself.
    """

    number: int
    corners: list[tuple[float, float]] = []
    hint: Short = ""
    steady: float = 0.0


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """JPEG or PNG bytes, never stored by the face."""

    media_type: Short
    data: bytes


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A PDF to be looked at or printed."""

    title: Short
    data: bytes


class SummaryFact(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as the summary says it."""

    label: str
    value: str


class SummarySection(msgspec.Struct, frozen=True, kw_only=True):
    """A heading of the summary with its answers, or with its sentences."""

    title: str
    facts: list[SummaryFact] = []
    sentences: list[str] = []


class SummaryWords(msgspec.Struct, frozen=True, kw_only=True):
    """The words of the summary, in order, for who reads it on the screen before signing.

    Attributes:
        sha256: of the summary's PDF, without a signature; it holds the same words.
        confirmed: what stands above the signature.
    """

    sha256: Short
    heading: list[str]
    sections: list[SummarySection]
    confirmed: str


class Practices(msgspec.Struct, frozen=True, kw_only=True):
    """What can be begun today."""

    practices: list[PracticeRow]


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    """Letters of this desk, newest first."""

    letters: list[LetterRow]


class Drafts(msgspec.Struct, frozen=True, kw_only=True):
    """Sittings laid aside, newest first."""

    drafts: list[DraftRow]


class ClerkDoor(Protocol):
    """What the clerk's face may ask. All may raise `PueError` with a stable code."""

    def knock(self, request: Knock) -> Reception: ...

    def first_clerk(self, request: FirstClerk) -> Welcome: ...

    def login(self, request: Login) -> Welcome: ...

    def logout(self, request: Ask) -> Knock: ...

    def lock(self, request: Ask) -> DeskView: ...

    def look(self, request: Ask) -> DeskView: ...

    def stay(self, request: Ask) -> DeskView:
        """The clerk is at work though nothing changes (reading aloud, typing): the lock is put off."""
        ...

    def watch(self, request: Watch) -> DeskView: ...

    def begin(self, request: Act) -> DeskView: ...

    def print_notice(self, request: Act) -> DeskView:
        """The full text of what is to be told, on A4."""
        ...

    def give_notice(self, request: GiveNotice) -> DeskView: ...

    def enter_code(self, request: EnterCode) -> DeskView: ...

    def show_document(self, request: Act) -> DeskView:
        """Read what is printed on the document under the camera: its lines open the chip, a Tessera Sanitaria is told of."""
        ...

    def read_contact(self, request: ReadContact) -> DeskView: ...

    def by_sight(self, request: BySight) -> DeskView: ...

    def same_person(self, request: SamePerson) -> DeskView: ...

    def practices(self, request: Ask) -> Practices: ...

    def choose(self, request: Choose) -> DeskView: ...

    def save_step(self, request: SaveStep) -> DeskView: ...

    def go_to_step(self, request: GoToStep) -> DeskView: ...

    def take_page(self, request: TakePage) -> DeskView: ...

    def auto_take(self, request: AutoTake) -> DeskView: ...

    def remove_page(self, request: PageAct) -> DeskView: ...

    def keep_page(self, request: KeepPage) -> DeskView: ...

    def move_page(self, request: MovePage) -> DeskView: ...

    def turn_page(self, request: PageAct) -> DeskView:
        """A quarter clockwise."""
        ...

    def shape_page(self, request: ShapePage) -> DeskView: ...

    def redact_page(self, request: RedactPage) -> DeskView: ...

    def use_finding(self, request: UseFinding) -> DeskView: ...

    def pages_done(self, request: Act) -> DeskView: ...

    def confirm_read_back(self, request: ConfirmReadBack) -> DeskView: ...

    def print_summary(self, request: Act) -> DeskView: ...

    def draw_signature(self, request: DrawSignature) -> DeskView: ...

    def erase_signature(self, request: Act) -> DeskView:
        """What was signed on the screen goes; the citizen signs again, one way or the other."""
        ...

    def sign(self, request: Sign) -> DeskView: ...

    def seal(self, request: Act) -> DeskView: ...

    def print_receipt(self, request: LetterAct) -> DeskView: ...

    def finish(self, request: Act) -> DeskView: ...

    def lay_aside(self, request: Act) -> DeskView: ...

    def abandon(self, request: Abandon) -> DeskView: ...

    def drafts(self, request: Ask) -> Drafts: ...

    def open_draft(self, request: OpenDraft) -> DeskView: ...

    def letters(self, request: Ask) -> Letters: ...

    def notice_paper(self, request: Ask) -> Paper: ...

    def summary_paper(self, request: Ask) -> Paper: ...

    def summary_words(self, request: Ask) -> SummaryWords: ...

    def receipt_paper(self, request: LetterQuestion) -> Paper: ...

    def picture(self, request: PictureQuestion) -> Picture: ...

    def live(self, request: LiveQuestion) -> LivePicture: ...

    def sight(self, request: LiveQuestion) -> LookView: ...
