"""The verdict of liveness as a table: what was heard, what time it is, what we say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages.report import Presence
from fleet.health.liveness import Heard, Life, judge
from fleet.settings import Liveness

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = Liveness()  # late after 1.5 intervals + 20 s, offline after 3 + 20 s, lost after 3 days, grace 120 s
EVERY_S = 60
DAY_S = 86_400


def verdict(silent_s, *, presence=Presence.ONLINE, gone_s=None, listening_s=DAY_S * 30, every_s=EVERY_S):
    heard = Heard(
        heard_at=None if silent_s is None else NOON - timedelta(seconds=silent_s),
        presence=presence,
        presence_at=None if gone_s is None else NOON - timedelta(seconds=gone_s),
        expected_s=every_s,
    )
    return judge(heard, now=NOON, listening_since=NOON - timedelta(seconds=listening_s), rules=RULES)


@pytest.mark.parametrize(
    ("silent_s", "how", "word"),
    [
        (None, {"presence": None}, Life.NEVER),
        (0, {}, Life.ONLINE),
        (109, {}, Life.ONLINE),
        (110, {}, Life.LATE),
        (199, {}, Life.LATE),
        (200, {}, Life.OFFLINE),
        (3 * DAY_S - 1, {}, Life.OFFLINE),
        (3 * DAY_S, {}, Life.LOST),
        # Its own interval counts, not a fixed grace.
        (400, {"every_s": 300}, Life.ONLINE),
        (500, {"every_s": 300}, Life.LATE),
        (920, {"every_s": 300}, Life.OFFLINE),
        # It said goodbye, or its will came: no waiting.
        (5, {"presence": Presence.OFFLINE, "gone_s": 1}, Life.OFFLINE),
        (4 * DAY_S, {"presence": Presence.OFFLINE, "gone_s": 4 * DAY_S}, Life.LOST),
        # We were away: first wait, then count only what we could have heard.
        (3600, {"listening_s": 1}, Life.UNKNOWN),
        (3600, {"listening_s": 119}, Life.UNKNOWN),
        (3600, {"listening_s": 121}, Life.OFFLINE),
        (3600, {"listening_s": 121, "every_s": 300}, Life.LATE),
        (3600, {"listening_s": 500, "every_s": 300}, Life.OFFLINE),
        (30, {"listening_s": 1}, Life.ONLINE),
    ],
)
def test_the_table(silent_s, how, word):
    assert verdict(silent_s, **how) is word


DECAY = [Life.ONLINE, Life.LATE, Life.OFFLINE, Life.LOST]


@given(st.integers(0, 10 * DAY_S), st.integers(0, DAY_S), st.integers(1, 3600))
def test_silence_never_makes_a_box_look_better(silent_s, more_s, every_s):
    before, after = verdict(silent_s, every_s=every_s), verdict(silent_s + more_s, every_s=every_s)
    assert DECAY.index(before) <= DECAY.index(after)


@given(st.integers(0, 119), st.integers(121, 10 * DAY_S))
def test_while_the_fleet_has_just_begun_to_listen_silence_blames_nobody(listening_s, silent_s):
    assert verdict(silent_s, listening_s=listening_s) in {Life.UNKNOWN, Life.ONLINE}
