"""The chip's photo at the desk: drawn after the verdict, by a process of its own, and green only with a face."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from appliance.cards.software.trusted import demo_trust
from appliance.desk import reading
from appliance.desk.reading import read_card
from appliance.desk.sitting import ReadCard
from appliance.devices.card_reader.simulated import SimulatedCardReader
from appliance.runtime.clock import SystemClock
from contracts.desk_api.clerk import VerdictKind


@pytest.fixture
def read(monkeypatch):
    """Read a card of the shelf as the desk does; gives verdict facts and photo."""
    clock = SystemClock()

    def act(name):
        reader = SimulatedCardReader(now=clock.now)
        reader.insert(name)
        reader.open()
        with reader.connect() as session:
            assert session.atr is not None
        _, facts, photo = read_card(reader, ReadCard("123456", ()), demo_trust(clock.now()), clock, print)
        return facts, photo

    return act


def test_a_photo_is_a_plain_jpeg(read):
    facts, photo = read("cie_aes")
    assert facts.photo
    assert Image.open(io.BytesIO(photo)).size == (480, 640)


@pytest.mark.parametrize("name", ["hostile_photo_bomb", "hostile_photo_cut"])
def test_a_genuinely_signed_bomb_is_a_document_without_photo(read, name):
    facts, photo = read(name)
    assert (photo, facts.photo) == (None, False)
    assert facts.kind is not VerdictKind.VERIFIED
    assert facts.codes[0] in {"photo.missing", "time.untrusted"}


@pytest.mark.parametrize("name", ["cie_tampered", "cie_unknown_authority", "cie_cloned"])
def test_nothing_unproven_is_ever_drawn(read, name, monkeypatch):
    monkeypatch.setattr(reading, "portrait_jpeg", lambda _: pytest.fail("an unproven image was drawn"))
    facts, photo = read(name)
    assert (photo, facts.photo) == (None, False)
