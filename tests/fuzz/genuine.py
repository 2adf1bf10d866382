"""What a good card holds, made once from fixed randomness: the same bytes in every process."""

from __future__ import annotations

import datetime
import functools
import hashlib
from pathlib import Path

from appliance.cards import lds
from appliance.cards.software.shelf import CardName, issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.verdict import Instant

CORPUS = Path(__file__).parent / "corpus"
NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
INSTANT = Instant(NOW, trusted=True)


def fixed_random(seed: bytes):
    """Bytes that follow from the seed: so that both sides of a conversation say the same each time."""
    count = 0

    def random_bytes(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(seed + count.to_bytes(8, "big")).digest(size)

    return random_bytes


def card(name: CardName):
    """A card with fixed keys, fresh."""
    return issue(name, NOW, random_bytes=fixed_random(name.encode()))


@functools.cache
def trust():
    return demo_trust(NOW)


@functools.cache
def seed(target: str, name: str) -> bytes:
    """An input of the corpus as it was written: what the invented State signed then, whatever its cards hold today."""
    return (CORPUS / target / f"{name}.bin").read_bytes()


@functools.cache
def files(name: CardName) -> dict[str, bytes]:
    """Files of a travel document by what they are called here: sod, dg1, …, card_access, atr_info."""
    chip = card(name).chip
    found = {"sod": chip.files[lds.SOD_FILE], "com": chip.files[lds.COM_FILE]}
    found |= {f"dg{number - 0x100}": data for number, data in chip.files.items() if 0x101 <= number <= 0x110}
    if lds.CARD_ACCESS_FILE in chip.free_files:
        found["card_access"] = chip.free_files[lds.CARD_ACCESS_FILE]
    if lds.CARD_SECURITY_FILE in chip.free_files:
        found["card_security"] = chip.free_files[lds.CARD_SECURITY_FILE]
    return found | {"atr_info": chip.free_files[lds.ATR_INFO_FILE]}
