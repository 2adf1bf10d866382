"""The agent as a process, among real peers: mosquitto with mutual TLS, a TLS gate, a desk behind a socket."""

from __future__ import annotations

import subprocess
import sys

import pytest

from contracts import codec, topics
from contracts.messages.orders import OrderKind, Precondition
from contracts.messages.report import DeviceHealth, Notice
from contracts.messages.twin import Desired
from contracts.topics import Up
from tests.appliance.agent.conftest import BOX, now_ms
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


def test_a_planned_stop_leaves_exit_code_zero_and_the_goodbye_every_time(world):
    """The last word ends the link by itself; that is no death of a worker, and no will may follow it."""
    for number in range(4):
        program = world.agent()
        world.fleet.wait_for(
            lambda _, n=number: sum(r["presence"] == "online" for r in world.heard(Up.STATUS)) > n, "a birth"
        )
        assert program.stop() == 0
    said = world.heard(Up.STATUS)
    gone: set[str] = set()
    for word in said:
        # A link may break on a busy machine, the next program's even before its birth: that is another connection's will.
        assert word["connection"] not in gone, said
        if word.get("why") == "stop":
            gone.add(word["connection"])
    assert len(gone) == 4
    assert said[-1].get("why") == "stop"


def test_the_twin_is_applied_remembered_and_reported(world):
    topic = topics.topic(BOX, topics.Down.TWIN)
    world.fleet.say(topic, codec.encode(Desired(rev=4, health_every_s=2, keepalive_s=9)), retain=True)
    program = world.agent(health_every_s=300)
    world.wait_for(Up.TWIN, lambda r: r["applied_rev"] == 4, "it is reported")
    world.wait_for(Up.HEALTH, lambda r: r["seq"] > 3, "the new pace holds")
    until(lambda: f"as {BOX} (p5, c0, k9" in world.broker.log(), "the new keep-alive holds")
    world.fleet.say(topic, codec.encode(Desired(rev=3, health_every_s=300, keepalive_s=60)))
    world.fleet.say(topic, b'{"rev":9,"health_every_s":0}')
    refused = world.wait_for(Up.EVENT, lambda r: r["key"] == "message.refused", "nonsense is told")
    assert refused["facts"]["topic"] == "twin"
    program.kill()
    world.fleet.say(topic, b"", retain=True)
    del world.fleet.heard[:]
    world.agent(health_every_s=300)
    seen = world.wait_for(Up.HEALTH, lambda r: r["seq"] > 3, "a report")
    world.wait_for(Up.HEALTH, lambda r: r["seq"] > seen["seq"] + 1, "the pace survived")


def test_the_fleets_notice_slows_the_reports(world):
    notice = Notice(server_time=now_ms(), reconnect_spread_s=0, health_every_at_least_s=600)
    world.fleet.say(topics.NOTICE, codec.encode(notice), retain=True)
    world.agent(health_every_s=1)
    world.wait_for(Up.HEALTH, lambda r: r["seq"] > 0, "the first report")
    ping = world.order()
    world.give(ping)
    world.wait_for_state(ping, "succeeded")
    before = len(world.heard(Up.HEALTH))
    with pytest.raises(AssertionError):
        world.wait_for(Up.HEALTH, lambda _: len(world.heard(Up.HEALTH)) > before, "no more", 2.5)


def test_a_trouble_of_a_device_is_raised_once_and_cleared(world):
    world.agent()
    world.wait_for(Up.HEALTH, lambda r: r["desk_up"], "a report")
    world.desk.devices = [
        DeviceHealth(kind="printer", driver="simulated", condition="trouble", code="printer.paper_out"),
        DeviceHealth(kind="camera", driver="simulated", condition="busy", code="camera.held"),
    ]
    world.wait_for(Up.EVENT, lambda r: (r["key"], r["state"]) == ("printer.paper_out", "raised"), "raised")
    world.desk.devices = [DeviceHealth(kind="printer", driver="simulated", condition="ready")]
    world.wait_for(Up.EVENT, lambda r: (r["key"], r["state"]) == ("printer.paper_out", "cleared"), "cleared")
    world.desk.die()
    world.wait_for(Up.EVENT, lambda r: (r["key"], r["state"]) == ("desk.down", "raised"), "the desk is down")
    down = world.wait_for(Up.HEALTH, lambda r: not r["desk_up"], "a report without the desk")
    assert down["failed"]["desk"] == "desk.absent"
    assert down["clock"]["why"], "the agent's own clock stands in"
    numbers = [
        r["seq"] for r in world.heard(Up.EVENT) if r["key"] == "printer.paper_out" and r["state"] == "raised"
    ]
    assert len(set(numbers)) == 1
    assert not [r for r in world.heard(Up.EVENT) if r["key"] == "camera.held"], (
        "a camera at work is no trouble"
    )


def test_no_log_line_of_a_whole_day_names_a_letters_content_or_key(world):
    label = world.letter()
    program = world.agent()
    until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
    ping = world.order()
    world.give(ping)
    program.stop()
    log = (world.folder / "agent.log").read_text()
    assert label.letter in log, "the log is worth reading"
    for secret in ("PRIVATE", "BEGIN", label.sha256, world.outbox.sealed(label.letter)[:8].hex()):
        assert secret not in log


@pytest.mark.parametrize("missing", ["belongings.json", "link/cert.pem", "link/key.pem"])
def test_a_box_without_identity_refuses_with_a_reason(bare_world, missing):
    (bare_world.state / "identity" / missing).unlink()
    answer = subprocess.run(
        [sys.executable, "-m", "appliance.agent", "--set", f"state_dir={bare_world.state}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert answer.returncode == 1
    assert "pue-provision" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_wrong_use_is_exit_code_two_and_wrong_settings_one():
    def ask(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "appliance.agent", *arguments], capture_output=True, text=True, check=False
        )

    assert ask("dance").returncode == 2
    wrong = ask("--set", "helth_every_s=3")
    assert wrong.returncode == 1
    assert "health_every_s" in wrong.stderr
    shown = ask("--set", "link.keepalive_s=61", "config", "show")
    assert shown.returncode == 0
    assert "keepalive_s = 61  # --set" in shown.stdout
