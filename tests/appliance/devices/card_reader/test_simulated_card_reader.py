"""The back of the simulated reader: what scenarios and demos do to it."""

from __future__ import annotations

import datetime
import threading

import pytest

from appliance.cards.errors import CardGone, MrzNeeded
from appliance.cards.evidence import Access
from appliance.cards.reading import read_and_judge
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.shelf import CardName, issue
from appliance.cards.steps import Can, CanAndMrz
from appliance.cards.verdict import Instant
from appliance.devices.card_reader.port import ReaderGone
from appliance.devices.card_reader.simulated import SimulatedCardReader
from appliance.devices.port import Condition, DeviceKind, InvalidDeviceSettings
from appliance.devices.scenario import DEEDS

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
INSTANT = Instant(NOW, trusted=True)
TRUST = make_test_authority(now=NOW).trust_store()


def opened(**settings) -> SimulatedCardReader:
    reader = SimulatedCardReader.from_settings(settings)
    reader.open()
    return reader


@pytest.mark.parametrize("deed", sorted(DEEDS[DeviceKind.CARD_READER]))
def test_scenarios_can_do_every_deed_without_arguments(deed):
    getattr(opened(card="cie"), deed)()


def test_a_card_may_lie_there_from_the_start():
    reader = opened(card="cie_aldo")
    assert reader.wait_for_card(0)
    with reader.connect() as session:
        _, verdict = read_and_judge(session, Can("246810"), TRUST, INSTANT)
    assert verdict.identity.given_names == "ALDO"


@pytest.mark.parametrize("settings", [{"card": "no_such_card"}, {"delay_s": -1}, {"delay_s": 60}])
def test_settings_that_cannot_be(settings):
    with pytest.raises(InvalidDeviceSettings):
        SimulatedCardReader.from_settings(settings)


@pytest.mark.parametrize("name", CardName)
def test_every_card_of_the_shelf_can_be_laid_there_by_name(name):
    reader = opened()
    card = reader.insert(str(name))
    with reader.connect() as session:
        assert session.atr == card.atr


def test_a_torn_card_leaves_in_the_middle_and_can_come_back():
    reader = opened()
    card = reader.insert(issue("cie", NOW))
    reader.tear(after=15)
    with reader.connect() as session, pytest.raises(CardGone):
        read_and_judge(session, Can(card.can), TRUST, INSTANT)
    assert reader.wait_for_removal(0)
    reader.insert(card)
    with reader.connect() as session:
        read_and_judge(session, Can(card.can), TRUST, INSTANT)


def test_a_pulled_cable_takes_the_card_along():
    reader = opened(card="cie")
    with reader.connect() as session:
        reader.unplug()
        with pytest.raises(ReaderGone):
            session.transmit(b"\x00\x84\x00\x00\x08")
    assert reader.state().code == "card_reader.absent"
    reader.plug()
    assert not reader.wait_for_card(0)


def test_a_reader_for_short_commands_only_says_so_and_may_need_the_printed_lines():
    reader = opened(short_commands_only=True)
    assert (reader.state().condition, reader.state().code) == (
        Condition.WARNING,
        "card_reader.short_commands_only",
    )
    card = reader.insert(issue("cie_long_commands_only", NOW))
    with reader.connect() as session, pytest.raises(MrzNeeded):
        read_and_judge(session, Can(card.can), TRUST, INSTANT)
    with reader.connect() as session:
        evidence, _ = read_and_judge(session, CanAndMrz(Can(card.can), card.mrz_key), TRUST, INSTANT)
    assert evidence.access is Access.BAC


def test_waiting_ends_when_a_card_comes():
    reader = opened()
    came = threading.Thread(target=lambda: reader.insert("cie"))
    came.start()
    assert reader.wait_for_card(5)
    came.join()


def test_a_card_that_plays_for_time_is_left():
    reader = opened()
    card = reader.insert(issue("cie", NOW))
    ticks = iter(range(0, 10_000, 20))
    with reader.connect() as session, pytest.raises(Exception, match="too slow"):
        read_and_judge(session, Can(card.can), TRUST, INSTANT, monotonic_s=lambda: float(next(ticks)))
