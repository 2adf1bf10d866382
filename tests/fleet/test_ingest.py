"""From the wire to the disk: nothing lost, nothing doubled, nothing a box can send ends the worker."""

from __future__ import annotations

import signal

import sqlalchemy as sa

from contracts import codec
from contracts.envelope import Purpose, Statement, read_statement
from contracts.messages.orders import Order, OrderKind, OrderState, Result
from contracts.messages.report import Event, EventState, Goodbye, Notice, Presence
from contracts.messages.twin import Desired
from contracts.topics import NOTICE, Down, Up
from fleet.clock import from_unix_ms
from fleet.enrolment.keys import fleet_key
from fleet.health import board
from fleet.health.liveness import Life
from fleet.health.tables import EventRow, HealthRow, LatestRow, TroubleRow
from fleet.link.tables import OutboundRow, RefusedRow, WatermarkRow
from fleet.orders import book
from fleet.registry import boxes, timeline
from tests.fleet.fleet_house import BOOT, health, new_id, now_ms
from tests.peers.waiting import until


def count(house, table, *where) -> int:
    return house.query(sa.select(sa.func.count()).select_from(table).where(*where))[0][0]


def light(house, box):
    with house.database.read() as session:
        return board.light(session, box)


def test_a_report_is_on_disk_before_the_box_may_forget_it(running):
    box = running.box()
    with running.peer(box) as peer:
        peer.birth()
        for seq in (1, 2, 3):
            peer.say(Up.HEALTH, health(seq))
        peer.wait_stored(3)
        assert count(running, HealthRow, HealthRow.box == box) == 3
    seen = light(running, box)
    assert seen.presence == Presence.ONLINE
    assert seen.health["seq"] == 3
    with running.database.read() as session:
        series = board.series(session, box, now=from_unix_ms(now_ms() + 1000))
        lines = timeline.lines(session, box)
    assert series.columns["load_ratio"] == [0.25] * 3
    assert {line.kind for line in lines} >= {timeline.Kind.BIRTH, timeline.Kind.BOX}


def test_killing_the_ingest_under_load_loses_and_doubles_nothing(running):
    total, box = 3000, running.box()
    with running.peer(box) as peer:
        for seq in range(1, total + 1):
            peer.say(Up.HEALTH, health(seq))
            if seq in {700, 1500}:
                until(lambda: count(running, HealthRow), "some reports are stored")
                running.kill("ingest")
                running.start("ingest")
        peer.wait_stored(total)
    assert count(running, HealthRow) == total
    numbers = [row[0] for row in running.query(sa.select(HealthRow.seq))]
    assert sorted(numbers) == list(range(1, total + 1))


def test_a_killed_broker_comes_back_with_what_it_had_acknowledged(running):
    box = running.box()
    with running.peer(box) as peer:
        peer.say(Up.HEALTH, health(1))
        peer.wait_stored(1)
        peer.connected.clear()
        running.kill("broker")
        running.start_broker()
        assert peer.connected.wait(30)
        peer.say(Up.HEALTH, health(2))
        peer.wait_stored(2)
    assert count(running, HealthRow) == 2


def test_reports_wait_at_the_broker_while_the_ingest_is_away(running):
    box = running.box()
    running.kill("ingest", signal.SIGTERM)
    with running.peer(box) as peer:
        for seq in range(1, 1501):  # more than mosquitto's own default keeps
            peer.say(Up.HEALTH, health(seq))
        until(lambda: peer.acks.qsize() >= 1500, "the broker has them all")
        assert count(running, HealthRow) == 0
        running.start("ingest")
        peer.wait_stored(1500)
    assert count(running, HealthRow) == 1500


def test_a_report_sent_twice_is_stored_once(running):
    box = running.box()
    event = Event(ts=now_ms(), boot=BOOT, seq=2, key="printer.paper_out", state=EventState.RAISED)
    with running.peer(box) as peer:
        for _ in range(3):
            peer.say(Up.HEALTH, health(1))
            peer.say(Up.EVENT, event)
        peer.say(Up.HEALTH, health(3))
        peer.wait_stored(3)
    assert count(running, HealthRow) == 2
    assert count(running, EventRow) == 1
    assert running.query(sa.select(TroubleRow.times)) == [(1,)]
    with running.database.read() as session:
        lines = timeline.lines(session, box)
    assert sum(line.kind is timeline.Kind.EVENT for line in lines) == 1


def test_the_watermark_stops_at_a_hole_and_closes_it_when_the_report_comes(running):
    box = running.box()
    with running.peer(box) as peer:
        peer.say(Up.HEALTH, health(1))
        peer.say(Up.HEALTH, health(3))
        until(lambda: count(running, HealthRow) == 2, "both are stored")
        assert running.query(sa.select(WatermarkRow.stored)) == [(1,)]
        peer.say(Up.HEALTH, health(2))
        peer.wait_stored(3)


def test_poison_is_acknowledged_counted_and_hurts_nobody_else(running):
    box = running.box()
    poison = [b"", b"\xff\x00", b"[]", b"{}", b'{"v":1}', b"9" * 60_000, b"[" * 50_000]
    with running.peer(box) as peer:
        for payload in poison:
            peer.say(Up.HEALTH, payload)
            peer.say(Up.STATUS, payload)
        # Valid by the dictionary, impossible for the database: 2**63 does not fit into a column.
        peer.say(Up.HEALTH, health(1 << 63))
        peer.say(Up.HEALTH, health(1))
        peer.wait_stored(1)
    assert running.children["ingest"].poll() is None
    assert count(running, HealthRow) == 1
    assert count(running, RefusedRow) == 2 * (len(poison) - 1) + 1
    codes = {row[0] for row in running.query(sa.select(RefusedRow.code))}
    assert codes == {"message.invalid", "fleet.poison"}


def test_a_box_that_is_not_in_the_book_is_not_listened_to(running):
    with running.peer("straniero0000") as stranger:
        stranger.birth()
        until(lambda: count(running, RefusedRow), "the stranger is counted")
    assert count(running, LatestRow) == 0


def test_a_late_will_of_an_old_connection_does_not_put_out_the_light(running):
    box = running.box()
    with running.peer(box) as peer:
        old = peer.birth().connection
        peer.connection = new_id()
        peer.birth()
        until(lambda: light(running, box).birth.get("connection") == peer.connection, "the second birth")
        peer.say(Up.STATUS, Goodbye(ts=now_ms(), boot=BOOT, connection=old, why="link"), retain=True)
        peer.say(Up.HEALTH, health(1))
        peer.wait_stored(1)
        assert light(running, box).presence == Presence.ONLINE
        goodbye = Goodbye(ts=now_ms(), boot=BOOT, connection=peer.connection, why="stop")
        peer.say(Up.STATUS, goodbye, retain=True)
        until(lambda: light(running, box).life is Life.OFFLINE, "the planned goodbye counts")
    assert light(running, box).why == "stop"


def test_twin_and_notice_are_kept_for_the_box_and_an_order_is_signed_sent_and_answered(running):
    box = running.box()
    with running.peer(box) as peer:
        assert codec.decode(Desired, peer.wait_for(Down.TWIN)).rev == 1
        with running.database.write() as session:
            order = book.give(
                session,
                box,
                OrderKind.PING,
                by="prova",
                key=fleet_key(running.folder),
                now=from_unix_ms(now_ms()),
                random=bytes(10),
            )
        statement = codec.decode(Statement, peer.wait_for(Down.ORDER))
        public = fleet_key(running.folder).public_key()
        assert read_statement(statement, Order, Purpose.ORDER, public).order == order.order
        until(lambda: state(running, order) is OrderState.SENT, "the order is sent")
        facts = {"uptime_s": 7}
        for seq, word in ((1, OrderState.RECEIVED), (2, OrderState.RUNNING), (3, OrderState.SUCCEEDED)):
            result = Result(ts=now_ms(), boot=BOOT, seq=seq, order=order.order, state=word, facts=facts)
            peer.say(Up.RESULT, result)
        peer.wait_stored(3)
        assert state(running, order) is OrderState.SUCCEEDED
    assert count(running, OutboundRow) == 0


def test_the_notice_reaches_a_box_that_comes_later(running):
    box = running.box()
    until(lambda: count(running, OutboundRow) == 0, "all is said")
    with running.peer(box) as peer:
        while True:
            topic, payload, retained = peer.heard.get(timeout=20)
            if topic == NOTICE:
                break
    assert retained
    assert codec.decode(Notice, payload).reconnect_spread_s == running.settings.boxes.reconnect_spread_s


def test_a_result_for_a_strangers_order_is_refused_but_not_asked_for_again(running):
    box = running.box()
    with running.peer(box) as peer:
        result = Result(ts=now_ms(), boot=BOOT, seq=1, order=new_id(), state=OrderState.SUCCEEDED)
        peer.say(Up.RESULT, result)
        peer.wait_stored(1)
    assert running.query(sa.select(RefusedRow.code)) == [("orders.unknown",)]


def test_a_new_life_counts_from_one_again(running):
    box = running.box()
    with running.peer(box) as peer:
        peer.say(Up.HEALTH, health(1))
        peer.wait_stored(1)
        with running.database.write() as session:
            boxes.begin_life(session, box, now=from_unix_ms(now_ms()))
        peer.say(Up.HEALTH, health(1))
        peer.wait_stored(1)
        until(lambda: count(running, HealthRow) == 2, "the new life's first report is stored too")


def state(house, order):
    with house.database.read() as session:
        return book.get(session, order.order).state
