"""The sitting as a table: stage × event → handler. Pure: state and event in, new state and acts out.

What is not in `TABLE` is refused. `docs/diagrams/sitting.md` is drawn from the table (`appliance.desk.diagram`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

import msgspec

from appliance.cards import codice_fiscale
from appliance.desk import informing, papers, signing
from appliance.desk import sitting as words
from appliance.desk.answers import (
    WARNING,
    StepRead,
    Wrong,
    complete_answers,
    read_codice_fiscale,
    read_date,
    read_step,
)
from appliance.desk.decision import Circumstances, Decision, SittingRefused, Transition, cell, refuse_pending
from appliance.desk.prefill import prefilled
from appliance.desk.sitting import Event, Sitting
from contracts.desk_api.clerk import Direction, FieldProblem, Identified, Stage, VerdictKind
from contracts.errors import Problem, WhoCanAct
from contracts.practices.model import Practice

CNS_ACCESS: Final = "cns"
"""How a card without a code was opened, in `VerdictFacts.access`."""
PHOTO: Final = "photo"
"""The draft's part that holds the chip's photo, until it was compared."""


class StepElsewhere(SittingRefused):
    """Another step is open, or there is no such step yet."""

    code = "sitting.other_step"


class DocumentRefused(SittingRefused):
    """With this document nobody can be identified."""

    code = "sitting.document_refused"


class PhotoDocumentNeeded(SittingRefused):
    """With this card alone nobody can be identified: a document with a photo is needed."""

    code = "sitting.photo_document_needed"


class FactRefused(SittingRefused):
    """Something the clerk typed about the citizen cannot be right. The code is the one of the form's answers."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field} cannot be right", field=field)
        self.code = code


class AnswersIncomplete(SittingRefused):
    """Some answer is still missing or wrong."""

    code = "sitting.answers_incomplete"


def decide(state: Sitting, event: Event, now: Circumstances) -> Decision:
    """One step of a sitting.

    Raises:
        SittingRefused: not allowed now; the sitting is as before.
        PueError: a practice this box does not hold.
    """
    cell = TABLE.get((state.stage, type(event)))
    if cell is None:
        raise SittingRefused(f"not in stage {state.stage}", stage=state.stage.value)
    decision = cell.handler(state, event, now)
    if decision.state is not None:
        changed = msgspec.structs.replace(decision.state, changed_ms=now.now_ms)
        decision = Decision(changed, decision.acts)
    return decision


def restored(state: Sitting) -> Sitting:
    """A sitting as it can go on after the desk was killed: no device works on it any more."""
    back = {Stage.READING: Stage.CARD, Stage.SEALING: Stage.SIGN}.get(state.stage)
    interrupted = back is not None or bool(state.pending)
    trouble = Problem(code="sitting.interrupted", who=WhoCanAct.CLERK) if interrupted else state.trouble
    return msgspec.structs.replace(
        state, stage=back or state.stage, reading=None, pending="", trouble=trouble, card=False
    )


def reopened(state: Sitting) -> Sitting:
    """A draft taken up again: where a card had served, the citizen shows it first."""
    back = msgspec.structs.replace(restored(state), laid_aside=False)
    if back.identified is not Identified.BY_CHIP:
        return back
    return msgspec.structs.replace(
        back, stage=Stage.CARD, resume=back.stage, verdict=None, identified=None, identified_ms=None
    )


def scrubbed(state: Sitting) -> Sitting:
    """What may stay at the desk once the letter is sealed: nothing of the citizen."""
    return Sitting(
        sitting=state.sitting,
        letter=state.letter,
        number=state.number,
        began_ms=state.began_ms,
        changed_ms=state.changed_ms,
        time_trusted=state.time_trusted,
        stage=Stage.DONE,
        identified=state.identified,
        practice_key=state.practice_key,
        practice_name=state.practice_name,
        signature=state.signature,
        saved_ms=state.saved_ms,
    )


# ---- the card --------------------------------------------------------------------------------------------


def _code_entered(state: Sitting, event: words.CodeEntered, _: Circumstances) -> Decision:
    if event.can is None and not event.mrz:
        raise SittingRefused("a code is needed: the CAN, the lines, or both", stage=state.stage.value)
    fresh = _unidentified(state)
    reading = words.Reading(code="card.opening", ratio=0.0)
    began = msgspec.structs.replace(fresh, stage=Stage.READING, reading=reading, trouble=None)
    return Decision(began, (words.ReadCard(event.can, event.mrz),))


def _contact_wanted(state: Sitting, event: words.ContactWanted, _: Circumstances) -> Decision:
    reading = words.Reading(code="contact.opening", ratio=0.0)
    began = msgspec.structs.replace(_unidentified(state), stage=Stage.READING, reading=reading, trouble=None)
    return Decision(began, (words.ReadContact(event.pin),))


def _document_wanted(state: Sitting, _event: words.DocumentWanted, _: Circumstances) -> Decision:
    reading = words.Reading(code="document.looking", ratio=0.0)
    began = msgspec.structs.replace(_unidentified(state), stage=Stage.READING, reading=reading, trouble=None)
    return Decision(began, (words.ReadDocument(),))


def _document_seen(state: Sitting, event: words.DocumentSeen, now: Circumstances) -> Decision:
    """Printed lines go on to the chip at once; a Tessera Sanitaria waits for the document it is held against."""
    if event.mrz:
        began = _code_entered(state, words.CodeEntered(None, event.mrz), now)
        return msgspec.structs.replace(began, acts=(words.ReadCard(None, event.mrz, awaited=True),))
    return Decision(
        msgspec.structs.replace(state, stage=Stage.CARD, reading=None, carried=event.codice_fiscale)
    )


def _carried_noticed(state: Sitting, event: words.CarriedNoticed, _: Circumstances) -> Decision:
    return Decision(msgspec.structs.replace(state, carried=event.codice_fiscale))


def _unidentified(state: Sitting) -> Sitting:
    """Forget whoever was read before. The citizen of a reopened draft stays, to be compared with."""
    return msgspec.structs.replace(
        state,
        citizen=state.citizen if state.resume else None,
        verdict=None,
        identified=None,
        identified_ms=None,
        by_sight_reason="",
        reading=None,
    )


def _progressed(state: Sitting, event: words.ReadingProgressed, _: Circumstances) -> Decision:
    return Decision(msgspec.structs.replace(state, reading=event.reading))


def _card_read(state: Sitting, event: words.CardRead, _: Circumstances) -> Decision:
    if state.resume and not _same_citizen(state.citizen, event.citizen):
        return _card_again(state, "sitting.other_person")
    read = msgspec.structs.replace(
        state, stage=Stage.COMPARE, citizen=event.citizen, verdict=event.verdict, reading=None, trouble=None
    )
    return Decision(read)


def _same_citizen(before: words.Citizen | None, now: words.Citizen | None) -> bool:
    if before is None or now is None:
        return before is now
    if before.codice_fiscale and now.codice_fiscale:
        return before.codice_fiscale == now.codice_fiscale
    return (before.surname, before.name, before.birth_date) == (now.surname, now.name, now.birth_date)


def _card_again(state: Sitting, code: str) -> Decision:
    trouble = Problem(code=code, who=WhoCanAct.CLERK)
    back = msgspec.structs.replace(_unidentified(state), stage=Stage.CARD, trouble=trouble)
    return Decision(back, (words.ErasePart(PHOTO),))


def _read_failed(state: Sitting, event: words.ReadFailed, _: Circumstances) -> Decision:
    return Decision(msgspec.structs.replace(state, stage=Stage.CARD, reading=None, trouble=event.trouble))


def _card_noticed(state: Sitting, event: words.CardNoticed, _: Circumstances) -> Decision:
    return Decision(msgspec.structs.replace(state, card=event.present))


def _seen_by_sight(state: Sitting, event: words.SeenBySight, now: Circumstances) -> Decision:
    _refuse_impossible(event.citizen, now.today)
    if state.resume and not _same_citizen(state.citizen, event.citizen):
        return _card_again(state, "sitting.other_person")
    verdict = words.VerdictFacts(
        kind=VerdictKind.NOT_VERIFIED,
        code="identified.by_sight",
        title="Identificazione a vista",
        lines=["La persona è stata riconosciuta dall'operatore con il documento in mano."],
        codes=["identified.by_sight", f"identified.{event.reason}"],
        unchecked=[
            "not_checked.chip",
            "not_checked.signature",
            "not_checked.theft",
            "not_checked.revocation",
        ],
        unchecked_lines=["Il chip del documento non è stato controllato."],
    )
    seen = msgspec.structs.replace(
        _unidentified(state),
        stage=state.resume or Stage.CHOOSE,
        resume=None,
        citizen=event.citizen,
        verdict=verdict,
        identified=Identified.BY_SIGHT,
        identified_ms=now.now_ms,
        by_sight_reason=event.reason,
        trouble=None,
    )
    return Decision(seen, (words.ErasePart(PHOTO),))


def _refuse_impossible(citizen: words.Citizen, today: dt.date) -> None:
    """What nobody can be called or born on is a slip of the hand: said at once, before it is on paper."""
    code = read_codice_fiscale(citizen.codice_fiscale)
    if isinstance(code, Wrong):
        raise FactRefused("codice_fiscale", code.code)
    birth = read_date(citizen.birth_date, today)
    if isinstance(birth, Wrong):
        raise FactRefused("birth_date", birth.code)
    if dt.date.fromisoformat(birth) > today:
        raise FactRefused("birth_date", "answer.date_out_of_range")
    if len(code) == 16 and not codice_fiscale.fits(code, dt.date.fromisoformat(birth), ""):
        raise FactRefused("birth_date", f"{WARNING}cf_birth_differs")


def needs_photo_document(verdict: words.VerdictFacts) -> bool:
    """A CNS proves whom its PIN belongs to, and nothing else about who holds it out."""
    return verdict.access == CNS_ACCESS and verdict.kind is not VerdictKind.VERIFIED


def _compared(state: Sitting, event: words.Compared, now: Circumstances) -> Decision:
    verdict = state.verdict
    if verdict is None or verdict.kind is VerdictKind.REFUSED or state.citizen is None:
        raise DocumentRefused("nobody can be identified with this document")
    if not event.same:
        return _card_again(state, "sitting.not_the_person")
    if needs_photo_document(verdict):
        raise PhotoDocumentNeeded("this card has no photo, and its holder gave no PIN")
    proven = verdict.kind in (VerdictKind.VERIFIED, VerdictKind.CHIP_UNPROVEN)
    same = msgspec.structs.replace(
        state,
        stage=state.resume or Stage.CHOOSE,
        resume=None,
        # Data nobody vouches for were compared with a document in the clerk's hand: that is by sight, never green.
        identified=Identified.BY_CHIP if proven else Identified.BY_SIGHT,
        by_sight_reason="" if proven else "chip_unreadable",
        identified_ms=now.now_ms,
        verdict=msgspec.structs.replace(verdict, photo=False),
        trouble=None,
    )
    return Decision(same, (words.ErasePart(PHOTO),))


# ---- the questions ---------------------------------------------------------------------------------------


def _chosen(state: Sitting, event: words.Chosen, now: Circumstances) -> Decision:
    practice = now.begin(event.practice)
    answers = prefilled(practice, state.citizen, now.today)
    begun = msgspec.structs.replace(
        state,
        stage=Stage.FORM,
        catalogue=now.catalogue,
        practice_key=practice.key,
        practice_name=practice.name,
        answers=answers,
        from_card=sorted(answers),
        step=0,
        reached=0,
        problems=[],
        trouble=None,
    )
    return Decision(begun)


def _step_saved(state: Sitting, event: words.StepSaved, now: Circumstances) -> Decision:
    practice = now.practice(state.practice_key)
    step = practice.steps[state.step]
    if event.step != step.id:
        raise StepElsewhere("another step is open", step=step.id)
    asked = {field.name for field in step.fields}
    typed = {name: values for name, values in event.answers.items() if name in asked}
    found = read_step(practice, step, typed, state.answers, now.today)
    rest = {name: values for name, values in state.answers.items() if name not in asked}
    saved = msgspec.structs.replace(
        state,
        answers={**rest, **found.answers},
        problems=found.problems,
        from_card=_untouched(state, asked, found),
        trouble=None,
    )
    return Decision(_moved(saved, event.then, state, found, practice, now))


def _untouched(state: Sitting, asked: set[str], found: StepRead) -> list[str]:
    return [
        name
        for name in state.from_card
        if name not in asked or found.answers.get(name) == state.answers.get(name)
    ]


def _moved(
    saved: Sitting, then: Direction, before: Sitting, found: StepRead, practice: Practice, now: Circumstances
) -> Sitting:
    if then is Direction.BACK:
        return msgspec.structs.replace(saved, step=max(0, saved.step - 1), problems=[])
    if then is Direction.STAY:
        return msgspec.structs.replace(saved, problems=_told_already(before, found))
    if found.refused or _warned_first_time(before, found):
        return saved
    if saved.step + 1 < len(practice.steps):
        onward = saved.step + 1
        return msgspec.structs.replace(saved, step=onward, reached=max(saved.reached, onward), problems=[])
    return _to_papers(saved, practice, now)


def _told_already(before: Sitting, found: StepRead) -> list[FieldProblem]:
    """What is still so of what the clerk was told.

    A draft kept while being typed tells nothing new: a warning that nobody saw would count as overruled.
    """
    return [
        problem
        for problem in found.problems
        if problem in before.problems
        and before.answers.get(problem.field) == found.answers.get(problem.field)
    ]


def _warned_first_time(before: Sitting, found: StepRead) -> bool:
    """A warning holds the clerk once; the same answers again overrule it."""
    warned = [problem for problem in found.problems if problem.code.startswith(WARNING)]
    same = all(before.answers.get(problem.field) == found.answers.get(problem.field) for problem in warned)
    return bool(warned) and not (same and all(problem in before.problems for problem in warned))


def _to_papers(state: Sitting, practice: Practice, now: Circumstances) -> Sitting:
    """Only with every answer read and none left over from a question that is no longer asked."""
    whole, step, problems = complete_answers(practice, state.answers, now.today)
    if problems:
        return msgspec.structs.replace(state, stage=Stage.FORM, step=step, problems=problems)
    asked = {paper.id for paper in practice.papers(whole)}
    pages = [page for page in state.pages if page.attachment in asked]
    return msgspec.structs.replace(state, stage=Stage.PAGES, answers=whole, pages=pages, problems=[])


def _step_opened(state: Sitting, event: words.StepOpened, now: Circumstances) -> Decision:
    refuse_pending(state)
    practice = now.practice(state.practice_key)
    if not event.step:
        opened = _to_papers(_unsigned(state), practice, now)
        if opened.stage is not Stage.PAGES:
            raise AnswersIncomplete(
                "some answer is still missing or wrong", step=practice.steps[opened.step].id
            )
        return Decision(opened, papers.erased_signature(state))
    number = next((at for at, step in enumerate(practice.steps) if step.id == event.step), None)
    if number is None or number > state.reached:
        raise StepElsewhere("there is no such step yet", step=practice.steps[state.step].id)
    opened = msgspec.structs.replace(_unsigned(state), stage=Stage.FORM, step=number, problems=[])
    return Decision(opened, papers.erased_signature(state))


def _unsigned(state: Sitting) -> Sitting:
    """Who goes back takes back the confirmation and the signature: they were for other words."""
    return msgspec.structs.replace(
        signing.unsigned(state),
        read_back_sha256="",
        read_back_ms=None,
        summary_printed=False,
        trouble=None,
    )


# ---- confirming, signing, sealing ------------------------------------------------------------------------


def _read_back(state: Sitting, event: words.ReadBackConfirmed, now: Circumstances) -> Decision:
    confirmed = msgspec.structs.replace(
        state, stage=Stage.SIGN, read_back_sha256=event.sha256, read_back_ms=now.now_ms, trouble=None
    )
    return Decision(confirmed)


def _summary_wanted(state: Sitting, _event: words.SummaryWanted, _: Circumstances) -> Decision:
    refuse_pending(state)
    return Decision(msgspec.structs.replace(state, pending="print", trouble=None), (words.PrintSummary(),))


def _summary_printed(state: Sitting, _event: words.SummaryPrinted, _: Circumstances) -> Decision:
    if state.pending != "print":
        raise SittingRefused("nobody asked for paper", stage=state.stage.value)
    return Decision(msgspec.structs.replace(state, pending="", summary_printed=True, trouble=None))


def _print_failed(state: Sitting, event: words.PrintFailed, _: Circumstances) -> Decision:
    if state.pending != "print":
        raise SittingRefused("nobody asked for paper", stage=state.stage.value)
    return Decision(msgspec.structs.replace(state, pending="", trouble=event.trouble))


def _seal_wanted(state: Sitting, _event: words.SealWanted, _: Circumstances) -> Decision:
    refuse_pending(state)
    if state.signature is None or not state.read_back_sha256:
        raise signing.SignatureMissing("nobody signed yet")
    return Decision(msgspec.structs.replace(state, stage=Stage.SEALING, trouble=None), (words.Seal(),))


def _sealed(state: Sitting, _event: words.Sealed, now: Circumstances) -> Decision:
    return Decision(scrubbed(msgspec.structs.replace(state, saved_ms=now.now_ms)))


def _seal_failed(state: Sitting, event: words.SealFailed, _: Circumstances) -> Decision:
    return Decision(msgspec.structs.replace(signing.after_failed_seal(state, event), stage=Stage.SIGN))


# ---- the end ---------------------------------------------------------------------------------------------


def _over(_state: Sitting, _event: Event, _: Circumstances) -> Decision:
    return Decision(None, (words.EraseDraft(),))


def _laid_aside(state: Sitting, _event: words.LaidAside, now: Circumstances) -> Decision:
    refuse_pending(state)
    return Decision(None, (words.KeepDraft(_aside(state, now)),))


def _laid_aside_again(state: Sitting, _event: words.LaidAside, now: Circumstances) -> Decision:
    """A draft was reopened and its citizen is not there after all: it waits on, unidentified."""
    if state.resume is None:
        raise SittingRefused("nothing was begun that could wait", stage=state.stage.value)
    waiting = msgspec.structs.replace(_unidentified(state), stage=Stage.CARD, trouble=None)
    return Decision(None, (words.ErasePart(PHOTO), words.KeepDraft(_aside(waiting, now))))


def _aside(state: Sitting, now: Circumstances) -> Sitting:
    return msgspec.structs.replace(state, laid_aside=True, card=False, changed_ms=now.now_ms)


def _table() -> dict[tuple[Stage, type[Event]], Transition]:
    s, w = Stage, words
    identified = (s.CHOOSE, s.FORM, s.PAGES, s.READ_BACK, s.SIGN)
    """Where a citizen who was identified goes on: to the choice, or where the reopened draft stood."""
    table: dict[tuple[Stage, type[Event]], Transition] = {
        (s.INFORM, w.NoticeWanted): cell(informing.wanted, s.INFORM),
        (s.INFORM, w.NoticePrinted): cell(informing.printed, s.INFORM),
        (s.INFORM, w.PrintFailed): cell(informing.print_failed, s.INFORM),
        (s.INFORM, w.Informed): cell(informing.informed, s.CARD),
        (s.CARD, w.CodeEntered): cell(_code_entered, s.READING),
        (s.CARD, w.ContactWanted): cell(_contact_wanted, s.READING),
        (s.CARD, w.DocumentWanted): cell(_document_wanted, s.READING),
        (s.COMPARE, w.DocumentWanted): cell(_document_wanted, s.READING),
        (s.READING, w.DocumentSeen): cell(_document_seen, s.READING, s.CARD),
        (s.CARD, w.CarriedNoticed): cell(_carried_noticed, s.CARD),
        (s.COMPARE, w.CarriedNoticed): cell(_carried_noticed, s.COMPARE),
        (s.COMPARE, w.ContactWanted): cell(_contact_wanted, s.READING),
        (s.CARD, w.SeenBySight): cell(_seen_by_sight, *identified, s.CARD),
        (s.READING, w.ReadingProgressed): cell(_progressed, s.READING),
        (s.READING, w.CardRead): cell(_card_read, s.COMPARE, s.CARD),
        (s.READING, w.ReadFailed): cell(_read_failed, s.CARD),
        (s.COMPARE, w.Compared): cell(_compared, *identified, s.CARD),
        (s.COMPARE, w.SeenBySight): cell(_seen_by_sight, *identified, s.CARD),
        (s.COMPARE, w.CodeEntered): cell(_code_entered, s.READING),
        (s.CHOOSE, w.Chosen): cell(_chosen, s.FORM),
        (s.FORM, w.StepSaved): cell(_step_saved, s.FORM, s.PAGES),
        (s.PAGES, w.PagesDone): cell(papers.done, s.READ_BACK),
        (s.PAGES, w.FindingUsed): cell(papers.finding_used, s.PAGES),
        (s.READ_BACK, w.ReadBackConfirmed): cell(_read_back, s.SIGN),
        (s.SIGN, w.SummaryWanted): cell(_summary_wanted, s.SIGN),
        (s.SIGN, w.SummaryPrinted): cell(_summary_printed, s.SIGN),
        (s.SIGN, w.PrintFailed): cell(_print_failed, s.SIGN),
        (s.SIGN, w.PenDrawn): cell(signing.drawn, s.SIGN),
        (s.SIGN, w.PenErased): cell(signing.erased, s.SIGN),
        (s.SIGN, w.Signed): cell(signing.signed, s.SIGN),
        (s.SIGN, w.SealWanted): cell(_seal_wanted, s.SEALING),
        (s.SEALING, w.Sealed): cell(_sealed, s.DONE),
        (s.SEALING, w.SealFailed): cell(_seal_failed, s.SIGN),
        (s.DONE, w.Finished): cell(_over, None),
    }
    for stage in (s.PAGES, s.SIGN):
        table |= {(stage, event): cell(handler, stage) for event, handler in papers.HANDLERS.items()}
    for stage in (s.READ_BACK, s.SIGN):
        table[stage, w.PageRead] = cell(papers.read, stage)
    for stage in (s.FORM, s.PAGES, s.READ_BACK, s.SIGN):
        table[stage, w.StepOpened] = cell(_step_opened, s.FORM, s.PAGES)
        table[stage, w.LaidAside] = cell(_laid_aside, None)
    for stage in (s.CARD, s.COMPARE):
        table[stage, w.LaidAside] = cell(_laid_aside_again, None)
    for stage in s:
        if stage not in (s.SEALING, s.DONE):
            table[stage, w.Abandoned] = cell(_over, None)
            table[stage, w.CardNoticed] = cell(_card_noticed, stage)
    return table


TABLE: Final[Mapping[tuple[Stage, type[Event]], Transition]] = _table()
