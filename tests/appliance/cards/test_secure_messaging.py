"""Protected sessions: both sides agree on anything, and any change ends the session."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards import tlv
from appliance.cards.apdu import Command, Response
from appliance.cards.cipher import Suite
from appliance.cards.errors import MalformedData, SecureMessagingLost
from appliance.cards.secure_messaging import SecureMessaging

SUITES = st.sampled_from(Suite)


def pair(suite: Suite) -> tuple[SecureMessaging, SecureMessaging]:
    return SecureMessaging.from_secret(suite, b"agreed"), SecureMessaging.from_secret(suite, b"agreed")


@given(
    SUITES,
    st.sampled_from([0xA4, 0xB0, 0xB1, 0x22]),
    st.binary(max_size=500),
    st.none() | st.integers(1, 4000),
    st.binary(max_size=500),
)
def test_both_sides_agree(suite, ins, data, expected, answer):
    reader, card = pair(suite)
    command = Command(0x00, ins, 1, 2, data, expected)
    for _ in range(2):
        seen = card.open_command(Command.decode(reader.protect(command).encode()))
        assert (seen.ins, seen.data, seen.expected) == (ins, data, expected)
        response = Response(answer, 0x9000)
        sealed = card.seal_response(response, odd=bool(ins & 1))
        assert reader.open(Response.decode(sealed.encode())) == response


@given(SUITES, st.binary(min_size=1, max_size=60), st.data())
def test_any_changed_bit_ends_the_session(suite, answer, data):
    reader, card = pair(suite)
    reader.protect(Command(0x00, 0xB0, 0, 0, b"", 100))
    card._step()
    sealed = bytearray(card.seal_response(Response(answer, 0x9000)).encode())
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SecureMessagingLost):
        reader.open(Response.decode(bytes(sealed)))
    with pytest.raises(SecureMessagingLost, match="already_ended"):
        reader.protect(Command(0x00, 0xB0, 0, 0, b"", 100))


@given(SUITES, st.binary(max_size=80))
def test_garbage_from_the_card_ends_the_session(suite, garbage):
    reader, _ = pair(suite)
    reader.protect(Command(0x00, 0xB0, 0, 0, b"", 100))
    with pytest.raises(SecureMessagingLost):
        reader.open(Response(garbage, 0x9000))


@pytest.mark.parametrize("status_word", [0x9000, 0x6988, 0x6A82])
def test_a_plain_status_is_never_believed(status_word):
    reader, _ = pair(Suite.TRIPLE_DES)
    reader.protect(Command(0x00, 0xB0, 0, 0, b"", 8))
    with pytest.raises(SecureMessagingLost) as caught:
        reader.open(Response(b"", status_word))
    assert caught.value.status_word == status_word


def test_a_response_is_not_accepted_twice():
    reader, card = pair(Suite.AES_128)
    command = Command(0x00, 0xB0, 0, 0, b"", 8)
    card.open_command(reader.protect(command))
    sealed = card.seal_response(Response(b"12345678", 0x9000))
    reader.open(sealed)
    reader.protect(command)
    with pytest.raises(SecureMessagingLost):
        reader.open(sealed)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "sm_missing"), (tlv.build(0x97, b"\x08"), "sm_missing"), (tlv.build(0x8E, bytes(8)), "sm_wrong")],
)
def test_the_card_refuses_commands_without_a_right_mac(data, reason):
    _, card = pair(Suite.TRIPLE_DES)
    with pytest.raises(MalformedData) as caught:
        card.open_command(Command(0x0C, 0xB0, 0, 0, data, 256))
    assert caught.value.facts["reason"] == reason


def test_the_card_refuses_a_command_whose_header_was_changed():
    reader, card = pair(Suite.AES_256)
    protected = reader.protect(Command(0x00, 0xB0, 0, 0, b"", 8))
    with pytest.raises(MalformedData):
        card.open_command(dataclasses.replace(protected, p2=4))
