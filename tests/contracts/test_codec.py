"""The codec: equal values give equal bytes, garbage gives our error and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.errors import InvalidMessage
from contracts.messages.report import Goodbye, Health, Stored

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.integers(0, 2**53), st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=5))
def test_what_is_unknown_comes_back_unchanged(seq: int, extra: dict[str, object]) -> None:
    plain = {key: value for key, value in extra.items() if key not in {"seq", "v", "residue"}}
    given_bytes = json.dumps({**plain, "seq": seq, "v": 1}).encode()
    message = codec.decode(Stored, given_bytes)
    assert message.seq == seq
    assert json.loads(codec.encode(message)) == {**plain, "seq": seq, "v": 1}


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        codec.decode(Goodbye, data)
    except InvalidMessage as refused:
        assert refused.code == "message.invalid"  # noqa: PT017 - the point is that nothing else is raised


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        codec.decode(Health, json.dumps(value).encode())
    except InvalidMessage as refused:
        assert refused.facts["kind"] == "Health"  # noqa: PT017


def test_order_of_keys_does_not_change_the_bytes() -> None:
    one = codec.decode(Stored, b'{"seq": 4, "v": 1, "b": 1, "a": 2}')
    two = codec.decode(Stored, b'{"a":2,"b":1,"v":1,"seq":4}')
    assert codec.encode(one) == codec.encode(two) == b'{"a":2,"b":1,"seq":4,"v":1}'


def test_a_changed_field_wins_over_what_arrived() -> None:
    import msgspec

    arrived = codec.decode(Stored, b'{"seq": 4, "v": 1, "later": true}')
    assert codec.encode(msgspec.structs.replace(arrived, seq=9)) == b'{"later":true,"seq":9,"v":1}'


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(InvalidMessage, match="at most 65536") as refused:
        codec.decode(Stored, b" " * (codec.MAX_MESSAGE_BYTES + 1))
    assert refused.value.facts["limit_bytes"] == codec.MAX_MESSAGE_BYTES


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[]", "must be a JSON object"),
        (b"nonsense", "not JSON"),
        (b'{"v": 1}', "missing required field `seq`"),
        (b'{"seq": "4"}', "Expected `int`"),
        (b'{"seq": -1}', ">= 0"),
        (b"[" * 5000, "not JSON"),
    ],
)
def test_a_refusal_says_what_is_wrong(data: bytes, says: str) -> None:
    with pytest.raises(InvalidMessage, match=says):
        codec.decode(Stored, data)
