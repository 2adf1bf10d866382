"""How a citizen signs, as rows of the table: one signature at a time, under the words that were shown."""

from __future__ import annotations

import msgspec
import pytest

from appliance.desk import pen, signing
from appliance.desk import session as table
from appliance.desk import sitting as w
from appliance.desk.decision import SittingBusy, SittingRefused
from appliance.desk.session import decide
from appliance.desk.sitting import Sitting
from appliance.desk.views import may, view
from contracts.desk_api.clerk import SignatureWay, Stage
from contracts.errors import Problem, WhoCanAct
from tests.appliance.desk.kit import ESTRATTO
from tests.appliance.desk.test_session import CATALOGUE, TODAY, filled, go, now, page

SHOWN = "ab" * 32
NAME = (tuple((200 + 8 * at, 300 + 25 * (at % 5)) for at in range(150)), ((900, 700), (1500, 700)))
DRAWN = w.PenDrawn(NAME, SHOWN)
AT_MS = 1_795_000_000_000


@pytest.fixture
def to_sign():
    return go(filled("estratto_conto", ESTRATTO), w.PagesDone(), w.ReadBackConfirmed("0" * 64))


def photographed(state, number=1):
    shot = page(number, "signature")
    return go(state, w.PageWanted(shot.page, "signature"), w.PageTaken(shot))


def test_what_is_drawn_is_kept_as_a_line_and_the_clerk_attests_it(to_sign):
    drawn = go(to_sign, DRAWN)
    assert (drawn.pen.drawn_ms, drawn.pen.shown_sha256, drawn.signature) == (AT_MS, SHOWN, None)
    assert drawn.pen.strokes == pen.settle(NAME)
    signed = go(drawn, w.Signed(SignatureWay.PEN, "not asked"))
    assert (signed.signature, signed.cause, signed.attested_by) == (SignatureWay.PEN, "", "op-00000000")
    assert go(signed, w.SealWanted()).stage is Stage.SEALING


def test_nobody_signs_with_an_empty_box(to_sign):
    for refused in (w.Signed(SignatureWay.PEN, ""), w.PenErased(), w.SealWanted()):
        with pytest.raises(signing.SignatureMissing):
            decide(to_sign, refused, now())
    with pytest.raises(pen.SignatureTiny):
        decide(to_sign, w.PenDrawn((((0, 0), (9, 9)),), SHOWN), now())


def test_a_drawn_signature_is_done_again(to_sign):
    signed = go(to_sign, DRAWN, w.Signed(SignatureWay.PEN, ""))
    erased = go(signed, w.PenErased())
    assert (erased.pen, erased.signature, erased.signed_ms, erased.attested_by) == (None, None, None, "")
    other = go(signed, w.PenDrawn((((0, 0), (2000, 800)),), SHOWN))
    assert (other.signature, len(other.pen.strokes)) == (None, 1)


def test_a_drawn_signature_puts_away_the_photographed_one(to_sign):
    signed = go(photographed(to_sign), w.Signed(SignatureWay.PAPER, ""))
    decision = decide(signed, DRAWN, now())
    assert decision.acts == tuple(w.ErasePart(part) for part in w.page_parts(page(1, "signature").page))
    assert (decision.state.pages, decision.state.signature) == ([], None)


@pytest.mark.parametrize("attested", [True, False])
def test_a_photographed_signature_puts_away_the_drawn_one(to_sign, attested):
    drawn = go(to_sign, DRAWN, *([w.Signed(SignatureWay.PEN, "")] if attested else []))
    taken = photographed(drawn)
    assert (taken.pen, taken.signature, len(taken.pages)) == (None, None, 1)
    with pytest.raises(signing.SignatureMissing):
        decide(taken, w.Signed(SignatureWay.PEN, ""), now())


def test_whoever_cannot_sign_after_all_leaves_no_drawing(to_sign):
    collected = go(to_sign, DRAWN, w.Signed(SignatureWay.CANNOT_SIGN, "mano ingessata"))
    assert (collected.pen, collected.cause) == (None, "mano ingessata")


@pytest.mark.parametrize("step", ["", "recapiti"])
def test_going_back_takes_back_what_was_drawn(to_sign, step):
    back = go(to_sign, DRAWN, w.Signed(SignatureWay.PEN, ""), w.StepOpened(step))
    assert (back.pen, back.signature, back.read_back_sha256) == (None, None, "")


def test_while_a_device_works_nobody_signs(to_sign):
    printing = go(to_sign, w.SummaryWanted())
    with pytest.raises(SittingBusy):
        decide(printing, DRAWN, now())
    assert "draw_signature" not in may(printing)


def test_before_the_read_back_nobody_signs():
    with pytest.raises(SittingRefused):
        decide(filled("estratto_conto", ESTRATTO), DRAWN, now())


def test_the_page_sees_the_lines_while_the_citizen_signs_only(to_sign):
    practice = CATALOGUE.get(to_sign.practice_key)
    shown = view(go(to_sign, DRAWN), practice, TODAY, None)
    assert [path[:8] for path in shown.pen.paths] == ["M200 300", "M900 700"]
    assert {"draw_signature", "erase_signature", "sign"} <= set(shown.may)
    assert view(to_sign, practice, TODAY, None).pen is None
    assert "erase_signature" not in may(to_sign)
    sealing = go(to_sign, DRAWN, w.Signed(SignatureWay.PEN, ""), w.SealWanted())
    assert view(sealing, practice, TODAY, None).pen is None


def test_under_other_words_the_citizen_signs_again(to_sign):
    sealing = go(to_sign, DRAWN, w.Signed(SignatureWay.PEN, ""), w.SealWanted())
    trouble = Problem(code=signing.SummaryChanged.code, who=WhoCanAct.CLERK)
    again = go(sealing, w.SealFailed(trouble))
    assert (again.stage, again.pen, again.signature, again.trouble) == (Stage.SIGN, None, None, trouble)
    full = go(sealing, w.SealFailed(Problem(code="outbox.full", who=WhoCanAct.TECHNICIAN)))
    assert (full.signature, full.pen) == (SignatureWay.PEN, sealing.pen)


def test_a_killed_desk_goes_on_with_the_signature_and_a_sealed_letter_leaves_none(to_sign):
    sealing = go(to_sign, DRAWN, w.Signed(SignatureWay.PEN, ""), w.SealWanted())
    read = msgspec.json.decode(msgspec.json.encode(sealing), type=Sitting, strict=True)
    assert table.restored(read).pen == sealing.pen
    assert go(read, w.Sealed()).pen is None


def test_a_draft_of_before_there_was_a_pen_is_read(to_sign):
    old = msgspec.json.decode(msgspec.json.encode(photographed(to_sign)))
    del old["pen"]
    read = msgspec.json.decode(msgspec.json.encode(old), type=Sitting, strict=True)
    assert (read.pen, len(read.pages)) == (None, 1)


def test_strokes_are_in_no_text_of_an_event(to_sign):
    assert "900" not in repr(DRAWN)
    assert "900" not in repr(go(to_sign, DRAWN))
