"""One reading over a real session, from first command to verdict: what desk and command line both call.

The session is handed in: anything that takes command bytes and gives response bytes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from typing import Protocol

from appliance.cards.agreement import RandomBytes
from appliance.cards.conversation import DEFAULT_WANTED, Conversation, read_document
from appliance.cards.errors import CardUnreadable
from appliance.cards.evidence import Evidence
from appliance.cards.steps import IdentityRead, Progress, ReaderLimits, Reset, Secret, Step, Transmit
from appliance.cards.trust import TrustStore
from appliance.cards.verdict import Instant, Verdict, judge

READING_LIMIT_S = 60.0
"""A document read in short commands over a slow field needs under fifteen seconds; a card that takes a minute plays."""


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
    secret: Secret,
    trust: TrustStore,
    instant: Instant,
    on_progress: OnProgress | None = None,
    *,
    wanted: Collection[int] = DEFAULT_WANTED,
    random_bytes: RandomBytes = secrets.token_bytes,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> tuple[Evidence, Verdict]:
    """Read the document on `session` and judge it.

    Raises:
        WrongCan, WrongMrz, MrzNeeded, NotADocument, CardGone and the other `CardError` of the conversation;
        whatever the session itself raises when reader or card leave.
    """
    limits = ReaderLimits(session.max_command_bytes, session.max_response_bytes)
    conversation = read_document(secret, wanted=wanted, limits=limits, random_bytes=random_bytes)
    evidence = _drive(conversation, session, on_progress, monotonic_s)
    return evidence, judge(evidence, trust, instant)


def _drive(
    conversation: Conversation,
    session: Transport,
    on_progress: OnProgress | None,
    monotonic_s: Callable[[], float],
) -> Evidence:
    end_s = monotonic_s() + READING_LIMIT_S
    try:
        step = next(conversation)
        while True:
            if monotonic_s() > end_s:
                raise CardUnreadable("the card is too slow", reason="too_slow")
            step = conversation.send(_carry_out(step, session, on_progress))
    except StopIteration as end:
        evidence: Evidence = end.value
        return evidence
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
