"""The cards on the shelf: every kind a clerk may meet, the good and the bad."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import secrets

from appliance.cards import lds
from appliance.cards.agreement import RandomBytes
from appliance.cards.software.authority import InventedAuthority, make_test_authority
from appliance.cards.software.persona import ALDO, MARIA
from appliance.cards.software.personalise import Profile, personalise
from appliance.cards.software.travel_document import Chip, TravelDocument


class CardName(enum.StrEnum):
    """The cards on the shelf, by the name settings and the command line use."""

    CIE = "cie"
    CIE_ALDO = "cie_aldo"
    CIE_AES = "cie_aes"
    """PACE and chip authentication over a curve with AES, as newer chips."""
    CIE_BAC_ONLY = "cie_bac_only"
    CIE_WITHOUT_CHIP_KEY = "cie_without_chip_key"
    CIE_EXPIRED = "cie_expired"
    CIE_TAMPERED = "cie_tampered"
    """Data group 1 rewritten after issue."""
    CIE_UNKNOWN_AUTHORITY = "cie_unknown_authority"
    """Everything right, signed by a State nobody knows."""
    CIE_CLONED = "cie_cloned"
    """All files copied to a chip that does not hold the private key."""
    CIE_CLONED_SILENT = "cie_cloned_silent"
    """As above; refuses chip authentication instead of failing it."""
    CIE_TORN = "cie_torn"
    """Leaves the field in the middle of the photo."""


def _rewritten(chip: Chip) -> Chip:
    """The same chip with another given name in data group 1: what a forger with a blank card can do."""
    files = dict(chip.files)
    number = lds.group_file(1)
    files[number] = files[number].replace(b"<<MARIA<", b"<<MARTA<")
    assert files[number] != chip.files[number]
    return dataclasses.replace(chip, files=files)


def issue(
    name: CardName | str,
    now: datetime.datetime,
    authority: InventedAuthority | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> TravelDocument:
    """One card off the shelf.

    Args:
        name: see `CardName`.
        now: aware; expiry dates are made around it.
        authority: who signs; by default the one every demo trusts.
        random_bytes: for the chip's keys and its life.

    Raises:
        ValueError: no such card.
    """
    name = CardName(name)
    if name is CardName.CIE_UNKNOWN_AUTHORITY:
        authority = make_test_authority(now=now, seed=b"an authority nobody trusts")
    authority = authority or make_test_authority(now=now)
    person = ALDO if name is CardName.CIE_ALDO else MARIA
    profile = {CardName.CIE_AES: Profile.ECDH_AES, CardName.CIE_BAC_ONLY: Profile.BAC}.get(
        name, Profile.DH_3DES
    )
    chip = personalise(
        person,
        authority,
        person.expiry(now.date(), expired=name is CardName.CIE_EXPIRED),
        profile=profile,
        with_chip_key=name is not CardName.CIE_WITHOUT_CHIP_KEY,
        random_bytes=random_bytes,
    )
    if name is CardName.CIE_TAMPERED:
        chip = _rewritten(chip)
    if name in (CardName.CIE_CLONED, CardName.CIE_CLONED_SILENT):
        chip = dataclasses.replace(
            chip, chip_private=None, accepts_chip_authentication=name is CardName.CIE_CLONED
        )
    return TravelDocument(chip, random_bytes, leaves_after=30 if name is CardName.CIE_TORN else None)
