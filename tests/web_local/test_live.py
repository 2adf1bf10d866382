"""The stream of news: whole state first, then each change, a sign of life, and an end that is said."""

from __future__ import annotations

import time

import msgspec
import pytest

from contracts.desk_api.clerk import ReadingView, Stage
from tests.peers.fake_desk import PIN, USER, device
from web_local import live, visit
from web_local.app import start_watching


@pytest.fixture
def stream(app, desk):
    """Gives an open stream as an iterator of its pieces; closes it in the end."""
    client = app.test_client()
    client.post("/entra", data={"user": USER, "pin": PIN}, headers={"Sec-Fetch-Site": "same-origin"})
    watcher = start_watching(app)
    answers = []

    def listen():
        answer = client.get("/eventi", headers={"Accept": "text/event-stream"})
        answers.append(answer)
        assert answer.status_code == 200
        assert answer.mimetype == "text/event-stream"
        return (piece.decode() for piece in answer.response)

    yield listen
    watcher.stop()
    desk.show()
    for answer in answers:
        answer.close()


def until(pieces, text, seconds=5):
    """Pieces up to the first that holds the text."""
    end = time.monotonic() + seconds
    for piece in pieces:
        if text in piece:
            return piece
        assert time.monotonic() < end, f"no {text} came"
    raise AssertionError(f"the stream ended before {text}")


def test_the_whole_state_comes_first(stream, desk):
    pieces = stream()
    assert next(pieces) == "retry: 2000\n\n"
    state = next(pieces)
    assert state.startswith("id: ")
    assert 'id="luci"' in state
    assert "event: fase\ndata: libera\n" in state


def test_a_light_that_changes_is_told(stream, desk):
    pieces = stream()
    until(pieces, 'id="luci"')
    desk.show(devices=[device("printer", "trouble", "printer.paper_out")])
    assert "Manca la carta nella stampante." in until(pieces, "Da sistemare")


def test_reading_goes_on_in_place(stream, desk):
    desk.at(Stage.READING)
    pieces = stream()
    until(pieces, 'value="45"')
    desk.sit(reading=ReadingView(code="card.chip", ratio=0.8))
    assert "Controllo che il chip" in until(pieces, 'value="80"')


def test_no_news_holds_a_name_or_a_number_of_the_citizen(stream, desk):
    desk.at(Stage.COMPARE)
    piece = until(stream(), "event: fase")
    for datum in msgspec.structs.astuple(desk.view.sitting.citizen)[:5]:
        assert datum not in piece


def test_silence_is_filled(stream, monkeypatch):
    monkeypatch.setattr(live, "PING_S", 0.1)
    assert until(stream(), ": ping") == ": ping\n\n"


def test_pings_come_within_fifteen_seconds():
    assert live.PING_S <= 15


def test_the_end_of_a_session_is_said_and_the_stream_ends(stream, desk):
    pieces = stream()
    until(pieces, 'id="luci"')
    desk.token = None
    desk.show()
    assert until(pieces, "sessione") == "event: sessione\ndata: finita\n\n"
    assert list(pieces) == []


def test_a_lock_is_told(stream, desk):
    pieces = stream()
    until(pieces, "fase")
    desk.locked = True
    desk.show()
    assert "data: chiusa" in until(pieces, "chiusa")


def test_a_change_during_the_first_word_is_not_lost(app):
    watcher = app.extensions[visit.WATCHER]
    beats = watcher.beats()
    assert next(beats) is True
    watcher._become(5)
    assert next(beats) is True
    watcher.stop()
    assert list(beats) == []


def test_one_watcher_serves_all(app, desk):
    first, second = start_watching(app), start_watching(app)
    assert first is second is app.extensions[visit.WATCHER]
    first.stop()
