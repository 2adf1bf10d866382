"""What the clerk's page sees of a sitting: what its stage needs, and nothing of the citizen beyond that."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from appliance.desk import pen, wording
from appliance.desk import sitting as words
from appliance.desk.answers import complete_answers
from appliance.desk.dossier import SIGNED_TITLE
from appliance.desk.offers import offers
from appliance.desk.papers import missing_papers
from appliance.desk.session import TABLE, needs_photo_document
from contracts.desk_api.clerk import (
    CarriedView,
    CitizenView,
    DeadlineView,
    FindingView,
    FormView,
    PagesView,
    PageView,
    PenView,
    ReadBackLine,
    ReadingView,
    SittingView,
    Stage,
    VerdictKind,
    VerdictView,
)
from contracts.practices.model import Answers, Attachment, Practice

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from appliance.desk.sitting import Sitting
    from contracts.desk_api.clerk import LetterRow

CALLS: Final[Mapping[type[words.Event], str]] = {
    words.NoticeWanted: "print_notice",
    words.Informed: "give_notice",
    words.CodeEntered: "enter_code",
    words.ContactWanted: "read_contact",
    words.DocumentWanted: "show_document",
    words.SeenBySight: "by_sight",
    words.Compared: "same_person",
    words.Chosen: "choose",
    words.StepSaved: "save_step",
    words.StepOpened: "go_to_step",
    words.PageWanted: "take_page",
    words.AutoSwitched: "auto_take",
    words.PageRemoved: "remove_page",
    words.PageKept: "keep_page",
    words.PageMoved: "move_page",
    words.PageTurned: "turn_page",
    words.PageShaped: "shape_page",
    words.PageRedacted: "redact_page",
    words.FindingUsed: "use_finding",
    words.PagesDone: "pages_done",
    words.ReadBackConfirmed: "confirm_read_back",
    words.SummaryWanted: "print_summary",
    words.PenDrawn: "draw_signature",
    words.PenErased: "erase_signature",
    words.Signed: "sign",
    words.SealWanted: "seal",
    words.Finished: "finish",
    words.LaidAside: "lay_aside",
    words.Abandoned: "abandon",
}
"""Which call of the clerk's door makes which event."""

SIGNED_SUMMARY: Final = Attachment(id=words.SIGNATURE, title=SIGNED_TITLE, required=True)
_NEEDS_READING: Final = frozenset(
    {
        "draw_signature",
        "erase_signature",
        "give_notice",
        "go_to_step",
        "lay_aside",
        "pages_done",
        "print_notice",
        "print_summary",
        "redact_page",
        "remove_page",
        "seal",
        "shape_page",
        "sign",
        "take_page",
        "turn_page",
        "use_finding",
    }
)


def may(state: Sitting) -> list[str]:
    """Calls that would not be refused for the stage or for what is missing."""
    calls = [CALLS[event] for stage, event in TABLE if stage is state.stage and event in CALLS]
    if state.pending:
        calls = [call for call in calls if call not in _NEEDS_READING]
    if state.verdict is None or state.verdict.kind is VerdictKind.REFUSED or state.citizen is None:
        calls = [call for call in calls if call != "same_person"]
    if state.verdict is not None and needs_photo_document(state.verdict):
        calls = [call for call in calls if call != "same_person"]
    if state.resume is None and state.stage in (Stage.CARD, Stage.COMPARE):
        calls = [call for call in calls if call != "lay_aside"]
    if state.signature is None:
        calls = [call for call in calls if call != "seal"]
    if state.pen is None:
        calls = [call for call in calls if call != "erase_signature"]
    if state.stage is Stage.DONE:
        calls.append("print_receipt")
    return sorted(calls)


def view(state: Sitting, practice: Practice | None, today: dt.date, letter: LetterRow | None) -> SittingView:
    """The sitting as the page mirrors it.

    Args:
        state: of the machine.
        practice: of `state.practice_key`, None before the choice.
        today: in Italy, for the deadline.
        letter: once there is one.
    """
    stage = state.stage
    return SittingView(
        sitting=state.sitting,
        stage=stage,
        number=state.number,
        may=may(state),
        citizen=_citizen(state),
        identified=state.identified,
        verdict=_verdict(state) if stage in (Stage.COMPARE, Stage.CHOOSE) else None,
        reading=_reading(state.reading),
        carried=_carried(state) if stage in (Stage.CARD, Stage.COMPARE) else None,
        practice_key=state.practice_key,
        practice_name=state.practice_name,
        form=_form(state, practice, today) if practice and stage is Stage.FORM else None,
        pages=_pages(state, practice) if practice and stage in (Stage.PAGES, Stage.SIGN) else None,
        read_back=read_back(state, practice) if practice and stage in (Stage.READ_BACK, Stage.SIGN) else [],
        declarations=practice.declarations if practice and stage in (Stage.READ_BACK, Stage.SIGN) else [],
        deadline=deadline(practice, state.answers, today) if practice and stage is not Stage.CARD else None,
        signature=state.signature,
        pen=_pen(state) if stage is Stage.SIGN else None,
        summary_printed=state.summary_printed,
        saved_at=state.saved_ms,
        letter=letter,
        trouble=state.trouble,
    )


def _reading(reading: words.Reading | None) -> ReadingView | None:
    if reading is None:
        return None
    return ReadingView(code=reading.code, ratio=reading.ratio, name=reading.name)


def _carried(state: Sitting) -> CarriedView | None:
    if not state.carried:
        return None
    signed = state.citizen.codice_fiscale if state.citizen else ""
    return CarriedView(codice_fiscale=state.carried, agrees=state.carried == signed if signed else None)


def _citizen(state: Sitting) -> CitizenView | None:
    """Nobody is named before the reading is over, nor after the letter is sealed."""
    citizen = state.citizen
    if citizen is None or state.stage in (Stage.CARD, Stage.READING, Stage.SEALING, Stage.DONE):
        return None
    comparing = state.stage in (Stage.COMPARE, Stage.CHOOSE)
    return CitizenView(
        surname=citizen.surname,
        name=citizen.name,
        birth_date=citizen.birth_date,
        codice_fiscale=citizen.codice_fiscale if comparing else "",
        document_number=citizen.document_number if comparing else "",
        document_expiry=citizen.document_expiry if comparing else "",
        has_photo=state.verdict is not None and state.verdict.photo,
    )


def _verdict(state: Sitting) -> VerdictView | None:
    verdict = state.verdict
    if verdict is None:
        return None
    return VerdictView(
        kind=verdict.kind,
        code=verdict.code,
        title=verdict.title,
        lines=verdict.lines,
        unchecked=verdict.unchecked_lines,
        technical=verdict.technical,
    )


def _form(state: Sitting, practice: Practice, today: dt.date) -> FormView:
    step = practice.steps[state.step]
    mine = {field.name for field in step.fields}
    return FormView(
        step=step,
        fields=practice.asked(step, state.answers),
        number=state.step + 1,
        of=len(practice.steps),
        answers={name: values for name, values in state.answers.items() if name in mine},
        problems=state.problems,
        from_card=[name for name in state.from_card if name in mine],
        good_to_know=practice.told(today) if state.step == 0 else [],
    )


def _pen(state: Sitting) -> PenView | None:
    if state.pen is None:
        return None
    return PenView(paths=[pen.svg_path(stroke) for stroke in state.pen.strokes])


def _pages(state: Sitting, practice: Practice) -> PagesView:
    signing = state.stage is Stage.SIGN
    expected = [SIGNED_SUMMARY] if signing else practice.papers(state.answers)
    shown = [page for page in state.pages if (page.attachment == words.SIGNATURE) == signing]
    signed = any(page.attachment == words.SIGNATURE for page in state.pages)
    missing = ([] if signed else [words.SIGNATURE]) if signing else missing_papers(practice, state)
    return PagesView(
        expected=expected,
        pages=[_page(page, practice, state) for page in shown],
        missing=missing,
        auto=state.auto,
        last_step=practice.steps[-1].id,
    )


def _page(page: words.PageFacts, practice: Practice, state: Sitting) -> PageView:
    offered = [] if page.attachment == words.SIGNATURE else offers(practice, state.answers, page)
    return PageView(
        page=page.page,
        attachment=page.attachment,
        taken_at=page.taken_at,
        remarks=page.remarks,
        grave=page.grave,
        kept=page.kept,
        alterable=page.alterable,
        corners=list(zip(page.corners[::2], page.corners[1::2], strict=True)) if page.alterable else [],
        redacted=page.redacted,
        looks_like=page.looks_like,
        findings=[
            FindingView(
                number=one.number,
                kind=page.found[one.number].kind,
                shown=wording.spoken(one.field, page.found[one.number].value),
                label=one.field.label[:120],
                written=", ".join(
                    wording.spoken(one.field, value) for value in state.answers.get(one.field.name, [])
                ),
                fit=one.fit,
                box=page.found[one.number].box,
                repaired=page.found[one.number].repaired,
            )
            for one in offered
        ],
    )


def read_back(state: Sitting, practice: Practice) -> list[ReadBackLine]:
    """The facts the citizen hears."""
    return wording.all_lines(practice, state.answers, only_read_back=True)


def deadline(practice: Practice, answers: Answers, today: dt.date) -> DeadlineView | None:
    """The nearest last day, counted from today; None while its date is not a date yet."""
    whole, _, _ = complete_answers(practice, answers, today)
    with contextlib.suppress(ValueError, OverflowError):
        found = practice.last_day(whole, today)
        if found is not None:
            rule, day = found
            return DeadlineView(deadline=rule, day=day.isoformat(), days_left=(day - today).days)
    return None
