"""Errors that speak: a stable code, the facts, and who can act.

Every refusal that crosses a door, a wire or a screen is a `PueError`. The code is
a promise (scripts and translations hang on it); the facts are plain values that
never hold a citizen's datum; `who` names the one person who can change something.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

Fact = str | int | float | bool | None


class WhoCanAct(enum.StrEnum):
    """The person whose next move removes the obstacle."""

    CLERK = "clerk"
    CITIZEN = "citizen"
    TECHNICIAN = "technician"
    OPERATOR = "operator"
    WAIT = "wait"
    """Nobody: it mends itself, or a time must pass."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A `PueError` as it travels through a door or a wire.

    Attributes:
        code: stable, lower case, dotted by room: ``printer.paper_out``.
        who: who can act.
        facts: plain values for the sentence a reader sees; never personal data.
        message: one English sentence for engineers and logs.
    """

    code: str
    who: WhoCanAct
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    message: str = ""


class PueError(Exception):
    """Base of every error this product raises on purpose.

    A subclass sets `code` and `who`; an instance adds facts and one sentence.

    >>> class PaperOut(PueError):
    ...     code = "printer.paper_out"
    ...     who = WhoCanAct.CLERK
    >>> PaperOut("the roll is empty", tray="receipt").problem().facts
    {'tray': 'receipt'}
    """

    code: str = "error.unnamed"
    who: WhoCanAct = WhoCanAct.OPERATOR

    def __init__(self, message: str = "", **facts: Fact) -> None:
        super().__init__(message or self.code)
        self.facts: dict[str, Fact] = facts

    def problem(self) -> Problem:
        """The same error as a value that can be encoded."""
        return Problem(code=self.code, who=self.who, facts=dict(self.facts), message=str(self))


class RemoteProblem(PueError):
    """A `Problem` that came through a door, raised again on this side with its own code."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, **problem.facts)
        self.code = problem.code
        self.who = problem.who


class InvalidName(PueError, ValueError):
    """A box, site, key or letter name that does not follow its grammar."""

    code = "name.invalid"
    who = WhoCanAct.OPERATOR


class InvalidMessage(PueError, ValueError):
    """Bytes from outside that are not the message they claim to be."""

    code = "message.invalid"
    who = WhoCanAct.OPERATOR
