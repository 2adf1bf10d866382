"""Every card reader driver keeps the promise of `card_reader/port.py`.

The simulated one, and PC/SC with a real service whose virtual reader holds the same software cards.
"""

from __future__ import annotations

import contextlib
import datetime
import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from appliance.cards.errors import CardGone, SecureMessagingLost, WrongCan
from appliance.cards.reading import read_and_judge
from appliance.cards.software.shelf import issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import Can, IdentityRead
from appliance.cards.verdict import Instant
from appliance.devices.card_reader.port import NoCard, Presence, ReaderBusy, ReaderClosed, ReaderGone
from appliance.devices.port import Condition, DeviceKind, InvalidDeviceSettings
from appliance.devices.registry import DRIVERS, make_device
from contracts.desk_api.clerk import VerdictKind
from tests.peers.pcscd import pcscd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.cards.software.card import SoftwareCard

__all__ = ["pcscd"]

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
TRUST = demo_trust(NOW)
INSTANT = Instant(NOW, trusted=True)
PATIENCE_S = 10.0
SELECT = bytes.fromhex("00A4040C07A0000002471001")


@dataclass
class Bench:
    reader: Any
    insert: Callable[[SoftwareCard], object]
    remove: Callable[[], object]
    unplug: Callable[[], object]
    plug: Callable[[], object]


@contextlib.contextmanager
def _simulated(_request) -> Iterator[Bench]:
    reader: Any = make_device(DeviceKind.CARD_READER, "simulated", {})
    yield Bench(reader, reader.insert, reader.remove, reader.unplug, reader.plug)


@contextlib.contextmanager
def _pcsc(request) -> Iterator[Bench]:
    service = request.getfixturevalue("pcscd")
    reader: Any = make_device(DeviceKind.CARD_READER, "pcsc", {"reader": "Virtual PCD 00 00"})
    slots: list[Any] = []

    def insert(card):
        remove()
        slots.append(service.insert(card))

    def remove():
        while slots:
            slots.pop().remove()

    try:
        yield Bench(reader, insert, remove, service.stop, service.start)
    finally:
        remove()


BENCHES = {"simulated": _simulated, "pcsc": _pcsc}


def test_every_driver_is_on_the_bench():
    assert set(BENCHES) == set(DRIVERS[DeviceKind.CARD_READER])


@pytest.fixture(params=BENCHES)
def bench(request) -> Iterator[Bench]:
    with BENCHES[request.param](request) as made:
        try:
            yield made
        finally:
            made.reader.close()


@pytest.fixture
def ready(bench) -> Bench:
    bench.reader.open()
    assert bench.reader._place.wait_until(lambda found: found is Presence.EMPTY, PATIENCE_S)
    return bench


def lay(bench: Bench, name: str = "cie") -> SoftwareCard:
    card = issue(name, NOW)
    bench.insert(card)
    assert bench.reader.wait_for_card(PATIENCE_S)
    return card


def test_before_open_there_is_nothing(bench):
    assert bench.reader.presence() is Presence.NO_READER
    assert bench.reader.state().condition is Condition.ABSENT
    with pytest.raises(ReaderClosed):
        bench.reader.connect()


def test_an_empty_reader(ready):
    assert ready.reader.state().condition is Condition.READY
    assert ready.reader.name
    assert not ready.reader.wait_for_card(0.05)
    assert ready.reader.wait_for_removal(0.05)
    with pytest.raises(NoCard):
        ready.reader.connect()


def test_cards_come_and_go_and_watchers_hear_of_it(bench):
    heard: queue.Queue[Presence] = queue.Queue()
    bench.reader.watch_card(heard.put)
    bench.reader.open()
    assert heard.get(timeout=PATIENCE_S) is Presence.EMPTY
    for _ in range(2):
        lay(bench)
        assert heard.get(timeout=PATIENCE_S) is Presence.CARD
        bench.remove()
        assert heard.get(timeout=PATIENCE_S) is Presence.EMPTY
    bench.reader.close()
    assert heard.get(timeout=PATIENCE_S) is Presence.NO_READER
    assert heard.empty()


def test_a_card_that_lay_there_before_is_found(bench):
    bench.insert(issue("cie", NOW))
    bench.reader.open()
    assert bench.reader.wait_for_card(PATIENCE_S)


def test_a_session_carries_bytes(ready):
    card = lay(ready)
    with ready.reader.connect() as session:
        assert session.atr == card.atr
        assert session.max_command_bytes >= 65544
        assert session.max_response_bytes >= 65538
        assert session.transmit(SELECT) == b"\x90\x00"
        assert session.transmit(bytes.fromhex("00A4020C020101")) == b"\x69\x82"
        assert len(session.transmit(bytes.fromhex("0084000008"))) == 10
        session.reset()
        assert session.transmit(bytes.fromhex("0084000008")) == b"\x69\x85", (
            "a reset card forgets its selection"
        )


def test_a_new_session_meets_a_fresh_card(ready):
    lay(ready)
    with ready.reader.connect() as session:
        session.transmit(SELECT)
    with ready.reader.connect() as session:
        assert session.transmit(bytes.fromhex("0084000008")) == b"\x69\x85"


def test_one_session_at_a_time(ready):
    lay(ready)
    with ready.reader.connect() as session:
        with pytest.raises(ReaderBusy):
            ready.reader.connect()
        session.close()
        session.close()
        with ready.reader.connect() as other:
            assert other.transmit(SELECT) == b"\x90\x00"
        with pytest.raises(CardGone):
            session.transmit(SELECT)


FAMILY = {
    "cie": VerdictKind.VERIFIED,
    "cie_aes": VerdictKind.VERIFIED,
    "cie_bac_only": VerdictKind.VERIFIED,
    "passport": VerdictKind.VERIFIED,
    "permit": VerdictKind.VERIFIED,
    "cns": VerdictKind.CHIP_UNPROVEN,
    "cns_applet": VerdictKind.CHIP_UNPROVEN,
    "cie_cloned": VerdictKind.REFUSED,
    "cie_tampered": VerdictKind.REFUSED,
    "cie_expired": VerdictKind.REFUSED,
    "hostile_photo_bomb": VerdictKind.VERIFIED,
}


@pytest.mark.parametrize("name", FAMILY)
def test_a_whole_card_of_each_kind(ready, name):
    card = lay(ready, name)
    told: list[object] = []
    with ready.reader.connect() as session:
        evidence, verdict = read_and_judge(session, card.opens_with, TRUST, INSTANT, told.append)
    assert verdict.kind is FAMILY[name]
    assert evidence.apdus < 60
    assert any(isinstance(step, IdentityRead) for step in told)


def test_a_wrong_can(ready):
    lay(ready)
    with ready.reader.connect() as session, pytest.raises(WrongCan):
        read_and_judge(session, Can("000000"), TRUST, INSTANT)


def test_a_card_taken_away_in_the_middle(ready):
    card = lay(ready)

    def pull(step):
        if isinstance(step, IdentityRead):
            ready.remove()

    with ready.reader.connect() as session:
        with pytest.raises(CardGone):
            read_and_judge(session, Can(card.can), TRUST, INSTANT, pull)
        ready.insert(issue("cie_aldo", NOW))
        with pytest.raises(CardGone):
            session.transmit(SELECT)
    assert ready.reader.wait_for_card(PATIENCE_S)
    with ready.reader.connect() as session:
        assert session.transmit(SELECT) == b"\x90\x00"


def test_a_card_that_tears_itself_away(ready):
    card = lay(ready, "cie_torn")
    with ready.reader.connect() as session, pytest.raises(CardGone):
        read_and_judge(session, Can(card.can), TRUST, INSTANT)
    assert ready.reader.wait_for_removal(PATIENCE_S)


def test_the_next_card_is_seen_however_fast_it_comes_after_a_torn_one(ready):
    """A failed reset of a card that had left once made the service miss the next one."""
    for _ in range(3):
        card = lay(ready, "cie_torn")
        with ready.reader.connect() as session, pytest.raises(CardGone):
            read_and_judge(session, Can(card.can), TRUST, INSTANT)
        assert ready.reader.wait_for_removal(PATIENCE_S)


def test_no_session_survives_a_card_that_lost_its_power_for_a_moment(ready):
    card = lay(ready)

    def lose_power(step):
        if isinstance(step, IdentityRead):
            card.reset()

    with ready.reader.connect() as session, pytest.raises(SecureMessagingLost):
        read_and_judge(session, Can(card.can), TRUST, INSTANT, lose_power)
    with ready.reader.connect() as session:
        _, verdict = read_and_judge(session, Can(card.can), TRUST, INSTANT)
    assert verdict.kind is VerdictKind.VERIFIED


def test_a_session_that_is_over_resets_nothing(ready):
    lay(ready)
    with ready.reader.connect() as session:
        session.close()
        with ready.reader.connect() as other:
            other.transmit(SELECT)
            with pytest.raises(CardGone):
                session.reset()
            assert len(other.transmit(bytes.fromhex("0084000008"))) == 10, "its selection still stands"


def test_a_reader_that_leaves_and_comes_back(ready):
    heard: queue.Queue[Presence] = queue.Queue()
    lay(ready)
    ready.reader.watch_card(heard.put)
    with ready.reader.connect() as session:
        ready.unplug()
        with pytest.raises((ReaderGone, CardGone)):
            session.transmit(SELECT)
    while heard.get(timeout=PATIENCE_S) is not Presence.NO_READER:
        pass
    assert ready.reader.state().condition is Condition.ABSENT
    assert ready.reader.state().code.startswith("card_reader.")
    assert ready.reader.name == ""
    with pytest.raises(ReaderGone):
        ready.reader.connect()
    ready.plug()
    assert heard.get(timeout=PATIENCE_S) is Presence.EMPTY
    lay(ready)
    with ready.reader.connect() as session:
        assert session.transmit(SELECT) == b"\x90\x00"


def test_it_can_be_opened_again(ready):
    ready.reader.close()
    ready.reader.close()
    ready.reader.open()
    lay(ready)


@pytest.mark.parametrize("driver", BENCHES)
def test_foreign_settings_are_refused(driver):
    with pytest.raises(InvalidDeviceSettings):
        make_device(DeviceKind.CARD_READER, driver, {"colour": "green"})
