"""A last day, a line that is away, and what the citizen is told while there is time."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk import guard, receipts
from appliance.desk.views import deadline
from contracts.desk_api.clerk import DeadlineRisk, LineView
from contracts.messages.enrolment import Site
from contracts.messages.letters import LetterWord
from contracts.practices.catalogue import shipped
from tests.appliance.desk.kit import NASPI
from tests.appliance.desk.test_papers import BELONGINGS, TAKEN, row, signed, words_of

DAY_S = 86_400
UP = LineView(connected=True, heard_s=5)
AGLIE = Site(site="a074-1", istat="001001", comune="Agliè", provincia="TO")
TODAY = dt.date(2026, 11, 28)


def away(days: float) -> LineView:
    return LineView(connected=False, heard_s=int(days * DAY_S))


@pytest.mark.parametrize(
    ("days_left", "line", "risk"),
    [
        (30, UP, DeadlineRisk.NONE),
        (15, UP, DeadlineRisk.NONE),
        (14, UP, DeadlineRisk.NEAR),
        (0, UP, DeadlineRisk.NEAR),
        (-1, UP, DeadlineRisk.PASSED),
        (-1, away(1), DeadlineRisk.PASSED),
        (3, away(0.01), DeadlineRisk.ROAD),  # never less than three days in hand
        (4, away(0.01), DeadlineRisk.NEAR),
        (10, away(5), DeadlineRisk.ROAD),  # away for five days: perhaps for five more, and as much again
        (11, away(5), DeadlineRisk.NEAR),
        (
            5,
            LineView(connected=False, waiting=3, oldest_s=4 * DAY_S),
            DeadlineRisk.ROAD,
        ),  # never heard, letters wait
        (5, LineView(connected=False), DeadlineRisk.NEAR),
    ],
)
def test_what_a_last_day_is_at_risk_of(days_left, line, risk):
    assert guard.risk(days_left, line) is risk


@given(st.integers(-5, 400), st.integers(0, 100 * DAY_S))
def test_less_time_is_never_less_risk(days_left, away_s):
    order = list(DeadlineRisk)
    line = LineView(connected=False, heard_s=away_s)
    assert order.index(guard.risk(days_left, line)) >= order.index(guard.risk(days_left + 1, line))


def test_where_else_to_go():
    assert (
        guard.elsewhere("INPS", AGLIE)[0] == "una sede INPS, per esempio a Biella (a 32 km in linea d'aria)"
    )
    assert "patronato" in guard.elsewhere("INPS", AGLIE)[1]
    assert guard.elsewhere("COMUNE", AGLIE) == ["l'ufficio protocollo del Comune di Agliè"]
    assert guard.elsewhere("ALTRO", AGLIE) == []
    nowhere = Site(site="x", istat="999999", comune="Nessuno", provincia="TO")
    assert guard.elsewhere("INPS", nowhere)[0] == "una sede INPS"
    capital = Site(site="x", istat="001272", comune="Torino", provincia="TO")
    assert guard.elsewhere("INPS", capital)[0] == "la sede INPS di Torino"


def test_the_receipt_says_where_else_to_go_until_the_letter_has_arrived():
    naspi = shipped().get("naspi@2026-01")
    state = signed("naspi", {**NASPI, "data_cessazione": ["23/09/2026"]})
    view = deadline(naspi, state.answers, TODAY)
    facts = receipts.facts_of(
        state, naspi, BELONGINGS, [], view, receipts.qr_text("b", "n", TAKEN, b"k" * 32)
    )
    places = guard.elsewhere("INPS", AGLIE)
    waiting = words_of(receipts.receipt(facts, row(state), TODAY, elsewhere=places))
    assert "non c'è la linea" in waiting
    assert "entro il 30/11/2026" in waiting
    assert "Biella" in waiting
    assert "non c'è la linea" not in words_of(receipts.receipt(facts, row(state), TODAY))
    arrived = row(state, LetterWord.RECEIVED, protocollo="INPS.1")
    assert "Biella" not in words_of(receipts.receipt(facts, arrived, TODAY, elsewhere=places))
