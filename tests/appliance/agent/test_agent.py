"""The agent as a process, among real peers: mosquitto with mutual TLS, a TLS gate, a desk behind a socket."""

from __future__ import annotations

from contracts.messages.orders import OrderKind, Precondition
from contracts.topics import Up
from tests.peers.waiting import until


def test_birth_health_and_planned_goodbye(world):
    program = world.agent()
    birth = world.wait_for(Up.STATUS, lambda r: r["presence"] == "online", "a birth")
    assert birth["site"] == "a074-1"
    assert set(birth["can"]) == {kind.value for kind in OrderKind}
    health = world.wait_for(Up.HEALTH, lambda r: r["desk_up"], "a health report")
    assert health["seq"] > 0
    assert health["failed"] == {}
    assert health["devices"][0]["kind"] == "printer"
    assert health["memory"]["total_bytes"] > 0
    assert health["certificate_days"] > 3
    assert health["network"]["kind"]
    assert program.stop() == 0
    end = world.wait_for(Up.STATUS, lambda r: r["presence"] == "offline", "a goodbye")
    assert (end["why"], end["connection"]) == ("stop", birth["connection"])


def test_letter_goes_and_its_states_come_back(world):
    label = world.letter(50_000)
    world.agent()
    until(lambda: world.word(label.letter) == "trasmessa", "the letter's receipt is recorded")
    assert world.gate.content(label.letter) == world.outbox.sealed(label.letter)
    assert world.gate.completed == [label.letter]


def test_ping_identify_and_waiting_for_the_citizen(world):
    world.agent()
    world.wait_for(Up.STATUS, lambda r: r["presence"] == "online", "a birth")
    ping = world.order()
    world.give(ping)
    done = world.wait_for_state(ping, "succeeded")
    assert done["facts"]["uptime_s"] > 0
    assert world.states_of(ping) == ["received", "running", "succeeded"]
    world.desk.busy = True
    identify = world.order(OrderKind.IDENTIFY, seconds=7, preconditions=[Precondition.IDLE_DESK])
    world.give(identify)
    world.wait_for_state(identify, "waiting_session")
    assert world.desk.blinks == []
    world.desk.busy = False
    world.wait_for_state(identify, "succeeded")
    assert world.desk.blinks == [7]
    assert world.states_of(identify) == ["received", "waiting_session", "running", "succeeded"]
