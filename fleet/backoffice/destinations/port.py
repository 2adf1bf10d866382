"""The promise of a destination: it takes an opened dossier and answers with the body's own *protocollo*, or why not yet.

Non-repudiation as in ModI's PROFILE_NON_REPUDIATION_01: the letter's id is the message id, every try carries its
number, the destination knows a letter that comes twice, and our side writes down a try before it is made.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, Protocol

import msgspec

from contracts.errors import PueError, WhoCanAct
from contracts.messages.letters import Label
from fleet.backoffice.dossier import Dossier

MAX_REASON_CHARS: Final = 300
LONGEST_WAIT: Final = dt.timedelta(hours=24)
"""However far away a destination says to come again, we look once a day."""

_NUMBER: Final = re.compile(r"(?=.*[0-9])[0-9A-Za-z](?:[0-9A-Za-z ./_\-]{0,58}[0-9A-Za-z])?")
_UNPRINTABLE: Final = re.compile(r"[^\S ]+|[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


class NotANumber(PueError):
    """What came back is no protocol number: empty, too long, or with signs no register uses."""

    code = "destination.not_a_number"
    who = WhoCanAct.OPERATOR


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A letter on its way into the body's register.

    Attributes:
        label: the outside of the letter; `label.letter` is the message id of every try.
        dossier: opened, its hashes verified.
        practice_name: as the register writes it.
        attempt: which try this is, from 1.
    """

    label: Label
    dossier: Dossier
    practice_name: str
    attempt: int


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """The body has registered it. `at`: aware, the moment of the registration; None where only the number came."""

    protocollo: str
    at: dt.datetime | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """It has been handed over whole; the number comes later. `ask_at`: aware, when to ask for it."""

    ask_at: dt.datetime


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """It has not been handed over; the same may go well at `until` (aware). `code`: what stands in the way."""

    until: dt.datetime
    code: str


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The body will not register it as it is. `reason`: for the officer, in its own words; may name the citizen."""

    code: str
    reason: str = ""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing wrong with the letter: somebody must mend the way to the destination. `reason`: as in `Refused`."""

    code: str
    reason: str = ""


Answer = Registered | Taken | Wait | Refused | Trouble


class Destination(Protocol):
    """The body's register, behind whatever door it has. Neither call raises for what the other side does."""

    def hand_over(self, case: Handover, now: dt.datetime) -> Answer:
        """Hand the dossier over. Called again with the same letter after a crash: the answer is about the one letter."""
        ...

    def ask(self, label: Label, now: dt.datetime) -> Answer:
        """What has become of a letter that was `Taken`. `Wait` means: ask again then."""
        ...


def protocollo(text: str) -> str:
    """A protocol number as it goes into the register: trimmed, at most 60 signs.

    Raises:
        NotANumber: it is none.
    """
    number = text.strip()
    if not _NUMBER.fullmatch(number):
        raise NotANumber("a protocol number has at most 60 letters, digits and . / - _, one digit at least")
    return number


def reason(text: str) -> str:
    """Words of the other side made harmless: one line, at most `MAX_REASON_CHARS`."""
    return _UNPRINTABLE.sub(" ", text).strip()[:MAX_REASON_CHARS]
