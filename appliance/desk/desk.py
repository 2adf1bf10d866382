"""The desk: the one sitting that is open, made durable at each step before anybody is told of it.

Every change takes the same way: the table decides, the draft is written, the view moves on, the hands begin.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import hashlib
import hmac
import logging
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from appliance.desk import session, wording
from appliance.desk import sitting as words
from appliance.desk.decision import Circumstances, SittingRefused
from appliance.desk.receipts import ReceiptFacts
from appliance.desk.session import PHOTO
from appliance.desk.sitting import NoticeFacts, Sitting
from appliance.runtime.clock import TimeUntrusted
from appliance.vault.drafts import STATE, DraftMissing, DraftUnreadable
from contracts.desk_api.clerk import DraftRow, Stage
from contracts.errors import PueError, WhoCanAct
from contracts.identity import make_id, provisional_number
from contracts.messages.letters import RESERVED
from contracts.practices.catalogue import NoticeUnknown, PracticeUnknown
from contracts.settled import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.desk.catalogues import Catalogues
    from appliance.desk.perform import Hands
    from appliance.desk.sitting import Act, Event
    from appliance.outbox.store import Outbox
    from appliance.runtime.clock import Clock
    from appliance.vault.drafts import Drafts
    from appliance.vault.journal import Journal
    from appliance.vault.numbers import Ordinals
    from contracts.desk_api.status import CatalogueUse
    from contracts.messages.enrolment import Belongings
    from contracts.practices.model import Practice
    from contracts.practices.notice import Notice

log = logging.getLogger(__name__)

ROOM_BYTES: Final = 96 * 1024 * 1024
"""Free disk a sitting may need: draft, dossier and letter, twice over. Less, and none begins."""

_PASSING: Final = (words.ReadingProgressed, words.CardNoticed)
"""Events that leave nothing to be remembered."""

_JOURNAL: Final[Mapping[type[words.Event], str]] = {
    words.NoticePrinted: "notice.printed",
    words.Informed: "notice.given",
    words.CodeEntered: "card.reading",
    words.SeenBySight: "citizen.by_sight",
    words.CardRead: "card.read",
    words.ReadFailed: "card.failed",
    words.Compared: "citizen.compared",
    words.Chosen: "practice.chosen",
    words.PageTaken: "page.taken",
    words.PageAltered: "page.altered",
    words.PageRemoved: "page.removed",
    words.PageKept: "page.kept",
    words.FindingUsed: "finding.used",
    words.ReadBackConfirmed: "read_back.confirmed",
    words.SummaryPrinted: "summary.printed",
    words.PenDrawn: "signature.drawn",
    words.PenErased: "signature.erased",
    words.Signed: "summary.signed",
    words.SealWanted: "letter.sealing",
    words.Sealed: "letter.stored",
    words.SealFailed: "letter.failed",
    words.Finished: "sitting.finished",
    words.LaidAside: "sitting.laid_aside",
    words.Abandoned: "sitting.abandoned",
}


class NoSitting(SittingRefused):
    """Nobody sits at the desk."""

    code = "sitting.none"


class SittingOpen(SittingRefused):
    """Somebody sits at the desk already."""

    code = "sitting.open"


class DeskQuiet(SittingRefused):
    """The desk is held quiet for maintenance; it passes."""

    code = "desk.quiet"
    who = WhoCanAct.WAIT


class DiskFull(PueError):
    """Too little room for a sitting."""

    code = "storage.full"
    who = WhoCanAct.TECHNICIAN


class Bell:
    """A number that grows with every change, and a way to wait for the next."""

    def __init__(self, start: int) -> None:
        self._changed = threading.Condition()
        self._revision = start

    @property
    def revision(self) -> int:
        """The present one."""
        return self._revision

    def ring(self) -> None:
        """Something changed."""
        with self._changed:
            self._revision += 1
            self._changed.notify_all()

    def wait_past(self, revision: int, wait_s: float) -> bool:
        """Until the revision is another; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: self._revision != revision, wait_s)

    def wait_for(self, settled: Callable[[], bool], wait_s: float) -> bool:
        """Until something holds that only changes with a ring."""
        with self._changed:
            return self._changed.wait_for(settled, wait_s)


class Day(msgspec.Struct):
    """Counts of one day."""

    day: dt.date
    completed: int = 0
    abandoned: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shelf:
    """What the desk keeps its things on."""

    drafts: Drafts
    receipts: Drafts
    journal: Journal
    numbers: Ordinals
    outbox: Outbox
    free_bytes: Callable[[], int]


class Desk:
    """One desk. All its methods may be called from any thread.

    Args:
        shelf: the stores.
        clock: the hour.
        catalogues: of practices.
        belongings: the box's name and place; raises `NotEnrolled`.
        random: source of ids.
        pseudonym_key: makes a clerk's pseudonym out of the user name.
        draft_days: see `DeskSettings`.
    """

    hands: Hands

    def __init__(
        self,
        shelf: Shelf,
        *,
        clock: Clock,
        catalogues: Catalogues,
        belongings: Callable[[], Belongings],
        random: Callable[[int], bytes],
        pseudonym_key: bytes,
        draft_days: int,
    ) -> None:
        self._shelf, self._clock, self._catalogues = shelf, clock, catalogues
        self._belongings, self._random = belongings, random
        self._pseudonym_key, self._draft_days = pseudonym_key, draft_days
        self._lock = threading.RLock()
        self._quiet = 0
        self._sitting: Sitting | None = None
        self._moved_s = clock.monotonic_s()
        self._day = Day(self.today())
        self.set_aside = 0
        """Drafts that could not be read and were set aside since the start."""
        self.bell = Bell(self.now_ms())

    # ---- the hour

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self._clock.now().timestamp() * 1000)

    def today(self) -> dt.date:
        """The day in Italy."""
        return self._clock.now().astimezone(wording.ROME).date()

    # ---- looking

    def reads(self, sitting: str) -> bool:
        """Whether this is the open sitting, and a card of its citizen is being read."""
        state = self._sitting
        return state is not None and state.sitting == sitting and state.stage is Stage.READING

    @property
    def sitting(self) -> Sitting | None:
        """The open one."""
        return self._sitting

    @property
    def quiet(self) -> bool:
        """Held quiet."""
        return self._quiet > 0

    def idle_s(self) -> int:
        """Seconds since the sitting last moved."""
        return int(self._clock.monotonic_s() - self._moved_s)

    def counts(self) -> Day:
        """Of today."""
        with self._lock:
            self._turn_page()
            return Day(self._day.day, self._day.completed, self._day.abandoned)

    def practice(self, key: str) -> Practice:
        """The practice of a key: of the open sitting as it was when it was chosen, else as it is now.

        Raises:
            PracticeUnknown: this box does not hold it.
        """
        state = self._sitting
        if state is not None and state.practice_key == key:
            return self._practice_of(state, key)
        return self._catalogues.current[1].get(key)

    def notice(self, key: str) -> Notice:
        """The notice of a key; one that was published, else the software's own.

        Raises:
            NoticeUnknown: this box does not hold it.
        """
        try:
            return self._catalogues.current[1].notice(key)
        except NoticeUnknown:
            return self._catalogues.of(0).notice(key)

    def _notices_today(self) -> list[NoticeFacts]:
        """What is told to whoever sits down now. A catalogue published without it stops nobody."""
        try:
            found = self._catalogues.current[1].notices_on(self.today())
        except NoticeUnknown:
            found = self._catalogues.of(0).notices_on(self.today())
        return [
            NoticeFacts(notice=one.key, body=one.text.body, version=one.text.version, sha256=one.sha256)
            for one in found
        ]

    def practices_today(self) -> list[Practice]:
        """What can be begun today."""
        return self._catalogues.current[1].on(self.today())

    def pseudonym(self, user: str) -> str:
        """How a clerk is named on paper and in dossiers."""
        return "op-" + hmac.new(self._pseudonym_key, user.encode(), hashlib.sha256).hexdigest()[:8]

    # ---- changing

    def begin(self, clerk: str, *, card: bool) -> Sitting:
        """A citizen sits down.

        Raises:
            SittingOpen, DeskQuiet, NotEnrolled, DiskFull, NoticeUnknown, StorageError: nobody does.
        """
        with self._lock:
            self._refuse_unless_free()
            if self._shelf.free_bytes() < ROOM_BYTES:
                raise DiskFull("the disk is too full for a sitting", needed_bytes=ROOM_BYTES)
            site = self._belongings().site.site
            self._catalogues.look()
            now_ms, year = self.now_ms(), self.today().year
            state = Sitting(
                sitting=make_id(now_ms, self._random(10)),
                letter=make_id(now_ms, self._random(10)),
                number=provisional_number(site, year, self._shelf.numbers.next(year)),
                began_ms=now_ms,
                changed_ms=now_ms,
                time_trusted=self._clock.trusted().trusted,
                card=card,
                notices=self._notices_today(),
            )
            self._keep(state)
            self._become(state)
            self.note(
                "sitting.begun", sitting=state.sitting, number=state.number, clerk=self.pseudonym(clerk)
            )
            return state

    def event(self, event: Event, clerk: str) -> None:
        """The clerk did something; when this returns, it is durable.

        Raises:
            SittingRefused, PueError: refused; the sitting is as before.
        """
        with self._lock:
            if self._sitting is None:
                raise NoSitting("nobody sits at the desk")
            self._apply(self._sitting, event, self.pseudonym(clerk), {})

    def happened(self, sitting: str, event: Event, parts: Mapping[str, bytes] | None = None) -> None:
        """A device tells an outcome. News for a sitting that is over, or came too late, are dropped."""
        with self._lock:
            state = self._sitting
            if state is None or state.sitting != sitting:
                return
            try:
                self._apply(state, event, "", parts or {})
            except SittingRefused:
                log.info("%s came too late in stage %s", type(event).__name__, state.stage)
            except PueError as error:
                log.warning("%s could not be kept: %s", type(event).__name__, error.code)
                self._fall_back(state, event, error)

    def card_noticed(self, *, present: bool) -> None:
        """A card came or went."""
        state = self._sitting
        if state is not None and state.card != present:
            self.happened(state.sitting, words.CardNoticed(present))

    def noticed(self, event: Event) -> None:
        """A device that belongs to no act noticed something (the code scanner); without a sitting it is forgotten."""
        state = self._sitting
        if state is not None:
            self.happened(state.sitting, event)

    def page_id(self) -> str:
        """A new page's id."""
        return make_id(self.now_ms(), self._random(10))

    def settled(self) -> bool:
        """No device works for the sitting (a card reading goes on by itself)."""
        state = self._sitting
        return state is None or (not state.pending and state.stage is not Stage.SEALING)

    # ---- quiet

    def claim_quiet(self) -> bool:
        """Hold the desk quiet, if nobody sits there."""
        with self._lock:
            if self._sitting is not None:
                return False
            self._quiet += 1
        self.note("desk.quiet")
        self.bell.ring()
        return True

    def release_quiet(self) -> None:
        """Let go of one claim."""
        with self._lock:
            self._quiet = max(0, self._quiet - 1)
        self.note("desk.awake")
        self.bell.ring()

    # ---- the catalogue

    def take_catalogue(self) -> None:
        """Take a newer catalogue if one lies there and nobody sits at the desk."""
        with self._lock:
            if self._sitting is None:
                self._catalogues.look()

    @property
    def catalogue_use(self) -> CatalogueUse:
        """Which practices are served, for the report."""
        return self._catalogues.use

    def forget_catalogues(self) -> None:
        """Erase the catalogues that neither today's citizens nor a draft need."""
        with self._lock:
            states = [self._load(draft) for draft in self._shelf.drafts.names()]
            open_now = [self._sitting] if self._sitting is not None else []
            self._catalogues.forget_all_but(
                {state.catalogue for state in (*states, *open_now) if state is not None}
            )

    # ---- drafts

    def resume(self) -> None:
        """After a start: the sitting that was open goes on; letters that were stored are not drafts any more."""
        with self._lock:
            for draft in self._shelf.drafts.names():
                state = self._load(draft)
                if state is None:
                    continue
                if self._shelf.outbox.has(state.letter) and state.stage is not Stage.DONE:
                    state = session.scrubbed(msgspec.structs.replace(state, saved_ms=self.now_ms()))
                elif not state.laid_aside:
                    state = session.restored(state)
                if not state.laid_aside and self._sitting is None:
                    self._keep(state)
                    self._become(state)
                    self.note("sitting.resumed", sitting=state.sitting, stage=state.stage.value)
                elif state.stage is Stage.DONE:
                    self._shelf.drafts.erase(draft)
                    continue
                elif not state.laid_aside:  # two cannot be open; the newer waits with the drafts
                    self._keep(msgspec.structs.replace(state, laid_aside=True))
                self._tidy(state)

    def drafts(self) -> list[DraftRow]:
        """Sittings laid aside, newest first."""
        with self._lock:
            states = [self._load(draft) for draft in self._shelf.drafts.names()]
        rows = [self._row(state) for state in states if state is not None and state.laid_aside]
        return sorted(rows, key=lambda row: row.changed_at, reverse=True)

    def draft_count(self) -> int:
        """How many were laid aside."""
        mine = self._sitting
        return sum(1 for draft in self._shelf.drafts.names() if mine is None or draft != mine.sitting)

    def open_draft(self, draft: str, clerk: str) -> None:
        """Take up a sitting again.

        Raises:
            SittingOpen, DeskQuiet: not now.
            DraftMissing, DraftUnreadable: there is no such draft any more.
        """
        with self._lock:
            self._refuse_unless_free()
            if draft not in self._shelf.drafts.names():
                raise DraftMissing("this desk keeps no such draft", part=STATE)
            state = self._load(draft)
            if state is None:
                raise DraftUnreadable("this draft cannot be read any more", part=STATE)
            if not state.laid_aside:
                raise DraftMissing("this desk keeps no such draft", part=STATE)
            state = session.reopened(state)
            self._keep(state)
            self._become(state)
            self.note("sitting.reopened", sitting=state.sitting, clerk=self.pseudonym(clerk))

    def retire(self, receipt_days: int) -> None:
        """Erase what has been kept long enough. Only by an hour that can be believed.

        Raises:
            TimeUntrusted: nothing was erased.
        """
        if not self._clock.trusted().trusted:
            raise TimeUntrusted("nothing is erased by an hour that is not certain")
        now = self._clock.now()
        oldest_ms = int((now - dt.timedelta(days=self._draft_days)).timestamp() * 1000)
        with self._lock:
            for draft in self._shelf.drafts.names():
                state = self._load(draft)
                if state is not None and state.laid_aside and state.changed_ms < oldest_ms:
                    self._shelf.drafts.erase(draft)
                    self.note("draft.retired", sitting=draft)
            self._shelf.drafts.erase_set_aside(now - dt.timedelta(days=self._draft_days))
            oldest_receipt_ms = int((now - dt.timedelta(days=receipt_days)).timestamp() * 1000)
            for letter in self._shelf.receipts.names():
                if int(letter.replace("-", "")[:12], 16) < oldest_receipt_ms:
                    self._shelf.receipts.erase(letter)
        self.bell.ring()

    def clear_away(self, forgotten_s: float) -> None:
        """A sitting nobody has touched for hours does not lie open: laid aside, or ended where nothing was begun."""
        with self._lock:
            state = self._sitting
            if state is None or self.idle_s() < forgotten_s or not self.settled():
                return
            if state.stage is Stage.DONE:
                self._apply(state, words.Finished(), "", {})
            elif state.resume is None and state.stage in (
                Stage.INFORM,
                Stage.CARD,
                Stage.COMPARE,
                Stage.CHOOSE,
            ):
                self._apply(state, words.Abandoned("citizen_left"), "", {})
            elif (state.stage, words.LaidAside) in session.TABLE:
                self._apply(state, words.LaidAside(), "", {})

    # ---- receipts

    def keep_receipt(self, facts: ReceiptFacts) -> None:
        """Keep what a receipt says, encrypted, so that it can be printed again."""
        self._shelf.receipts.save(facts.letter, STATE, msgspec.json.encode(facts))

    def receipt_facts(self, letter: str) -> ReceiptFacts:
        """What was kept.

        Raises:
            DraftMissing: too old, or never here. DraftUnreadable: damaged.
        """
        try:
            return msgspec.json.decode(self._shelf.receipts.load(letter, STATE), type=settled(ReceiptFacts))
        except (msgspec.DecodeError, msgspec.ValidationError):
            raise DraftUnreadable("the facts of this receipt cannot be read any more", part=STATE) from None

    def photo_or_page(self, which: str) -> bytes:
        """A picture of the open sitting: the chip's photo while it is compared, a captured page, or one as taken.

        Raises:
            DraftMissing: no such picture now.
        """
        state = self._sitting
        pages = {page.page: page for page in state.pages} if state else {}
        shown = state is not None and state.verdict is not None and state.verdict.photo
        part = PHOTO if which == PHOTO and shown else ""
        if which in pages:
            part = which + words.SEEN
        elif which.endswith(words.STILL) and which.removesuffix(words.STILL) in pages:
            part = which
        if state is None or not part:
            raise DraftMissing("there is no such picture now", part="")
        return self._shelf.drafts.load(state.sitting, part)

    def note(self, what: str, **facts: str | int | bool) -> None:
        """Write into the journal. A journal that cannot be written stops no citizen; it is said in the log."""
        try:
            self._shelf.journal.write(what, **facts)
        except PueError as error:
            log.error("journal: %s could not be written: %s", what, error.code)  # noqa: TRY400 - the code says it

    # ---- inside

    def _refuse_unless_free(self) -> None:
        if self._sitting is not None:
            raise SittingOpen("somebody sits at the desk")
        if self._quiet:
            raise DeskQuiet("the desk is held quiet for maintenance")

    def _apply(self, state: Sitting, event: Event, clerk: str, parts: Mapping[str, bytes]) -> None:
        decision = session.decide(state, event, self._circumstances(clerk, state))
        if not isinstance(event, _PASSING):
            for part, data in parts.items():
                self._shelf.drafts.save(state.sitting, part, data)
            kept = decision.state
            for act in decision.acts:
                if isinstance(act, words.KeepDraft):
                    kept = act.state
            if kept is not None:
                self._keep(kept)
        self._become(decision.state)
        self._count(event, decision.state)
        self._write_down(state, event)
        for act in decision.acts:
            self._begin_act(state, decision.state, act)

    def _begin_act(self, before: Sitting, after: Sitting | None, act: Act) -> None:
        if isinstance(act, words.KeepDraft):
            return
        if isinstance(act, words.EraseDraft | words.ErasePart):
            # The state no longer names it; what cannot be erased now is erased by the next start.
            with contextlib.suppress(PueError):
                if isinstance(act, words.EraseDraft):
                    self._shelf.drafts.erase(before.sitting)
                else:
                    self._shelf.drafts.erase_part(before.sitting, act.part)
            return
        assert after is not None
        self.hands.perform(after, act)

    def _fall_back(self, state: Sitting, event: Event, error: PueError) -> None:
        """An outcome that could not be written down (a full disk) becomes the failure of its act, in memory."""
        failed = {
            words.CardRead: words.ReadFailed,
            words.PageTaken: words.PageFailed,
            words.PageAltered: words.PageFailed,
            words.SummaryPrinted: words.PrintFailed,
        }.get(type(event))
        if failed is not None:
            decision = session.decide(state, failed(error.problem()), self._circumstances("", state))
            self._become(decision.state)
        elif isinstance(event, words.Sealed):
            # The letter is in the outbox: that is what counts. The draft is cleared by the next start.
            self._become(session.decide(state, event, self._circumstances("", state)).state)

    def _circumstances(self, clerk: str, state: Sitting) -> Circumstances:
        return Circumstances(
            now_ms=self.now_ms(),
            today=self.today(),
            practice=functools.partial(self._practice_of, state),
            begin=self._begin_practice,
            clerk=clerk,
            catalogue=self._catalogues.current[0],
        )

    def _begin_practice(self, key: str) -> Practice:
        catalogue = self._catalogues.current[1]
        practice = catalogue.get(key)
        if catalogue.valid(practice.id, self.today()).key != key:
            raise PracticeUnknown("another version of this practice is valid today", key=key)
        return practice

    def _practice_of(self, state: Sitting, key: str) -> Practice:
        return self._catalogues.of(state.catalogue).get(key)

    def _keep(self, state: Sitting) -> None:
        self._shelf.drafts.save(state.sitting, STATE, msgspec.json.encode(state))

    def _become(self, state: Sitting | None) -> None:
        self._sitting = state
        self._moved_s = self._clock.monotonic_s()
        self.bell.ring()

    def _load(self, draft: str) -> Sitting | None:
        """A draft's state; one that cannot be read is set aside, and the desk goes on."""
        try:
            return msgspec.json.decode(
                self._shelf.drafts.load(draft, STATE), type=settled(Sitting), strict=True
            )
        except (DraftUnreadable, DraftMissing, msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("a draft cannot be read and is set aside: %s", type(error).__name__)
        self.set_aside += 1
        with contextlib.suppress(PueError):
            self._shelf.drafts.set_aside(draft)
        self.note("draft.set_aside", sitting=draft)
        return None

    def _tidy(self, state: Sitting) -> None:
        """Parts nobody names any more."""
        named = {STATE, *(part for page in state.pages for part in words.page_parts(page.page))}
        if state.verdict is not None and state.verdict.photo:
            named.add(PHOTO)
        for part in self._shelf.drafts.parts(state.sitting):
            if part not in named:
                self._shelf.drafts.erase_part(state.sitting, part)

    def _row(self, state: Sitting) -> DraftRow:
        citizen = state.citizen
        return DraftRow(
            draft=state.sitting,
            number=state.number,
            citizen=f"{citizen.name} {citizen.surname}"[:120] if citizen else "",
            practice_name=state.practice_name,
            changed_at=state.changed_ms,
            erased_after=state.changed_ms + self._draft_days * 86_400_000,
        )

    def _turn_page(self) -> None:
        if self._day.day != self.today():
            self._day = Day(self.today())

    def _count(self, event: Event, _after: Sitting | None) -> None:
        self._turn_page()
        if isinstance(event, words.Sealed):
            self._day.completed += 1
        elif isinstance(event, words.Abandoned):
            self._day.abandoned += 1

    def _write_down(self, state: Sitting, event: Event) -> None:
        what = _JOURNAL.get(type(event))
        if what is None:
            return
        facts: dict[str, str | int | bool] = {
            "sitting": state.sitting,
            **_FACTS.get(type(event), _no_facts)(event),
        }
        if isinstance(event, words.Chosen) and self.practice(event.practice).special_category:
            facts["practice"] = RESERVED
        elif isinstance(event, words.Signed):
            facts["clerk"] = self._clerk_of()
        elif isinstance(event, words.Sealed):
            facts |= {"letter": state.letter, "number": state.number}
        self.note(what, **facts)

    def _clerk_of(self) -> str:
        return self._sitting.attested_by if self._sitting else ""


def _no_facts(_event: Event) -> dict[str, str | int | bool]:
    return {}


_FACTS: Final[Mapping[type[words.Event], Callable[[Any], dict[str, str | int | bool]]]] = {
    words.CardRead: lambda event: {"verdict": event.verdict.kind.value, "code": event.verdict.code},
    words.ReadFailed: lambda event: {"code": event.trouble.code},
    words.SealFailed: lambda event: {"code": event.trouble.code},
    words.Compared: lambda event: {"same": event.same},
    words.Chosen: lambda event: {"practice": event.practice},
    words.SeenBySight: lambda event: {"reason": event.reason},
    words.Abandoned: lambda event: {"reason": event.reason},
    words.Signed: lambda event: {"way": event.way.value},
    words.PageTaken: lambda event: {"page": event.facts.page},
    words.PageAltered: lambda event: {"page": event.facts.page, "redacted": event.facts.redacted},
    words.PageKept: lambda event: {"page": event.page, "because": event.because.value},
    words.FindingUsed: lambda event: {"page": event.page},
}
"""What the journal says of an event beside its name; never a citizen's datum."""
