"""One reading over a real session, from first command to verdict: what desk and command line both call.

The session is handed in: anything that takes command bytes and gives response bytes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

from appliance.cards import lds
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import Command, Instruction, Response
from appliance.cards.cie_nis import NisEvidence, judge_nis, read_nis
from appliance.cards.cns import Pin, read_cns
from appliance.cards.cns_evidence import CnsEvidence
from appliance.cards.cns_verdict import judge_cns
from appliance.cards.conversation import DEFAULT_WANTED, read_document
from appliance.cards.errors import CardUnreadable, CodeNeeded, NotADocument
from appliance.cards.evidence import Evidence
from appliance.cards.steps import (
    Exchange,
    IdentityRead,
    Progress,
    ReaderLimits,
    Reset,
    Secret,
    Step,
    Transmit,
)
from appliance.cards.trust import TrustStore
from appliance.cards.verdict import Instant, Verdict, judge

READING_LIMIT_S = 30.0
"""A document read in short commands over a slow field needs under fifteen seconds; a card that takes longer plays."""

T = TypeVar("T")


class Transport(Protocol):
    """The part of a card session a reading needs; `appliance.devices.card_reader.port.CardSession` is one."""

    @property
    def max_command_bytes(self) -> int: ...

    @property
    def max_response_bytes(self) -> int: ...

    def transmit(self, command: bytes) -> bytes: ...

    def reset(self) -> None: ...


OnProgress = Callable[[Progress | IdentityRead], None]
"""Called on the reading's thread, `IdentityRead` as soon as the name is known: a listener only enqueues."""


def read_and_judge(
    session: Transport,
    secret: Secret | None,
    trust: TrustStore,
    instant: Instant,
    on_progress: OnProgress | None = None,
    *,
    pin: Pin | None = None,
    wanted: Collection[int] = DEFAULT_WANTED,
    random_bytes: RandomBytes = secrets.token_bytes,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> tuple[Evidence | CnsEvidence, Verdict]:
    """Read the card on `session` and judge it.

    Args:
        session: exclusive talk with one card.
        secret: the code printed on a travel document; None reads a card that needs none (CNS, TS-CNS).
        trust: whom the box believes.
        instant: the hour to judge by.
        on_progress: hears how far it is.
        pin: of a CNS, typed by its holder; without it the card's originality stays open.
        wanted: data groups of a travel document.
        random_bytes: source of challenges and ephemeral keys.
        monotonic_s: measures the time the card takes.

    Raises:
        CodeNeeded: a travel document lies there and no code was given.
        WrongCan, WrongMrz, MrzNeeded, WrongPin, PinBlocked, PinSpared, NotADocument, CardGone and the other
        `CardError` of the conversations; whatever the session itself raises when reader or card leave.
    """
    limits = ReaderLimits(session.max_command_bytes, session.max_response_bytes)
    end_s = monotonic_s() + READING_LIMIT_S

    def drive(exchange: Exchange[T]) -> T:
        return _drive(exchange, session, on_progress, lambda: monotonic_s() > end_s)

    if secret is not None:
        evidence = drive(read_document(secret, wanted=wanted, limits=limits, random_bytes=random_bytes))
        return evidence, judge(evidence, trust, instant)
    try:
        cns = drive(read_cns(pin, limits=limits, random_bytes=random_bytes))
    except NotADocument:
        if drive(_has_travel_document()):
            raise CodeNeeded("a travel document lies on the reader: its code is needed") from None
        raise
    return cns, judge_cns(cns, trust, instant)


def read_and_judge_nis(
    session: Transport,
    trust: TrustStore,
    instant: Instant,
    on_progress: OnProgress | None = None,
    *,
    random_bytes: RandomBytes = secrets.token_bytes,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> tuple[NisEvidence, Verdict]:
    """Read a CIE's service number, for which no code is needed, and judge it. It says nothing of the person.

    Raises:
        NotADocument, CardGone and the other `CardError` of the conversation.
    """
    limits = ReaderLimits(session.max_command_bytes, session.max_response_bytes)
    end_s = monotonic_s() + READING_LIMIT_S
    conversation = read_nis(limits=limits, random_bytes=random_bytes)
    evidence = _drive(conversation, session, on_progress, lambda: monotonic_s() > end_s)
    return evidence, judge_nis(evidence, trust, instant)


def _has_travel_document() -> Exchange[bool]:
    select = Command(0x00, Instruction.SELECT, 0x04, 0x0C, lds.APPLICATION_ID)
    return Response.decode((yield Transmit(select.encode()))).ok


def _drive(
    conversation: Exchange[T],
    session: Transport,
    on_progress: OnProgress | None,
    is_late: Callable[[], bool],
) -> T:
    try:
        step = next(conversation)
        while True:
            answer = _carry_out(step, session, on_progress)
            if is_late():  # asked after each answer: the last one counts too
                raise CardUnreadable("the card is too slow", reason="too_slow")
            step = conversation.send(answer)
    except StopIteration as end:
        found: T = end.value
        return found
    finally:
        conversation.close()


def _carry_out(step: Step, session: Transport, on_progress: OnProgress | None) -> bytes:
    if isinstance(step, Transmit):
        return session.transmit(step.command)
    if isinstance(step, Reset):
        session.reset()
    elif on_progress is not None:
        on_progress(step)
    return b""
