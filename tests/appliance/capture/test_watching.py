"""A page is photographed once, when it lies still: sequences of pictures as a desk gives them."""

from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from appliance.capture.outline import Finding, find
from appliance.capture.watching import Hint, Watcher
from appliance.devices.camera import scene

_tick = itertools.count(1)


def looks(page=None, count=1, shift=0, **lay):
    """Live pictures of a desk."""
    desk = scene.small(scene.desk_with(scene.sample_page(page) if page else None, scene.Lay(**lay)))
    for _ in range(count):
        jpeg = scene.frame_jpeg(desk, next(_tick), 75)
        frame = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        yield np.roll(frame, shift, 1)


def watch(watcher, *sequences):
    return [
        watcher.see(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), find(frame))
        for frame in itertools.chain(*sequences)
    ]


@pytest.fixture
def watcher():
    return Watcher()


def shots(moments):
    return [at for at, moment in enumerate(moments) if moment.shoot]


def test_a_still_sheet_is_photographed_once(watcher):
    moments = watch(watcher, looks(None, 3), looks(1, 20))
    assert len(shots(moments)) == 1
    assert moments[0].hint is Hint.SHEET_MISSING
    assert moments[shots(moments)[0]].hint is Hint.READY
    assert {moment.hint for moment in moments[shots(moments)[0] + 1 :]} == {Hint.NEXT_SHEET}


def test_a_lamp_that_flickers_is_no_movement(watcher):
    flicker = [
        np.clip(frame.astype(int) + 6 * (at % 3), 0, 255).astype(np.uint8)
        for at, frame in enumerate(looks(1, 14))
    ]
    assert len(shots(watch(watcher, flicker))) == 1


def test_steadiness_grows_to_one(watcher):
    steady = [moment.steady for moment in watch(watcher, looks(1, 12))]
    rising = steady[: steady.index(1.0) + 1]
    assert rising == sorted(rising)


def test_the_next_sheet_is_another_one(watcher):
    moments = watch(watcher, looks(1, 12), looks(2, 12))
    assert len(shots(moments)) == 2


def test_the_same_sheet_taken_away_and_laid_back_is_photographed_again_only_then(watcher):
    assert len(shots(watch(watcher, looks(1, 12), looks(1, 8)))) == 1
    assert len(shots(watch(watcher, looks(None, 4), looks(1, 12)))) == 1


def test_a_moving_sheet_is_not_photographed(watcher):
    moments = watch(watcher, *[looks(1, 1, shift=9 * step) for step in range(12)])
    assert shots(moments) == []
    assert Hint.MOVING in {moment.hint for moment in moments}


@pytest.mark.parametrize(
    ("lay", "hint"), [({"cut": True}, Hint.SHEET_CUT_LEFT), ({"blurred": True}, Hint.BLURRED)]
)
def test_a_sheet_that_lies_badly_is_said_and_not_photographed(watcher, lay, hint):
    moments = watch(watcher, looks(1, 12, **lay))
    assert shots(moments) == []
    assert moments[-1].hint is hint


def test_darkness_is_said(watcher):
    dark = np.full((640, 480, 3), 8, np.uint8)
    assert watch(watcher, [dark] * 3)[-1].hint is Hint.TOO_DARK


def test_two_sheets_are_said_and_not_photographed(watcher):
    moments = []
    for frame in looks(1, 10):
        alone = find(frame)
        both = dataclasses.replace(alone, finding=Finding.SEVERAL)
        moments.append(watcher.see(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), both))
    assert {moment.hint for moment in moments} == {Hint.SEVERAL}
    assert shots(moments) == []


def card(side, count):
    """Live pictures of a card on the mat, its two sides printed differently."""
    frame = np.full((360, 640, 3), 45, np.uint8)
    cv2.rectangle(frame, (160, 90), (160 + 300, 90 + 189), (236, 233, 228), -1)
    for row in range(6):
        left, top = (190 + 60 * (row % 2), 115 + 24 * row) if side == 1 else (330 - 20 * row, 120 + 22 * row)
        cv2.rectangle(frame, (left, top), (left + 90, top + 9), (40, 40, 50), -1)
    for _ in range(count):
        noise = np.random.default_rng(next(_tick)).integers(-1, 2, frame.shape, np.int16)
        yield (frame + noise).astype(np.uint8)


def test_after_one_side_of_a_card_the_other_is_asked_for(watcher):
    moments = watch(watcher, card(1, 12), card(2, 12))
    first, second = shots(moments)
    assert {moment.hint for moment in moments[first + 1 : 12]} == {Hint.TURN_OVER}
    assert {moment.hint for moment in moments[second + 1 :]} == {Hint.NEXT_SHEET}
