"""The post against a real TLS gate: what it believes, what it gives up, what it puts first."""

from __future__ import annotations

import random
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.agent.identity import link_files
from appliance.agent.post import Keys, Post, PostRules
from appliance.agent.reports import Reports
from appliance.agent.road import Road
from appliance.agent.store import Store
from appliance.agent.tls import client_tls
from contracts.errors import Problem, WhoCanAct
from contracts.messages.letters import LetterState, LetterWord
from tests.appliance.agent.conftest import BOX, now_ms
from tests.peers.waiting import until

QUICK = {"poll_s": 0.02, "retry_base_s": 0.05, "retry_cap_s": 0.2, "states_every_s": 0.2, "chunk_bytes": 4096}


class Office:
    """The post with its thread, in this process."""

    def __init__(self, world, **rules):
        self.store = Store(world.state / "agent" / "reports.db")
        self.reports = Reports(self.store, world.state / "agent" / "seq", boot="00000000", now_ms=now_ms)
        files = link_files(world.state)

        def tls():
            return client_tls(world.authority.pem.decode(), files.certificate, files.key)

        self.road = Road(world.gate.url, tls, timeout_s=5)
        keys = Keys(world.gate.fleet_key.public_key(), world.gate.recipient_key.public_key())
        self.post = Post(
            BOX,
            world.outbox,
            self.road,
            keys,
            reports=self.reports,
            rules=PostRules(**(QUICK | rules)),
            chance=random.Random(7),
        )
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.post.run, args=(self.stopping,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.post.wake()
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.store.close()

    def told(self):
        return b"".join(kept.payload for kept in self.reports.due(0)).decode()


@pytest.fixture
def world(bare_world):
    with bare_world.gate:
        yield bare_world


@pytest.mark.parametrize("forged", ["key", "hash", "purpose"])
def test_a_receipt_is_believed_only_if_all_of_it_holds(world, forged):
    world.gate.forge = forged
    label = world.letter()
    with Office(world) as office:
        until(lambda: office.post.waiting_why == "receipt.refused", "the receipt is refused")
        assert world.word(label.letter) == "salvata"
        until(lambda: "receipt.refused" in office.told(), "the fleet is told")
        world.gate.forge = ""
        until(lambda: world.word(label.letter) == "trasmessa", "the true receipt is believed")
        until(lambda: office.post.waiting_why == "", "nothing waits")
    assert world.gate.completed == [label.letter], "the bytes went once"


def test_a_letter_refused_for_good_blocks_nobody(world):
    bad, good = world.letter(deadline=1), world.letter()
    world.gate.refuse[bad.letter] = Problem(code="letter.conflict", who=WhoCanAct.TECHNICIAN)
    with Office(world) as office:
        until(lambda: world.word(good.letter) == "trasmessa", "the other letter goes")
        row = world.outbox.row(bad.letter)
        assert (row.word.value, row.code) == ("salvata", "letter.conflict")
        assert "letter.refused" in office.told()


def test_a_refusal_an_operator_can_mend_is_tried_again(world):
    first, second = world.letter(deadline=1), world.letter()
    world.gate.refuse[first.letter] = Problem(code="letter.unknown_recipient", who=WhoCanAct.WAIT)
    with Office(world) as office:
        until(lambda: world.word(second.letter) == "trasmessa", "the other letter goes")
        until(lambda: office.post.waiting_why == "letter.unknown_recipient", "the reason is known")
        del world.gate.refuse[first.letter]
        until(lambda: world.word(first.letter) == "trasmessa", "it goes in the end")


def test_a_tired_gate_is_asked_again(world):
    world.gate.fail_status = 503
    label = world.letter()
    with Office(world) as office:
        until(lambda: office.post.waiting_why == "gate.tired", "the reason is the gate's own word")
        world.gate.fail_status = 0
        until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
    assert len(world.gate.labels[label.letter]) >= 1
    assert world.gate.labels[label.letter][-1].attempt > 1, "tries are counted"


def test_the_nearest_deadline_goes_first_even_past_a_letter_on_the_road(world):
    slow = world.letter(80_000)
    with Office(world, bytes_per_s=80_000):
        world.gate.wait_for(lambda: len(world.gate.patched) >= 2, "the slow one is on the road")
        urgent = world.letter(5_000, deadline=now_ms() + 1000)
        until(lambda: world.word(slow.letter) == "trasmessa", "both arrive")
    assert world.gate.completed == [urgent.letter, slow.letter]
    assert sum(size for letter, _, size in world.gate.patched if letter == slow.letter) == 80_000


def test_a_new_letter_is_noticed_without_being_told(world):
    with Office(world, states_every_s=900):
        world.gate.wait_for(lambda: True, "it runs")
        label = world.letter()
        until(lambda: world.word(label.letter) == "trasmessa", "the receipt", 5)


def state(letter, step, word, **more):
    return LetterState(letter=letter, step=step, word=word, at=now_ms(), **more)


def test_states_come_back_signed_in_pages_and_in_order(world):
    label = world.letter()
    with Office(world) as office:
        until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
        world.gate.say(state(label.letter, 1, LetterWord.RECEIVED, protocollo="PROVA.1/2026"))
        world.gate.say(state(label.letter, 2, LetterWord.IN_PROGRESS))
        world.gate.say(state(label.letter, 2, LetterWord.REJECTED), key=Ed25519PrivateKey.generate())
        world.gate.say(state(label.letter, 1, LetterWord.RECEIVED))
        world.gate.say(state(label.letter, 3, LetterWord.ACCEPTED))
        until(lambda: world.word(label.letter) == "accolta", "the last word")
        until(lambda: "state.refused" in office.told(), "the forged one is told")
    row = world.outbox.row(label.letter)
    assert row.protocollo == "PROVA.1/2026"
    assert world.outbox.cursor() == 5


def test_a_nudge_fetches_at_once(world):
    label = world.letter()
    with Office(world, states_every_s=900) as office:
        until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
        world.gate.say(state(label.letter, 1, LetterWord.RECEIVED))
        office.post.nudge()
        until(lambda: world.word(label.letter) == "ricevuta", "the state", 5)


def test_a_gate_that_swallows_bytes_blocks_nobody(world):
    world.gate.swallow = True
    label = world.letter()
    with Office(world) as office:
        until(lambda: office.post.waiting_why == "post.unreachable", "it gives up for now")
        world.gate.swallow = False
        until(lambda: world.word(label.letter) == "trasmessa", "the receipt")


def test_numbers_out_of_all_bounds_are_refused(world):
    label = world.letter()
    with Office(world) as office:
        until(lambda: world.word(label.letter) == "trasmessa", "the receipt")
        world.gate.say(state(label.letter, 1 << 70, LetterWord.RECEIVED))
        until(lambda: "state.refused" in office.told(), "it is told")
        world.gate.say(state(label.letter, 1, LetterWord.RECEIVED))
        until(lambda: world.word(label.letter) == "ricevuta", "the post goes on")


def test_many_letters_two_megabytes(world):
    labels = [world.letter(200_000) for _ in range(10)]
    with Office(world, chunk_bytes=65_536):
        for label in labels:
            until(lambda letter=label.letter: world.word(letter) == "trasmessa", "a receipt")
    assert sorted(world.gate.completed) == sorted(label.letter for label in labels)
    for label in labels:
        assert world.gate.content(label.letter) == world.outbox.sealed(label.letter)
