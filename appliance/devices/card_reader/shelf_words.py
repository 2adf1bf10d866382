"""The software cards in words, for somebody who chooses one: a line each, and what is printed on it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from appliance.cards.software.cns_card import PIN, CnsCard
from appliance.cards.software.shelf import CardName
from appliance.cards.software.travel_document import TravelDocument
from appliance.cards.software.twists import TwistedCard

if TYPE_CHECKING:
    from appliance.cards.software.card import SoftwareCard

_LINES: Final[Mapping[CardName, str]] = {
    CardName.CIE: "a CIE as issued: PACE over numbers with 3DES",
    CardName.CIE_ALDO: "the same, of an elderly man",
    CardName.CIE_AES: "a CIE with PACE and chip authentication over a curve, AES",
    CardName.CIE_BAC_ONLY: "no PACE: opens with the printed lines only",
    CardName.CIE_ISO39794: "its face in the encoding of ISO/IEC 39794-5",
    CardName.CIE_WITHOUT_CHIP_KEY: "nothing to prove itself with: amber",
    CardName.CIE_EXPIRED: "out of date: red",
    CardName.CIE_TAMPERED: "name changed after issue: red",
    CardName.CIE_UNKNOWN_AUTHORITY: "signed by a State nobody knows: grey",
    CardName.CIE_CLONED: "files copied to another chip, which guesses: red",
    CardName.CIE_CLONED_SILENT: "files copied to another chip, which keeps silent: red",
    CardName.CIE_LONG_COMMANDS_ONLY: "takes no chained commands: over a reader for short ones it needs the printed lines",
    CardName.CIE_TORN: "leaves the field in the middle of the photo",
    CardName.PERMIT: "a residence permit: issued here, its holder of another State",
    CardName.EID_FOREIGN: "an identity card of another invented State: grey",
    CardName.PASSPORT: "a passport: PACE and chip authentication over a curve",
    CardName.PASSPORT_CAM: "a passport whose opening proves the chip too (chip authentication mapping)",
    CardName.PASSPORT_CLONED_CAM: "the same, copied to another chip: red",
    CardName.PASSPORT_AA_RSA: "a passport of the last decade: BAC, active authentication with RSA",
    CardName.PASSPORT_AA_EC: "a passport with active authentication over a curve",
    CardName.PASSPORT_FOREIGN: "of another invented State: grey",
    CardName.PASSPORT_CLONED_AA: "files copied to a chip that signs with a key of its own: red",
    CardName.CNS: "a TS-CNS as it was until 2024, with contacts: amber without PIN, green with it",
    CardName.CNS_APPLET: "a TS-CNS of the newer kind",
    CardName.CNS_EXPIRED: "a TS-CNS out of date: red",
    CardName.CNS_TAMPERED: "somebody else's data beside the holder's certificate: red",
    CardName.CNS_CLONED: "all that can be read, on a card with a key of its own",
    CardName.CNS_UNKNOWN_AUTHORITY: "a TS-CNS of an issuer nobody knows: grey",
}


def line_of(name: CardName) -> str:
    """What to expect of a card; hostile ones say it by their names."""
    return _LINES.get(name) or f"means harm: {name.removeprefix('hostile_').replace('_', ' ')}"


def to_read(card: SoftwareCard) -> str:
    """The options of `card read` that open it, as one types them: all of it invented, so it may be shown."""
    if isinstance(card, TwistedCard):
        card = card.card
    if isinstance(card, TravelDocument):
        can = ["--can", card.can] if card.can else []
        return shlex.join([*can, "--mrz", *card.printed_lines])
    return f"no code (PIN {PIN})" if isinstance(card, CnsCard) else "no code"
