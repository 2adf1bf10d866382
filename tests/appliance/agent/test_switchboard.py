"""The middle of the agent with the simulated link: who gets what, what is acknowledged, and nothing that kills it."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.agent.acts.all import acts
from appliance.agent.bell import BelledWorker
from appliance.agent.carry_out import OrderBook
from appliance.agent.desk_door import DeskDoor
from appliance.agent.link.port import Incoming, Words
from appliance.agent.link.simulated import SimulatedLink
from appliance.agent.post import Keys, Post, PostRules
from appliance.agent.reports import Reports
from appliance.agent.road import Road
from appliance.agent.rounds import Rounds
from appliance.agent.store import Store
from appliance.agent.switchboard import HEALTH_EXPIRY_S, Switchboard
from appliance.agent.twin import Twin
from appliance.runtime.clock import SystemClock
from contracts import codec, topics
from contracts.desk_api.status import LinkFacts
from contracts.messages.orders import OrderState
from contracts.messages.report import Event, EventState, Health, Notice, Nudge, Stored
from contracts.messages.twin import Desired
from contracts.topics import Down, Up
from tests.appliance.agent.conftest import BOX, new_id, now_ms
from tests.peers.waiting import until

HEAD = {"ts": 1, "boot": "00000000"}


class Middle:
    """A switchboard with everything around it real, except the wire."""

    def __init__(self, world) -> None:
        folder = world.state / "agent"
        self.store = Store(folder / "reports.db")
        self.reports = Reports(self.store, folder / "seq", boot="00000000", now_ms=now_ms)
        door = DeskDoor(world.desk.path)
        self.board = Switchboard(BOX, boot="00000000", now_ms=now_ms)
        self.link = SimulatedLink(self.words, self.board.hear)
        fleet_key = world.gate.fleet_key.public_key()
        self.orders = OrderBook(
            BOX,
            fleet_key,
            store=self.store,
            reports=self.reports,
            door=door,
            acts=acts(world.state, door, ["false"], threading.Event()),
            clock=SystemClock(),
            state_dir=world.state,
            boot="00000000",
        )
        self.post = Post(
            BOX,
            world.outbox,
            Road(world.gate.url, lambda: pytest.fail("nothing is posted here")),
            Keys(fleet_key, fleet_key),
            reports=self.reports,
            rules=PostRules(),
            chance=random.Random(1),
        )
        self.twin = Twin(self.store, Desired(rev=0))
        rounds = Rounds(
            {},
            reports=self.reports,
            door=door,
            line=lambda: LinkFacts(connected=True),
            every_s=self.board.health_every_s,
            now_ms=now_ms,
            boot="00000000",
            software="0",
        )
        self.board.connect(
            self.link, reports=self.reports, orders=self.orders, post=self.post, twin=self.twin, rounds=rounds
        )
        self.deaths: list = []
        self.worker = BelledWorker(
            "board", self.board.run, self.board.wake, on_death=lambda *death: self.deaths.append(death)
        )
        self.worker.start()

    @staticmethod
    def words() -> Words:
        return Words(new_id(), topics.topic(BOX, Up.STATUS), b"birth", b"will")

    def deliver(self, subject, payload, *, retained=False):
        return self.link.deliver(topics.topic(BOX, subject), payload, retained=retained)

    def done(self, incoming) -> bool:
        return incoming.mark in self.link.done_marks

    def keys(self):
        return [kept.payload for kept in self.reports.due(0) if kept.subject is Up.EVENT]

    def end(self) -> None:
        self.worker.stop()
        self.worker.join(5)
        self.store.close()
        assert not self.deaths


@pytest.fixture
def middle(bare_world):
    made = Middle(bare_world)
    made.link.open()
    yield made
    made.end()


def test_what_is_kept_goes_out_once_per_connection_in_order(middle):
    middle.reports.add((Up.HEALTH, Health(**HEAD, uptime_s=1)))
    middle.reports.add((Up.EVENT, Event(**HEAD, key="prova", state=EventState.INFO)))
    until(lambda: len(middle.link.sent) == 2, "both are said")
    assert middle.link.expiries_s == [HEALTH_EXPIRY_S, None], "an event never expires on the way"
    middle.link.close()
    middle.link.open()
    until(lambda: len(middle.link.sent) == 4, "both are said again")
    assert middle.link.sent[:2] == middle.link.sent[2:]
    mark = middle.deliver(Down.STORED, codec.encode(Stored(seq=2)))
    until(lambda: middle.done(mark), "the watermark is taken")
    assert middle.reports.waiting() == 0


def test_an_order_is_acknowledged_only_once_it_is_written_down(middle, bare_world):
    order = bare_world.order()
    middle.store._db.execute("PRAGMA query_only = 1")  # the disk turned read-only
    first = middle.deliver(Down.ORDER, bare_world.signed(order))
    nudge = middle.deliver(Down.NUDGE, codec.encode(Nudge(what="letters", box=BOX)))
    until(lambda: middle.done(nudge), "the rest goes on")
    assert not middle.done(first), "the broker must keep it"
    middle.store._db.execute("PRAGMA query_only = 0")
    again = middle.deliver(Down.ORDER, bare_world.signed(order))
    until(lambda: middle.done(again), "it is written down now")
    assert middle.orders.state(order.order) is OrderState.RECEIVED


def test_the_twin_and_the_notice_reach_whom_they_concern(middle):
    middle.deliver(Down.TWIN, codec.encode(Desired(rev=3, health_every_s=77, keepalive_s=99)), retained=True)
    until(lambda: middle.twin.desired.rev == 3, "applied")
    until(lambda: middle.link.keepalive_s == 99, "the link knows")
    assert middle.board.health_every_s() == 77
    notice = Notice(server_time=1, health_every_at_least_s=500)
    seen = middle.link.deliver(topics.NOTICE, codec.encode(notice), retained=True)
    until(lambda: middle.done(seen), "the notice is taken")
    assert middle.board.health_every_s() == 500


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    topic=st.one_of(
        st.text(max_size=60),
        st.sampled_from(
            [*topics.down_filters(BOX), topics.topic(BOX, Up.HEALTH), f"pue/v1/zz/{BOX}/down/order"]
        ),
    ),
    payload=st.one_of(
        st.binary(max_size=300),
        st.sampled_from(
            [
                b"",
                b"{}",
                b"null",
                b"[]",
                b'{"seq":-1}',
                b'{"seq":99999999999999999999}',
                b'{"seq":9223372036854775807}',
                b'{"seq":1e99}',
                b'{"rev":1,"health_every_s":"x"}',
            ]
        ),
        st.dictionaries(st.text(max_size=8), st.integers(), max_size=5).map(lambda it: repr(it).encode()),
    ),
    retained=st.booleans(),
)
def test_nothing_that_can_be_said_kills_it(middle, topic, payload, retained):
    incoming = middle.link.deliver(topic, payload, retained=retained)
    until(lambda: middle.done(incoming), "it is dealt with")
    assert middle.worker.alive
    middle.reports.add((Up.HEALTH, Health(**HEAD, uptime_s=1)))


def test_a_stale_acknowledgement_is_void(middle):
    middle.link.close()
    middle.link.open()
    old = Incoming(topics.topic(BOX, Down.NUDGE), b"", False, 999, "another connection")
    middle.link.done(old)
    assert 999 not in middle.link.done_marks
