"""The darkroom fails alone: one job is lost, the next one finds a new child."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
import simplejpeg

from appliance.capture.darkroom import Darkroom, DarkroomFailed
from appliance.capture.jobs import Develop, Developed, LinesRead, Look, Looked, ReadLines
from contracts.errors import PueError, RemoteProblem
from tests.papers import cards
from tests.peers.waiting import until

MIB = 1024 * 1024
AT_REST_MIB = 165
"""Libraries and two models; what twelve megapixels took besides would be 40 more."""


@pytest.fixture
def odd():
    room = Darkroom(niceness=3, program="tests.peers.odd_darkroom")
    yield room
    room.close()


def ask(room, what, limit_s=20.0):
    return room.ask(Look(frame=what, at_s=0.0), Looked, limit_s=limit_s)


def pid(room):
    return int(ask(room, b"fine").hint.removeprefix("pid "))


def test_one_child_does_one_job_after_the_other(odd):
    assert pid(odd) == pid(odd) == odd.pid
    assert psutil.Process(odd.pid).nice() == psutil.Process().nice() + 3


@pytest.mark.parametrize(
    ("deed", "reason"),
    [(b"die", "EOFError"), (b"hang", "TimeoutError"), (b"babble", "DecodeError"), (b"flood", "TooMuch")],
)
def test_a_child_that_fails_is_replaced(odd, deed, reason):
    before = pid(odd)
    with pytest.raises(DarkroomFailed) as failed:
        ask(odd, deed, limit_s=0.5)
    assert failed.value.facts == {"reason": reason}
    assert not psutil.pid_exists(before)
    assert pid(odd) != before


def test_memory_has_an_end(odd):
    with pytest.raises(RemoteProblem) as refused:
        ask(odd, b"greedy")
    assert (refused.value.code, refused.value.facts) == ("capture.failed", {"reason": "MemoryError"})
    assert pid(odd)


def test_what_a_library_says_about_a_page_stays_in_the_child(odd):
    with pytest.raises(PueError) as refused:
        ask(odd, b"talkative")
    assert refused.value.facts == {"reason": "ValueError"}
    assert "ESEMPIO" not in str(refused.value)


def test_the_child_has_nothing_of_ours(odd, monkeypatch):
    monkeypatch.setenv("PUE_SECRET", "1")
    child = psutil.Process(pid(odd))
    assert not [name for name in child.environ() if name.startswith("PUE_")]
    # its own line, and nothing of what the desk holds open
    assert {int(entry.name) for entry in Path(f"/proc/{child.pid}/fd").iterdir()} <= {0, 1, 2, 3}


def test_an_idle_child_goes_and_a_busy_one_does_not(odd):
    first = pid(odd)
    odd.rest(60.0)
    assert odd.pid == first
    odd.rest(0.0)
    assert odd.pid is None
    assert not psutil.pid_exists(first)
    assert pid(odd) != first


def test_a_child_that_was_killed_meanwhile_costs_nothing(odd):
    before = psutil.Process(pid(odd))
    before.kill()
    before.wait(10)
    assert pid(odd) != before.pid


def test_many_ask_and_each_gets_its_own_answer(odd):
    answers = []
    askers = [threading.Thread(target=lambda: answers.append(pid(odd))) for _ in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(30)
    assert answers == [odd.pid] * 6


def test_after_a_page_its_memory_goes_back_to_the_box():
    light = np.full((3000, 4000, 3), 235, np.uint8)
    light[::40, 300:3700] = 20
    room = Darkroom()
    try:
        room.ask(
            ReadLines(picture=simplejpeg.encode_jpeg(cards.sample(1).picture, colorspace="BGR")), LinesRead
        )
        room.ask(Develop(picture=simplejpeg.encode_jpeg(light)), Developed)
        child = psutil.Process(room.pid)
        until(lambda: child.memory_info().rss < AT_REST_MIB * MIB, "memory given back")
    finally:
        room.close()
