"""The cards on the shelf: every kind a clerk may meet, the good and the bad."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import secrets
from collections.abc import Callable, Mapping

from appliance.cards import lds
from appliance.cards.agreement import RandomBytes
from appliance.cards.software.active_key import ActiveKeyKind, make_active_key
from appliance.cards.software.authority import DEFAULT_SEED, InventedAuthority, make_test_authority
from appliance.cards.software.cie import Cie, personalise_services
from appliance.cards.software.cns_card import CnsCard, CnsKind, issue_cns
from appliance.cards.software.hostile import Hostility, issue_hostile
from appliance.cards.software.persona import ALDO, DRITA, JULE, NICOLO
from appliance.cards.software.personalise import Blank, FaceEncoding, Form, Profile, personalise, zone_of
from appliance.cards.software.travel_document import Chaining, Chip, TravelDocument
from appliance.cards.software.twists import TwistedCard

_HOSTILE = "hostile_"


class CardName(enum.StrEnum):
    """The cards on the shelf, by the name settings and the command line use."""

    CIE = "cie"
    CIE_ALDO = "cie_aldo"
    CIE_AES = "cie_aes"
    """PACE and chip authentication over a curve with AES, as newer chips."""
    CIE_BAC_ONLY = "cie_bac_only"
    CIE_ISO39794 = "cie_iso39794"
    """The face in the encoding documents issued from 2026 on may carry."""
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
    CIE_LONG_COMMANDS_ONLY = "cie_long_commands_only"
    """Takes no chained commands: through a reader for short ones it opens with the printed lines only."""
    CIE_TORN = "cie_torn"
    """Leaves the field in the middle of the photo."""
    PERMIT = "permit"
    """A residence permit: issued here, to somebody of another State."""
    EID_FOREIGN = "eid_foreign"
    """An identity card of the other invented State."""
    PASSPORT = "passport"
    """PACE and chip authentication over a curve with AES."""
    PASSPORT_CAM = "passport_cam"
    """PACE with chip authentication mapping: opened and proven in one."""
    PASSPORT_CLONED_CAM = "passport_cloned_cam"
    PASSPORT_AA_RSA = "passport_aa_rsa"
    """Basic access control and active authentication with RSA, as most passports of the last decade."""
    PASSPORT_AA_EC = "passport_aa_ec"
    PASSPORT_FOREIGN = "passport_foreign"
    """Of another invented State, which the demo's box does not know."""
    PASSPORT_CLONED_AA = "passport_cloned_aa"
    """All files copied to a chip that signs with a key of its own."""
    CNS = "cns"
    """A TS-CNS as it was until 2024: files in the master file, PIN 24680."""
    CNS_APPLET = "cns_applet"
    """The newer kind, behind an application identifier."""
    CNS_EXPIRED = "cns_expired"
    CNS_TAMPERED = "cns_tampered"
    """Somebody else's data beside the holder's certificate."""
    CNS_CLONED = "cns_cloned"
    """Everything that can be read, on a card with a key of its own."""
    CNS_UNKNOWN_AUTHORITY = "cns_unknown_authority"

    # cards that mean harm: `hostile_` and a name of `hostile.Hostility`
    _ignore_ = "_hostility"
    for _hostility in Hostility:
        vars()[f"HOSTILE_{_hostility.name}"] = f"{_HOSTILE}{_hostility}"


@dataclasses.dataclass(frozen=True)
class State:
    """An invented State, by what its authority is made from."""

    country: str
    seed: bytes


HOME = State("IT", DEFAULT_SEED)
NOBODY_KNOWS = State("IT", b"an authority nobody trusts")
ABROAD = State("DE", b"another invented state")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a card is made.

    Attributes:
        signer: who signs it.
        expired: it expired within the last year.
        spoil: what happens to the chip after issue.
        leaves_after: from that many commands on the card is gone.
    """

    blank: Blank = dataclasses.field(default_factory=Blank)
    signer: State = HOME
    expired: bool = False
    spoil: Callable[[Chip], Chip] = lambda chip: chip
    leaves_after: int | None = None


def _renamed(chip: Chip) -> Chip:
    """Another given name in data group 1: what a forger with a blank card can do."""
    files = dict(chip.files)
    number = lds.group_file(1)
    files[number] = files[number].replace(b"<<MARIA<", b"<<MARTA<")
    assert files[number] != chip.files[number]
    return dataclasses.replace(chip, files=files)


def _copied(chip: Chip) -> Chip:
    """A chip that has the files but not the key, and guesses."""
    return dataclasses.replace(chip, chip_private=None)


def _copied_silent(chip: Chip) -> Chip:
    return dataclasses.replace(chip, chip_private=None, accepts_chip_authentication=False)


def _copied_with_own_key(chip: Chip) -> Chip:
    """Answers the challenge, with a key of the same kind that the State never saw."""
    return dataclasses.replace(chip, active_key=make_active_key(ActiveKeyKind.EC))


def _without_blocks(chip: Chip) -> Chip:
    return dataclasses.replace(chip, chaining=Chaining.NO_BLOCKS)


_PASSPORT = Blank(person=NICOLO, form=Form.PASSPORT, profile=Profile.ECDH_AES)
_PASSPORT_AA_EC = dataclasses.replace(_PASSPORT, chip_key=False, active_key=ActiveKeyKind.EC)
SHELF: Mapping[CardName, Recipe | CnsKind] = {
    CardName.CIE: Recipe(),
    CardName.CIE_ALDO: Recipe(Blank(person=ALDO)),
    CardName.CIE_AES: Recipe(Blank(profile=Profile.ECDH_AES)),
    CardName.CIE_BAC_ONLY: Recipe(Blank(profile=Profile.BAC)),
    CardName.CIE_ISO39794: Recipe(Blank(face=FaceEncoding.ISO_39794)),
    CardName.CIE_WITHOUT_CHIP_KEY: Recipe(Blank(chip_key=False)),
    CardName.CIE_EXPIRED: Recipe(expired=True),
    CardName.CIE_TAMPERED: Recipe(spoil=_renamed),
    CardName.CIE_UNKNOWN_AUTHORITY: Recipe(signer=NOBODY_KNOWS),
    CardName.CIE_CLONED: Recipe(spoil=_copied),
    CardName.CIE_CLONED_SILENT: Recipe(spoil=_copied_silent),
    CardName.CIE_LONG_COMMANDS_ONLY: Recipe(spoil=_without_blocks),
    CardName.CIE_TORN: Recipe(leaves_after=30),
    CardName.PERMIT: Recipe(Blank(person=DRITA, form=Form.PERMIT, profile=Profile.ECDH_AES)),
    CardName.EID_FOREIGN: Recipe(
        Blank(person=JULE, form=Form.IDENTITY_CARD, issuing_state="D", profile=Profile.ECDH_AES),
        signer=ABROAD,
    ),
    CardName.PASSPORT: Recipe(_PASSPORT),
    CardName.PASSPORT_CAM: Recipe(dataclasses.replace(_PASSPORT, profile=Profile.ECDH_CAM)),
    CardName.PASSPORT_CLONED_CAM: Recipe(
        dataclasses.replace(_PASSPORT, profile=Profile.ECDH_CAM), spoil=_copied
    ),
    CardName.PASSPORT_AA_RSA: Recipe(
        dataclasses.replace(_PASSPORT, profile=Profile.BAC, chip_key=False, active_key=ActiveKeyKind.RSA)
    ),
    CardName.PASSPORT_AA_EC: Recipe(_PASSPORT_AA_EC),
    CardName.PASSPORT_FOREIGN: Recipe(
        dataclasses.replace(_PASSPORT, person=JULE, issuing_state="D"), signer=ABROAD
    ),
    CardName.PASSPORT_CLONED_AA: Recipe(_PASSPORT_AA_EC, spoil=_copied_with_own_key),
    CardName.CNS: CnsKind.CLASSIC,
    CardName.CNS_APPLET: CnsKind.APPLET,
    CardName.CNS_EXPIRED: CnsKind.EXPIRED,
    CardName.CNS_TAMPERED: CnsKind.TAMPERED,
    CardName.CNS_CLONED: CnsKind.CLONED,
    CardName.CNS_UNKNOWN_AUTHORITY: CnsKind.UNKNOWN_AUTHORITY,
}


def issue(
    name: CardName | str,
    now: datetime.datetime,
    authority: InventedAuthority | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> TravelDocument | CnsCard | TwistedCard:
    """One card off the shelf.

    Args:
        name: see `CardName`.
        now: aware; expiry dates are made around it.
        authority: who signs what the home State issues; by default the one every demo trusts.
        random_bytes: for the chip's keys and its life.

    Raises:
        ValueError: no such card.
    """
    name = CardName(name)
    if name.startswith(_HOSTILE):
        home = authority or make_test_authority(now=now)
        return issue_hostile(Hostility(name.removeprefix(_HOSTILE)), now, home, random_bytes)
    recipe = SHELF[name]
    if isinstance(recipe, CnsKind):
        return issue_cns(recipe, now)
    if authority is None or recipe.signer is not HOME:
        authority = make_test_authority(now=now, seed=recipe.signer.seed, country=recipe.signer.country)
    expiry = recipe.blank.person.expiry(now.date(), expired=recipe.expired)
    chip = recipe.spoil(personalise(recipe.blank, authority, expiry, random_bytes=random_bytes))
    if recipe.blank.form is not Form.CIE:
        return TravelDocument(chip, random_bytes, leaves_after=recipe.leaves_after)
    services = personalise_services(authority, recipe.blank.person.nis)
    if chip.chip_key is not None and chip.chip_private is None:  # a copy has neither key
        services = dataclasses.replace(services, key=None)
    return Cie(chip, services, random_bytes, leaves_after=recipe.leaves_after)


def printed_lines(name: CardName | str, now: datetime.datetime) -> tuple[str, ...]:
    """What is printed on a card or passport of the shelf, as a camera sees it.

    Raises:
        ValueError: no such card, or one that has no printed lines.
    """
    recipe = SHELF[CardName(name)]
    if isinstance(recipe, CnsKind):
        raise ValueError(f"{name} has no printed lines")  # noqa: TRY004 - of all names this one is wrong
    zone = zone_of(recipe.blank, recipe.blank.person.expiry(now.date(), expired=recipe.expired))
    width = 30 if recipe.blank.form.is_card else 44
    return tuple(zone[start : start + width] for start in range(0, len(zone), width))
