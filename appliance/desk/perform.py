"""The desk's hands: carry out what the sitting asks for, each device on its own worker, and tell what came of it.

Nothing here decides. An act's outcome comes back as an event; an exception of a device is an outcome too.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.desk import dossier, receipts
from appliance.desk import sitting as words
from appliance.desk.belongings import Sealing
from appliance.desk.focusing import Focusing
from appliance.desk.pages import Pages
from appliance.desk.reading import read_card
from appliance.desk.session import PHOTO
from appliance.desk.signing import SummaryChanged
from appliance.desk.summary_words import CONFIRMED, heading, sections
from appliance.desk.views import SIGNED_SUMMARY, deadline
from appliance.desk.wording import ROME
from appliance.devices.printer.port import JobState, Paper, PrinterTooSlow, PrintJob
from appliance.runtime.files import storage_error
from appliance.runtime.workers import Worker, WorkerError, WorkerGroup
from contracts.desk_api.clerk import SignatureWay, SummaryWords
from contracts.envelope import seal
from contracts.errors import PueError, WhoCanAct
from contracts.identity import fingerprint
from contracts.messages.letters import RESERVED, Label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.capture.leaf import Leaf
    from appliance.desk.sitting import Act, Event, Sitting
    from appliance.desk.trust import Believed
    from appliance.devices.camera.port import Camera
    from appliance.devices.card_reader.port import CardReader
    from appliance.devices.printer.port import Printer
    from appliance.devices.printer.receipt import ReceiptDocument
    from appliance.outbox.store import Outbox
    from appliance.runtime.clock import Clock
    from contracts.messages.enrolment import Belongings
    from contracts.practices.model import Practice
    from contracts.practices.notice import Notice

log = logging.getLogger(__name__)

# What makes PDFs is loaded at the first one: half of what a desk would otherwise do before it opens its doors.

PRINT_LIMIT_S: Final = 35.0
CARD_LOOK_S: Final = 0.5
CARD_COMES_WITHIN_S: Final = 40.0
"""A document is taken from under the camera and laid on the reader; afterwards the way with typed lines is open again."""
RESERVED_NAME: Final = "Pratica riservata"
"""What the clerk's list of letters says where a label says `RESERVED`."""


class HandsFailed(PueError):
    """Something in the desk itself went wrong; the act was not done."""

    code = "desk.failed"
    who = WhoCanAct.TECHNICIAN


class Tell(Protocol):
    """How an outcome reaches the sitting: with bytes for the draft, if there are some."""

    def __call__(self, sitting: str, event: Event, parts: Mapping[str, bytes] | None = None) -> None: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tools:
    """What the hands work with."""

    reader: CardReader
    camera: Camera
    printer: Printer
    pages: Pages
    outbox: Outbox
    trust: Believed
    clock: Clock
    belongings: Callable[[], Belongings]
    sealing: Callable[[], Sealing]
    practice: Callable[[str], Practice]
    notice: Callable[[str], Notice]
    reads: Callable[[str], bool]
    """Whether that sitting still waits for a card to be read."""
    keep_receipt: Callable[[receipts.ReceiptFacts], None]
    receipt_key: bytes
    software: str


class Hands:
    """Four workers: one for the card, one for camera and dossier, one for the printer, one that reads what pages say.

    Args:
        tools: see `Tools`.
        tell: called on a worker's thread.
    """

    def __init__(self, tools: Tools, tell: Tell) -> None:
        self._tools, self._tell = tools, tell
        self._focusing = Focusing(tools.camera)
        self._card = Worker("desk-card", inbox_size=4)
        self._desk = Worker("desk-dossier", inbox_size=8)
        self._paper = Worker("desk-paper", inbox_size=8)
        self._reader = Worker("desk-reader", inbox_size=64)
        self.workers = WorkerGroup()
        for worker in (self._card, self._desk, self._paper, self._reader):
            self.workers.add(worker)

    def perform(self, state: Sitting, act: Act) -> None:
        """Begin an act; its outcome is told later. An act that cannot even begin has failed."""
        worker, job, failed = {
            words.ReadCard: (self._card, self._read_card, words.ReadFailed),
            words.ReadContact: (self._card, self._read_card, words.ReadFailed),
            words.ReadDocument: (self._desk, self._read_document, words.ReadFailed),
            words.TakePage: (self._desk, self._take_page, words.PageFailed),
            words.AlterPage: (self._desk, self._alter_page, words.PageFailed),
            words.ReadPage: (self._reader, self._read_page, None),
            words.Seal: (self._desk, self._seal, words.SealFailed),
            words.PrintNotice: (self._paper, self._print_notice, words.PrintFailed),
            words.PrintSummary: (self._paper, self._print_summary, words.PrintFailed),
        }[type(act)]

        def work() -> None:
            try:
                job(state, act)
            except PueError as error:
                fail(error)
            except OSError as error:  # a library's own temporary file, most often: the disk is full
                log_slip("the system refused", error)
                fail(storage_error(error, Path("a document"), "write"))
            except Exception as error:  # noqa: BLE001 - a slip of ours must not leave the citizen waiting
                log_slip("act failed", error)
                fail(HandsFailed())

        def fail(error: PueError) -> None:
            if failed is None:  # nobody waits for it
                log.info("%s was not done: %s", type(act).__name__, error.code)
            else:
                self._tell(state.sitting, failed(error.problem()))

        try:
            worker.submit(work)
        except WorkerError as error:
            fail(error)

    # ---- acts

    def _read_card(self, state: Sitting, act: Act) -> None:
        assert isinstance(act, words.ReadCard | words.ReadContact)
        tools = self._tools

        def tell(reading: words.Reading) -> None:
            self._tell(state.sitting, words.ReadingProgressed(reading))

        if isinstance(act, words.ReadCard) and act.awaited and not self._card_comes(state, tell):
            return
        trust = tools.trust.during(state.sitting)
        citizen, verdict, photo = read_card(tools.reader, act, trust, tools.clock, tell)
        if refused := tools.trust.use.code:
            verdict = msgspec.structs.replace(
                verdict, technical=[*verdict.technical, f"published trust refused: {refused}"]
            )
        parts = {} if photo is None else {PHOTO: photo}
        self._tell(state.sitting, words.CardRead(citizen, verdict), parts)

    def _card_comes(self, state: Sitting, tell: Callable[[words.Reading], None]) -> bool:
        """Wait for the card, not longer than its sitting; False: nobody waits any more. One that never came fails the reading."""
        if self._tools.reader.wait_for_card(0):
            return True
        tell(words.Reading(code="card.awaited"))
        until_s = self._tools.clock.monotonic_s() + CARD_COMES_WITHIN_S
        while not self._card.stopping.is_set() and self._tools.reads(state.sitting):
            if self._tools.reader.wait_for_card(CARD_LOOK_S) or self._tools.clock.monotonic_s() >= until_s:
                return True
        return False

    def _read_document(self, state: Sitting, _act: Act) -> None:
        with self._tools.camera.hold("scan"):
            picture = self._tools.camera.still()
        self._tell(state.sitting, self._tools.pages.document(picture))

    def _take_page(self, state: Sitting, act: Act) -> None:
        assert isinstance(act, words.TakePage)
        with self._tools.camera.hold("scan"):
            picture = self._tools.camera.still()
        facts, parts = self._tools.pages.take(state, act, picture, _now_ms(self._tools.clock))
        facts = self._focusing.after(facts)
        self._tell(state.sitting, words.PageTaken(facts, act.instead_of), parts)

    def _alter_page(self, state: Sitting, act: Act) -> None:
        assert isinstance(act, words.AlterPage)
        facts, parts = self._tools.pages.alter(state, act)
        self._tell(state.sitting, words.PageAltered(facts), parts)

    def _read_page(self, state: Sitting, act: Act) -> None:
        assert isinstance(act, words.ReadPage)
        if (event := self._tools.pages.read(state, act.page)) is not None:
            self._tell(state.sitting, event)

    def _print_summary(self, state: Sitting, _act: Act) -> None:
        pdf = self.summary(state)
        wait_printed(self._tools.printer.print_document(pdf, state.number))
        self._tell(state.sitting, words.SummaryPrinted())

    def _print_notice(self, state: Sitting, _act: Act) -> None:
        wait_printed(self._tools.printer.print_document(self.notice(state), "Informativa"))
        self._tell(state.sitting, words.NoticePrinted())

    def _seal(self, state: Sitting, _act: Act) -> None:
        if not self._tools.outbox.has(state.letter):  # a crash after storing must not make a second letter
            self._seal_and_store(state)
        self._tell(state.sitting, words.Sealed())

    def summary(self, state: Sitting) -> bytes:
        """The summary of a sitting as a PDF."""
        from appliance.desk.summary import summary_pdf

        return summary_pdf(state, self._tools.practice(state.practice_key), self._tools.belongings())

    def notice(self, state: Sitting) -> bytes:
        """The full text of the notices this sitting was begun under, as a PDF."""
        from appliance.desk.notice_sheet import notice_pdf

        return notice_pdf([self._tools.notice(one.notice) for one in state.notices])

    def summary_words(self, state: Sitting) -> SummaryWords:
        """The words of that summary, with the fingerprint of the PDF."""
        practice, belongings = self._tools.practice(state.practice_key), self._tools.belongings()
        return SummaryWords(
            sha256=fingerprint(self.summary(state)),
            heading=heading(state, practice, belongings),
            sections=sections(state, practice),
            confirmed=CONFIRMED,
        )

    def print_receipt(self, document: ReceiptDocument, pdf: Callable[[], bytes]) -> None:
        """Print on the roll if there is one, else on A4; returns when the printer says it is printed.

        Raises:
            PrinterError, DeviceDisabled: not printed, or not confirmed.
        """
        printer = self._tools.printer
        if Paper.RECEIPT in printer.papers or not printer.papers:
            wait_printed(printer.print_receipt(document))
        else:
            wait_printed(printer.print_document(pdf(), document.title))

    # ---- the letter

    def _seal_and_store(self, state: Sitting) -> None:
        tools = self._tools
        practice, belongings, sealing = (
            tools.practice(state.practice_key),
            tools.belongings(),
            tools.sealing(),
        )
        parts = self._parts(state, practice)
        content = dossier.pack(dossier.manifest(state, practice, belongings, parts, tools.software), parts)
        sealed = seal(
            content, signer=sealing.key, certificate=sealing.certificate, recipient=sealing.recipient
        )
        taken_at = state.signed_ms or state.changed_ms
        today = tools.clock.now().astimezone(ROME).date()
        view = deadline(practice, state.answers, today)
        label = Label(
            letter=state.letter,
            number=state.number,
            box=belongings.box,
            site=belongings.site.site,
            recipient=fingerprint(_der(sealing)),
            practice=RESERVED if practice.special_category else practice.key,
            taken_at=taken_at,
            time_trusted=state.time_trusted and tools.clock.trusted().trusted,
            deadline=None
            if view is None or practice.special_category
            else end_of_day_ms(dt.date.fromisoformat(view.day)),
            size_bytes=len(sealed),
            sha256=fingerprint(sealed),
        )
        code = receipts.qr_text(belongings.box, state.number, taken_at, tools.receipt_key)
        tools.keep_receipt(receipts.facts_of(state, practice, belongings, parts, view, code))
        # The agent shares this list; of a reserved practice it learns no more than the label says.
        name = RESERVED_NAME if practice.special_category else practice.name
        tools.outbox.add(label, sealed, practice_name=name)

    def _parts(self, state: Sitting, practice: Practice) -> list[dossier.Part]:
        by_pen = state.pen if state.signature is SignatureWay.PEN else None
        plain = self.summary(msgspec.structs.replace(state, pen=None))
        if by_pen is not None and fingerprint(plain) != by_pen.shown_sha256:
            raise SummaryChanged("the summary is not the one that was signed on the screen")
        parts = [dossier.summary_part(plain)]
        papers = {paper.id: paper for paper in (*practice.attachments, SIGNED_SUMMARY)}
        for number, attachment in enumerate(dict.fromkeys(page.attachment for page in state.pages), 1):
            paper = papers[attachment]
            mine = [page for page in state.pages if page.attachment == attachment]
            leaves = [self._tools.pages.leaf(state, page, words=paper.searchable) for page in mine]
            pdf = _one_document(leaves, paper.title)
            parts.append(dossier.attachment_part(number, paper, pdf, mine))
        if by_pen is not None:
            parts.append(dossier.pen_part(self.summary(state)))
        return parts


def _one_document(leaves: list[Leaf], title: str) -> bytes:
    from appliance.capture.document import document_pdf

    return document_pdf(leaves, title=title)


def wait_printed(job: PrintJob) -> None:
    """Return when the printer itself says so.

    Raises:
        PueError: as the job says; `PrinterTooSlow` if it says nothing.
    """
    status = job.wait(PRINT_LIMIT_S)
    if status.state is JobState.PRINTED:
        return
    raise job.error or PrinterTooSlow("the printer did not confirm the sheet")


def log_slip(what: str, error: BaseException) -> None:
    """Log where an unexpected exception came from, never what it said: its text could hold a citizen's datum."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    log.error("%s: %s at %s", what, type(error).__name__, " > ".join(places[-8:]))


def end_of_day_ms(day: dt.date) -> int:
    """The last millisecond of a day in Italy."""
    night = dt.datetime.combine(day, dt.time(23, 59, 59, 999_000), ROME)
    return int(night.timestamp() * 1000)


def _now_ms(clock: Clock) -> int:
    return int(clock.now().timestamp() * 1000)


def _der(sealing: Sealing) -> bytes:
    return sealing.recipient.public_bytes(Encoding.DER)
