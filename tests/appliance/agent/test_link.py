"""The link alone against mosquitto, the switchboard against the simulated link, the backoff against arithmetic."""

from __future__ import annotations

import queue
import random
import ssl
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.bell import BelledWorker
from appliance.agent.desk_door import DeskAbsent, DeskDoor
from appliance.agent.identity import link_files
from appliance.agent.link.backoff import Backoff
from appliance.agent.link.mqtt import Address, MqttLink
from appliance.agent.link.port import Closed, Forbidden, Incoming, Link, Opened, Words
from appliance.agent.link.simulated import SimulatedLink
from appliance.agent.tls import IdentityUnusable, client_tls
from contracts import topics
from contracts.desk_api.status import Nothing
from contracts.topics import Down, Up
from tests.appliance.agent.conftest import BOX, new_id
from tests.peers.certificates import HOST
from tests.peers.mosquitto import Fleet
from tests.peers.waiting import until

# ---- backoff


@given(st.integers(0, 2**32), st.floats(0, 600), st.integers(1, 40))
def test_pauses_stay_within_their_ceilings(seed, spread, failures):
    backoff = Backoff(random.Random(seed), spread_s=spread, base_s=2.0, cap_s=300.0)
    pauses = [backoff.next_s() for _ in range(failures)]
    assert 0 <= pauses[0] <= spread
    for number, pause in enumerate(pauses[1:]):
        assert 0 <= pause <= min(300.0, 2.0 * 2**number)
    backoff.succeeded()
    assert backoff.next_s() <= spread


def test_a_herd_is_spread_evenly():
    firsts = [Backoff(random.Random(seed), spread_s=20.0).next_s() for seed in range(2_000)]
    per_second = [sum(second <= first < second + 1 for first in firsts) for second in range(20)]
    assert max(per_second) < 2 * 2_000 / 20


# ---- one link, many brokers' moods


class Ear:
    """Where a link's events land."""

    def __init__(self):
        self.events: queue.SimpleQueue = queue.SimpleQueue()
        self.seen: list = []

    def wait_for(self, kind, within_s=10.0):
        deadline = time.monotonic() + within_s
        while True:
            event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            self.seen.append(event)
            if isinstance(event, kind):
                return event


def words():
    return Words(new_id(), topics.topic(BOX, Up.STATUS), b'{"presence":"online"}', b'{"presence":"offline"}')


class Running:
    def __init__(self, link):
        self.link = link
        self.deaths = []
        self.worker = BelledWorker(
            "link", link.run, link.wake, on_death=lambda name, error: self.deaths.append((name, error))
        )
        self.worker.start()

    def end(self):
        self.worker.stop()
        self.worker.join(5)
        assert not self.deaths


@pytest.fixture
def ear():
    return Ear()


@pytest.fixture
def mqtt(bare_world, ear):
    """A real link that runs."""
    bare_world.broker.start()
    bare_world.fleet = Fleet(bare_world.broker)
    made = []

    def make(**how):
        files = link_files(bare_world.state)
        link = MqttLink(
            BOX,
            Address(HOST, bare_world.broker.port, will_delay_s=0),
            tls=lambda: client_tls(bare_world.authority.pem.decode(), files.certificate, files.key),
            words=words,
            filters=topics.down_filters(BOX),
            on_event=ear.events.put,
            backoff=Backoff(random.Random(1), spread_s=0.05, base_s=0.05, cap_s=0.2),
            **how,
        )
        made.append(Running(link))
        return link

    yield make
    for running in made:
        running.end()


def test_tls_is_1_2_or_better_and_trusts_the_fleet_alone(bare_world):
    files = link_files(bare_world.state)
    context = client_tls(bare_world.authority.pem.decode(), files.certificate, files.key)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
    with pytest.raises(IdentityUnusable):
        client_tls(bare_world.authority.pem.decode(), files.certificate, files.certificate)


def test_the_broker_knows_the_box_by_its_certificate(bare_world, mqtt, ear):
    mqtt()
    ear.wait_for(Opened)
    assert f"as {BOX} (p5, c0, k60" in bare_world.broker.log(), "v5, session kept, keep-alive 60"


def test_an_unacknowledged_message_comes_again(bare_world, mqtt, ear):
    link = mqtt()
    ear.wait_for(Opened)
    bare_world.fleet.say(topics.topic(BOX, Down.NUDGE), b"uno")
    first = ear.wait_for(Incoming)
    bare_world.broker.stop()
    ear.wait_for(Closed)
    link.done(first)  # on a dead connection: void
    bare_world.broker.start()
    again = ear.wait_for(Incoming)
    assert again.payload == b"uno"
    link.done(again)
    bare_world.fleet.say(topics.topic(BOX, Down.NUDGE), b"due")
    assert ear.wait_for(Incoming).payload == b"due"


def test_what_is_said_while_away_waits_in_the_session(bare_world, mqtt, ear):
    link = mqtt()
    ear.wait_for(Opened)
    assert link.goodbye(b'{"presence":"offline"}', 5)
    ear.wait_for(Closed)
    assert not link.connected
    bare_world.fleet.say(topics.topic(BOX, Down.ORDER), b"ordine", expiry_s=60)
    mqtt()
    assert ear.wait_for(Incoming).payload == b"ordine"


def test_a_forbidden_topic_is_told(mqtt, ear):
    link = mqtt()
    ear.wait_for(Opened)
    other = topics.topic("pue0altrascatola", Up.HEALTH)
    assert link.send(other, b"{}")
    assert ear.wait_for(Forbidden).topic == other


def test_a_planned_end_is_the_last_retained_word(bare_world, mqtt, ear):
    link = mqtt()
    ear.wait_for(Opened)
    assert link.goodbye(b'{"presence":"offline","why":"stop"}', 5)
    ear.wait_for(Closed)
    until(lambda: f"Client {BOX} disconnected" in bare_world.broker.log(), "the broker has said it all")
    bare_world.fleet.close()
    bare_world.fleet = Fleet(bare_world.broker)
    heard = bare_world.fleet.wait_for(lambda heard: [p for _, p, kept in heard if kept], "what is kept")
    assert heard == [b'{"presence":"offline","why":"stop"}'], "no will overwrote the goodbye"


def test_a_new_keepalive_renews_the_connection(bare_world, mqtt, ear):
    link = mqtt()
    ear.wait_for(Opened)
    link.set_keepalive(240)
    assert ear.wait_for(Closed).code == "link.renewed"
    ear.wait_for(Opened)
    assert f"as {BOX} (p5, c0, k240" in bare_world.broker.log()


def test_many_messages_keep_their_order(bare_world, mqtt, ear):
    link = mqtt()
    ear.wait_for(Opened)
    for number in range(500):
        assert link.send(topics.topic(BOX, Up.EVENT), str(number).encode())
    topic = topics.topic(BOX, Up.EVENT)
    bare_world.fleet.wait_for(lambda heard: sum(t == topic for t, _, _ in heard) == 500, "all of them")
    assert [int(p) for t, p, _ in bare_world.fleet.heard if t == topic] == list(range(500))


def test_a_broker_that_is_away_is_found_when_it_returns(bare_world, mqtt, ear):
    bare_world.broker.stop()
    link = mqtt()
    assert ear.wait_for(Closed).code == "link.nobody_there"
    assert not link.send("x", b"")
    bare_world.broker.start()
    ear.wait_for(Opened)


# ---- both links keep the promise


@pytest.mark.parametrize("kind", ["mqtt", "simulated"])
def test_every_link_opens_sends_and_says_goodbye(kind, request, ear):
    if kind == "mqtt":
        link: Link = request.getfixturevalue("mqtt")()
    else:
        link = SimulatedLink(words, ear.events.put)
        running = Running(link)
        request.addfinalizer(running.end)
    opened = ear.wait_for(Opened)
    assert opened.connection
    assert link.connected
    assert link.send(topics.topic(BOX, Up.HEALTH), b"{}", expiry_s=900)
    assert link.goodbye(b"{}", 5)
    until(lambda: not link.connected, "it is gone")
    assert not link.send(topics.topic(BOX, Up.HEALTH), b"{}")


# ---- the desk's door


def test_the_claim_lives_as_long_as_its_connection(bare_world):
    desk = bare_world.desk
    desk.start()
    door = DeskDoor(desk.path)
    with door.quiet() as claim:
        assert claim.granted
        assert claim.witnessed
        assert desk.claims == 1
        assert not claim.ended(0.05)
    desk.wait_for(lambda: desk.claims == 0, "the claim ended")
    desk.busy = True
    with door.quiet() as claim:
        assert not claim.granted
    desk.busy = False
    with door.quiet() as claim:
        desk.die()
        assert claim.ended(5)


def test_an_absent_desk_is_quiet_and_says_nothing(bare_world):
    door = DeskDoor(bare_world.desk.path)
    with door.quiet() as claim:
        assert claim.granted
        assert not claim.witnessed
    with pytest.raises(DeskAbsent):
        door.facts(Nothing())


def test_a_desk_that_answers_rubbish_is_closed_not_a_crash(bare_world):
    import socket

    from contracts.desk_api.door import DoorClosed

    for answer in (
        b"",
        b"\x00\xff\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{]x",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ):
        bare_world.desk.path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(bare_world.desk.path))
            server.listen(1)

            def serve(server=server, answer=answer):
                near, _ = server.accept()
                with near:
                    near.recv(4096)
                    near.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            with pytest.raises(DoorClosed):
                DeskDoor(bare_world.desk.path).facts(Nothing())
            thread.join(5)


# ---- frugal


def test_an_idle_link_sleeps(mqtt, ear):
    """No tick: while nothing happens the link's thread does not wake."""
    mqtt(keepalive_s=240)
    ear.wait_for(Opened)
    (native,) = [thread.native_id for thread in threading.enumerate() if thread.name == "link"]
    status = Path(f"/proc/self/task/{native}/status")

    def wakes():
        lines = status.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("voluntary")).split()[1])

    settled = wakes()
    until(lambda: (last := wakes()) == wakes() and last >= settled, "the birth is done")
    threading.Event().wait(0.5)
    before = wakes()
    threading.Event().wait(2.0)
    assert wakes() - before <= 1
