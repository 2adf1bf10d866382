"""Commands, responses and data objects: what is built is read back, and garbage raises our error only."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards import tlv
from appliance.cards.apdu import Command, Response
from appliance.cards.errors import MalformedData

BYTE = st.integers(0, 255)
EXPECTED = st.none() | st.integers(1, 65536)
TAGS = st.sampled_from([0x02, 0x30, 0x61, 0x7C, 0x5F1F, 0x7F61, 0x7F49, 0x9F8101])


@given(BYTE, BYTE, BYTE, BYTE, st.binary(max_size=700), EXPECTED, st.booleans())
def test_a_command_is_read_as_it_was_written(cla, ins, p1, p2, data, expected, extended):
    command = Command(cla, ins, p1, p2, data, expected, extended)
    assert Command.decode(command.encode()) == command


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_our_error(raw):
    with contextlib.suppress(MalformedData):
        assert Command.decode(raw).encode() == raw


@pytest.mark.parametrize(
    ("command", "raw"),
    [
        (Command(0x00, 0xA4, 0x00, 0x0C), "00A4000C"),
        (Command(0x00, 0x84, 0x00, 0x00, b"", 8), "0084000008"),
        (Command(0x00, 0xB0, 0x00, 0x00, b"", 256), "00B0000000"),
        (Command(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex("A0000002471001")), "00A4040C07A0000002471001"),
        (Command(0x10, 0x86, 0x00, 0x00, b"\x7c\x00", 256), "10860000027C0000"),
        (Command(0x00, 0xB0, 0x00, 0x00, b"", 65536), "00B00000000000"),
        (Command(0x00, 0xB0, 0x00, 0x00, b"", 16, extended=True), "00B00000000010"),
        (Command(0x00, 0x86, 0x00, 0x00, b"\x01\x02", 16, extended=True), "0086000000000201020010"),
    ],
)
def test_the_shapes_of_iso_7816(command, raw):
    assert command.encode().hex().upper() == raw


@given(st.binary(max_size=600), st.integers(0, 0xFFFF))
def test_a_response_is_read_as_it_was_written(data, status_word):
    response = Response(data, status_word)
    assert Response.decode(response.encode()) == response


def test_a_response_without_status_word_is_refused():
    with pytest.raises(MalformedData):
        Response.decode(b"\x90")


def test_data_stay_out_of_what_a_log_could_print():
    assert "SECRET" not in repr(Command(0, 0, 0, 0, b"SECRET")) + repr(Response(b"SECRET", 0x9000))
    assert "SECRET" not in repr(tlv.parse(tlv.build(0x04, b"SECRET")))


@given(st.lists(st.tuples(TAGS, st.binary(max_size=400)), max_size=6))
def test_objects_are_read_as_they_were_built(objects):
    raw = b"".join(tlv.build(tag, value) for tag, value in objects)
    found = tlv.parse(raw)
    assert [(item.tag, item.value) for item in found] == objects
    assert b"".join(item.raw for item in found) == raw


@given(st.binary(max_size=200))
def test_any_bytes_are_objects_or_our_error(raw):
    with contextlib.suppress(MalformedData):
        assert b"".join(item.raw for item in tlv.parse(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "61",  # no length
        "6180",  # indefinite
        "6185FFFFFFFFFF",  # five length bytes
        "61820001",  # value missing
        "6105AABB",  # value cut short
        "5F",  # tag cut short
        "5F81818101",  # tag too long
        "7F6182FFFF00",
    ],
)
def test_broken_objects_are_refused(raw):
    with pytest.raises(MalformedData):
        tlv.parse(bytes.fromhex(raw))


def test_a_header_tells_the_length_of_a_file_not_read_yet():
    header = tlv.read_header(bytes.fromhex("7582 7D00 7F61".replace(" ", "")))
    assert (header.tag, header.header_bytes, header.total_bytes) == (0x75, 4, 32004)
