"""The hands of the orders: takes them in, waits for what they ask, acts, and writes each step down first."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Final

from appliance.agent.orders import Happening, after, read_order, too_late
from appliance.agent.probes import disk
from contracts import codec
from contracts.desk_api.door import DoorClosed
from contracts.errors import InvalidMessage, PueError, WhoCanAct
from contracts.messages.orders import Order, OrderState, Precondition, Result
from contracts.topics import Up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from appliance.agent.acts.port import Act, Facts
    from appliance.agent.desk_door import Claim, DeskDoor
    from appliance.agent.reports import Reports
    from appliance.agent.store import Store
    from appliance.runtime.clock import Clock
    from contracts.messages.orders import OrderKind

log = logging.getLogger(__name__)

DISK_FREE_BYTES: Final = 64 * 1024 * 1024
FORGET_AFTER_MS: Final = 90 * 24 * 3600 * 1000
"""An order's id is remembered so long after its deadline; a replay later than that is too late anyway."""


class ClockNotTrusted(PueError):
    """The order asks for a trusted clock."""

    code = "clock.untrusted"
    who = WhoCanAct.WAIT


class DiskNotFree(PueError):
    """The order asks for room on the disk."""

    code = "storage.full"
    who = WhoCanAct.TECHNICIAN


class _Busy(PueError):
    """The desk serves somebody; the order waits."""

    code = "desk.busy"
    who = WhoCanAct.WAIT


class OrderBook:
    """Orders of this box, from the wire to their result.

    Args:
        box: our name.
        fleet_key: signs orders.
        store: where orders and their results are written, in one commit.
        reports: takes the results.
        door: for the quiet claim.
        acts: what each kind of order does.
        clock: judges deadlines.
        state_dir: the disk meant by `disk_free`.
        boot: first eight hex digits of the boot id.
        busy_retry_s: how often a waiting order asks the desk again.
    """

    def __init__(
        self,
        box: str,
        fleet_key: Ed25519PublicKey,
        *,
        store: Store,
        reports: Reports,
        door: DeskDoor,
        acts: dict[OrderKind, Act],
        clock: Clock,
        state_dir: Path,
        boot: str,
        busy_retry_s: float = 5.0,
    ) -> None:
        self._box, self._fleet_key = box, fleet_key
        self._store, self._reports, self._door, self._acts = store, reports, door, acts
        self._clock, self._state_dir, self._boot = clock, state_dir, boot
        self._busy_retry_s = busy_retry_s
        self._bell = threading.Event()

    # ---- from the wire

    def take(self, payload: bytes, *, retained: bool) -> None:
        """Write an order down, durably, and wake the hands. A known id changes nothing; a false order is told.

        Raises:
            StoreError: it could not be written down; the broker must keep it.
        """
        try:
            order = read_order(payload, retained=retained, box=self._box, fleet_key=self._fleet_key)
        except (PueError, InvalidMessage) as why:
            log.warning("order refused: %s", why.code)
            self._reports.event(why.code, severity="warning", who=why.who.value, topic="order")
            return
        with self._store.write() as db:
            if db.execute("SELECT 1 FROM orders WHERE id = ?", (order.order,)).fetchone():
                log.info("order %s is known already", order.order)
                return
            db.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?, 0)",
                (order.order, OrderState.RECEIVED.value, codec.encode(order), order.deadline),
            )
            self._report(order, OrderState.RECEIVED)
        self._bell.set()

    # ---- the hands, on their own thread

    def run(self, stopping: threading.Event) -> None:
        """The body of the orders' worker."""
        self.wake_up()
        while not stopping.is_set():
            self._bell.clear()
            if stopping.is_set():  # it may have rung just before
                return
            for order, state in self.open_orders():
                if stopping.is_set():
                    return
                self._advance(order, state)
            self._forget_old()
            waiting = bool(self.open_orders())
            self._bell.wait(self._busy_retry_s if waiting else None)

    def wake(self) -> None:
        """Look up: somebody asked to stop."""
        self._bell.set()

    def wake_up(self) -> None:
        """After a start: what was running was interrupted; nobody knows how far it came."""
        for order, state in self.open_orders():
            if state is OrderState.RUNNING:
                self._step(order, state, Happening.WOKE, code="agent.restarted", who=WhoCanAct.OPERATOR)

    def open_orders(self) -> list[tuple[Order, OrderState]]:
        """Orders that have not ended, oldest first."""
        with self._store.read() as db:
            rows = db.execute("SELECT payload, state FROM orders WHERE final = 0 ORDER BY id").fetchall()
        return [(codec.decode(Order, payload), OrderState(state)) for payload, state in rows]

    def state(self, order: str) -> OrderState | None:
        """Where an order is; None when it is not known."""
        with self._store.read() as db:
            row = db.execute("SELECT state FROM orders WHERE id = ?", (order,)).fetchone()
        return None if row is None else OrderState(row[0])

    def _advance(self, order: Order, state: OrderState) -> None:
        if too_late(order, self._now_ms(), time_trusted=self._clock.trusted().trusted):
            self._step(order, state, Happening.TOO_LATE, code="order.expired", who=WhoCanAct.OPERATOR)
            return
        try:
            self._check(order)
            with self._quiet(order) as claim:
                self._run(order, state, claim)
        except (_Busy, DoorClosed) as why:
            if state is not OrderState.WAITING_SESSION:
                self._step(order, state, Happening.MUST_WAIT, code=why.code, who=why.who)
        except (ClockNotTrusted, DiskNotFree) as why:
            self._step(order, state, Happening.REFUSED, code=why.code, who=why.who)

    def _check(self, order: Order) -> None:
        if Precondition.TIME_TRUSTED in order.preconditions and not self._clock.trusted().trusted:
            raise ClockNotTrusted("the order asks for a trusted clock")
        if Precondition.DISK_FREE in order.preconditions:
            room = disk.read(self._state_dir)
            if room.read_only or room.free_bytes < DISK_FREE_BYTES:
                raise DiskNotFree("the order asks for room on the disk")

    @contextlib.contextmanager
    def _quiet(self, order: Order) -> Iterator[Claim | None]:
        if Precondition.IDLE_DESK not in order.preconditions:
            yield None
            return
        with self._door.quiet() as claim:
            if not claim.granted:
                raise _Busy("a citizen is at the desk")
            yield claim

    def _run(self, order: Order, state: OrderState, claim: Claim | None) -> None:
        running = self._step(order, state, Happening.MAY_RUN)
        try:
            facts = self._acts[order.kind](order, claim)
        except PueError as why:
            self._step(order, running, Happening.BROKE, code=why.code, who=why.who)
        else:
            self._step(order, running, Happening.DONE, facts=facts)

    def _step(
        self,
        order: Order,
        state: OrderState,
        happening: Happening,
        *,
        code: str = "",
        who: WhoCanAct | str = "",
        facts: Facts | None = None,
    ) -> OrderState:
        """Write the new state and its result in one commit, before anything rests on it."""
        new = after(state, happening)
        with self._store.write() as db:
            db.execute(
                "UPDATE orders SET state = ?, final = ? WHERE id = ?",
                (new.value, int(new.final), order.order),
            )
            self._report(order, new, code=code, who=str(who), facts=facts)
        log.info("order %s %s: %s %s", order.order, order.kind.value, new.value, code)
        return new

    def _report(
        self, order: Order, state: OrderState, *, code: str = "", who: str = "", facts: Facts | None = None
    ) -> None:
        result = Result(
            ts=self._now_ms(),
            boot=self._boot,
            order=order.order,
            state=state,
            code=code,
            who=who,
            facts=facts or {},
        )
        self._reports.add((Up.RESULT, result))

    def _forget_old(self) -> None:
        if self._clock.trusted().trusted:
            with self._store.read() as db:
                old = db.execute(
                    "SELECT 1 FROM orders WHERE final = 1 AND deadline_ms < ? LIMIT 1",
                    (self._now_ms() - FORGET_AFTER_MS,),
                ).fetchone()
            if old:
                with self._store.write() as db:
                    db.execute(
                        "DELETE FROM orders WHERE final = 1 AND deadline_ms < ?",
                        (self._now_ms() - FORGET_AFTER_MS,),
                    )

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
