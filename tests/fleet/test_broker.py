"""Who may do what at the broker, with the configuration the fleet really generates."""

from __future__ import annotations

import signal
import ssl
import subprocess
import threading

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contracts import topics
from contracts.codec import MAX_MESSAGE_BYTES
from contracts.topics import Down, Up
from fleet.clock import SystemClock
from fleet.link import broker
from fleet.link.broker import BrokerFailed
from fleet.registry import certificates
from fleet.registry.certificates import Unit
from fleet.serve import kick, material
from tests.fleet.fleet_house import HOST, health
from tests.peers.waiting import until

REFUSED = "Not authorized"


@pytest.fixture
def doors(house):
    house.start_broker()
    return house


def publish(peer, topic, payload=b"{}", *, retain=False):
    """Publish and give back the broker's reason."""
    mid = peer.client.publish(topic, payload, qos=1, retain=retain).mid
    while True:
        answered, reason = peer.acks.get(timeout=20)
        if answered == mid:
            return reason


def knock(house, certificate=None):
    """TLS handshake and MQTT CONNECT by hand; whether we are let in."""
    context = ssl.create_default_context(cafile=str(house.ca))
    if certificate:
        context.load_cert_chain(*certificate)
    heard, result = threading.Event(), []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="x", protocol=paho.MQTTv5)
    client.tls_set_context(context)
    client.on_connect = lambda _c, _d, _f, reason, _p: (result.append(reason), heard.set())
    client.on_disconnect = lambda *_: heard.set()
    try:
        client.connect(HOST, house.settings.broker.port)
        client.loop_start()
        heard.wait(20)
    except (ssl.SSLError, OSError):
        return False
    finally:
        client.disconnect()
        client.loop_stop()
    return bool(result) and not result[0].is_failure


def test_a_box_speaks_on_its_own_topics_and_on_no_others(doors):
    box, other = doors.box(), doors.box()
    with doors.peer(box) as peer:
        for subject in Up:
            assert REFUSED not in publish(peer, topics.topic(box, subject))
            assert REFUSED in publish(peer, topics.topic(other, subject))
        for subject in Down:
            assert REFUSED in publish(peer, topics.topic(box, subject))
        for topic in (topics.NOTICE, "pue/v1/probe", "altro", "$SYS/broker/uptime"):
            assert REFUSED in publish(peer, topic)


def test_a_box_hears_what_is_for_it_and_for_all_and_nothing_else(doors):
    box, other = doors.box(), doors.box()
    with doors.peer(box) as peer, doors.peer("fleet-ingest-0") as fleet:
        for greedy in ("#", "pue/#", f"pue/v1/+/{other}/#", "pue/v1/+/+/up/#", "$SYS/#"):
            peer.client.subscribe(greedy, qos=1)
        publish(fleet, topics.topic(other, Down.ORDER), b"for the other")
        publish(fleet, topics.topic(box, Down.ORDER), b"for me")
        publish(fleet, topics.NOTICE, b"for all")
        publish(fleet, topics.topic(box, Down.NUDGE), b"last")
        heard = []
        while b"last" not in heard:  # mosquitto delivers once per matching subscription
            heard.append(peer.heard.get(timeout=20)[1])
    assert set(heard) == {b"for me", b"for all", b"last"}


def test_naming_anothers_client_id_steals_nothing(doors):
    box, thief = doors.box(), doors.box()
    with doors.peer(box) as peer, doors.peer("fleet-ingest-0") as fleet:
        with doors.peer(thief, client_id=box) as robber:
            publish(fleet, topics.topic(box, Down.ORDER), b"order")
            assert peer.heard.get(timeout=20)[1] == b"order"
            assert REFUSED in publish(robber, topics.topic(box, Up.HEALTH))
        assert not peer.gone.is_set()


def test_who_has_no_certificate_or_not_a_links_is_not_let_in(doors):
    box = doors.box()
    assert knock(doors, doors.person(box))
    assert not knock(doors)
    # A desk's key signs letters: it must not be a way to speak as the box.
    assert not knock(doors, doors.person(box, Unit.DESK))


def test_old_tls_is_refused(doors):
    address = f"{HOST}:{doors.settings.broker.port}"
    asked = subprocess.run(
        [*["openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect"], address],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert asked.returncode != 0
    assert b"protocol version" in asked.stderr


def test_a_message_beyond_the_bound_does_not_reach_the_fleet(doors):
    box = doors.box()
    with doors.peer("fleet-ingest-0") as fleet, doors.peer(box) as peer:
        fleet.client.subscribe("pue/v1/+/+/up/#", qos=1)
        peer.client.publish(topics.topic(box, Up.HEALTH), b"x" * (MAX_MESSAGE_BYTES + 1), qos=1)
        peer.say(Up.HEALTH, health(1))
        sizes = []
        while not sizes or sizes[-1] > 10_000:
            topic, payload, _ = fleet.heard.get(timeout=20)
            if "/up/health" in topic:
                sizes.append(len(payload))
    assert len(sizes) == 1


def test_an_order_dies_at_the_broker_when_its_time_is_over_and_is_never_kept(doors):
    box = doors.box()
    with doors.peer(box):
        pass  # its session exists, the box is away
    with doors.peer("fleet-ingest-0") as fleet:
        short = Properties(PacketTypes.PUBLISH)
        short.MessageExpiryInterval = 1
        fleet.client.publish(topics.topic(box, Down.ORDER), b"late", qos=1, properties=short)
        pause = threading.Event()
        pause.wait(2.2)  # the broker counts in its own seconds; there is nothing to listen to
        publish(fleet, topics.topic(box, Down.NUDGE), b"after")
    with doors.peer(box) as peer:
        assert peer.heard.get(timeout=20)[1] == b"after"


def test_a_revoked_box_is_sent_away_and_stays_out_and_others_stay_in(doors):
    clock = SystemClock()
    box, other = doors.box(), doors.box()
    with doors.peer(other) as neighbour, doors.peer(box) as peer:
        peer.gone.clear()
        with doors.database.write() as session:
            certificates.revoke(session, box, why="prova", now=clock.now())
        new = material.refresh_revoked(doors.settings, doors.database, doors.authority, now=clock.now())
        doors.children["broker"].send_signal(signal.SIGHUP)
        assert kick.live_no_more(doors.database, new, now=clock.now()) == [box]
        kick.kick(doors.settings, doors.database, doors.authority, box, now=clock.now())
        assert peer.gone.wait(20)
        peer.connected.clear()
        assert not peer.connected.wait(3)  # its reconnection every second finds the door shut
        assert not neighbour.gone.is_set()
    # The kick's own certificate goes onto the next list and asks for no further kick.
    new = material.refresh_revoked(doors.settings, doors.database, doors.authority, now=clock.now())
    assert len(new) == 1
    assert kick.live_no_more(doors.database, new, now=clock.now()) == []
    assert material.refresh_revoked(doors.settings, doors.database, doors.authority, now=clock.now()) is None


def test_the_self_test_notices_a_broker_that_is_not_there(house):
    probe = material.post(house.settings, broker.PROBE_NAME)
    with pytest.raises(BrokerFailed):
        broker.self_test(
            probe.host,
            probe.port,
            authority=probe.authority,
            certificate=probe.certificate,
            key=probe.key,
            timeout_s=0.5,
        )


def test_what_the_broker_holds_survives_its_death(doors):
    box = doors.box()
    with doors.peer("fleet-ingest-0") as fleet:
        fleet.client.subscribe(topics.topic(box, Up.HEALTH), qos=1)
        publish(fleet, "pue/v1/all/down/notice", b"kept", retain=True)
    written = doors.folder / "broker" / "mosquitto.db"
    until(written.exists, "the broker wrote its memory")
    stamp = written.stat().st_mtime_ns
    with doors.peer(box) as peer:
        publish(peer, topics.topic(box, Up.HEALTH), b"waits")
    until(lambda: written.stat().st_mtime_ns > stamp, "it was written")
    doors.kill("broker")
    doors.start_broker()
    with doors.peer("fleet-ingest-0") as fleet:
        assert fleet.heard.get(timeout=20)[1] == b"waits"
