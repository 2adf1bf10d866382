"""Names refuse to be wrong; a topic parses to what built it."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import identity, topics
from contracts.errors import InvalidName

BOXES = st.text("abcdefghijkmnpqrstuvwxyz23456789", min_size=8, max_size=32)
SUBJECTS = st.sampled_from([*topics.Up, *topics.Down])


@given(BOXES, SUBJECTS)
def test_a_topic_parses_to_what_built_it(box: str, subject: topics.Up | topics.Down) -> None:
    text = topics.topic(box, subject)
    parsed = topics.parse(text)
    assert (parsed.box, parsed.subject) == (box, subject)
    assert str(parsed) == text
    assert text.count("/") == 5


@given(st.text(max_size=60))
def test_any_text_is_a_topic_or_refused(text: str) -> None:
    try:
        assert str(topics.parse(text)) == text
    except InvalidName:
        return


@pytest.mark.parametrize(
    "text",
    [
        "pue/v1/00/k7m2p9x4w3ab/up/nothing",
        "pue/v1/00/k7m2p9x4w3ab/sideways/health",
        "pue/v1/00/K7M2P9X4W3AB/up/health",
        "pue/v2/00/k7m2p9x4w3ab/up/health",
        "pue/v1/zz/k7m2p9x4w3ab/up/health",
        "pue/v1/00/#/up/health",
        "pue/v1/00/k7m2p9x4w3ab/up/health/more",
    ],
)
def test_topics_outside_the_grammar_are_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        topics.parse(text)


def test_a_box_cannot_speak_on_a_foreign_shard() -> None:
    right = topics.topic("k7m2p9x4w3ab", topics.Up.HEALTH)
    shard = right.split("/")[2]
    wrong = right.replace(f"/{shard}/", f"/{(int(shard, 16) + 1) % 16:02x}/")
    with pytest.raises(InvalidName, match="shard"):
        topics.parse(wrong)


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_ids_are_uuid_version_7_and_sort_by_time(ms: int, random: bytes) -> None:
    text = identity.make_id(ms, random)
    assert identity.unique_id(text) == text
    value = uuid.UUID(text)
    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert int(text.replace("-", "")[:12], 16) == ms


@pytest.mark.parametrize(
    "text", ["", "short", "UPPERCASE1", "with space", "a" * 33, "box/../../etc", "é" * 9]
)
def test_a_box_name_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidName, match="8 to 32"):
        identity.box_name(text)


def test_site_names_and_numbers() -> None:
    assert identity.site_name("a074-1") == "a074-1"
    assert identity.provisional_number("a074-1", 2026, 12) == "A074-1/2026/000012"
    with pytest.raises(InvalidName, match="Belfiore"):
        identity.site_name("aglie-1")


def test_shards_cover_all_and_stay() -> None:
    boxes = [f"box{n:09d}" for n in range(2000)]
    assert len({identity.shard_of(box) for box in boxes}) == identity.SHARDS
    assert identity.shard_of("k7m2p9x4w3ab") == identity.shard_of("k7m2p9x4w3ab", 16)
