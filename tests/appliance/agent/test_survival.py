"""Killed agents, killed brokers, cut lines: nothing that was kept is lost, nothing arrives twice as new."""

from __future__ import annotations

import pytest

from contracts.topics import Up
from tests.appliance.agent.conftest import BOX, now_ms
from tests.peers.certificates import Authority
from tests.peers.mosquitto import Broker
from tests.peers.post import Gate
from tests.peers.proxy import Line
from tests.peers.waiting import until


def online(world, *, after: int = 0):
    births = [r for r in world.heard(Up.STATUS) if r["presence"] == "online"]
    return births[-1] if len(births) > after else None


def wait_online(world, *, after: int = 0):
    return world.fleet.wait_for(lambda _: online(world, after=after), "a birth")


def seqs(world):
    return {r["seq"] for subject in (Up.HEALTH, Up.EVENT, Up.RESULT, Up.TWIN) for r in world.heard(subject)}


def test_agent_killed_in_mid_upload(world):
    label = world.letter(60_000)
    program = world.agent(**{"post.bytes_per_s": 40_000})
    world.gate.wait_for(lambda: len(world.gate.patched) >= 3, "three pieces")
    program.kill()
    sent = sum(size for _, _, size in world.gate.patched)
    assert 0 < sent < 60_000
    assert world.word(label.letter) == "salvata"
    world.agent()
    until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
    assert world.gate.completed == [label.letter]
    assert world.gate.content(label.letter) == world.outbox.sealed(label.letter)
    assert sum(size for _, _, size in world.gate.patched) == 60_000, "no byte was sent twice"
    assert [told.attempt for told in world.gate.labels[label.letter]] == [1, 2]


def test_agent_killed_again_and_again(world):
    """Kill -9 at whatever moment comes; every letter arrives whole and once."""
    letters = [world.letter(9_000) for _ in range(6)]
    for pieces in range(2, 12, 2):
        program = world.agent(**{"post.bytes_per_s": 60_000})
        world.gate.wait_for(lambda n=pieces: len(world.gate.patched) >= n, f"{pieces} pieces")
        program.kill()
    world.agent()
    for label in letters:
        until(lambda letter=label.letter: world.word(letter) == "trasmessa", "a receipt")
    assert sorted(world.gate.completed) == sorted(label.letter for label in letters)


def test_agent_killed_with_reports_not_yet_stored(world):
    program = world.agent()
    world.wait_for(Up.HEALTH, lambda r: r["seq"] >= 3, "three reports")
    program.kill()
    before = seqs(world)
    del world.fleet.heard[:]
    world.agent()
    world.wait_for(Up.HEALTH, lambda r: r["seq"] > max(before), "a new report")
    assert before <= seqs(world), "what was not confirmed is said again"
    world.store_up_to(max(before))
    top = max(seqs(world))
    world.wait_for(Up.HEALTH, lambda r: r["seq"] > top, "it goes on")
    assert sorted(seqs(world)) == list(range(1, max(seqs(world)) + 1)), "no number is left out"


def test_what_the_fleet_has_stored_is_not_said_again(world):
    program = world.agent()
    world.wait_for(Up.HEALTH, lambda r: r["seq"] >= 2, "two reports")
    world.store_up_to(2)
    ping = world.order()
    world.give(ping)  # messages to the box keep their order: when this is answered the watermark was taken
    world.wait_for_state(ping, "succeeded")
    program.kill()
    until(lambda: world.heard(Up.STATUS)[-1]["presence"] == "offline", "the will")
    del world.fleet.heard[:]
    world.agent()
    world.wait_for_state(ping, "succeeded")
    assert not {1, 2} & seqs(world)


def test_the_will_carries_the_epoch_of_its_connection(world):
    program = world.agent()
    birth = wait_online(world)
    program.kill()
    will = world.wait_for(Up.STATUS, lambda r: r["presence"] == "offline", "the will")
    assert (will["why"], will["connection"]) == ("link", birth["connection"])
    world.agent()
    second = wait_online(world, after=1)
    assert second["connection"] != birth["connection"]


def test_broker_killed_and_started_again(world):
    world.agent()
    wait_online(world)
    world.wait_for(Up.HEALTH, lambda r: r["seq"] >= 1, "a report")
    world.broker.kill()
    until(lambda: world.desk.links and not world.desk.links[-1].connected, "the desk is told")
    world.broker.start()
    wait_online(world, after=1)
    until(lambda: world.desk.links[-1].connected, "the desk is told")
    ping = world.order()
    world.give(ping)
    world.wait_for_state(ping, "succeeded")
    top = max(seqs(world))
    world.wait_for(Up.HEALTH, lambda r: r["seq"] > top, "reports go on")
    assert sorted(seqs(world)) == list(range(1, max(seqs(world)) + 1)), "nothing was lost with the broker"


def test_line_to_the_broker_cut_and_stalled(world):
    with Line(world.broker.port) as line:
        world.lay_belongings(broker_port=line.port)
        world.agent(**{"link.keepalive_s": 1})
        wait_online(world)
        line.cut()
        wait_online(world, after=1)
        line.stall()  # no word, no end: only the keep-alive tells
        until(lambda: world.desk.links and not world.desk.links[-1].connected, "the silence is noticed")
        line.cut()
        wait_online(world, after=2)


def test_line_to_the_gate_cut_in_the_middle_of_a_piece(world):
    label = world.letter(30_000)
    world.gate.cut_after_bytes = 10_001
    world.agent()
    until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
    assert world.gate.content(label.letter) == world.outbox.sealed(label.letter)
    assert sum(size for _, _, size in world.gate.patched) == 30_000


def test_gate_that_falls_silent(world):
    with Line(world.gate.port) as line:
        world.lay_belongings(post_url=world.gate.url.replace(str(world.gate.port), str(line.port)))
        label = world.letter(80_000)
        world.agent(**{"post.timeout_s": 0.5})
        line.wait_for_bytes(20_000)
        line.stall()
        until(lambda: any(told.waiting_why for told in world.desk.links), "the clerk reads why")
        line.cut()
        until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
        assert world.gate.completed == [label.letter]


def test_a_stranger_at_the_brokers_address_hears_nothing(bare_world, tmp_path):
    world = bare_world
    world.desk.start()
    stranger = Authority(tmp_path / "stranger", "Altra autorità")
    with Broker(tmp_path / "other", stranger) as broker:
        world.lay_belongings(broker_port=broker.port)
        world.agent()
        until(lambda: "link.server_untrusted" in agent_log(world), "the link says why")
        assert f"as {BOX}" not in broker.log()


def test_a_stranger_at_the_gates_address_gets_no_letter(world, tmp_path):
    stranger = Authority(tmp_path / "stranger", "Altra autorità")
    label = world.letter()
    with Gate(tmp_path / "other", world.authority, server_authority=stranger) as gate:
        world.lay_belongings(post_url=gate.url)
        world.agent()
        until(
            lambda: world.desk.links and world.desk.links[-1].waiting_why == "post.server_untrusted",
            "the clerk reads why",
        )
        assert gate.labels == {}
    assert world.word(label.letter) == "salvata"


def test_letters_go_while_the_broker_is_away(world):
    world.broker.stop()
    label = world.letter()
    world.agent()
    until(lambda: world.word(label.letter) == "trasmessa", "the receipt")


@pytest.mark.parametrize("stalled", [False, True])
def test_it_stops_promptly_without_a_broker(bare_world, stalled):
    world = bare_world
    world.desk.start()
    with Line(world.broker.port) as line:
        if stalled:
            world.broker.start()
            line.stall()
            world.lay_belongings(broker_port=line.port)
        program = world.agent()
        until(lambda: world.desk.links, "the desk is told")
        began = now_ms()
        assert program.stop() == 0
        assert now_ms() - began < 5_000


def agent_log(world) -> str:
    return (world.folder / "agent.log").read_text()
