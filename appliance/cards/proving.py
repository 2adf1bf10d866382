"""The chip's own proof that it is the original, as commands.

Chip authentication (BSI TR-03110-3 B.3) and active authentication (ICAO 9303-11 §6.1).
"""

from __future__ import annotations

from appliance.cards import lds, tlv
from appliance.cards.active_authentication import CHALLENGE_BYTES, ActiveKey
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import Command, Instruction
from appliance.cards.channel import Channel
from appliance.cards.chip_authentication import ChipAuthenticationReader
from appliance.cards.cipher import Suite
from appliance.cards.errors import CardRefused, MalformedData, SecureMessagingLost, Unsupported
from appliance.cards.evidence import ChipProof
from appliance.cards.security_infos import ChipKey
from appliance.cards.steps import SHORT_RESPONSE_BYTES, Exchange

_KEY_OBJECT_BYTES = 12
"""Tags and lengths around an ephemeral key, and the key's identifier."""


def chip_authentication(channel: Channel, key: ChipKey, random_bytes: RandomBytes) -> Exchange[ChipProof]:
    """Agree on a new session with the chip's signed key; afterwards the channel speaks in it."""
    party = ChipAuthenticationReader(key, random_bytes)
    in_blocks, agreed = not channel.carries(len(party.ephemeral) + _KEY_OBJECT_BYTES), False
    try:
        yield from _agree_with_chip(channel, key, party.ephemeral, in_blocks=in_blocks)
        agreed = True
        channel.session = party.session()
        # the proof: any protected answer under the new keys
        yield from channel.send_ok(
            Command(0x00, Instruction.SELECT, 0x02, 0x0C, lds.group_file(1).to_bytes(2, "big")),
            "chip_proof",
        )
    except (CardRefused, MalformedData, SecureMessagingLost):
        # A chip may know no chained commands: to have refused them, through a small reader, proves nothing.
        return ChipProof.NOT_POSSIBLE if in_blocks and not agreed else ChipProof.FAILED
    except Unsupported:
        return ChipProof.NOT_POSSIBLE
    return ChipProof.PROVEN


def _agree_with_chip(channel: Channel, key: ChipKey, ephemeral: bytes, *, in_blocks: bool) -> Exchange[None]:
    """3DES: one MSE:Set KAT. AES: MSE:Set AT, then GENERAL AUTHENTICATE. TR-03110-3 B.3."""
    identifier = b"" if key.key_id is None else tlv.build(0x84, bytes([key.key_id & 0xFF]))
    manage = Instruction.MANAGE_SECURITY_ENVIRONMENT
    if key.suite is Suite.TRIPLE_DES:
        data = tlv.build(0x91, ephemeral) + identifier
        command = Command(0x00, manage, 0x41, 0xA6, data)
        send = channel.send_blocks if in_blocks else channel.send_ok
        yield from send(command, "chip_key")
        return
    assert key.oid is not None
    data = tlv.build(0x80, key.oid) + identifier
    yield from channel.send_ok(Command(0x00, manage, 0x41, 0xA4, data), "chip_key")
    data = tlv.build(0x7C, tlv.build(0x80, ephemeral))
    yield from channel.send_ok(Command(0x00, Instruction.GENERAL_AUTHENTICATE, 0, 0, data, 256), "chip_key")


def active_authentication(
    channel: Channel, group15: bytes, group14: bytes | None, random_bytes: RandomBytes
) -> Exchange[ChipProof]:
    """Have the chip sign a fresh challenge; the session goes on as it was."""
    try:
        key = ActiveKey(group15, group14)
    except (MalformedData, Unsupported):
        return ChipProof.NOT_SUPPORTED
    challenge = random_bytes(CHALLENGE_BYTES)
    command = _challenge_command(channel, key, challenge)
    if command is None:
        return ChipProof.NOT_POSSIBLE
    try:
        signature = yield from channel.send_ok(command, "chip_challenge")
    except (CardRefused, MalformedData, SecureMessagingLost):
        return ChipProof.FAILED
    except Unsupported:
        return ChipProof.NOT_POSSIBLE
    return ChipProof.PROVEN if key.accepts(challenge, signature) else ChipProof.FAILED


def _challenge_command(channel: Channel, key: ActiveKey, challenge: bytes) -> Command | None:
    """Short where the answer fits, since old chips know nothing else; None where the reader cannot carry the answer."""
    session = channel.session
    answer_bytes = key.signature_bytes + 2 if session is None else session.answer_bytes(key.signature_bytes)
    if answer_bytes <= SHORT_RESPONSE_BYTES:
        return Command(0x00, Instruction.INTERNAL_AUTHENTICATE, 0, 0, challenge, 256)
    if answer_bytes > channel.limits.response_bytes:
        return None
    return Command(0x00, Instruction.INTERNAL_AUTHENTICATE, 0, 0, challenge, 65536, extended=True)
