"""Calls that may take for ever, waited for only so long."""

from __future__ import annotations

import threading

from appliance.devices.card_reader.asking import Asking


def test_questions_are_answered_one_after_the_other():
    asking = Asking(lambda command: (0, command[::-1]))
    assert [asking.ask([1, number], 5) for number in range(3)] == [(0, [number, 1]) for number in range(3)]
    ended = []
    asking.end(lambda: ended.append(threading.current_thread()))
    assert ended == [threading.current_thread()]


def test_a_call_that_does_not_end_is_left_and_cleaned_up_behind():
    free, ended = threading.Event(), threading.Event()

    def call(command):
        free.wait()
        return 0, command

    asking = Asking(call)
    assert asking.ask([1], 0.01) is None
    asking.end(ended.set)
    assert not ended.is_set()
    free.set()
    assert ended.wait(5)
