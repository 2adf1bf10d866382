"""What only the PC/SC driver can meet: a service that is not there, a reader of another name."""

from __future__ import annotations

import queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.devices.card_reader.pcsc import NO_SERVICE, PcscCardReader, _simple_tlv
from appliance.devices.card_reader.port import ReaderGone
from appliance.devices.port import Condition
from tests.peers.pcscd import pcscd

__all__ = ["pcscd"]
PATIENCE_S = 10.0


@pytest.fixture
def reader_of():
    made = []

    def make(**settings):
        reader = PcscCardReader.from_settings(settings)
        states = queue.Queue()
        reader.watch(states.put)
        reader.open()
        made.append(reader)
        return reader, states

    yield make
    for reader in made:
        reader.close()


def test_no_reader_of_that_name(pcscd, reader_of):
    reader, states = reader_of(reader="Lettore che non esiste")
    state = states.get(timeout=PATIENCE_S)
    assert (state.condition, state.code) == (Condition.ABSENT, ReaderGone.code)
    assert reader.name == ""
    with pytest.raises(ReaderGone):
        reader.connect()


def test_the_second_reader_is_chosen_by_name(pcscd, reader_of):
    reader, states = reader_of(reader="00 01")
    assert states.get(timeout=PATIENCE_S).condition is Condition.READY
    assert reader.name == "Virtual PCD 00 01"


def test_a_service_that_starts_later(pcscd, reader_of):
    pcscd.stop()
    reader, states = reader_of()
    assert states.get(timeout=PATIENCE_S).code == NO_SERVICE
    pcscd.start()
    assert states.get(timeout=PATIENCE_S).condition is Condition.READY
    assert reader.name.startswith("Virtual PCD")


def test_closing_is_quick_though_nothing_happens(pcscd, reader_of):
    import time

    reader, states = reader_of()
    states.get(timeout=PATIENCE_S)
    begin_s = time.monotonic()
    reader.close()
    assert time.monotonic() - begin_s < 2


@given(st.dictionaries(st.integers(0, 255), st.binary(max_size=20), max_size=8), st.binary(max_size=1))
def test_reader_properties_are_read_and_a_cut_tail_is_left_out(properties, tail):
    raw = b"".join(bytes([tag, len(value)]) + value for tag, value in properties.items())
    assert _simple_tlv(raw + tail) == properties
