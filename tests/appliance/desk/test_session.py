"""The table of a sitting: whatever happens in whatever order, it refuses or follows its own diagram."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.desk import diagram, session
from appliance.desk import sitting as w
from appliance.desk.answers import complete_answers
from appliance.desk.decision import Circumstances, SittingRefused
from appliance.desk.session import TABLE, decide
from appliance.desk.sitting import Sitting
from appliance.desk.views import CALLS, may, view
from contracts.desk_api import door
from contracts.desk_api.clerk import (
    ClerkDoor,
    Direction,
    Identified,
    KeptBecause,
    NoticeWay,
    SignatureWay,
    Stage,
    VerdictKind,
)
from contracts.errors import Problem, PueError, WhoCanAct
from contracts.identity import make_id
from contracts.practices.catalogue import shipped
from contracts.practices.model import FieldKind
from tests.appliance.desk.kit import ESTRATTO, NASPI

CATALOGUE = shipped()
TODAY = dt.date(2026, 11, 23)
ROOT = Path(__file__).parents[3]
TROUBLE = Problem(code="some.trouble", who=WhoCanAct.CLERK)
MARIA = w.Citizen(
    surname="ESEMPIO",
    name="MARIA",
    birth_date="1985-04-12",
    sex="F",
    nationality="ITA",
    codice_fiscale="SMPMRA85D52H501E",
    birth_place="Roma (RM)",
)
ALDO = w.Citizen(surname="PROVA", name="ALDO", birth_date="1951-11-03", codice_fiscale="PRVLDA51S03F205A")


FOUND_IBAN = w.FoundFacts(
    kind="iban", value="IT60X0542811101000000123456", shown="IT60 X054", box=(0.1, 0.1, 0.5, 0.2)
)


def verdict(kind: VerdictKind) -> w.VerdictFacts:
    return w.VerdictFacts(kind=kind, code="some.code", title="", lines=[], photo=True)


def now(ms: int = 1_795_000_000_000) -> Circumstances:
    return Circumstances(
        now_ms=ms, today=TODAY, practice=CATALOGUE.get, begin=CATALOGUE.get, clerk="op-00000000"
    )


def arrived() -> Sitting:
    """A citizen who was not told anything yet."""
    return Sitting(
        sitting=make_id(1, bytes(10)),
        letter=make_id(2, bytes(10)),
        number="A074-1/2026/000001",
        began_ms=1,
        changed_ms=1,
        time_trusted=True,
    )


def fresh() -> Sitting:
    return go(arrived(), w.Informed(NoticeWay.READ))


def page(number: int, attachment: str, **more) -> w.PageFacts:
    known = {"taken_at": 1, "sha256": "0" * 64, "size_bytes": 1, "alterable": True} | more
    return w.PageFacts(page=make_id(number, bytes(10)), attachment=attachment, **known)


def go(state: Sitting, *events: w.Event) -> Sitting:
    for event in events:
        after = decide(state, event, now()).state
        assert after is not None
        state = after
    return state


def identified() -> Sitting:
    return go(
        fresh(),
        w.CodeEntered(can="123456"),
        w.CardRead(MARIA, verdict(VerdictKind.VERIFIED)),
        w.Compared(same=True),
    )


def filled(practice: str, answers: dict[str, list[str]]) -> Sitting:
    key = next(p.key for p in CATALOGUE.practices if p.id == practice)
    state = go(identified(), w.Chosen(key))
    while state.stage is Stage.FORM:
        step = CATALOGUE.get(key).steps[state.step]
        given = {f.name: answers.get(f.name, state.answers.get(f.name, [])) for f in step.fields}
        before, state = state.step, go(state, w.StepSaved(step.id, given, Direction.NEXT))
        assert state.stage is not Stage.FORM or state.step > before, state.problems
    return state


# ---------------------------------------------------------------- single cells


def test_the_diagram_in_the_documents_is_the_table():
    assert (ROOT / "docs" / "diagrams" / "sitting.md").read_text() == diagram.mermaid()


def test_every_clerks_event_is_a_call_of_the_door():
    assert set(CALLS.values()) <= set(door.calls(ClerkDoor))


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (VerdictKind.VERIFIED, Identified.BY_CHIP),
        (VerdictKind.CHIP_UNPROVEN, Identified.BY_CHIP),
        (VerdictKind.NOT_VERIFIED, Identified.BY_SIGHT),
    ],
)
def test_only_data_a_state_vouches_for_identify_by_chip(kind, how):
    state = go(fresh(), w.CodeEntered(can="123456"), w.CardRead(MARIA, verdict(kind)), w.Compared(same=True))
    assert state.identified is how


@pytest.mark.parametrize(
    "event",
    [
        w.CodeEntered(can="123456"),
        w.ContactWanted(),
        w.DocumentWanted(),
        w.CarriedNoticed(MARIA.codice_fiscale),
        w.SeenBySight(MARIA, "no_chip"),
    ],
)
def test_nothing_is_captured_before_the_citizen_was_told(event):
    with pytest.raises(SittingRefused):
        decide(arrived(), event, now())
    assert decide(fresh(), event, now()).state is not None


def test_only_a_notice_that_came_out_of_the_printer_can_be_handed_over():
    with pytest.raises(SittingRefused) as refused:
        decide(arrived(), w.Informed(NoticeWay.HANDED), now())
    assert refused.value.code == "sitting.notice_not_printed"
    asked = decide(arrived(), w.NoticeWanted(), now())
    assert asked.acts == (w.PrintNotice(),)
    with pytest.raises(SittingRefused):
        decide(asked.state, w.Informed(NoticeWay.READ), now())
    failed = go(asked.state, w.PrintFailed(TROUBLE))
    assert (failed.pending, failed.trouble) == ("", TROUBLE)
    told = go(asked.state, w.NoticePrinted(), w.Informed(NoticeWay.HANDED))
    assert (told.stage, told.informed, told.informed_ms) == (Stage.CARD, NoticeWay.HANDED, now().now_ms)


def test_paper_that_nobody_asked_for_is_not_believed():
    for event in (w.NoticePrinted(), w.PrintFailed(TROUBLE)):
        with pytest.raises(SittingRefused):
            decide(arrived(), event, now())


def test_with_a_refused_document_nobody_is_identified():
    state = go(fresh(), w.CodeEntered(can="123456"), w.CardRead(MARIA, verdict(VerdictKind.REFUSED)))
    with pytest.raises(SittingRefused, match="nobody can be identified"):
        decide(state, w.Compared(same=True), now())


def test_another_face_sends_back_to_the_card_and_forgets_who_was_read():
    read = go(fresh(), w.CodeEntered(can="123456"), w.CardRead(MARIA, verdict(VerdictKind.VERIFIED)))
    state = go(read, w.Compared(same=False))
    assert (state.stage, state.citizen, state.verdict) == (Stage.CARD, None, None)
    assert state.trouble.code == "sitting.not_the_person"


def test_by_sight_is_never_green():
    state = go(fresh(), w.SeenBySight(MARIA, "no_chip"))
    assert state.identified is Identified.BY_SIGHT
    assert state.verdict.kind is VerdictKind.NOT_VERIFIED


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("codice_fiscale", MARIA.codice_fiscale[:15] + "Z", "answer.cf_wrong_check"),
        ("birth_date", "1985-02-30", "answer.date_unreadable"),
        ("birth_date", "2030-04-12", "answer.date_out_of_range"),
        ("birth_date", "1985-04-13", "warning.cf_birth_differs"),
    ],
)
def test_by_sight_refuses_what_cannot_be(field, value, code):
    with pytest.raises(SittingRefused) as refused:
        decide(fresh(), w.SeenBySight(msgspec.structs.replace(MARIA, **{field: value}), "no_chip"), now())
    assert (refused.value.code, refused.value.facts["field"]) == (code, field)


def test_the_card_fills_the_form_and_a_change_is_noticed():
    state = go(identified(), w.Chosen("naspi@2026-01"))
    assert state.answers["comune_nascita"] == ["Roma"]
    assert state.answers["sesso"] == ["f"]
    assert "cognome" in state.from_card
    step = CATALOGUE.get("naspi@2026-01").steps[0]
    given = {**state.answers, "cognome": ["Esempio Nuova"]}
    state = go(state, w.StepSaved(step.id, given, Direction.NEXT))
    assert "cognome" not in state.from_card


def test_a_code_that_does_not_fit_the_birth_warns_once_and_may_be_overruled():
    state = go(identified(), w.Chosen("naspi@2026-01"))
    step = CATALOGUE.get("naspi@2026-01").steps[0]
    given = {**state.answers, "data_nascita": ["13/4/1985"]}
    warned = go(state, w.StepSaved(step.id, given, Direction.NEXT))
    assert [p.code for p in warned.problems] == ["warning.cf_birth_differs"]
    assert warned.step == 0
    assert go(warned, w.StepSaved(step.id, given, Direction.NEXT)).step == 1


def test_a_draft_saved_while_typing_does_not_use_up_the_warning():
    state = go(identified(), w.Chosen("naspi@2026-01"))
    step = CATALOGUE.get("naspi@2026-01").steps[0]
    given = {**state.answers, "data_nascita": ["13/4/1985"]}
    kept = go(state, w.StepSaved(step.id, given, Direction.STAY))
    assert (kept.answers["data_nascita"], kept.problems) == (["1985-04-13"], [])
    warned = go(kept, w.StepSaved(step.id, given, Direction.NEXT))
    assert (warned.step, [p.code for p in warned.problems]) == (0, ["warning.cf_birth_differs"])
    again = go(warned, w.StepSaved(step.id, given, Direction.STAY))
    assert again.problems == warned.problems
    assert go(again, w.StepSaved(step.id, given, Direction.NEXT)).step == 1


def test_refused_answers_are_kept_as_typed():
    state = go(identified(), w.Chosen("naspi@2026-01"))
    step = CATALOGUE.get("naspi@2026-01").steps[0]
    state = go(state, w.StepSaved(step.id, {**state.answers, "codice_fiscale": ["abc"]}, Direction.NEXT))
    assert state.answers["codice_fiscale"] == ["abc"]
    assert state.step == 0


def test_answers_to_questions_no_longer_asked_do_not_travel():
    state = filled("naspi", NASPI)
    assert "reddito_presunto" not in state.answers
    back = go(state, w.StepOpened("altri_redditi"))
    step = CATALOGUE.get("naspi@2026-01").steps[back.step]
    given = {"lavoro_autonomo": ["partita_iva"], "reddito_presunto": ["1.000"], "pensione_in_corso": ["no"]}
    there = go(back, w.StepSaved(step.id, given, Direction.NEXT), w.StepOpened(""))
    assert there.answers["reddito_presunto"] == ["1000.00"]
    again = go(there, w.StepOpened("altri_redditi"))
    given["lavoro_autonomo"] = ["nessuno"]
    assert (
        "reddito_presunto"
        not in go(again, w.StepSaved(step.id, given, Direction.NEXT), w.StepOpened("")).answers
    )


def test_a_required_paper_holds():
    state = filled("naspi", {**NASPI, "motivo": ["dimissioni_giusta_causa"]})
    with pytest.raises(SittingRefused) as refused:
        decide(state, w.PagesDone(), now())
    assert refused.value.facts["missing"] == "lettera"
    done = go(
        state, w.PageWanted(make_id(1, bytes(10)), "lettera"), w.PageTaken(page(1, "lettera")), w.PagesDone()
    )
    assert done.stage is Stage.READ_BACK


def test_going_back_takes_back_confirmation_and_signature():
    state = go(
        filled("estratto_conto", ESTRATTO),
        w.PagesDone(),
        w.ReadBackConfirmed("0" * 64),
        w.PageWanted(make_id(1, bytes(10)), "signature"),
        w.PageTaken(page(1, "signature")),
        w.Signed(SignatureWay.PAPER, ""),
    )
    decision = decide(state, w.StepOpened("recapiti"), now())
    assert decision.acts == tuple(w.ErasePart(part) for part in w.page_parts(page(1, "signature").page))
    assert (decision.state.signature, decision.state.read_back_sha256, decision.state.pages) == (None, "", [])


def test_a_signature_on_paper_needs_the_paper_and_an_impediment_its_cause():
    state = go(filled("estratto_conto", ESTRATTO), w.PagesDone(), w.ReadBackConfirmed("0" * 64))
    for event in (w.Signed(SignatureWay.PAPER, ""), w.Signed(SignatureWay.CANNOT_SIGN, "  "), w.SealWanted()):
        with pytest.raises(SittingRefused):
            decide(state, event, now())
    assert go(state, w.Signed(SignatureWay.CANNOT_SIGN, "mano ingessata")).cause == "mano ingessata"


def test_a_reopened_draft_wants_the_same_citizen_again():
    state = session.reopened(
        msgspec.structs.replace(go(filled("estratto_conto", ESTRATTO), w.PagesDone()), laid_aside=True)
    )
    assert (state.stage, state.resume) == (Stage.CARD, Stage.READ_BACK)
    other = go(state, w.CodeEntered(can="1"), w.CardRead(ALDO, verdict(VerdictKind.VERIFIED)))
    assert other.trouble.code == "sitting.other_person"
    assert other.stage is Stage.CARD
    same = go(
        other, w.CodeEntered(can="1"), w.CardRead(MARIA, verdict(VerdictKind.VERIFIED)), w.Compared(same=True)
    )
    assert same.stage is Stage.READ_BACK
    assert same.answers["tipo"] == ["eco"]


def test_a_reopened_draft_whose_citizen_is_not_there_waits_on():
    draft = msgspec.structs.replace(filled("estratto_conto", ESTRATTO), laid_aside=True)
    state = session.reopened(draft)
    assert "lay_aside" in may(state)
    for here in (state, go(state, w.CodeEntered(can="1"), w.CardRead(MARIA, verdict(VerdictKind.VERIFIED)))):
        decision = decide(here, w.LaidAside(), now())
        (kept,) = [act.state for act in decision.acts if isinstance(act, w.KeepDraft)]
        again = session.reopened(kept)
        assert (again.stage, again.resume, again.identified) == (Stage.CARD, Stage.PAGES, None)
        assert again.answers == draft.answers
    with pytest.raises(SittingRefused):
        decide(fresh(), w.LaidAside(), now())
    assert "lay_aside" not in may(fresh())


def test_after_sealing_nothing_of_the_citizen_is_left():
    state = go(
        filled("estratto_conto", ESTRATTO),
        w.PagesDone(),
        w.ReadBackConfirmed("0" * 64),
        w.Signed(SignatureWay.CANNOT_SIGN, "mano ingessata"),
        w.SealWanted(),
        w.Sealed(),
    )
    assert state.stage is Stage.DONE
    text = msgspec.json.encode(state).decode()
    for datum in ("ESEMPIO", "MARIA", "SMPMRA", "ingessata", "333"):
        assert datum not in text


# ---------------------------------------------------------------- any order at all

_texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "true", "no", "12/4/1985", "31/02/2000", "SMPMRA85D52H501E", "123", "nessuno", "eco"]
    ),
)
_good = {**NASPI, **ESTRATTO, "codice_fiscale": ["SMPMRA85D52H501E"], "tipo": ["eco"]}


@st.composite
def _typed(draw, practice, step):
    typed = {}
    for field in step.fields:
        good = _good.get(field.name)
        if good is None and field.kind is FieldKind.CHOICE:
            good = [field.options[0].value]
        typed[field.name] = draw(
            st.one_of(st.just(good or []), st.lists(_texts, max_size=3))
            if draw(st.integers(0, 4)) == 0
            else st.just(good or [])
        )
    return {name: values for name, values in typed.items() if values}


STARTS = [
    arrived,
    fresh,
    identified,
    lambda: filled("naspi", NASPI),
    lambda: filled("estratto_conto", ESTRATTO),
    lambda: session.reopened(filled("estratto_conto", ESTRATTO)),
]
"""Not only the first step: chance alone seldom comes far."""


class AnyOrder(RuleBasedStateMachine):
    """Events as they come; the state must stay honest."""

    def __init__(self):
        super().__init__()
        self.state: Sitting | None = None
        self.acts: list[w.Act] = []
        self.seen = {"read_back": False, "signed": False, "seal": False}
        self.number = 10

    @initialize(start=st.sampled_from(STARTS))
    def sit_down(self, start):
        self.state = start()

    def do(self, event):
        if self.state is None:
            self.state = arrived()
            self.seen = dict.fromkeys(self.seen, False)
        before = self.state
        try:
            decision = decide(before, event, now(self.number))
        except PueError:
            return
        cell = TABLE[before.stage, type(event)]
        after = decision.state
        assert (after.stage if after else None) in cell.to
        self.state, self.acts = after, list(decision.acts)
        if isinstance(event, w.ReadBackConfirmed):
            self.seen["read_back"] = True
        if isinstance(event, w.Signed):
            self.seen["signed"] = True
        if isinstance(event, w.Seal | w.SealWanted):
            self.seen["seal"] = True
        if after is not None and after.stage is Stage.DONE and before.stage is not Stage.DONE:
            assert all(self.seen.values())
            assert before.signature is not None
            assert (before.signature is SignatureWay.PEN) == (before.pen is not None)
            assert before.read_back_sha256
            assert before.identified is not None
            assert before.informed is not None

    @rule(how=st.sampled_from(NoticeWay))
    def told(self, how):
        self.do(w.Informed(how))

    @rule(event=st.sampled_from([w.NoticeWanted(), w.NoticePrinted()]))
    def notice_on_paper(self, event):
        self.do(event)

    @rule(can=st.one_of(st.none(), st.text(max_size=6)), mrz=st.lists(st.text(max_size=5), max_size=2))
    def code(self, can, mrz):
        self.do(w.CodeEntered(can, tuple(mrz)))

    @rule(kind=st.sampled_from(VerdictKind), who=st.sampled_from([MARIA, ALDO, None]))
    def read(self, kind, who):
        self.do(w.CardRead(who, verdict(kind)))

    @rule(who=st.sampled_from([MARIA, ALDO]))
    def sight(self, who):
        self.do(w.SeenBySight(who, "no_chip"))

    @rule(same=st.booleans())
    def compare(self, same):
        self.do(w.Compared(same))

    @rule(key=st.sampled_from([*(p.key for p in CATALOGUE.practices), "nothing@2026-01"]))
    def choose(self, key):
        self.do(w.Chosen(key))

    @precondition(lambda self: self.state is not None and self.state.stage is Stage.FORM)
    @rule(data=st.data(), then=st.sampled_from([Direction.NEXT] * 5 + list(Direction)))
    def save(self, data, then):
        practice = CATALOGUE.get(self.state.practice_key)
        step = practice.steps[self.state.step]
        typed = data.draw(_typed(practice, step))
        self.do(w.StepSaved(step.id, {**self.state.answers, **typed}, then))

    @rule(step=st.sampled_from(["", "anagrafica", "recapiti", "pagamento", "none"]))
    def open(self, step):
        self.do(w.StepOpened(step))

    @rule(attachment=st.sampled_from(["signature", "busta_paga", "lettera", "altro", "none"]))
    def want_page(self, attachment):
        self.number += 1
        self.do(w.PageWanted(make_id(self.number, bytes(10)), attachment))

    @rule(good=st.booleans(), grave=st.sampled_from([[], [], ["page.blurred"]]))
    def page_outcome(self, good, grave):
        act = next((act for act in self.acts if isinstance(act, w.TakePage)), None)
        attachment = act.attachment if act else "altro"
        self.number += 1
        taken = w.PageTaken(page(self.number, attachment, grave=grave), act.instead_of if act else "")
        self.do(taken if good else w.PageFailed(TROUBLE))

    @rule(
        data=st.data(),
        event=st.sampled_from(
            [
                w.PageRemoved,
                w.PageTurned,
                lambda page: w.PageKept(page, KeptBecause.NO_BETTER),
                lambda page: w.PageMoved(page, up=True),
                lambda page: w.PageMoved(page, up=False),
                lambda page: w.PageShaped(page, (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0)),
                lambda page: w.PageRedacted(page, ((0.1, 0.1, 0.2, 0.2),)),
                lambda page: w.PageRead(page, "0" * 64, (FOUND_IBAN,)),
                lambda page: w.FindingUsed(page, 0),
                lambda page: w.PageWanted(make_id(2, bytes(10)), "altro", page),
            ]
        ),
    )
    def work_on_a_page(self, data, event):
        pages = [p.page for p in self.state.pages] if self.state else []
        self.do(event(data.draw(st.sampled_from([*pages, make_id(1, bytes(10))]))))

    @rule()
    def altered(self):
        act = next((act for act in self.acts if isinstance(act, w.AlterPage)), None)
        if act is not None:
            self.do(w.PageAltered(act.facts))

    @rule(
        event=st.sampled_from(
            [w.PagesDone(), w.ReadBackConfirmed("0" * 64), w.SummaryWanted(), w.SealWanted()]
        )
    )
    def onward(self, event):
        self.do(event)

    @rule(event=st.sampled_from([w.PenDrawn((((0, 0), (900, 700)),), "0" * 64), w.PenErased()]))
    def by_pen(self, event):
        self.do(event)

    @rule(way=st.sampled_from(SignatureWay), cause=st.sampled_from(["", "mano ingessata"]))
    def sign(self, way, cause):
        self.do(w.Signed(way, cause))

    @rule(
        event=st.sampled_from(
            [
                w.ReadFailed(TROUBLE),
                w.SummaryPrinted(),
                w.PrintFailed(TROUBLE),
                w.Sealed(),
                w.SealFailed(TROUBLE),
                w.ReadingProgressed(w.Reading(code="card.photo", ratio=0.5)),
                w.CardNoticed(present=True),
            ]
        )
    )
    def outcome(self, event):
        self.do(event)

    @rule()
    def plug_is_pulled(self):
        if self.state is not None:
            kept = msgspec.json.decode(msgspec.json.encode(self.state), type=Sitting, strict=True)
            self.state = kept if kept.stage is Stage.DONE else session.restored(kept)
            self.acts = []

    @rule()
    def later(self):
        if self.state is None:
            return
        try:
            decision = decide(self.state, w.LaidAside(), now(self.number))
        except SittingRefused:
            return
        (kept,) = [act.state for act in decision.acts if isinstance(act, w.KeepDraft)]
        self.state, self.acts = session.reopened(kept), []

    @rule(
        event=st.sampled_from([w.Finished(), w.LaidAside(), w.Abandoned("other")]), seldom=st.integers(0, 9)
    )
    def end(self, event, seldom):
        if seldom == 0:
            self.do(event)

    @invariant()
    def honest(self):
        state = self.state
        if state is None:
            return
        if state.stage in (Stage.SIGN, Stage.SEALING):
            assert state.identified is not None
            assert state.citizen is not None
            assert state.read_back_sha256
        if state.stage is Stage.SEALING:
            assert all(one.kept for one in state.pages if one.grave)
        assert all(not one.alterable for one in state.pages if one.redacted)
        assert len({one.page for one in state.pages}) == len(state.pages)
        if state.stage in (Stage.PAGES, Stage.READ_BACK, Stage.SIGN, Stage.SEALING):
            practice = CATALOGUE.get(state.practice_key)
            _, _, problems = complete_answers(practice, state.answers, TODAY)
            assert problems == []
        practice = CATALOGUE.get(state.practice_key) if state.practice_key else None
        shown = view(state, practice, TODAY, None)
        assert set(may(state)) <= set(door.calls(ClerkDoor))
        if state.stage in (Stage.CARD, Stage.READING, Stage.DONE):
            assert shown.citizen is None


TestAnyOrder = AnyOrder.TestCase
