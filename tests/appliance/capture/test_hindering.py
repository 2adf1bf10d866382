"""A hand or a lamp is told of while it is there, and nothing is photographed under it."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from appliance.capture.hindering import hindrance
from appliance.capture.jobs import Look
from appliance.capture.looking import Looking
from appliance.capture.outline import find
from appliance.capture.watching import HOLDS_S, Calm, Hint
from appliance.devices.camera import scene

EVERY_S = 0.1
CORNERS = ((0.08, 0.06), (0.92, 0.06), (0.92, 0.94), (0.08, 0.94))


def jpeg(tick, **lay):
    return scene.frame_jpeg(scene.small(scene.desk_with(scene.sample_page(), scene.Lay(**lay))), tick, 75)


def picture(**lay):
    return cv2.imdecode(np.frombuffer(jpeg(3, **lay), np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    ("lay", "told"),
    [({}, None), ({"hand": True}, Hint.FINGER), ({"lamp": True}, Hint.GLARE), ({"aside": True}, None)],
)
def test_hands_and_lamps_are_told_apart(lay, told):
    frame = picture(**lay)
    assert hindrance(frame, find(frame).corners) is told


def test_of_a_hand_and_a_lamp_the_hand_is_told_of_first():
    frame = picture(hand=True, lamp=True)
    assert hindrance(frame, find(frame).corners) is Hint.FINGER


def sheet(paper=(246, 247, 248)):
    """A live picture that a sheet fills, text in its upper half."""
    frame = np.full((640, 480, 3), 40, np.uint8)
    cv2.rectangle(frame, (38, 38), (442, 602), paper, -1)
    for line in range(70, 300, 12):
        cv2.putText(frame, "la persona chiede e dichiara che", (70, line), 0, 0.45, (40, 40, 40), 1)
    return frame


def test_a_lamp_in_an_empty_margin_harms_nobody():
    frames = {}
    for name, at in (("text", (200, 180)), ("margin", (240, 480))):
        lit = cv2.convertScaleAbs(sheet(), alpha=0.9)
        cv2.ellipse(lit, at, (34, 26), 0, 0, 360, (255, 255, 255), -1)
        frames[name] = hindrance(lit, CORNERS)
    assert frames == {"text": Hint.GLARE, "margin": None}


def test_skin_coloured_paper_is_no_hand():
    assert hindrance(sheet((150, 180, 222)), CORNERS) is None


def test_corners_that_make_no_sheet_hinder_nothing():
    assert hindrance(sheet(), ((0.1, 0.1),) * 4) is None


def test_nothing_is_photographed_while_a_hand_holds_the_sheet():
    looking, at = Looking(), itertools.count(1)

    def seen(count, **lay):
        return [
            looking.look(Look(frame=jpeg(tick, **lay), at_s=tick * EVERY_S))
            for tick in itertools.islice(at, count)
        ]

    held, free = seen(14, hand=True), seen(20)
    assert not any(look.shoot for look in held)
    assert held[-1].hint == Hint.FINGER
    assert sum(look.shoot for look in free) == 1


def test_a_hint_stays_long_enough_to_be_read():
    calm, told = Calm(), []
    flicker = [Hint.FINGER, Hint.HOLD_STILL, Hint.MOVING, Hint.FINGER, *[Hint.HOLD_STILL] * 12]
    for at, hint in enumerate(flicker):
        told.append(calm.told(hint, at * EVERY_S))
    changes = [at for at in range(1, len(told)) if told[at] is not told[at - 1]]
    assert changes == [round(HOLDS_S / EVERY_S)]
    assert told[-1] is Hint.HOLD_STILL


def test_a_photograph_is_said_at_once():
    calm = Calm()
    assert [calm.told(hint, 0.1 * at) for at, hint in enumerate((Hint.HOLD_STILL, Hint.READY))][
        -1
    ] is Hint.READY


def test_a_clock_that_begins_anew_keeps_no_old_hint():
    calm = Calm()
    calm.told(Hint.FINGER, 900.0)
    assert calm.told(Hint.HOLD_STILL, 0.5) is Hint.HOLD_STILL
