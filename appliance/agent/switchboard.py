"""The middle of the agent: hears the link, hands each message to whom it concerns, sends what the journal holds."""

from __future__ import annotations

import logging
import queue
import time
from typing import TYPE_CHECKING, Final

from appliance.agent.link.port import Closed, Forbidden, Incoming, LinkEvent, Opened
from appliance.agent.store import StoreError
from contracts import codec, topics
from contracts.errors import PueError
from contracts.messages.report import Notice, Stored
from contracts.messages.twin import Reported
from contracts.topics import Down, Up

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from appliance.agent.carry_out import OrderBook
    from appliance.agent.link.port import Link
    from appliance.agent.post import Post
    from appliance.agent.reports import Reports
    from appliance.agent.rounds import Rounds
    from appliance.agent.twin import Twin

log = logging.getLogger(__name__)

HEALTH_EXPIRY_S: Final = 900
"""A health report older than this tells the broker's queue nothing; the journal keeps it all the same."""
RETRY_S: Final = 10.0
"""How soon the journal is looked at again when it could not be read."""


class Switchboard:
    """One worker's body; everything it calls is quick.

    Args:
        box: our name.
        boot: first eight hex digits of the boot id.
        now_ms: the hour of the box.
    """

    def __init__(self, box: str, *, boot: str, now_ms: Callable[[], int]) -> None:
        self._box, self._boot, self._now_ms = box, boot, now_ms
        self._inbox: queue.SimpleQueue[LinkEvent | None] = queue.SimpleQueue()
        self._heard_s: float | None = None
        self.link_code = "link.starting"
        self._floor_s = 0
        self.on_twin: Callable[[], None] = lambda: None
        """Called after a new desired state was taken; must only wake somebody."""

    def connect(
        self, link: Link, *, reports: Reports, orders: OrderBook, post: Post, twin: Twin, rounds: Rounds
    ) -> None:
        """Plug the lines in (before the workers start): they know each other only through here."""
        self._link, self._reports, self._orders = link, reports, orders
        self._post, self._twin, self._rounds = post, twin, rounds
        reports.on_news = self.wake
        link.set_keepalive(twin.desired.keepalive_s)

    def hear(self, event: LinkEvent) -> None:
        """The link's callback: enqueue, nothing else."""
        self._inbox.put(event)

    def heard_fleet(self) -> None:
        """The fleet answered something, on whatever road. Any thread."""
        self._heard_s = time.monotonic()

    def heard_s(self) -> int | None:
        """Seconds since the fleet last answered anything."""
        return None if self._heard_s is None else int(time.monotonic() - self._heard_s)

    def health_every_s(self) -> float:
        """What the twin wants, but never faster than the fleet can bear."""
        return float(max(self._twin.desired.health_every_s, self._floor_s))

    def wake(self) -> None:
        """Look at the journal, or at the wish to stop. Any thread."""
        self._inbox.put(None)

    # ---- its thread

    def run(self, stopping: threading.Event) -> None:
        """The body of the worker."""
        wait_s: float | None = None
        while not stopping.is_set():
            try:
                event = self._inbox.get(timeout=wait_s)
            except queue.Empty:
                event = None
            if event is not None:
                self._deal_with(event)
            wait_s = self._send_due()

    def _deal_with(self, event: LinkEvent) -> None:
        match event:
            case Opened():
                self.link_code = ""
                self.heard_fleet()
                self._reports.new_connection()
                self._post.nudge()
                self._rounds.wake()
            case Closed(code):
                self.link_code = code
                self._rounds.wake()
            case Forbidden(topic):
                log.warning("the broker forbade %s", topic.rpartition("/")[2])
                self._tell("link.forbidden", topic.rpartition("/")[2])
            case Incoming():
                self.heard_fleet()
                self._take(event)

    def _take(self, incoming: Incoming) -> None:
        """Deal with a message; only a memory that cannot write leaves it with the broker."""
        try:
            self._dispatch(incoming)
        except StoreError as why:
            log.error("a message stays with the broker: %s", why.code)  # noqa: TRY400 - the code says it all
            return
        except PueError as why:
            log.warning("message refused: %s", why.code)
            self._tell("message.refused", incoming.topic.rpartition("/")[2], why.code)
        self._link.done(incoming)

    def _dispatch(self, incoming: Incoming) -> None:
        if not incoming.payload:
            return  # a retained topic was cleared
        if incoming.topic == topics.NOTICE:
            self._take_notice(codec.decode(Notice, incoming.payload))
            return
        match topics.parse(incoming.topic).subject:
            case Down.STORED:
                self._reports.stored(codec.decode(Stored, incoming.payload).seq)
            case Down.ORDER:
                self._orders.take(incoming.payload, retained=incoming.retained)
            case Down.TWIN:
                self._take_twin(incoming.payload)
            case Down.NUDGE:
                self._post.nudge()

    def _take_notice(self, notice: Notice) -> None:
        self._link.set_spread(float(notice.reconnect_spread_s))
        self._floor_s = notice.health_every_at_least_s
        self._rounds.wake()

    def _take_twin(self, payload: bytes) -> None:
        if not self._twin.apply(payload):
            return
        desired = self._twin.desired
        self._reports.add(
            (Up.TWIN, Reported(ts=self._now_ms(), boot=self._boot, applied_rev=desired.rev, errors={}))
        )
        self._link.set_keepalive(desired.keepalive_s)
        self._rounds.wake()
        self.on_twin()

    def _send_due(self) -> float | None:
        """Hand over what is due; seconds until something is due again."""
        if not self._link.connected:
            return None
        now_s = time.monotonic()
        try:
            for kept in self._reports.due(now_s):
                expiry_s = HEALTH_EXPIRY_S if kept.subject is Up.HEALTH else None
                if not self._link.send(
                    topics.topic(self._box, kept.subject), kept.payload, expiry_s=expiry_s
                ):
                    return None
                self._reports.sent(kept.seq, now_s)
        except PueError as why:
            log.warning("journal: %s", why.code)
            return RETRY_S
        return self._reports.resend_in_s(now_s)

    def _tell(self, key: str, topic: str, reason: str = "") -> None:
        try:
            self._reports.event(key, severity="warning", topic=topic, reason=reason)
        except PueError as why:
            log.warning("event not kept: %s", why.code)
