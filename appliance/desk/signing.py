"""How the citizen signs: on paper, on the screen, or not at all. Rows of the sitting's table; pure."""

from __future__ import annotations

from typing import Final

import msgspec

from appliance.desk import papers, pen
from appliance.desk import sitting as words
from appliance.desk.decision import Circumstances, Decision, SittingRefused, refuse_pending
from appliance.desk.sitting import SIGNATURE, PenFacts, Sitting
from contracts.desk_api.clerk import SignatureWay

UNSIGNED: Final = {"signature": None, "pen": None, "cause": "", "signed_ms": None, "attested_by": ""}
"""What a sitting that nobody signed yet knows of signing."""


class SignatureMissing(SittingRefused):
    """The signed summary was not captured, nothing was drawn, or nobody signed."""

    code = "sitting.signature_missing"


class CauseMissing(SittingRefused):
    """Why the citizen cannot sign must be said (DPR 445/2000 art. 4)."""

    code = "sitting.cause_missing"


class SummaryChanged(SittingRefused):
    """What was signed on the screen was another summary than the one that stands there now."""

    code = "sitting.summary_changed"


def unsigned(state: Sitting) -> Sitting:
    """The same sitting before anybody signed, with the pages of a signed sheet left out."""
    pages = [page for page in state.pages if page.attachment != SIGNATURE]
    return msgspec.structs.replace(state, pages=pages, **UNSIGNED)


def drawn(state: Sitting, event: words.PenDrawn, now: Circumstances) -> Decision:
    """One signature at a time: a photographed one goes, and so does one that was drawn before."""
    refuse_pending(state)
    facts = PenFacts(strokes=pen.settle(event.strokes), drawn_ms=now.now_ms, shown_sha256=event.shown_sha256)
    there = msgspec.structs.replace(unsigned(state), pen=facts, trouble=None)
    return Decision(there, papers.erased_signature(state))


def erased(state: Sitting, _event: words.PenErased, _: Circumstances) -> Decision:
    refuse_pending(state)
    if state.pen is None:
        raise SignatureMissing("nothing was drawn")
    return Decision(msgspec.structs.replace(state, trouble=None, **UNSIGNED))


def signed(state: Sitting, event: words.Signed, now: Circumstances) -> Decision:
    refuse_pending(state)
    if event.way is SignatureWay.PAPER and not any(page.attachment == SIGNATURE for page in state.pages):
        raise SignatureMissing("the signed summary was not captured yet")
    if event.way is SignatureWay.PEN and state.pen is None:
        raise SignatureMissing("nobody signed on the screen yet")
    if event.way is SignatureWay.CANNOT_SIGN and not event.cause.strip():
        raise CauseMissing("say why the citizen cannot sign")
    papers.refuse_not_judged(state)
    by_pen = event.way is SignatureWay.PEN
    attested = msgspec.structs.replace(
        state,
        signature=event.way,
        pen=state.pen if by_pen else None,
        cause=" ".join(event.cause.split()) if event.way is SignatureWay.CANNOT_SIGN else "",
        signed_ms=now.now_ms,
        attested_by=now.clerk,
        trouble=None,
    )
    return Decision(attested)


def after_failed_seal(state: Sitting, event: words.SealFailed) -> Sitting:
    """Who signed under other words than those that would be sealed has to sign again."""
    kept = unsigned(state) if event.trouble.code == SummaryChanged.code else state
    return msgspec.structs.replace(kept, trouble=event.trouble)
