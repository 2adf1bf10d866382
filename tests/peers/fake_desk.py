"""A desk for tests of the clerk's pages: the whole clerk's door over a real unix socket, with nothing behind it.

It keeps one view and moves it on like the real desk would for an easy citizen. A test may put any view in
place (`show`), let a call be refused (`refuse`), hang up (`close`) and come back at the same address (`open`).
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import http.server
import io
import socketserver
import threading
import time

import msgspec
from PIL import Image, ImageDraw

from contracts.desk_api import clerk as door
from contracts.desk_api.door import calls, encode_body, missing, path_of, read_request
from contracts.errors import PueError, WhoCanAct
from contracts.identity import make_id
from contracts.messages.letters import LetterRow, LetterWord
from contracts.practices.catalogue import shipped
from contracts.practices.model import Attachment

T0_MS = 1_795_428_000_000
SIGNATURE = "signature"
USER, NAME, PIN, VOUCHER = "anna.b", "Anna Bianchi", "246810", "ABCD-1234"
CITIZEN = door.CitizenView(
    surname="PROVA",
    name="MARIA",
    birth_date="1950-02-03",
    codice_fiscale="PRVMRA50B43A074X",
    document_number="CA00000AA",
    document_expiry="2030-02-03",
    has_photo=True,
)
VERDICT = door.VerdictView(
    kind=door.VerdictKind.VERIFIED,
    code="data.authentic",
    title="Documento autentico",
    lines=["Nome, dati e fotografia sono firmati dallo Stato.", "Il chip è l'originale."],
    unchecked=["Denuncia di furto o smarrimento: non controllata."],
    technical=["access: pace"],
)


class Refusal(PueError):
    """A scripted refusal."""

    def __init__(self, code, who=WhoCanAct.CLERK, **facts):
        super().__init__(code, **facts)
        self.code, self.who = code, who


def unique(number):
    return make_id(T0_MS + number, hashlib.sha256(str(number).encode()).digest()[:10])


def device(kind, condition="ready", code=""):
    return door.DeviceView(kind=kind, condition=condition, code=code, since=T0_MS)


DEVICES = [device("card_reader"), device("printer"), device("camera"), device("panel")]


def letter_row(number, word, **values):
    return LetterRow(
        letter=unique(number),
        number=f"A074-1/2026/{number:06d}",
        practice_name="Assegno unico per i figli",
        taken_at=T0_MS,
        word=word,
        word_at=T0_MS + 60_000,
        **values,
    )


LETTERS = [
    letter_row(14, LetterWord.SAVED),
    letter_row(13, LetterWord.SENT),
    letter_row(
        12,
        LetterWord.RECEIVED,
        protocollo="INPS.2500.2026.0000412",
        office="INPS Belluno",
        answer_by="2027-01-20",
    ),
    letter_row(11, LetterWord.MORE_NEEDED, protocollo="INPS.2500.2026.0000398"),
    letter_row(10, LetterWord.UNREADABLE),
]


def picture(text, size=(640, 480), shade="#b9cbe0"):
    image = Image.new("RGB", size, "#dfe8f1")
    draw = ImageDraw.Draw(image)
    wide, high = size
    draw.ellipse((wide * 0.36, high * 0.18, wide * 0.64, high * 0.58), fill=shade)
    draw.ellipse((wide * 0.18, high * 0.62, wide * 0.82, high * 1.5), fill=shade)
    draw.text((12, high - 24), text, fill="#36495c")
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def sheet():
    image = Image.new("RGB", (420, 594), "white")
    draw = ImageDraw.Draw(image)
    for row in range(18):
        draw.rectangle((40, 60 + row * 26, 380 - (row * 53) % 150, 68 + row * 26), fill="#8795a3")
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


SUMMARY_SHA256 = "5a" * 32


def drawn(strokes):
    """What was drawn, straight from point to point."""
    return door.PenView(
        paths=[
            "M" + "L".join(f"{x} {y}" for x, y in (stroke * 2)[: max(2, len(stroke))]) for stroke in strokes
        ]
    )


NOTICES = shipped().notices_on(dt.date(2026, 11, 28))
FRESH = door.SittingView(sitting=unique(1), stage=door.Stage.CARD, number="A074-1/2026/000015", may=[])


class FakeDesk:
    """Implements `ClerkDoor`. All state is in `view`; nothing is checked beyond what a page can cause."""

    def __init__(self, path):
        self.path = path
        self.clerks = [USER]
        self.letters_kept = list(LETTERS)
        self.drafts_kept = []
        self.refusals = {}
        self.always = {}
        self.idle_lock_s = 300
        self.stays = 0
        self.acts = []
        self.asked = []
        self.lives = 0
        self.token = None
        self.locked = False
        self.camera_there = True
        self.look_view = door.LookView(number=1, hint="sheet_missing")
        self._once = {}
        self._changed = threading.Condition()
        self._server = None
        self.view = door.DeskView(
            revision=1,
            site="A074-1",
            software="0.1.0",
            devices=list(DEVICES),
            line=door.LineView(connected=True, heard_s=4),
        )

    # ---- for tests

    def open(self):
        """Answer at the socket."""
        wrong = missing(door.ClerkDoor, self)
        assert not wrong, wrong
        self.path.unlink(missing_ok=True)
        self._server = _Server(str(self.path), functools.partial(_Handler, self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self):
        """Stop answering, as a desk that was killed: memory of sessions is gone."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.path.unlink(missing_ok=True)
        with self._changed:
            self._changed.notify_all()

    def reset(self, path=None):
        """As new, with nobody logged in."""
        fresh = FakeDesk(self.path)
        for name in (
            "clerks",
            "letters_kept",
            "drafts_kept",
            "refusals",
            "always",
            "idle_lock_s",
            "stays",
            "acts",
            "asked",
            "lives",
            "token",
            "locked",
            "camera_there",
            "look_view",
            "_once",
        ):
            setattr(self, name, getattr(fresh, name))
        self.show(msgspec.structs.replace(fresh.view, revision=self.view.revision))

    def show(self, view=None, **changes):
        """Put a view in place; those who watch hear of it."""
        with self._changed:
            base = view if view is not None else self.view
            changes["revision"] = self.view.revision + 1
            self.view = msgspec.structs.replace(base, **changes)
            self._changed.notify_all()
        return self.view

    def sit(self, **changes):
        """Change the sitting."""
        return self.show(sitting=msgspec.structs.replace(self.view.sitting or FRESH, **changes))

    def at(self, stage, practice="auu", **changes):
        """Put the sitting into a stage with all that belongs to it."""
        build = getattr(self, f"_at_{stage.value}")
        values = {"stage": stage, **build(shipped().get(f"{practice}@2026-01")), **changes}
        self.show(sitting=msgspec.structs.replace(FRESH, **values))

    def refuse(self, call, code, who=WhoCanAct.CLERK, **facts):
        """The next such call is refused."""
        self.refusals[call] = Refusal(code, who, **facts)

    def refuse_for_good(self, call, code, who=WhoCanAct.CLERK):
        """Every such call is refused until `always` is cleared."""
        self.always[call] = Refusal(code, who)

    def enter(self):
        """The clerk comes in; the welcome holds the token."""
        return self._welcome()

    # ---- stages

    def _at_inform(self, practice):
        notice = door.NoticeView(
            spoken=[one.text.spoken for one in NOTICES],
            titles=[f"{one.text.title}, versione {one.text.version}" for one in NOTICES],
        )
        return {"notice": notice, "may": ["print_notice", "give_notice", "abandon"]}

    def _at_card(self, practice):
        return {"may": ["by_sight", "enter_code", "show_document", "read_contact", "abandon"]}

    def _at_reading(self, practice):
        return {"reading": door.ReadingView(code="card.photo", ratio=0.45)}

    def _at_compare(self, practice):
        return {"citizen": CITIZEN, "verdict": VERDICT, "may": ["same_person", "by_sight", "abandon"]}

    def _at_choose(self, practice):
        return {"citizen": CITIZEN, "may": ["choose", "abandon"]}

    def _known(self, practice):
        return {
            "citizen": CITIZEN,
            "practice_key": practice.key,
            "practice_name": practice.name,
            "saved_at": T0_MS,
            "may": [
                "save_step",
                "go_to_step",
                "lay_aside",
                "abandon",
                "take_page",
                "auto_take",
                "remove_page",
                "keep_page",
                "move_page",
                "turn_page",
                "shape_page",
                "redact_page",
                "use_finding",
                "draw_signature",
                "sign",
                "seal",
            ],
        }

    def _at_form(self, practice):
        return {**self._known(practice), "form": self.form_of(practice, 0)}

    def _at_pages(self, practice):
        return {**self._known(practice), "pages": self.papers_of(practice)}

    def _at_read_back(self, practice):
        lines = [
            ("Cognome", "PROVA", "anagrafica"),
            ("Nome", "MARIA", "anagrafica"),
            ("Data di nascita", "3 febbraio 1950", "anagrafica"),
            ("Codice fiscale", "PRV MRA 50B43 A074 X", "anagrafica"),
            ("Numero di telefono", "+39 333 123 4567", "recapiti"),
            ("Codice fiscale del figlio", "PRV LCU 15A41 A074 Y", "figli"),
            ("IBAN", "IT60 X054 2811 1010 0000 0123 456", "pagamento"),
        ]
        rows = [door.ReadBackLine(label=label, value=value, step=step) for label, value, step in lines]
        return {**self._known(practice), "read_back": rows, "declarations": practice.declarations}

    def _at_sign(self, practice):
        return {
            **self._known(practice),
            "declarations": practice.declarations,
            "pages": door.PagesView(
                expected=[Attachment(id=SIGNATURE, title="Riepilogo firmato", required=True)],
                pages=[],
                missing=[SIGNATURE],
            ),
        }

    def _at_sealing(self, practice):
        return {**self._known(practice), "citizen": None}

    def _at_done(self, practice):
        return {
            **self._known(practice),
            "citizen": None,
            "may": ["finish", "print_receipt"],
            "letter": msgspec.structs.replace(letter_row(15, LetterWord.SAVED), practice_name=practice.name),
        }

    def form_of(self, practice, number, answers=None, problems=()):
        """One step of questions."""
        step = practice.steps[number]
        if answers is None:
            answers = {"codice_fiscale": [CITIZEN.codice_fiscale], "cognome": ["PROVA"], "nome": ["MARIA"]}
            answers |= {"data_nascita": ["1950-02-03"], "sesso": ["f"]}
        names = {field.name for field in step.fields}
        mine = {name: values for name, values in answers.items() if name in names}
        return door.FormView(
            step=step,
            fields=practice.asked(step, mine),
            number=number + 1,
            of=len(practice.steps),
            answers=mine,
            problems=list(problems),
            from_card=[name for name in mine if name != "sesso"],
            good_to_know=practice.told(dt.date(2026, 11, 28)) if number == 0 else [],
        )

    def papers_of(self, practice, pages=()):
        """Papers of a practice."""
        return door.PagesView(
            expected=practice.attachments,
            pages=list(pages),
            missing=[
                paper.id
                for paper in practice.attachments
                if paper.required and paper.id not in {p.attachment for p in pages}
            ],
            last_step=practice.steps[-1].id,
        )

    # ---- the door

    def knock(self, request: door.Knock) -> door.Reception:
        return door.Reception(desk=self._outside(), clerks=self.clerks)

    def first_clerk(self, request: door.FirstClerk) -> door.Welcome:
        if request.voucher != VOUCHER:
            raise Refusal("clerk.wrong_voucher")
        self.clerks = [request.user]
        return self._welcome()

    def login(self, request: door.Login) -> door.Welcome:
        if request.pin != PIN:
            raise Refusal("clerk.wrong_pin")
        return self._welcome()

    def logout(self, request: door.Ask) -> door.Knock:
        self._known_token(request.token)
        self.token = None
        self.show()
        return door.Knock()

    def lock(self, request: door.Ask) -> door.DeskView:
        self._known_token(request.token)
        self.locked = True
        self.show()
        return self._inside()

    def look(self, request: door.Ask) -> door.DeskView:
        self._known_token(request.token)
        return self._inside()

    def stay(self, request: door.Ask) -> door.DeskView:
        self.stays += 1
        return self.look(request)

    def watch(self, request: door.Watch) -> door.DeskView:
        server = self._server
        with self._changed:
            self._changed.wait_for(
                lambda: self.view.revision != request.revision or self._server is not server, request.wait_s
            )
        if request.token is None:
            return self._outside()
        self._known_token(request.token)
        return self._inside()

    def begin(self, request: door.Act) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.INFORM))

    def print_notice(self, request: door.Act) -> door.DeskView:
        notice = msgspec.structs.replace(self.view.sitting.notice, printed=True)
        return self._act(request, lambda: self.sit(notice=notice))

    def give_notice(self, request: door.GiveNotice) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.CARD))

    def enter_code(self, request: door.EnterCode) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.COMPARE))

    def show_document(self, request: door.Act) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.READING))

    def read_contact(self, request: door.ReadContact) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.COMPARE))

    def by_sight(self, request: door.BySight) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.CHOOSE))

    def same_person(self, request: door.SamePerson) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.CHOOSE if request.same else door.Stage.CARD))

    def practices(self, request: door.Ask) -> door.Practices:
        rows = [
            door.PracticeRow(key=p.key, area=p.area, name=p.name, summary=p.summary, who=p.who, body=p.body)
            for p in sorted(shipped().practices, key=lambda p: p.name)
        ]
        return door.Practices(practices=rows)

    def choose(self, request: door.Choose) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.FORM, request.practice.partition("@")[0]))

    def save_step(self, request: door.SaveStep) -> door.DeskView:
        return self._act(request, lambda: self._saved(request))

    def _saved(self, request):
        practice = shipped().get(self.view.sitting.practice_key)
        at = self.view.sitting.form.number - 1
        if request.then is door.Direction.STAY:
            return self.sit(form=self.form_of(practice, at, request.answers))
        if request.then is door.Direction.BACK:
            return self.sit(form=self.form_of(practice, max(0, at - 1)))
        problems = [
            door.FieldProblem(field=field.name, code="answer.required")
            for field in practice.asked(practice.steps[at], request.answers)
            if field.required and not request.answers.get(field.name)
        ]
        if problems:
            return self.sit(form=self.form_of(practice, at, request.answers, problems))
        if at + 1 < len(practice.steps):
            return self.sit(form=self.form_of(practice, at + 1))
        return self.at(door.Stage.PAGES, practice.id)

    def go_to_step(self, request: door.GoToStep) -> door.DeskView:
        practice = shipped().get(self.view.sitting.practice_key)
        if not request.step:
            return self._act(request, lambda: self.at(door.Stage.PAGES, practice.id))
        number = [step.id for step in practice.steps].index(request.step)

        def work():
            self.at(door.Stage.FORM, practice.id)
            self.sit(form=self.form_of(practice, number))

        return self._act(request, work)

    def take_page(self, request: door.TakePage) -> door.DeskView:
        return self._act(request, lambda: self.take(request.attachment, request.instead_of))

    def take(self, attachment, instead_of=None):
        """A page lies there now; every second one is blurred."""
        before = self.view.sitting.pages
        blurred = bool(before.pages) and not instead_of
        shot = door.PageView(
            page=unique(100 + len(before.pages) + (50 if instead_of else 0)),
            attachment=attachment,
            taken_at=T0_MS,
            remarks=["page.blurred"] if blurred else [],
            grave=["page.blurred"] if blurred else [],
            alterable=True,
        )
        pages = [*before.pages, shot]
        if instead_of:
            pages = [shot if page.page == instead_of else page for page in before.pages]
        left = [name for name in before.missing if name != attachment]
        self.sit(pages=msgspec.structs.replace(before, pages=pages, missing=left))

    def auto_take(self, request: door.AutoTake) -> door.DeskView:
        return self._act(request, lambda: self.change_pages(auto=request.attachment))

    def remove_page(self, request: door.PageAct) -> door.DeskView:
        def work():
            rest = [page for page in self.view.sitting.pages.pages if page.page != request.page]
            self.change_pages(pages=rest)

        return self._act(request, work)

    def keep_page(self, request: door.KeepPage) -> door.DeskView:
        return self._act(request, lambda: self.change_page(request.page, kept=request.because))

    def move_page(self, request: door.MovePage) -> door.DeskView:
        def work():
            pages = list(self.view.sitting.pages.pages)
            here = [page.page for page in pages].index(request.page)
            there = max(0, min(len(pages) - 1, here + (-1 if request.up else 1)))
            pages.insert(there, pages.pop(here))
            self.change_pages(pages=pages)

        return self._act(request, work)

    def turn_page(self, request: door.PageAct) -> door.DeskView:
        return self._act(request, lambda: self.change_page(request.page))

    def shape_page(self, request: door.ShapePage) -> door.DeskView:
        return self._act(request, lambda: self.change_page(request.page, remarks=[], grave=[]))

    def redact_page(self, request: door.RedactPage) -> door.DeskView:
        return self._act(request, lambda: self.change_page(request.page, redacted=True, alterable=False))

    def use_finding(self, request: door.UseFinding) -> door.DeskView:
        def work():
            (page,) = [page for page in self.view.sitting.pages.pages if page.page == request.page]
            same = [msgspec.structs.replace(one, fit=door.Fit.SAME) for one in page.findings]
            self.change_page(request.page, findings=same)

        return self._act(request, work)

    def change_pages(self, **changes):
        self.sit(pages=msgspec.structs.replace(self.view.sitting.pages, **changes))

    def change_page(self, which, **changes):
        """Something of one page is otherwise now."""
        self.change_pages(
            pages=[
                msgspec.structs.replace(page, **changes) if page.page == which else page
                for page in self.view.sitting.pages.pages
            ]
        )

    def pages_done(self, request: door.Act) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.READ_BACK))

    def confirm_read_back(self, request: door.ConfirmReadBack) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.SIGN))

    def print_summary(self, request: door.Act) -> door.DeskView:
        return self._act(request, lambda: self.sit(summary_printed=True))

    def draw_signature(self, request: door.DrawSignature) -> door.DeskView:
        return self._act(request, lambda: self.sit(pen=drawn(request.strokes)))

    def erase_signature(self, request: door.Act) -> door.DeskView:
        return self._act(request, lambda: self.sit(pen=None))

    def sign(self, request: door.Sign) -> door.DeskView:
        return self._act(request, lambda: self.sit(signature=request.way))

    def seal(self, request: door.Act) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.DONE))

    def print_receipt(self, request: door.LetterAct) -> door.DeskView:
        def work():
            sitting = self.view.sitting
            if sitting and sitting.letter:
                self.sit(letter=msgspec.structs.replace(sitting.letter, receipt_printed=True))

        return self._act(request, work)

    def finish(self, request: door.Act) -> door.DeskView:
        return self._act(request, lambda: self.show(sitting=None))

    def lay_aside(self, request: door.Act) -> door.DeskView:
        def work():
            self.drafts_kept = [
                door.DraftRow(
                    draft=unique(7),
                    number="A074-1/2026/000015",
                    citizen="PROVA MARIA",
                    practice_name="Assegno unico per i figli",
                    changed_at=T0_MS,
                    erased_after=T0_MS + 30 * 86_400_000,
                )
            ]
            self.show(sitting=None, drafts=1)

        return self._act(request, work)

    def abandon(self, request: door.Abandon) -> door.DeskView:
        return self._act(request, lambda: self.show(sitting=None))

    def drafts(self, request: door.Ask) -> door.Drafts:
        self._known_token(request.token)
        return door.Drafts(drafts=self.drafts_kept)

    def open_draft(self, request: door.OpenDraft) -> door.DeskView:
        return self._act(request, lambda: self.at(door.Stage.CARD))

    def letters(self, request: door.Ask) -> door.Letters:
        self._known_token(request.token)
        return door.Letters(letters=self.letters_kept)

    def notice_paper(self, request: door.Ask) -> door.Paper:
        return door.Paper(title="Informativa", data=b"%PDF-1.4\n%%EOF\n")

    def summary_paper(self, request: door.Ask) -> door.Paper:
        return door.Paper(title="Riepilogo", data=b"%PDF-1.4\n%%EOF\n")

    def summary_words(self, request: door.Ask) -> door.SummaryWords:
        self._known_token(request.token)
        practice = shipped().get(self.view.sitting.practice_key)
        return door.SummaryWords(
            sha256=SUMMARY_SHA256,
            heading=[practice.name, f"Per: {practice.body}", "Numero provvisorio: A074-1/2026/000015"],
            sections=[
                door.SummarySection(title="Chi fa la domanda", sentences=["MARIA PROVA"]),
                door.SummarySection(
                    title="Il pagamento",
                    facts=[door.SummaryFact(label="IBAN", value="IT60 X054 2811 1010 0000 0123 456")],
                ),
                door.SummarySection(title="Che cosa dichiaro", sentences=practice.declarations),
            ],
            confirmed="Ho letto tutto quello che è scritto qui. È giusto.",
        )

    def receipt_paper(self, request: door.LetterQuestion) -> door.Paper:
        return door.Paper(title="Ricevuta", data=b"%PDF-1.4\n%%EOF\n")

    def picture(self, request: door.PictureQuestion) -> door.Picture:
        self._known_token(request.token)
        if request.which == "preview":
            return door.Picture(media_type="image/jpeg", data=picture(f"dal vivo {time.monotonic():.1f}"))
        data = picture("chip", (360, 480), "#c6b7a4") if request.which == "photo" else sheet()
        return door.Picture(media_type="image/jpeg", data=data)

    def live(self, request: door.LiveQuestion) -> door.LivePicture:
        self._known_token(request.token)
        self.lives += 1
        time.sleep(1 / 30)  # a camera's own pace
        if not self.camera_there:
            return door.LivePicture(number=request.after)
        return door.LivePicture(number=request.after + 1, data=picture(f"dal vivo {request.after}"))

    def sight(self, request: door.LiveQuestion) -> door.LookView:
        self._known_token(request.token)
        with self._changed:
            self._changed.wait_for(lambda: self.look_view.number > request.after, request.wait_s)
            return self.look_view

    def see(self, **changes):
        """Something else is seen under the camera."""
        with self._changed:
            number = self.look_view.number + 1
            self.look_view = msgspec.structs.replace(self.look_view, number=number, **changes)
            self._changed.notify_all()

    # ---- inside

    def _welcome(self):
        self.token = hashlib.sha256(f"{time.monotonic_ns()}".encode()).hexdigest()
        self.locked = False
        self.show()
        return door.Welcome(token=self.token, desk=self._inside())

    def _known_token(self, token):
        if token != self.token:
            raise Refusal("clerk.logged_out")

    def _outside(self):
        return msgspec.structs.replace(self.view, clerk=None, sitting=None, drafts=0)

    def _inside(self):
        view = msgspec.structs.replace(
            self.view, clerk=door.ClerkView(name=NAME, idle_lock_s=self.idle_lock_s), locked=self.locked
        )
        return msgspec.structs.replace(view, sitting=None, drafts=0) if self.locked else view

    def _act(self, request, work):
        self._known_token(request.token)
        if self.locked:
            raise Refusal("clerk.locked")
        with self._changed:
            if request.once in self._once:
                return self._once[request.once]
            name = type(request).__name__
            self.acts.append(name)
            self.asked.append(request)
            work()
            self._once[request.once] = self._inside()
            return self._once[request.once]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A face that hung up is no fault of the desk."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, desk, *arguments):
        self.desk = desk
        super().__init__(*arguments)

    def address_string(self):
        return "face"

    def log_message(self, *arguments):
        """Silent."""

    def do_POST(self):
        call = next(c for c in calls(door.ClerkDoor).values() if path_of(c) == self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            request = read_request(call, body)
            refusal = self.desk.refusals.pop(call.name, None) or self.desk.always.get(call.name)
            if refusal is not None:
                raise refusal
            status, answer = 200, getattr(self.desk, call.name)(request)
        except PueError as error:
            status, answer = 409, error.problem()
        data = encode_body(answer)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
