from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.devices.barcode.lines import LineCutter

TEXT = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=60)


@given(st.lists(TEXT, max_size=10), st.lists(st.integers(1, 30), min_size=1, max_size=50))
def test_cut_anywhere_the_same_lines_come_out(codes, sizes):
    stream = "".join(code + "\r" for code in codes).encode()
    cutter, heard, at, turn = LineCutter(b"\r", 1.0), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        lines, dropped = cutter.feed(stream[at : at + size], now_s=0.0)
        assert not dropped
        heard += lines
        at, turn = at + size, turn + 1
    assert heard == codes


def test_a_pause_within_a_code_drops_its_beginning():
    cutter = LineCutter(b"\r", 1.0)
    assert cutter.feed(b"HALF", 0.0) == ([], False)
    assert cutter.feed(b"", 0.9) == ([], False)
    assert cutter.feed(b"WHOLE\r", 2.0) == (["WHOLE"], True)


def test_a_slow_code_without_a_pause_is_whole():
    cutter = LineCutter(b"\r", 1.0)
    for number in range(10):
        assert cutter.feed(b"x", number * 0.9) == ([], False)
    assert cutter.feed(b"\r", 9.0) == (["x" * 10], False)


def test_a_flood_without_terminator_costs_no_memory_and_its_tail_is_no_code():
    cutter = LineCutter(b"\r", 1.0, limit_bytes=100)
    assert cutter.feed(b"y" * 150, 0.0) == ([], True)
    assert cutter.feed(b"tail\r", 0.1) == ([], True)
    assert cutter.feed(b"next\r", 0.2) == (["next"], False)


def test_line_feeds_blanks_and_empty_lines_are_no_code():
    cutter = LineCutter(b"\r", 1.0)
    assert cutter.feed(b"\n ABC \r\n\r\r", 0.0) == (["ABC"], False)
    assert cutter.feed(b"\n", 0.0) == ([], False)
    assert cutter.feed(b"", 5.0) == ([], False)


@given(st.lists(st.tuples(st.binary(max_size=300), st.floats(0, 2)), max_size=30))
def test_any_bytes_at_any_time_give_bounded_text(events):
    cutter, now_s = LineCutter(b"\r\n", 1.0, limit_bytes=200), 0.0
    for data, pause_s in events:
        now_s += pause_s
        lines, _ = cutter.feed(data, now_s)
        assert all(0 < len(line) <= 200 for line in lines)


def test_a_terminator_is_needed():
    with pytest.raises(ValueError, match="terminator"):
        LineCutter(b"", 1.0)
