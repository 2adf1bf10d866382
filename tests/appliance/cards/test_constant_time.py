"""Where secrets meet, one function compares them, and it takes the same time whatever they are.

Shown by a liar in its place: when it says yes to everything, what is wrong is accepted. So nothing else has compared.
"""

from __future__ import annotations

import hmac

import pytest

from appliance.cards.agreement import DhAgreement
from appliance.cards.apdu import Command, Response
from appliance.cards.bac import BacCard, BacReader
from appliance.cards.cipher import Suite
from appliance.cards.dh_groups import by_standard_number
from appliance.cards.pace import PaceParty
from appliance.cards.secure_messaging import SecureMessaging

LINES = b"L898902C<369080619406236"
READ = Command(0x00, 0xB0, 0, 0, b"", 8)


def spoilt(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def counting(count: int) -> bytes:
    return bytes(range(1, count + 1))


def open_answer():
    reader, card = (SecureMessaging.from_secret(Suite.AES_128, b"agreed") for _ in range(2))
    card.open_command(Command.decode(reader.protect(READ).encode()))
    sealed = card.seal_response(Response(b"content", 0x9000))
    return reader.open(Response(spoilt(sealed.data), sealed.status_word))


def open_command():
    reader, card = (SecureMessaging.from_secret(Suite.AES_128, b"agreed") for _ in range(2))
    sealed = reader.protect(READ)
    return card.open_command(Command(sealed.cla, sealed.ins, sealed.p1, sealed.p2, spoilt(sealed.data), 256))


def bac_reply():
    """Neither the MAC nor the random numbers in it are right."""
    reader = BacReader(LINES, counting)
    reader.authenticate(bytes(8))
    return reader.finish(bytes(40))


def bac_request():
    card = BacCard(LINES, counting)
    card.challenge()
    return card.answer(bytes(40))


def pace_token():
    oid = bytes.fromhex("04007F00070202040102")
    agreement = DhAgreement(by_standard_number(2))
    reader = PaceParty(oid, agreement, b"123456", counting)
    card = PaceParty(oid, agreement, b"123456", lambda count: counting(count)[::-1])
    card.make_nonce()
    reader.set_nonce(bytes(16))
    mapping = reader.mapping_key(), card.mapping_key()
    reader.map_with(mapping[1])
    card.map_with(mapping[0])
    reader.ephemeral_key()
    reader.agree_with(card.ephemeral_key())
    return reader.accept_token(bytes(8))


MEETINGS = [open_answer, open_command, bac_reply, bac_request, pace_token]


def outcome(meeting):
    try:
        return meeting()
    except Exception as refusal:  # noqa: BLE001 - each has its own way to refuse
        return refusal


@pytest.mark.parametrize("meeting", MEETINGS, ids=lambda it: it.__name__)
def test_nothing_but_the_function_of_constant_time_decides(meeting, monkeypatch):
    honest = outcome(meeting)
    assert honest is None or isinstance(honest, Exception)
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    deceived = outcome(meeting)
    assert deceived is not None
    assert not isinstance(deceived, Exception), deceived
