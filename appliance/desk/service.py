"""The clerk's door, answered: who asks, may they, do it once, and show the desk as it is now."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.desk import guard, receipts, views, wording
from appliance.desk import sitting as words
from appliance.desk.answers import complete_answers, sex_of
from appliance.desk.decision import SittingRefused
from appliance.desk.desk import NoSitting
from appliance.desk.signing import SummaryChanged, unsigned
from appliance.desk.sitting import Citizen
from appliance.devices.port import Condition, DeviceKind
from appliance.devices.printer.receipt import ReceiptDocument
from contracts.desk_api import clerk as door
from contracts.desk_api.clerk import DeskView
from contracts.errors import PueError
from contracts.practices.catalogue import PracticeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.desk.desk import Desk
    from appliance.desk.eye import Eye
    from appliance.desk.logins import Logins
    from appliance.desk.perform import Hands
    from appliance.desk.road import Road
    from appliance.desk.sitting import Event, Sitting
    from appliance.devices.camera.port import Camera
    from appliance.devices.port import Device
    from appliance.outbox.store import Outbox
    from appliance.runtime.clock import Clock
    from appliance.vault.clerks import Clerk, Clerks
    from contracts.messages.enrolment import Site
    from contracts.practices.model import Practice

KINDS: Final = (
    DeviceKind.CARD_READER,
    DeviceKind.CAMERA,
    DeviceKind.PRINTER,
    DeviceKind.BARCODE,
    DeviceKind.PANEL,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Staff:
    """All the service speaks with."""

    desk: Desk
    hands: Hands
    clerks: Clerks
    logins: Logins
    outbox: Outbox
    road: Road
    devices: Mapping[DeviceKind, Device]
    camera: Camera
    eye: Eye
    clock: Clock
    site: Callable[[], Site | None]
    card_present: Callable[[], bool]
    software: str
    idle_lock_s: float
    act_wait_s: float


class ClerkService:
    """Implements `contracts.desk_api.clerk.ClerkDoor`."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self._desk = staff.desk

    # ---- who is there

    def knock(self, request: door.Knock) -> door.Reception:
        del request
        return door.Reception(desk=self._view(None), clerks=self._staff.clerks.users())

    def first_clerk(self, request: door.FirstClerk) -> door.Welcome:
        clerk = self._staff.clerks.first(request.user, request.name, request.pin, request.voucher)
        self._desk.note("clerk.first", clerk=self._desk.pseudonym(clerk.user))
        return self._welcome(clerk)

    def login(self, request: door.Login) -> door.Welcome:
        try:
            clerk = self._staff.clerks.check(request.user, request.pin)
        except PueError as refused:
            self._desk.note("clerk.refused", code=refused.code)
            raise
        self._desk.note("clerk.login", clerk=self._desk.pseudonym(clerk.user))
        return self._welcome(clerk)

    def logout(self, request: door.Ask) -> door.Knock:
        self._staff.logins.leave(request.token)
        self._desk.note("clerk.logout")
        self._desk.bell.ring()
        return door.Knock()

    def lock(self, request: door.Ask) -> DeskView:
        self._staff.logins.lock(request.token)
        self._desk.bell.ring()
        return self._view(request.token)

    def look(self, request: door.Ask) -> DeskView:
        return self._view(request.token)

    def stay(self, request: door.Ask) -> DeskView:
        self._staff.logins.awake(request.token, acting=True)
        return self._view(request.token)

    def watch(self, request: door.Watch) -> DeskView:
        self._desk.bell.wait_past(request.revision, request.wait_s)
        return self._view(request.token)

    # ---- the sitting

    def begin(self, request: door.Act) -> DeskView:
        def work(clerk: Clerk) -> None:
            self._desk.begin(clerk.user, card=self._staff.card_present())

        return self._act(request, work)

    def print_notice(self, request: door.Act) -> DeskView:
        return self._event(request, words.NoticeWanted)

    def give_notice(self, request: door.GiveNotice) -> DeskView:
        return self._event(request, lambda: words.Informed(request.how))

    def enter_code(self, request: door.EnterCode) -> DeskView:
        return self._event(request, lambda: words.CodeEntered(request.can, tuple(request.mrz)))

    def read_contact(self, request: door.ReadContact) -> DeskView:
        return self._event(request, lambda: words.ContactWanted(request.pin))

    def show_document(self, request: door.Act) -> DeskView:
        return self._event(request, words.DocumentWanted)

    def by_sight(self, request: door.BySight) -> DeskView:
        citizen = Citizen(
            surname=request.surname.strip().upper(),
            name=request.name.strip().upper(),
            birth_date=request.birth_date,
            sex=sex_of(request.codice_fiscale),
            codice_fiscale=request.codice_fiscale,
            document_kind=request.document_kind,
            document_number=request.document_number.strip().upper(),
        )
        return self._event(request, lambda: words.SeenBySight(citizen, request.reason))

    def same_person(self, request: door.SamePerson) -> DeskView:
        return self._event(request, lambda: words.Compared(request.same))

    def practices(self, request: door.Ask) -> door.Practices:
        self._staff.logins.awake(request.token)
        return door.Practices(
            practices=[
                door.PracticeRow(
                    key=practice.key,
                    area=practice.area,
                    name=practice.name,
                    summary=practice.summary,
                    who=practice.who,
                    body=practice.body,
                )
                for practice in self._desk.practices_today()
            ]
        )

    def choose(self, request: door.Choose) -> DeskView:
        return self._event(request, lambda: words.Chosen(request.practice))

    def save_step(self, request: door.SaveStep) -> DeskView:
        return self._event(
            request, lambda: words.StepSaved(request.step, dict(request.answers), request.then)
        )

    def go_to_step(self, request: door.GoToStep) -> DeskView:
        return self._event(request, lambda: words.StepOpened(request.step))

    def take_page(self, request: door.TakePage) -> DeskView:
        return self._event(
            request,
            lambda: words.PageWanted(self._desk.page_id(), request.attachment, request.instead_of or ""),
        )

    def auto_take(self, request: door.AutoTake) -> DeskView:
        return self._event(request, lambda: words.AutoSwitched(request.attachment))

    def remove_page(self, request: door.PageAct) -> DeskView:
        return self._event(request, lambda: words.PageRemoved(request.page))

    def keep_page(self, request: door.KeepPage) -> DeskView:
        return self._event(request, lambda: words.PageKept(request.page, request.because))

    def move_page(self, request: door.MovePage) -> DeskView:
        return self._event(request, lambda: words.PageMoved(request.page, request.up))

    def turn_page(self, request: door.PageAct) -> DeskView:
        return self._event(request, lambda: words.PageTurned(request.page))

    def shape_page(self, request: door.ShapePage) -> DeskView:
        corners = tuple(number for corner in request.corners for number in corner)
        return self._event(request, lambda: words.PageShaped(request.page, corners))

    def redact_page(self, request: door.RedactPage) -> DeskView:
        return self._event(request, lambda: words.PageRedacted(request.page, tuple(request.boxes)))

    def use_finding(self, request: door.UseFinding) -> DeskView:
        return self._event(request, lambda: words.FindingUsed(request.page, request.number))

    def pages_done(self, request: door.Act) -> DeskView:
        return self._event(request, words.PagesDone)

    def confirm_read_back(self, request: door.ConfirmReadBack) -> DeskView:
        return self._event(request, self._read_back)

    def print_summary(self, request: door.Act) -> DeskView:
        return self._event(request, words.SummaryWanted)

    def draw_signature(self, request: door.DrawSignature) -> DeskView:
        return self._event(request, lambda: self._drawn(request))

    def erase_signature(self, request: door.Act) -> DeskView:
        return self._event(request, words.PenErased)

    def sign(self, request: door.Sign) -> DeskView:
        return self._event(request, lambda: words.Signed(request.way, request.cause))

    def seal(self, request: door.Act) -> DeskView:
        return self._event(request, words.SealWanted)

    def finish(self, request: door.Act) -> DeskView:
        return self._event(request, words.Finished)

    def lay_aside(self, request: door.Act) -> DeskView:
        return self._event(request, words.LaidAside)

    def abandon(self, request: door.Abandon) -> DeskView:
        return self._event(request, lambda: words.Abandoned(request.reason))

    # ---- drafts and letters

    def drafts(self, request: door.Ask) -> door.Drafts:
        self._staff.logins.awake(request.token)
        return door.Drafts(drafts=self._desk.drafts())

    def open_draft(self, request: door.OpenDraft) -> DeskView:
        return self._act(request, lambda clerk: self._desk.open_draft(request.draft, clerk.user))

    def letters(self, request: door.Ask) -> door.Letters:
        self._staff.logins.awake(request.token)
        return door.Letters(letters=self._staff.outbox.rows())

    def print_receipt(self, request: door.LetterAct) -> DeskView:
        def work(clerk: Clerk) -> None:
            document = self._receipt(request.letter)
            self._staff.hands.print_receipt(document, lambda: _on_a4(document))
            self._staff.outbox.mark_receipt_printed(request.letter)
            self._desk.note("receipt.printed", letter=request.letter, clerk=self._desk.pseudonym(clerk.user))
            self._desk.bell.ring()

        return self._act(request, work)

    def receipt_paper(self, request: door.LetterQuestion) -> door.Paper:
        self._staff.logins.awake(request.token)
        document = self._receipt(request.letter)
        return door.Paper(title=f"Ricevuta {document.title}", data=_on_a4(document))

    def notice_paper(self, request: door.Ask) -> door.Paper:
        self._staff.logins.awake(request.token)
        state = self._desk.sitting
        if state is None or not state.notices:  # none are kept once the letter is sealed
            raise NoSitting("nobody sits at the desk")
        return door.Paper(title="Informativa sui dati personali", data=self._staff.hands.notice(state))

    def summary_paper(self, request: door.Ask) -> door.Paper:
        self._staff.logins.awake(request.token)
        state = self._signing()
        return door.Paper(title=f"Riepilogo {state.number}", data=self._staff.hands.summary(state))

    def summary_words(self, request: door.Ask) -> door.SummaryWords:
        self._staff.logins.awake(request.token)
        return self._staff.hands.summary_words(unsigned(self._signing()))

    def picture(self, request: door.PictureQuestion) -> door.Picture:
        self._staff.logins.awake(request.token)
        if request.which == "preview":
            return door.Picture(media_type="image/jpeg", data=self._staff.camera.preview())
        return door.Picture(media_type="image/jpeg", data=self._desk.photo_or_page(request.which))

    def live(self, request: door.LiveQuestion) -> door.LivePicture:
        self._staff.logins.awake(request.token)
        return self._staff.eye.live(request.after, request.wait_s)

    def sight(self, request: door.LiveQuestion) -> door.LookView:
        self._staff.logins.awake(request.token)
        return self._staff.eye.sight(request.after, request.wait_s)

    # ---- inside

    def _welcome(self, clerk: Clerk) -> door.Welcome:
        token = self._staff.logins.enter(clerk)
        self._desk.bell.ring()
        return door.Welcome(token=token, desk=self._view(token))

    def _event(self, request: door.Act, event: Callable[[], Event]) -> DeskView:
        return self._act(request, lambda clerk: self._desk.event(event(), clerk.user))

    def _act(self, request: door.Act, work: Callable[[Clerk], object]) -> DeskView:
        clerk = self._staff.logins.awake(request.token, acting=True)

        def answer() -> DeskView:
            work(clerk)
            self._desk.bell.wait_for(self._desk.settled, self._staff.act_wait_s)
            return self._view(request.token)

        view: DeskView = self._staff.logins.once(request.token, request.once, request, answer)
        return view

    def _read_back(self) -> words.ReadBackConfirmed:
        """The fingerprint of exactly what the page shows now."""
        state = self._desk.sitting
        if state is None:
            raise NoSitting("nobody sits at the desk")
        practice = self._practice(state.practice_key)
        if practice is None:
            raise SittingRefused("nothing was read back yet", stage=state.stage.value)
        whole, _, _ = complete_answers(practice, state.answers, self._desk.today())
        lines = wording.all_lines(practice, whole, only_read_back=True)
        return words.ReadBackConfirmed(wording.shown_sha256(lines, practice.declarations))

    def _signing(self) -> Sitting:
        state = self._desk.sitting
        if state is None or state.stage is not door.Stage.SIGN:
            raise SittingRefused("there is a summary only when the citizen signs")
        return state

    def _drawn(self, request: door.DrawSignature) -> words.PenDrawn:
        """What was drawn counts only under the summary that stands there now."""
        words_now = self._staff.hands.summary_words(unsigned(self._signing()))
        if request.shown_sha256 != words_now.sha256:
            raise SummaryChanged("another summary was shown")
        strokes = tuple(tuple(stroke) for stroke in request.strokes)
        return words.PenDrawn(strokes, request.shown_sha256)

    def _receipt(self, letter: str) -> ReceiptDocument:
        row = self._staff.outbox.row(letter)
        facts, today = self._desk.receipt_facts(letter), self._desk.today()
        return receipts.receipt(facts, row, today, elsewhere=self._elsewhere(facts, today))

    def _elsewhere(self, facts: receipts.ReceiptFacts, today: dt.date) -> list[str]:
        if not facts.deadline_day:
            return []
        left = (dt.date.fromisoformat(facts.deadline_day) - today).days
        return self._places(facts.body, guard.risk(left, self._line()))

    def _places(self, body: str, risk: door.DeadlineRisk) -> list[str]:
        """Where else to go: told only where the road may come too late."""
        return guard.elsewhere(body, self._staff.site()) if risk is door.DeadlineRisk.ROAD else []

    def _practice(self, key: str) -> Practice | None:
        try:
            return self._desk.practice(key) if key else None
        except PracticeUnknown:
            return None

    def _view(self, token: str | None) -> DeskView:
        """The desk as this token may see it. Without a login, or locked, nothing of a citizen is in it."""
        login = None if token is None else self._staff.logins.known(token)
        revision = (
            self._desk.bell.revision
        )  # read first: a change meanwhile makes the view too new, never too old
        awake = login is not None and not login.locked
        trust = self._staff.clock.trusted()
        return DeskView(
            revision=revision,
            site=site.comune if (site := self._staff.site()) else "",
            software=self._staff.software,
            clerk=door.ClerkView(name=login.clerk.name, idle_lock_s=int(self._staff.idle_lock_s))
            if login
            else None,
            locked=login is not None and login.locked,
            quiet=self._desk.quiet,
            clock_code="" if trust.trusted else f"clock.{trust.why}",
            devices=[self._device(kind) for kind in KINDS if kind in self._staff.devices],
            line=self._line(),
            sitting=self._sitting() if awake else None,
            drafts=self._desk.draft_count() if awake else 0,
        )

    def _sitting(self) -> door.SittingView | None:
        state = self._desk.sitting
        if state is None:
            return None
        letter = self._staff.outbox.row(state.letter) if state.stage is door.Stage.DONE else None
        shown = views.view(state, self._practice(state.practice_key), self._desk.today(), letter)
        return msgspec.structs.replace(shown, deadline=self._guarded(shown), notice=self._notice(state))

    def _notice(self, state: Sitting) -> door.NoticeView | None:
        if state.stage is not door.Stage.INFORM:
            return None
        texts = [self._desk.notice(one.notice).text for one in state.notices]
        return door.NoticeView(
            spoken=[text.spoken for text in texts],
            titles=[f"{text.title}, versione {text.version}" for text in texts],
            printed=state.notice_printed,
        )

    def _guarded(self, shown: door.SittingView) -> door.DeadlineView | None:
        """The deadline with what the road means for it; none once the body has the letter."""
        deadline = shown.deadline
        if deadline is None or (shown.letter is not None and not receipts.at_risk(shown.letter)):
            return None
        risk = guard.risk(deadline.days_left, self._line())
        practice = self._practice(shown.practice_key)
        places = self._places(practice.body, risk) if practice else []
        return msgspec.structs.replace(deadline, risk=risk, elsewhere=places)

    def _line(self) -> door.LineView:
        return self._staff.road.view(self._staff.outbox.health(self._desk.now_ms()))

    def _device(self, kind: DeviceKind) -> door.DeviceView:
        state = self._staff.devices[kind].state()
        quiet = state.condition is Condition.READY
        return door.DeviceView(
            kind=kind.value,
            condition=state.condition.value,
            code="" if quiet else state.code,
            since=int(state.since.timestamp() * 1000),
        )


def _on_a4(document: ReceiptDocument) -> bytes:
    from appliance.devices.printer.receipt_pdf import render_pdf

    return render_pdf(document)
