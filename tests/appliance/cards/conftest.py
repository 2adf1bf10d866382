"""Cards made once, judged at one fixed hour."""

from __future__ import annotations

import datetime

import pytest

from appliance.cards.conversation import read_document
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.shelf import issue
from appliance.cards.software.travel_document import TravelDocument
from appliance.cards.steps import Reset, Transmit
from appliance.cards.verdict import Instant

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)


@pytest.fixture(scope="session")
def now():
    return NOW


@pytest.fixture(scope="session")
def authority():
    return make_test_authority(now=NOW)


@pytest.fixture(scope="session")
def trust(authority):
    return authority.trust_store()


@pytest.fixture(scope="session")
def instant():
    return Instant(NOW, trusted=True)


@pytest.fixture
def card():
    """Issue a card by name."""

    def make(name: str = "cie", **options) -> TravelDocument:
        return issue(name, NOW, **options)

    return make


def drive(card, secret=None, transmit=None, **options):
    """A whole conversation in this process; returns evidence and every step that was not a command."""
    conversation = read_document(secret or card.opens_with, **options)
    transmit = transmit or card.transmit
    told, answer = [], None
    try:
        while True:
            step = conversation.send(answer)
            answer = b""
            if isinstance(step, Transmit):
                answer = transmit(step.command)
            elif isinstance(step, Reset):
                card.reset()
            else:
                told.append(step)
    except StopIteration as end:
        return end.value, told


@pytest.fixture(scope="session")
def read():
    return drive


@pytest.fixture(scope="session")
def good_evidence():
    evidence, _ = drive(issue("cie", NOW))
    return evidence
