"""What a decision about a sitting looks at, and what it is: shared by all rows of the table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from appliance.desk.sitting import Act, Event, Sitting
from contracts.desk_api.clerk import Stage
from contracts.errors import PueError, WhoCanAct
from contracts.practices.model import Practice


class SittingRefused(PueError):
    """The sitting does not allow that now; it stays as it is."""

    code = "sitting.not_now"
    who = WhoCanAct.CLERK


class SittingBusy(SittingRefused):
    """A device is at work for this sitting."""

    code = "sitting.busy"
    who = WhoCanAct.WAIT


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision may look at besides the state.

    Attributes:
        today: in Italy.
        practice: the practice of a key; raises `PueError` for one this box does not hold.
        begin: the practice of a key if it may be begun today; raises `PueError` otherwise.
        clerk: pseudonym of the clerk at the desk.
        catalogue: version of the catalogue that `begin` looks in.
    """

    now_ms: int
    today: dt.date
    practice: Callable[[str], Practice]
    begin: Callable[[str], Practice]
    clerk: str
    catalogue: int = 0


class Decision(msgspec.Struct, frozen=True):
    """What follows. `state` is None when the sitting is over at this desk."""

    state: Sitting | None
    acts: tuple[Act, ...] = ()


Handler = Callable[[Sitting, Event, Circumstances], Decision]


class Transition(msgspec.Struct, frozen=True):
    """A cell of the table: who decides, and the stages it may lead to (None: the sitting ends)."""

    handler: Handler
    to: tuple[Stage | None, ...]


E = TypeVar("E", bound=Event)


def cell(handler: Callable[[Sitting, E, Circumstances], Decision], *to: Stage | None) -> Transition:
    """A cell of the table for a handler of one event."""
    return Transition(cast("Handler", handler), to)  # the table's key says which event it is


def refuse_pending(state: Sitting) -> None:
    """While a device works for the sitting, nothing else begins.

    Raises:
        SittingBusy: one does.
    """
    if state.pending:
        raise SittingBusy("a device is at work", pending=state.pending)
