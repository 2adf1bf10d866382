"""Reading what a box sends, and counting what is on disk: pure, whatever comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec, topics
from contracts.errors import InvalidMessage, PueError
from contracts.identity import shard_of
from contracts.messages.report import Birth, Goodbye, Health
from contracts.topics import Down, Up
from fleet.link import router, watermark
from fleet.link.router import Router
from fleet.link.watermark import MAX_BEYOND, Mark, advance, give_up
from tests.fleet.fleet_house import BOOT, birth, health, new_id

BOX = "boxdiprova23"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PATIENCE = timedelta(minutes=15)

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
one_field = st.sampled_from(
    ["v", "ts", "boot", "seq", "uptime_s", "processor", "devices", "failed", "outbox"]
)


def test_each_subject_has_its_message():
    assert isinstance(router.read(topics.topic(BOX, Up.HEALTH), codec.encode(health(1)))[2], Health)
    born = birth(new_id())
    assert isinstance(router.read(topics.topic(BOX, Up.STATUS), codec.encode(born))[2], Birth)
    gone = Goodbye(ts=1, boot=BOOT, connection=born.connection, why="link")
    assert isinstance(router.read(topics.topic(BOX, Up.STATUS), codec.encode(gone))[2], Goodbye)


@given(st.sampled_from(list(Up)), st.binary(max_size=400))
def test_garbage_is_refused_by_us_and_by_nobody_else(subject, payload):
    with pytest.raises(PueError):
        router.read(topics.topic(BOX, subject), payload)


@given(st.sampled_from(list(Up)), json_like)
def test_any_json_is_refused_or_read(subject, value):
    try:
        router.read(topics.topic(BOX, subject), msgspec.json.encode(value))
    except PueError:
        return


@given(one_field, json_like)
def test_a_report_with_one_strange_field_is_refused_or_read(field, value):
    plain = codec.to_plain(health(1)) | {field: value}
    try:
        message = router.read(topics.topic(BOX, Up.HEALTH), msgspec.json.encode(plain))[2]
    except InvalidMessage:
        return
    assert isinstance(message, Health)


@given(st.text(max_size=60))
def test_any_topic_is_refused_or_ours(text):
    with pytest.raises(PueError):
        router.read(text, b"{}")


@pytest.mark.parametrize(
    "topic",
    [
        topics.topic(BOX, Down.ORDER),
        topics.NOTICE,
        f"pue/v1/zz/{BOX}/up/health",
        f"pue/v1/{shard_of('altro0000000')}f/{BOX}/up/health",
        f"pue/v1/{shard_of(BOX)}/{BOX}/up/health/more",
    ],
)
def test_a_topic_a_box_does_not_speak_on_is_refused(topic):
    with pytest.raises(PueError):
        router.read(topic, codec.encode(health(1)))


def test_a_subject_nobody_listens_to_is_refused():
    with pytest.raises(InvalidMessage):
        Router({}).handler(Up.HEALTH)


# ---- the watermark


def after(*numbers, mark=None):
    mark = mark or Mark()
    for number in numbers:
        mark = advance(mark, number, NOON)
    return mark


@given(st.permutations(range(1, 12)))
def test_in_any_order_the_mark_ends_at_the_last_number(numbers):
    mark = Mark()
    for index, number in enumerate(numbers):
        mark = advance(mark, number, NOON)
        seen = set(numbers[: index + 1])
        assert set(range(1, mark.stored + 1)) <= seen
        assert mark.stored + 1 not in seen
    assert mark == Mark(11)


def test_a_number_seen_before_changes_nothing():
    mark = after(1, 2, 5)
    assert after(1, 2, 5, 5, mark=mark) == mark


def test_a_hole_is_given_up_only_when_patience_has_ended_and_then_aloud():
    mark = after(1, 4, 5, 9)
    assert give_up(mark, NOON + PATIENCE - timedelta(seconds=1), PATIENCE) == (mark, range(0))
    closed, lost = give_up(mark, NOON + PATIENCE, PATIENCE)
    assert (closed.stored, closed.beyond, list(lost)) == (5, (9,), [2, 3])
    # The next hole has its own patience.
    assert give_up(closed, NOON + PATIENCE, PATIENCE)[1] == range(0)
    assert give_up(closed, NOON + 2 * PATIENCE, PATIENCE)[0] == Mark(9)


def test_a_box_that_jumps_about_does_not_fill_the_memory():
    mark = Mark(0, tuple(range(2, MAX_BEYOND + 4)), NOON)
    closed, lost = give_up(mark, NOON, PATIENCE)
    assert (list(lost), closed.beyond) == ([1], ())


def test_enormous_numbers_are_numbers_too():
    mark, lost = give_up(after(1, 1 << 62), NOON + PATIENCE, PATIENCE)
    assert bool(lost)
    assert mark.stored == 1 << 62
    assert watermark.advance(mark, 3, NOON) == mark
