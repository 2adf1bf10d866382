"""The rounds of the recipient's side: fetch labels, fetch letters, open and register, post what was said.

Every step reads what the register says is still to do and commits before the next, so a round that ends
anywhere, by a crash too, is simply done again.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts.errors import Problem, PueError
from contracts.practices import catalogue
from fleet.backoffice.destinations.port import (
    LONGEST_WAIT,
    Handover,
    NotANumber,
    Refused,
    Registered,
    Taken,
    Trouble,
    Wait,
    protocollo,
)
from fleet.backoffice.gate import GateRefused
from fleet.backoffice.opening import NOT_A_DOSSIER
from fleet.backoffice.reading import citizen_of, practice_of, term_of
from fleet.backoffice.register import NumberTaken, Opened, Stage

if TYPE_CHECKING:
    import datetime as dt

    from fleet.backoffice.destinations.port import Answer, Destination
    from fleet.backoffice.gate import Gate
    from fleet.backoffice.opening import Opener
    from fleet.backoffice.register import Entry, Handing, Register
    from fleet.clock import Clock

log = logging.getLogger(__name__)
LONGEST_PAUSE_S: Final = 60.0
MAX_ATTEMPTS: Final = 20


class Rounds:
    """What is done with letters, step by step.

    Args:
        register: the recipient's register.
        opener: opens letters and holds their sealed form.
        gate: of the fleet.
        clock: the server's hour.
        destination: the body's own register; None: ours gives the number.
        max_attempts: tries of one hand-over before an officer must say to go on.
    """

    def __init__(
        self,
        register: Register,
        opener: Opener,
        gate: Gate,
        clock: Clock,
        destination: Destination | None = None,
        *,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self._register, self._opener, self._gate, self._clock = register, opener, gate, clock
        self._destination, self._max_attempts = destination, max_attempts

    def once(self) -> None:
        """One whole round.

        Raises:
            PueError: the gate or our own keys stop us; everything done so far stays done.
        """
        # Words first: an officer's decision must not wait behind a pile of letters.
        self.post()
        self.announce()
        self.fetch()
        self.open()
        self.hand_over()
        self.post()

    def announce(self) -> None:
        """Learn of new letters."""
        while new := self._gate.letters(self._register.cursor()):
            self._register.announce(new)

    def fetch(self) -> None:
        """Put the sealed bytes of announced letters on our disk. One that cannot be had does not stop the others."""
        troubles: list[PueError] = []
        for entry in self._register.at_stage(Stage.ANNOUNCED):
            try:
                self._opener.hold(entry.letter, self._gate.sealed(entry.label))
            except PueError as why:
                log.warning("letter %s cannot be fetched: %s", entry.letter, why.code)
                troubles.append(why)
                continue
            self._register.hold(entry.letter)
        if troubles:
            raise troubles[0]

    def open(self) -> None:
        """Open held letters: each that is a dossier to its *protocollo*, UNREADABLE for the others."""
        for entry in self._register.at_stage(Stage.HELD):
            self._open(entry)

    def _open(self, entry: Entry) -> None:
        try:
            dossier = self._opener.open(entry.label, entry.arrived_ms)
        except NOT_A_DOSSIER as why:
            log.warning("letter %s is not readable: %s", entry.letter, why.code)
            self._register.set_aside(entry.letter, why.code, self._clock.now())
            return
        practice, shipped = entry.label.practice, catalogue.shipped()
        opened = Opened(
            citizen=citizen_of(dossier),
            practice_name=practice_of(dossier, practice, shipped),
            answer_days=(term := term_of(dossier, practice, shipped))[0],
            working_days=term[1],
        )
        if self._destination is None:
            self._register.register(entry.letter, opened, self._clock.now())
        else:
            self._register.begin_handover(entry.letter, opened)

    def hand_over(self) -> None:
        """Take opened letters to the body's register, and write down what it answered."""
        if self._destination is None:
            return
        for entry, handing in self._register.to_hand_over(self._clock.now()):
            answer = self._answer(self._destination, entry, handing)
            if answer is not None:
                self._write_down(entry, handing, answer)

    def _answer(self, destination: Destination, entry: Entry, handing: Handing) -> Answer | None:
        """What the destination says; None if it was not asked, because the letter had to stop."""
        if handing.taken:
            return destination.ask(entry.label, self._clock.now())
        if handing.attempt >= self._max_attempts:
            self._register.stop(entry.letter, "destination.too_many_attempts", handing.reason)
            return None
        try:
            dossier = self._opener.open(entry.label, entry.arrived_ms)
        except NOT_A_DOSSIER as why:
            # It was one when it was first opened: our keys or authorities have changed since.
            self._register.stop(entry.letter, why.code)
            return None
        # Counted first: a try that a crash cuts off was one.
        case = Handover(
            label=entry.label,
            dossier=dossier,
            practice_name=entry.practice_name,
            attempt=self._register.count_attempt(entry.letter),
        )
        return destination.hand_over(case, self._clock.now())

    def _write_down(self, entry: Entry, handing: Handing, answer: Answer) -> None:
        now, letter = self._clock.now(), entry.letter
        match answer:
            case Registered():
                self._registered(entry, handing, answer, now)
            case Taken():
                self._register.taken(letter, min(answer.ask_at, now + LONGEST_WAIT))
            case Wait():
                self._register.wait(letter, min(answer.until, now + LONGEST_WAIT), answer.code)
            case Refused() | Trouble():
                log.warning("letter %s is not registered by the body: %s", letter, answer.code)
                self._register.stop(letter, answer.code, answer.reason)

    def _registered(self, entry: Entry, handing: Handing, answer: Registered, now: dt.datetime) -> None:
        at = answer.at or now
        try:
            self._register.register_as(
                entry.letter, handing.opened, protocollo(answer.protocollo), at=at, now=now
            )
        except (NotANumber, NumberTaken) as why:
            log.warning("letter %s got no usable number: %s", entry.letter, why.code)
            self._register.stop(entry.letter, why.code)

    def post(self) -> None:
        """Hand over what was said and not yet confirmed. The gate takes the same statement twice as once."""
        refused: list[GateRefused] = []
        for letter, step, statement in self._register.unposted():
            try:
                self._gate.post_state(statement)
            except GateRefused as why:
                # One letter the gate does not want must not keep the words about the others.
                log.warning("state %d of letter %s is refused by the gate", step, letter)
                refused.append(why)
                continue
            self._register.posted(letter, step, self._clock.now())
        if refused:
            raise refused[0]


class Health(msgspec.Struct, frozen=True):
    """How the rounds go: when one last went well, and what stopped the newest."""

    good_ms: int | None = None
    trouble: Problem | None = None


class Rounder(threading.Thread):
    """Makes rounds until told to stop; `wake` asks for the next one at once.

    Args:
        rounds: what to do.
        clock: the server's hour.
        every_s: pause after a good round. After a bad one it doubles, up to a minute.
        died: called when the thread ends unasked.
    """

    def __init__(self, rounds: Rounds, clock: Clock, *, every_s: float, died: Any) -> None:
        super().__init__(name="rounds", daemon=True)
        self._rounds, self._clock, self._every_s, self._died = rounds, clock, every_s, died
        self._bell = threading.Event()
        self._ending = False
        self.health = Health()

    def wake(self) -> None:
        """Begin the next round now."""
        self._bell.set()

    def stop(self) -> None:
        """End after the present round."""
        self._ending = True
        self._bell.set()

    def run(self) -> None:
        """The thread."""
        pause_s = self._every_s
        try:
            while not self._ending:
                self._bell.clear()
                pause_s = self._every_s if self._round() else min(max(1.0, pause_s * 2), LONGEST_PAUSE_S)
                self._bell.wait(pause_s)
        except BaseException:
            log.exception("the rounds have ended")
            self._died()
            raise

    def _round(self) -> bool:
        try:
            self._rounds.once()
        except PueError as why:
            before = self.health.trouble
            if before is None or before.code != why.code:
                log.warning("the rounds are stopped: %s [%s]", why, why.code)
            self.health = Health(self.health.good_ms, why.problem())
            return False
        self.health = Health(int(self._clock.now().timestamp() * 1000), None)
        return True
