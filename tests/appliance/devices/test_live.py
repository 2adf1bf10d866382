"""One camera, many viewers: each gets the newest picture, nobody waits for anybody, and nothing piles up."""

from __future__ import annotations

import threading
import time

import pytest

from appliance.devices.camera.live import WATCHED_S, Live
from appliance.devices.camera.port import CameraAbsent


class Lens:
    """Counts what is asked of it."""

    def __init__(self):
        self.asked, self.there = 0, True
        self.again = threading.Event()

    def preview(self):
        self.asked += 1
        if not self.there:
            self.again.set()
            raise CameraAbsent("gone")
        return b"\xff\xd8 %d" % self.asked


@pytest.fixture
def lens():
    return Lens()


@pytest.fixture
def live(lens):
    made = Live(lens)
    made.worker.start()
    yield made
    made.worker.stop()
    made.worker.join(5)


def test_nobody_looks_and_nothing_is_asked_of_the_camera(live, lens):
    assert live.next(0, 0.0) is None
    live.next(0, 5)
    time_was = lens.asked
    assert time_was >= 1


def test_each_viewer_gets_the_next_one(live):
    first = live.next(0, 5)
    second = live.next(first.number, 5)
    assert second.number > first.number
    assert second.jpeg != first.jpeg
    assert second.taken_at_s > first.taken_at_s


def test_two_viewers_share_the_pictures(live, lens):
    numbers = {1: [], 2: []}

    def look(viewer):
        last = 0
        for _ in range(12):
            frame = live.next(last, 5)
            last = frame.number
            numbers[viewer].append(last)

    viewers = [threading.Thread(target=look, args=(viewer,)) for viewer in numbers]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(20)
    assert all(len(seen) == 12 for seen in numbers.values())
    assert lens.asked < 24


def test_who_is_slow_misses_some_and_gets_the_newest(live):
    quick = live.next(0, 5)
    slow = quick.number
    for _ in range(6):
        quick = live.next(quick.number, 5)
    assert live.next(slow, 5).number >= quick.number


def test_a_camera_that_is_gone_is_tried_again_and_comes_back(live, lens):
    last = live.next(0, 5).number
    lens.there = False
    assert lens.again.wait(5)
    waited = live.next(last + 1000, 0.3)
    assert waited is None
    lens.there = True
    back = live.next(last + 1, WATCHED_S * 2)
    assert back.number > last


def test_it_ends_at_once_for_all_who_wait(live, lens):
    lens.there = False
    got = []
    waiter = threading.Thread(target=lambda: got.append(live.next(0, 30)))
    waiter.start()
    assert lens.again.wait(5)
    live.worker.stop()
    began = time.monotonic()
    waiter.join(10)
    assert got == [None]
    assert time.monotonic() - began < 10
