"""What a sitting does with its papers: nothing bad in silence, nothing blackened comes back, nothing filled in unasked."""

from __future__ import annotations

import msgspec
import pytest

from appliance.desk import papers
from appliance.desk import sitting as w
from appliance.desk.decision import SittingBusy, SittingRefused
from appliance.desk.offers import offers
from appliance.desk.session import decide
from contracts.desk_api.clerk import Fit, KeptBecause, SignatureWay, Stage
from contracts.identity import make_id
from tests.appliance.desk.kit import ESTRATTO, NASPI
from tests.appliance.desk.test_session import CATALOGUE, filled, go, now, page

JUSTIFIED = {**NASPI, "motivo": ["dimissioni_giusta_causa"]}
OTHER_IBAN = "IT24D0542811101000000654321"
ALL = (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0)


def an_id(number):
    return make_id(number, bytes(10))


def with_pages(*pages, practice="naspi", answers=JUSTIFIED):
    state = filled(practice, answers)
    for one in pages:
        state = go(state, w.PageWanted(one.page, one.attachment), w.PageTaken(one))
    return state


def order(state):
    return [one.page for one in state.pages]


def test_a_bad_page_holds_until_somebody_says_why_it_is_kept():
    state = with_pages(page(1, "lettera", grave=["page.blurred"]))
    with pytest.raises(papers.PageNotJudged) as refused:
        decide(state, w.PagesDone(), now())
    assert refused.value.facts["page"] == an_id(1)
    kept = go(state, w.PageKept(an_id(1), KeptBecause.ORIGINAL_IS_SO))
    assert go(kept, w.PagesDone()).stage is Stage.READ_BACK
    assert kept.pages[0].kept is KeptBecause.ORIGINAL_IS_SO


def test_a_good_page_needs_no_reason():
    with pytest.raises(SittingRefused):
        decide(with_pages(page(1, "lettera")), w.PageKept(an_id(1), KeptBecause.COMPLETE), now())


def test_a_page_taken_again_stands_where_the_first_stood():
    state = with_pages(page(1, "lettera"), page(2, "lettera", grave=["page.cut"]), page(3, "lettera"))
    wanted = decide(state, w.PageWanted(an_id(4), "lettera", an_id(2)), now())
    assert wanted.acts == (w.TakePage(an_id(4), "lettera", an_id(2)),)
    assert order(wanted.state) == [an_id(1), an_id(2), an_id(3)]
    there = decide(wanted.state, w.PageTaken(page(4, "lettera"), an_id(2)), now())
    assert order(there.state) == [an_id(1), an_id(4), an_id(3)]
    assert {act.part for act in there.acts if isinstance(act, w.ErasePart)} == set(w.page_parts(an_id(2)))


def test_a_page_that_fails_to_be_taken_again_is_not_lost():
    state = with_pages(page(1, "lettera"))
    failed = go(
        state, w.PageWanted(an_id(4), "lettera", an_id(1)), w.PageFailed(w.Problem(code="x", who="clerk"))
    )
    assert order(failed) == [an_id(1)]


def test_pages_change_places_among_their_own_paper():
    state = with_pages(page(1, "lettera"), page(2, "busta_paga"), page(3, "lettera"))
    up = go(state, w.PageMoved(an_id(3), up=True))
    assert order(up) == [an_id(3), an_id(2), an_id(1)]
    assert order(go(up, w.PageMoved(an_id(3), up=True))) == order(up)
    assert order(go(up, w.PageMoved(an_id(2), up=False))) == order(up)


def test_a_page_is_turned_and_shaped_from_the_picture_as_taken():
    state = with_pages(page(1, "lettera", degrees=270))
    turned = decide(state, w.PageTurned(an_id(1)), now())
    assert turned.acts[0].facts.degrees == 0
    with pytest.raises(SittingBusy):
        decide(turned.state, w.PagesDone(), now())
    shaped = decide(state, w.PageShaped(an_id(1), ALL), now())
    assert shaped.acts[0].facts.corners == list(ALL)
    assert shaped.acts[0].facts.corners_by_hand


def test_what_was_blackened_does_not_come_back():
    state = with_pages(page(1, "lettera"))
    black = decide(state, w.PageRedacted(an_id(1), ((0.1, 0.1, 0.4, 0.2),)), now())
    (act,) = black.acts
    assert (act.facts.redacted, act.facts.alterable) == (True, False)
    done = decide(black.state, w.PageAltered(act.facts), now())
    gone = {one.part for one in done.acts if isinstance(one, w.ErasePart)}
    assert gone == {an_id(1) + w.STILL, an_id(1) + w.WORDS}
    for event in (w.PageTurned(an_id(1)), w.PageShaped(an_id(1), ALL)):
        with pytest.raises(papers.PageFinal):
            decide(done.state, event, now())
    assert decide(done.state, w.PageRedacted(an_id(1), ((0, 0, 1, 0.1),)), now()).acts


def test_a_page_that_could_not_be_blackened_stays_as_it_was():
    state = with_pages(page(1, "lettera"))
    failed = go(
        state,
        w.PageRedacted(an_id(1), ((0.1, 0.1, 0.4, 0.2),)),
        w.PageFailed(w.Problem(code="capture.failed", who="clerk")),
    )
    assert (failed.pages, failed.trouble.code) == (state.pages, "capture.failed")


def test_a_bad_signed_summary_holds_too():
    state = go(
        filled("estratto_conto", ESTRATTO),
        w.PagesDone(),
        w.ReadBackConfirmed("0" * 64),
        w.PageWanted(an_id(1), "signature"),
        w.PageTaken(page(1, "signature", grave=["page.cut"])),
    )
    with pytest.raises(papers.PageNotJudged):
        decide(state, w.Signed(SignatureWay.PAPER, ""), now())
    assert go(state, w.PageKept(an_id(1), KeptBecause.NO_BETTER), w.Signed(SignatureWay.PAPER, "")).signature


def test_the_paper_that_is_photographed_by_itself_must_be_asked_for():
    state = filled("naspi", JUSTIFIED)
    assert go(state, w.AutoSwitched("lettera")).auto == "lettera"
    assert go(state, w.AutoSwitched("lettera"), w.AutoSwitched("")).auto == ""
    with pytest.raises(papers.PaperUnknown):
        decide(state, w.AutoSwitched("signature"), now())
    done = go(with_pages(page(1, "lettera")), w.AutoSwitched("lettera"), w.PagesDone())
    assert done.auto == ""


# ---------------------------------------------------------------- what was read


def found(*values, kind="iban"):
    return tuple(
        w.FoundFacts(kind=kind, value=value, shown=value, box=(0.1, 0.1, 0.5, 0.2)) for value in values
    )


def read(state, *facts):
    return go(state, w.PageRead(an_id(1), "0" * 64, facts))


def offered(state):
    return [
        (one.number, one.field.name, one.fit) for one in offers(NASPI_PRACTICE, state.answers, state.pages[0])
    ]


NASPI_PRACTICE = next(one for one in CATALOGUE.practices if one.id == "naspi")


def test_an_iban_on_a_page_is_held_against_the_form_and_used_only_when_said():
    state = read(with_pages(page(1, "lettera")), *found(OTHER_IBAN))
    assert offered(state) == [(0, "iban", Fit.OTHER)]
    assert state.answers["iban"] == ["IT60X0542811101000000123456"]
    used = go(state, w.FindingUsed(an_id(1), 0))
    assert used.answers["iban"] == [OTHER_IBAN]
    assert offered(used) == [(0, "iban", Fit.SAME)]


def test_two_ibans_are_nobodys_guess():
    state = read(with_pages(page(1, "lettera")), *found(OTHER_IBAN, "IT60X0542811101000000123456"))
    assert offered(state) == [(1, "iban", Fit.SAME)]
    with pytest.raises(papers.FindingRefused):
        decide(state, w.FindingUsed(an_id(1), 0), now())


def test_the_form_refuses_what_it_would_refuse_from_a_hand():
    state = read(with_pages(page(1, "lettera")), *found("IT00X0542811101000000123456"))
    with pytest.raises(papers.FindingRefused):
        decide(state, w.FindingUsed(an_id(1), 0), now())


def test_dates_are_not_offered():
    assert offered(read(with_pages(page(1, "lettera")), *found("2026-01-02", kind="date"))) == []


def test_what_comes_from_the_card_is_not_offered_from_paper():
    state = read(with_pages(page(1, "lettera")), *found("PRVLDA51S03F205A", kind="codice_fiscale"))
    assert offered(state) == []


def test_news_of_another_picture_are_dropped():
    state = with_pages(page(1, "lettera"))
    with pytest.raises(SittingRefused):
        decide(state, w.PageRead(an_id(1), "1" * 64, found(OTHER_IBAN)), now())


def test_old_drafts_are_still_read():
    """A draft of the first release knows none of the new facts of a page."""
    state = with_pages(page(1, "lettera"))
    plain = msgspec.to_builtins(state)
    plain["pages"] = [
        {k: plain["pages"][0][k] for k in ("page", "attachment", "taken_at", "sha256", "size_bytes")}
    ]
    del plain["auto"]
    again = msgspec.convert(plain, type(state), strict=True)
    assert (again.pages[0].grave, again.pages[0].alterable) == ([], False)
