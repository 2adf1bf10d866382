"""Orders over the real wire: once, in time, signed, for us; and the rules behind them under any sequence."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.orders import TABLE, Happening, OrderOutOfStep, after, diagram, too_late
from contracts import codec, topics
from contracts.envelope import Purpose, sign_statement
from contracts.messages.orders import Order, OrderKind, OrderState, Precondition
from contracts.topics import Down, Up
from tests.appliance.agent.conftest import BOX, new_id, now_ms
from tests.peers.waiting import until

# ---- the rules


@given(st.lists(st.sampled_from(Happening), max_size=40))
def test_no_sequence_runs_an_order_twice_or_wakes_a_dead_one(happenings):
    state, runs, ended = OrderState.RECEIVED, 0, 0
    for happening in happenings:
        try:
            new = after(state, happening)
        except OrderOutOfStep:
            assert (state, happening) not in TABLE
            continue
        assert not state.final, "nothing follows a final state"
        runs += new is OrderState.RUNNING
        ended += new.final
        state = new
    assert runs <= 1
    assert ended == state.final
    if state in (OrderState.SUCCEEDED, OrderState.FAILED, OrderState.INTERRUPTED):
        assert runs == 1, "only what ran can succeed, fail or be interrupted"
    if state in (OrderState.EXPIRED, OrderState.REJECTED):
        assert runs == 0, "what ran is never called expired or rejected"


def test_every_state_but_the_last_ones_can_be_left_and_be_woken_in():
    open_states = {state for state, _ in TABLE}
    assert open_states == {OrderState.RECEIVED, OrderState.WAITING_SESSION, OrderState.RUNNING}
    for state in open_states:
        assert (state, Happening.WOKE) in TABLE
        assert any(new.final for (old, _), new in TABLE.items() if old is state)


def test_the_diagram_shows_every_state_once_it_can_be_reached():
    assert all(state.value in diagram() for state in TABLE.values())


@given(now=st.integers(0, 1 << 47), issued=st.integers(0, 1 << 46), life=st.integers(1, 1 << 40))
def test_a_clock_nobody_trusts_makes_no_fresh_order_stale(now, issued, life):
    order = Order(
        order=new_id(),
        box=BOX,
        kind=OrderKind.PING,
        issued_at=issued,
        deadline=issued + life,
        by="operatore",
    )
    assert too_late(order, now, time_trusted=True) == (now > order.deadline)
    if now <= order.deadline:
        assert not too_late(order, now, time_trusted=False)


# ---- over the wire


def start(world, **settings):
    """The agent, once the broker knows its subscriptions: an order given before would have no queue."""
    births = len(world.heard(Up.STATUS))
    program = world.agent(**settings)
    world.fleet.wait_for(
        lambda _: [r for r in world.heard(Up.STATUS)[births:] if r["presence"] == "online"], "a birth"
    )
    return program


@pytest.fixture
def running(world):
    start(world)
    return world


def refused(world, key):
    return world.wait_for(Up.EVENT, lambda r: r["key"] == key, f"the event {key}")


def prove_alive(world):
    ping = world.order()
    world.give(ping)
    world.wait_for_state(ping, "succeeded")


def test_a_retained_order_is_refused(world):
    order = world.order(OrderKind.IDENTIFY)
    world.give(order, retain=True)
    world.agent()
    refused(world, "order.retained")
    prove_alive(world)
    assert world.states_of(order) == []
    assert world.desk.blinks == []


def test_a_replayed_order_is_done_once(running):
    order = running.order(OrderKind.IDENTIFY, seconds=3)
    running.give(order)
    running.wait_for_state(order, "succeeded")
    running.give(order)
    prove_alive(running)
    assert running.desk.blinks == [3]


def test_a_replay_after_a_restart_is_known(running):
    order = running.order(OrderKind.IDENTIFY, seconds=3)
    running.give(order)
    running.wait_for_state(order, "succeeded")
    running.programs[-1].kill()
    running.agent()
    running.give(order)
    prove_alive(running)
    assert running.desk.blinks == [3]


def test_an_expired_order_is_not_begun(running):
    order = running.order(OrderKind.IDENTIFY, issued_at=now_ms() - 9_000, deadline=now_ms() - 4_000)
    running.give(order)
    running.wait_for_state(order, "expired")
    assert running.states_of(order) == ["received", "expired"]
    assert running.desk.blinks == []


def test_an_order_that_waits_too_long_expires(running):
    running.desk.busy = True
    order = running.order(OrderKind.IDENTIFY, within_s=1, preconditions=[Precondition.IDLE_DESK])
    running.give(order)
    running.wait_for_state(order, "expired")
    assert running.states_of(order) == ["received", "waiting_session", "expired"]


def test_an_order_signed_by_somebody_else_is_refused(running):
    order = running.order(OrderKind.IDENTIFY)
    statement = sign_statement(order, Purpose.ORDER, Ed25519PrivateKey.generate())
    running.fleet.say(topics.topic(BOX, Down.ORDER), codec.encode(statement))
    refused(running, "statement.refused")
    prove_alive(running)
    assert running.states_of(order) == []


def test_a_receipt_is_no_order(running):
    order = running.order(OrderKind.IDENTIFY)
    statement = sign_statement(order, Purpose.RECEIPT, running.gate.fleet_key)
    running.fleet.say(topics.topic(BOX, Down.ORDER), codec.encode(statement))
    refused(running, "statement.refused")
    prove_alive(running)


def test_another_boxs_order_is_refused(running):
    order = running.order(OrderKind.IDENTIFY, box="pue0altrascatola")
    running.give(order)
    refused(running, "order.not_mine")
    prove_alive(running)


@pytest.mark.parametrize("rubbish", [b"\xff\x00", b"{}", b"[" * 5000, b'{"purpose":1}', b"x" * 60_000])
def test_rubbish_on_the_order_topic_is_told_and_forgotten(running, rubbish):
    running.fleet.say(topics.topic(BOX, Down.ORDER), rubbish)
    refused(running, "message.invalid")
    prove_alive(running)


def test_an_order_the_desk_cannot_do_has_failed(running):
    running.desk.die()
    order = running.order(OrderKind.IDENTIFY)
    running.give(order)
    result = running.wait_for_state(order, "failed")
    assert (result["code"], result["who"]) == ("desk.absent", "wait")


def test_an_untrusted_clock_rejects_what_asks_for_time(running):
    order = running.order(preconditions=[Precondition.TIME_TRUSTED, Precondition.DISK_FREE])
    running.give(order)
    final = running.wait_for(
        Up.RESULT,
        lambda r: r["order"] == order.order and r["state"] in ("rejected", "succeeded"),
        "an answer",
    )
    from appliance.runtime.clock import SystemClock

    trusted = SystemClock().trusted().trusted
    assert (final["state"], final["code"]) == (
        ("succeeded", "") if trusted else ("rejected", "clock.untrusted")
    )


# ---- restarting the desk


def test_restart_desk_holds_the_claim_and_sees_the_new_desk(world):
    mark = world.folder / "restart"
    start(world, restart_command=["touch", str(mark)])
    order = world.order(OrderKind.RESTART_DESK, preconditions=[Precondition.IDLE_DESK])
    world.give(order)
    until(mark.exists, "the command ran")
    assert world.desk.claims == 1, "no sitting can begin meanwhile"
    world.desk.die()
    world.desk.start()
    done = world.wait_for_state(order, "succeeded")
    assert done["facts"]["software"] == "prova"
    assert world.states_of(order) == ["received", "running", "succeeded"]


def test_restart_of_a_desk_that_never_listened_runs_at_once(world):
    world.desk.die()
    mark = world.folder / "restart"
    start(world, restart_command=["touch", str(mark)])
    order = world.order(OrderKind.RESTART_DESK, preconditions=[Precondition.IDLE_DESK])
    world.give(order)
    until(mark.exists, "the command ran")
    world.desk.start()
    world.wait_for_state(order, "succeeded")


def test_a_restart_command_that_fails_is_told(world):
    start(world, restart_command=["false"])
    order = world.order(OrderKind.RESTART_DESK)
    world.give(order)
    assert world.wait_for_state(order, "failed")["code"] == "desk.restart_failed"


def test_an_agent_killed_while_it_acts_says_interrupted_and_never_repeats(world):
    runs = world.folder / "runs"
    program = start(world, restart_command=["sh", "-c", f"echo run >> {runs}; exec sleep 4"])
    order = world.order(OrderKind.RESTART_DESK, preconditions=[Precondition.IDLE_DESK])
    world.give(order)
    until(runs.exists, "the act has begun")
    program.kill()
    world.desk.wait_for(lambda: world.desk.claims == 0, "the claim dies with the agent")
    start(world, restart_command=["sh", "-c", f"echo run >> {runs}"])
    result = world.wait_for_state(order, "interrupted")
    assert result["code"] == "agent.restarted"
    world.give(order)
    prove_alive(world)
    assert runs.read_text() == "run\n"
    assert world.states_of(order) == ["received", "running", "interrupted"]
