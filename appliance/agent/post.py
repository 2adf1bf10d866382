"""The post: takes letters from the outbox to the gate, brings receipts and states back, and believes only signatures.

A letter is *trasmessa* only when the gate's signed receipt names it and its bytes. Everything may be repeated:
the road is idempotent by the letter's id, and the outbox remembers nothing twice.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from appliance.agent.link.backoff import Backoff
from appliance.agent.road import GateAnswered, GateUnreached, RoadBroken
from contracts import codec
from contracts.envelope import MAX_STATEMENT_BYTES, Purpose, Statement, read_statement
from contracts.errors import InvalidMessage, PueError, WhoCanAct
from contracts.identity import fingerprint
from contracts.messages.letters import LetterState, Receipt

if TYPE_CHECKING:
    import random

    from appliance.agent.reports import Reports
    from appliance.agent.road import Road
    from appliance.outbox.store import Entry, Outbox

log = logging.getLogger(__name__)

_FOR_GOOD: Final = (403, 409, 413)
"""With these the gate judges the letter itself, if its problem's code begins with ``letter.`` and waiting will not
help: another letter has its id, it names another box, it is too large. What an operator can mend is tried again."""
_ERASED: Final = 410
_STUMBLES: Final = 3
_MAX_NUMBER: Final = 1 << 53
"""Of a cursor or a step; larger ones are nonsense and would not fit the outbox."""
_WRONG_OFFSET: Final = 409


class ReceiptRefused(PueError):
    """A receipt that is not the fleet's word for this letter."""

    code = "receipt.refused"
    who = WhoCanAct.OPERATOR


class PostRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the post.

    Attributes:
        chunk_bytes: of one PATCH; after each the post looks whether something more urgent waits.
        bytes_per_s: bound of the upload, 0 for none.
        poll_s: how often the outbox's revision is looked at.
        states_every_s: how often states are asked for when no nudge comes.
        timeout_s: of each operation of the socket.
        retry_base_s: ceiling of the first pause after a failure.
        retry_cap_s: no pause is longer.
    """

    chunk_bytes: int = 131_072
    bytes_per_s: int = 0
    poll_s: float = 2.0
    states_every_s: float = 900.0
    timeout_s: float = 30.0
    retry_base_s: float = 2.0
    retry_cap_s: float = 300.0


class Keys(msgspec.Struct, frozen=True):
    """Whose signatures count."""

    fleet: Ed25519PublicKey
    recipient: Ed25519PublicKey


class _Pause:
    """Failures of one road or letter, and until when it rests."""

    def __init__(self, rules: PostRules, chance: random.Random) -> None:
        self._backoff = Backoff(
            chance, spread_s=rules.retry_base_s, base_s=2 * rules.retry_base_s, cap_s=rules.retry_cap_s
        )
        self.until_s = 0.0

    def failed(self, at_least_s: float = 0.0) -> None:
        self.until_s = time.monotonic() + max(at_least_s, self._backoff.next_s())

    def clear(self) -> None:
        self._backoff.succeeded()
        self.until_s = 0.0


class Post:
    """The postman of one box.

    Args:
        box: our name; a receipt for another box is refused.
        outbox: where letters wait.
        road: to the gate.
        keys: verify receipts and states.
        reports: takes events about refused letters, receipts and states.
        rules: settings.
        chance: source of jitter.
    """

    def __init__(
        self,
        box: str,
        outbox: Outbox,
        road: Road,
        keys: Keys,
        *,
        reports: Reports,
        rules: PostRules,
        chance: random.Random,
    ) -> None:
        self._box, self._outbox, self._road, self._keys = box, outbox, road, keys
        self._reports, self._rules, self._chance = reports, rules, chance
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._road_pause = _Pause(rules, chance)
        self._letter_pauses: dict[str, _Pause] = {}
        self._states_due_s = 0.0
        self._told: set[str] = set()
        self._nudged = False
        self.waiting_why = ""
        """Stable code of what keeps letters waiting; empty when nothing does."""

    def nudge(self) -> None:
        """Something changed (the link opened, the fleet nudged): forget pauses, ask for states. Any thread."""
        self._nudged = True
        self._bell.set()

    def wake(self) -> None:
        """Look up: somebody asked to stop."""
        self._bell.set()
        self._road.abort()

    # ---- on its own thread

    def run(self, stopping: threading.Event) -> None:
        """The body of the post's worker."""
        self._stopping = stopping
        try:
            while not stopping.is_set():
                self._take_nudge()
                try:
                    revision = self._outbox.revision()
                    self._round()
                except PueError as why:  # the outbox itself: full, busy, damaged
                    log.warning("post: %s", why.code)
                    self.waiting_why = why.code
                    revision = -1
                self._wait(revision)
        finally:
            self._road.close()

    def _take_nudge(self) -> None:
        if self._nudged:
            self._nudged = False
            self._states_due_s = 0.0
            self._road_pause.clear()
            self._letter_pauses.clear()

    def _wait(self, revision: int) -> None:
        """Until the outbox changed, a pause ends, states are due, or somebody rings."""
        while not self._bell.wait(self._rules.poll_s):
            if self._stopping.is_set() or self._due_again(revision):
                return
        self._bell.clear()

    def _due_again(self, revision: int) -> bool:
        now_s = time.monotonic()
        if now_s < self._road_pause.until_s:
            return False
        try:
            if self._outbox.revision() != revision or now_s >= self._states_due_s:
                return True
        except PueError:
            return False
        return any(now_s >= pause.until_s for pause in self._letter_pauses.values())

    def _round(self) -> None:
        """Everything that can be done now."""
        if time.monotonic() < self._road_pause.until_s:
            return
        try:
            while not self._stopping.is_set() and not self._nudged and (entry := self._next()) is not None:
                self._try(entry)
            if time.monotonic() >= self._states_due_s:
                self._fetch_states()
            self._road_pause.clear()
        except GateUnreached as why:
            self._road_pause.failed()
            self.waiting_why = why.code
            log.info("post: %s", why)

    def _next(self) -> Entry | None:
        """The first waiting letter that does not rest."""
        waiting = self._outbox.waiting()
        known = {entry.label.letter for entry in waiting}
        self._letter_pauses = {k: v for k, v in self._letter_pauses.items() if k in known}
        if not waiting:
            self.waiting_why = ""
        now_s = time.monotonic()
        for entry in waiting:
            pause = self._letter_pauses.get(entry.label.letter)
            if pause is None or now_s >= pause.until_s:
                return entry
        return None

    def _try(self, entry: Entry) -> None:
        letter = entry.label.letter
        try:
            self._carry(entry)
        except GateUnreached:
            raise
        except GateAnswered as why:
            if why.status in _FOR_GOOD and why.code.startswith("letter.") and why.who is not WhoCanAct.WAIT:
                self._refuse(letter, why)
            else:
                self._rest(letter, why, why.wait_s)
        except (RoadBroken, ReceiptRefused) as why:
            self._rest(letter, why)
        else:
            self._letter_pauses.pop(letter, None)

    def _carry(self, entry: Entry) -> None:
        """One try: announce, send what is missing, fetch and verify the receipt."""
        letter, size = entry.label.letter, entry.label.size_bytes
        sealed = self._outbox.sealed(letter)
        if fingerprint(sealed) != entry.label.sha256:
            self._refuse(letter, LetterDamaged("the letter's bytes changed on the box's disk", letter=letter))
            return
        attempt = self._outbox.begin_attempt(letter)
        self._road.create(msgspec.structs.replace(entry.label, attempt=attempt))
        offset = self._offset(letter, size)
        stumbles = 0
        while offset < size:
            if self._stopping.is_set() or self._more_urgent(entry):
                return
            chunk = memoryview(sealed)[offset : offset + self._rules.chunk_bytes]
            try:
                there = self._road.patch(letter, offset, chunk)
            except GateAnswered as why:
                if why.status != _WRONG_OFFSET or why.code.startswith("letter.") or stumbles >= _STUMBLES:
                    raise
                there = self._road.offset(letter)
            if there <= offset:
                stumbles += 1
                if stumbles > _STUMBLES:
                    raise RoadBroken("the gate takes bytes and has no more than before")
            offset = there
            self._pace(len(chunk))
        self._receive(entry, self._road.receipt(letter))

    def _offset(self, letter: str, size: int) -> int:
        """Where the upload stands; a letter that was delivered and erased there since stands at its end."""
        try:
            return self._road.offset(letter)
        except GateAnswered as why:
            if why.status == _ERASED:
                return size
            raise

    def _pace(self, sent_bytes: int) -> None:
        if self._rules.bytes_per_s:
            self._stopping.wait(sent_bytes / self._rules.bytes_per_s)

    def _more_urgent(self, entry: Entry) -> bool:
        """Whether another letter that does not rest now comes before this one; this one is resumed later."""
        first = self._next()
        return first is not None and first.label.letter != entry.label.letter

    def _receive(self, entry: Entry, statement: bytes) -> None:
        """Believe the receipt or refuse it.

        Raises:
            ReceiptRefused: not signed by the fleet, or not about this letter of this box.
        """
        label = entry.label
        try:
            receipt = read_statement(
                codec.decode(Statement, statement, limit=2 * MAX_STATEMENT_BYTES),
                Receipt,
                Purpose.RECEIPT,
                self._keys.fleet,
            )
        except PueError as why:
            raise ReceiptRefused(f"the receipt cannot be believed: {why}", letter=label.letter) from why
        given = (receipt.letter, receipt.box, receipt.sha256, receipt.size_bytes)
        if given != (label.letter, self._box, label.sha256, label.size_bytes):
            raise ReceiptRefused("the receipt speaks of something else", letter=label.letter)
        self._outbox.record_receipt(receipt, statement)
        log.info("letter %s has its receipt", label.letter)

    def _refuse(self, letter: str, why: PueError) -> None:
        log.warning("letter %s goes no further: %s", letter, why.code)
        self._outbox.record_refusal(letter, why.code, why.who.value)
        self._tell("letter.refused", letter, why.code)

    def _rest(self, letter: str, why: PueError, at_least_s: float = 0.0) -> None:
        log.info("letter %s waits: %s (%s)", letter, why.code, why)
        self.waiting_why = why.code
        self._letter_pauses.setdefault(letter, _Pause(self._rules, self._chance)).failed(at_least_s)
        if isinstance(why, ReceiptRefused):
            self._tell(why.code, letter, why.code)

    def _tell(self, key: str, letter: str, reason: str) -> None:
        """An event, once per subject and life of the process; it must not stop the post."""
        if f"{key} {letter}" in self._told:
            return
        self._told.add(f"{key} {letter}")
        try:
            self._reports.event(key, severity="warning", letter=letter, reason=reason)
        except PueError as why:
            log.warning("post: event not kept: %s", why.code)

    # ---- states

    def _fetch_states(self) -> None:
        self._states_due_s = time.monotonic() + self._rules.states_every_s
        cursor = self._outbox.cursor()
        more = True
        try:
            while more and not self._stopping.is_set():
                page = self._road.states(cursor)
                for signed in page.states:
                    self._take_state(signed.statement, signed.cursor)
                    cursor = max(cursor, signed.cursor)
                more = page.more and bool(page.states)
        except GateUnreached:
            self._states_due_s = 0.0
            raise
        except (RoadBroken, GateAnswered) as why:
            log.info("states: %s", why.code)
            self._states_due_s = time.monotonic() + self._chance.uniform(
                0.0, min(self._rules.states_every_s, 30 * self._rules.retry_base_s)
            )

    def _take_state(self, text: str, cursor: int) -> None:
        """Record a state the recipient signed; others are passed over and told."""
        data = text.encode()
        try:
            state = read_statement(
                codec.decode(Statement, data, limit=2 * MAX_STATEMENT_BYTES),
                LetterState,
                Purpose.LETTER_STATE,
                self._keys.recipient,
            )
            if max(state.step, cursor) > _MAX_NUMBER:
                raise InvalidMessage("a state's number is out of all bounds")
        except PueError as why:
            self._tell("state.refused", str(cursor), why.code)
            return
        self._outbox.record_state(state, data, cursor)


class LetterDamaged(PueError):
    """The sealed bytes are not what the label says any more."""

    code = "letter.damaged"
    who = WhoCanAct.TECHNICIAN
