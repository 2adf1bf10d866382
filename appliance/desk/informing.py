"""Telling the citizen what happens to their data, before anything is captured (GDPR art. 13). Rows of the table; pure."""

from __future__ import annotations

import msgspec

from appliance.desk import sitting as words
from appliance.desk.decision import Circumstances, Decision, SittingRefused, refuse_pending
from appliance.desk.sitting import NoticeFacts, Sitting
from contracts.desk_api.clerk import NoticeWay, Stage
from contracts.practices.notice import RECEPTION


class NoticeNotPrinted(SittingRefused):
    """Nothing was printed yet that could have been handed over."""

    code = "sitting.notice_not_printed"


def wanted(state: Sitting, _event: words.NoticeWanted, _: Circumstances) -> Decision:
    refuse_pending(state)
    return Decision(msgspec.structs.replace(state, pending="notice", trouble=None), (words.PrintNotice(),))


def printed(state: Sitting, _event: words.NoticePrinted, _: Circumstances) -> Decision:
    _refuse_unasked(state)
    return Decision(msgspec.structs.replace(state, pending="", notice_printed=True, trouble=None))


def print_failed(state: Sitting, event: words.PrintFailed, _: Circumstances) -> Decision:
    _refuse_unasked(state)
    return Decision(msgspec.structs.replace(state, pending="", trouble=event.trouble))


def _refuse_unasked(state: Sitting) -> None:
    if state.pending != "notice":
        raise SittingRefused("nobody asked for paper", stage=state.stage.value)


def informed(state: Sitting, event: words.Informed, now: Circumstances) -> Decision:
    """From here on the document may be read."""
    refuse_pending(state)
    if event.how is NoticeWay.HANDED and not state.notice_printed:
        raise NoticeNotPrinted("the full text was not printed in this sitting")
    told = msgspec.structs.replace(
        state, stage=Stage.CARD, informed=event.how, informed_ms=now.now_ms, trouble=None
    )
    return Decision(told)


def told_for(state: Sitting, body: str) -> list[NoticeFacts]:
    """The notices that concern a case of this body: the reception's, and its own."""
    return [one for one in state.notices if one.body in (RECEPTION, body)]
