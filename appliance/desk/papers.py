"""The papers of a sitting: pages taken, judged, altered, read. Rows of the sitting's table; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from appliance.desk import sitting as words
from appliance.desk.answers import complete_answers
from appliance.desk.decision import Circumstances, Decision, SittingRefused, refuse_pending
from appliance.desk.offers import offers
from appliance.desk.sitting import SIGNATURE, Event, PageFacts, Sitting
from contracts.desk_api.clerk import SignatureWay, Stage
from contracts.practices.model import Practice

MAX_PAGES: Final = 60
PAGE: Final = "page"
"""What is pending while a page is taken or made anew."""


class PaperUnknown(SittingRefused):
    """The practice knows no such paper or page."""

    code = "sitting.unknown_paper"


class PagesMissing(SittingRefused):
    """A required paper has no page."""

    code = "sitting.pages_missing"


class TooManyPages(SittingRefused):
    """More pages than a dossier holds."""

    code = "sitting.too_many_pages"


class PageNotJudged(SittingRefused):
    """A page is not as it should be, and nobody has said why it is kept."""

    code = "sitting.page_not_judged"


class PageFinal(SittingRefused):
    """The picture as taken is gone (something was blackened): the page can only be taken again."""

    code = "sitting.page_final"


class FindingRefused(SittingRefused):
    """What was read does not fit the form, or the form refuses it."""

    code = "sitting.finding_refused"


# ---- taking ----------------------------------------------------------------------------------------------


def _page(state: Sitting, page: str) -> PageFacts:
    """The page, if it belongs to this stage."""
    for facts in state.pages:
        if facts.page == page and (facts.attachment == SIGNATURE) == (state.stage is Stage.SIGN):
            return facts
    raise PaperUnknown("no such page here")


def _with(state: Sitting, facts: PageFacts) -> list[PageFacts]:
    return [facts if page.page == facts.page else page for page in state.pages]


def _refuse_unknown(state: Sitting, attachment: str, now: Circumstances) -> None:
    practice = now.practice(state.practice_key)
    signing = state.stage is Stage.SIGN
    known = {SIGNATURE} if signing else {paper.id for paper in practice.papers(state.answers)}
    if attachment not in known:
        raise PaperUnknown("the practice asks for no such paper")


def wanted(state: Sitting, event: words.PageWanted, now: Circumstances) -> Decision:
    refuse_pending(state)
    _refuse_unknown(state, event.attachment, now)
    if event.instead_of:
        _page(state, event.instead_of)
    elif len(state.pages) >= MAX_PAGES:
        raise TooManyPages("a dossier holds no more pages", limit=MAX_PAGES)
    begun = msgspec.structs.replace(state, pending=PAGE, trouble=None)
    return Decision(begun, (words.TakePage(event.page, event.attachment, event.instead_of),))


def _refuse_unasked(state: Sitting) -> None:
    if state.pending != PAGE:
        raise SittingRefused("nobody asked for a page", stage=state.stage.value)


def taken(state: Sitting, event: words.PageTaken, _: Circumstances) -> Decision:
    _refuse_unasked(state)
    pages = [*state.pages, event.facts]
    gone: tuple[words.ErasePart, ...] = ()
    if event.instead_of in {page.page for page in state.pages}:
        pages = [event.facts if page.page == event.instead_of else page for page in state.pages]
        gone = _erased(event.instead_of)
    there = msgspec.structs.replace(state, pages=pages, pending="", trouble=None)
    if event.facts.attachment == SIGNATURE:
        there = _without_pen(there)
    return Decision(there, (*gone, words.ReadPage(event.facts.page)))


def _without_pen(state: Sitting) -> Sitting:
    """A photographed sheet takes the place of what was signed on the screen."""
    if state.signature is SignatureWay.PEN:
        state = msgspec.structs.replace(state, signature=None, signed_ms=None, attested_by="")
    return msgspec.structs.replace(state, pen=None)


def altered(state: Sitting, event: words.PageAltered, _: Circumstances) -> Decision:
    _refuse_unasked(state)
    facts = event.facts
    there = msgspec.structs.replace(state, pages=_with(state, facts), pending="", trouble=None)
    gone = () if facts.alterable else (words.ErasePart(facts.page + words.STILL),)
    return Decision(there, (*gone, words.ErasePart(facts.page + words.WORDS), words.ReadPage(facts.page)))


def failed(state: Sitting, event: words.PageFailed, _: Circumstances) -> Decision:
    _refuse_unasked(state)
    return Decision(msgspec.structs.replace(state, pending="", trouble=event.trouble))


def auto_switched(state: Sitting, event: words.AutoSwitched, now: Circumstances) -> Decision:
    if event.attachment:
        _refuse_unknown(state, event.attachment, now)
    return Decision(msgspec.structs.replace(state, auto=event.attachment))


# ---- altering --------------------------------------------------------------------------------------------


def turned(state: Sitting, event: words.PageTurned, _: Circumstances) -> Decision:
    refuse_pending(state)
    page = _alterable(state, event.page)
    return _anew(state, msgspec.structs.replace(page, degrees=(page.degrees + 90) % 360))


def shaped(state: Sitting, event: words.PageShaped, _: Circumstances) -> Decision:
    refuse_pending(state)
    page = _alterable(state, event.page)
    return _anew(state, msgspec.structs.replace(page, corners=list(event.corners), corners_by_hand=True))


def redacted(state: Sitting, event: words.PageRedacted, _: Circumstances) -> Decision:
    """From here on there is no picture as taken any more: what was blackened cannot come back."""
    refuse_pending(state)
    page = msgspec.structs.replace(_page(state, event.page), redacted=True, alterable=False)
    return _anew(state, page, event.boxes)


def _alterable(state: Sitting, page: str) -> PageFacts:
    facts = _page(state, page)
    if not facts.alterable:
        raise PageFinal("the picture as taken is gone", page=page)
    return facts


def _anew(
    state: Sitting, facts: PageFacts, boxes: tuple[tuple[float, float, float, float], ...] = ()
) -> Decision:
    begun = msgspec.structs.replace(state, pending=PAGE, trouble=None)
    return Decision(begun, (words.AlterPage(facts, boxes),))


def moved(state: Sitting, event: words.PageMoved, _: Circumstances) -> Decision:
    """Past the neighbour of the same paper; at the end it stays."""
    page = _page(state, event.page)
    places = [at for at, other in enumerate(state.pages) if other.attachment == page.attachment]
    here = places.index(state.pages.index(page))
    there = here + (-1 if event.up else 1)
    pages = list(state.pages)
    if 0 <= there < len(places):
        one, other = places[here], places[there]
        pages[one], pages[other] = pages[other], pages[one]
    return Decision(msgspec.structs.replace(state, pages=pages, trouble=None))


def removed(state: Sitting, event: words.PageRemoved, _: Circumstances) -> Decision:
    refuse_pending(state)
    page = _page(state, event.page)
    rest = [other for other in state.pages if other.page != page.page]
    left = msgspec.structs.replace(state, pages=rest, trouble=None)
    if page.attachment == SIGNATURE and state.signature is SignatureWay.PAPER:
        left = msgspec.structs.replace(left, signature=None, signed_ms=None, attested_by="")
    return Decision(left, _erased(page.page))


def _erased(page: str) -> tuple[words.ErasePart, ...]:
    return tuple(words.ErasePart(part) for part in words.page_parts(page))


def erased_signature(state: Sitting) -> tuple[words.ErasePart, ...]:
    """Who goes back takes back the signature: it was under other words."""
    return tuple(part for page in state.pages if page.attachment == SIGNATURE for part in _erased(page.page))


# ---- judging ---------------------------------------------------------------------------------------------


def kept(state: Sitting, event: words.PageKept, _: Circumstances) -> Decision:
    page = _page(state, event.page)
    if not page.grave:
        raise SittingRefused("this page needs no reason to be kept", stage=state.stage.value)
    judged = msgspec.structs.replace(page, kept=event.because)
    return Decision(msgspec.structs.replace(state, pages=_with(state, judged), trouble=None))


def refuse_not_judged(state: Sitting) -> None:
    """Nothing bad is accepted in silence.

    Raises:
        PageNotJudged: a page is not as it should be, and nobody has said why it is kept.
    """
    first = next((page for page in state.pages if page.grave and page.kept is None), None)
    if first is not None:
        raise PageNotJudged("a page must be taken again or kept with a reason", page=first.page)


def missing_papers(practice: Practice, state: Sitting) -> list[str]:
    """Required papers without a page."""
    there = {page.attachment for page in state.pages}
    return [paper.id for paper in practice.papers(state.answers) if paper.required and paper.id not in there]


def done(state: Sitting, _event: words.PagesDone, now: Circumstances) -> Decision:
    refuse_pending(state)
    missing = missing_papers(now.practice(state.practice_key), state)
    if missing:
        raise PagesMissing("a required paper has no page", missing=", ".join(missing))
    refuse_not_judged(state)
    return Decision(msgspec.structs.replace(state, stage=Stage.READ_BACK, auto="", trouble=None))


# ---- what was read ---------------------------------------------------------------------------------------


def read(state: Sitting, event: words.PageRead, _: Circumstances) -> Decision:
    """News of a page that was altered meanwhile, or is gone, are dropped."""
    for page in state.pages:
        if (page.page, page.sha256) == (event.page, event.sha256):
            known = msgspec.structs.replace(page, found=list(event.found), looks_like=event.looks_like)
            return Decision(msgspec.structs.replace(state, pages=_with(state, known)))
    raise SittingRefused("this page is not there any more", stage=state.stage.value)


def finding_used(state: Sitting, event: words.FindingUsed, now: Circumstances) -> Decision:
    """Into the answer it fits; all answers are read once more, as if the clerk had typed it."""
    refuse_pending(state)
    page, practice = _page(state, event.page), now.practice(state.practice_key)
    offer = next((one for one in offers(practice, state.answers, page) if one.number == event.number), None)
    if offer is None:
        raise FindingRefused("nothing on this page fits the form")
    answers = {**state.answers, offer.field.name: [page.found[offer.number].value]}
    whole, step, problems = complete_answers(practice, answers, now.today)
    if problems:
        raise FindingRefused("the form refuses what was read", step=practice.steps[step].id)
    from_card = [name for name in state.from_card if name != offer.field.name]
    return Decision(msgspec.structs.replace(state, answers=whole, from_card=from_card, trouble=None))


HANDLERS: Final[Mapping[type[Event], Any]] = {
    words.PageWanted: wanted,
    words.PageTaken: taken,
    words.PageAltered: altered,
    words.PageFailed: failed,
    words.PageRead: read,
    words.PageRemoved: removed,
    words.PageKept: kept,
    words.PageMoved: moved,
    words.PageTurned: turned,
    words.PageShaped: shaped,
    words.PageRedacted: redacted,
    words.AutoSwitched: auto_switched,
}
"""Where papers are captured: the practice's, and the signed summary."""
