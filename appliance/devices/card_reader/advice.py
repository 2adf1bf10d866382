"""What a technician at a shell can do about an error: one half sentence for each code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contracts.errors import PueError, WhoCanAct

ADVICE: Final[Mapping[str, str]] = {
    "card.code_malformed": "type it as it is printed: six digits for a CAN, whole lines for --mrz",
    "card.code_needed": "give --can with the six digits on the front, or --mrz with the printed lines",
    "card.wrong_can": "compare the six digits with the front of the card and type them again",
    "card.wrong_mrz": "compare the lines with the card and type them again",
    "card.wrong_pin": "only the holder may type it again; three wrong ones block it",
    "card.wrong_code": "compare it with the card and type it again",
    "card.pin_blocked": "read the card without --pin; its issuer unblocks the PIN",
    "card.pin_spared": "read the card without --pin; the last try is the holder's",
    "card.mrz_needed": "give the printed lines with --mrz",
    "card.removed": "lay the card down again and leave it there",
    "card.not_a_document": "try another card",
    "card.unreadable": "once more; if it stays, keep a --trace for who maintains the box",
    "card.malformed": "once more; if it stays, keep a --trace for who maintains the box",
    "card.refused": "once more; if it stays, keep a --trace for who maintains the box",
    "card.session_lost": "once more, with the card lying still",
    "card.unsupported": "keep a --trace for who maintains the box",
    "card.no_such_software_card": "take one of `pue-box card emulate --list`",
    "card_reader.absent": "plug the reader in and look at `pue-box card list-readers`",
    "card_reader.unknown": "take a name, or a part of one, from `pue-box card list-readers`",
    "card_reader.no_service": "start it with `systemctl start pcscd.socket`, and see that this user may use it",
    "card_reader.denied": "run it as the desk's user or as root; polkit's rule names only these",
    "card_reader.busy": "end the other program, or wait for it",
    "card_reader.no_card": "lay a card down, or give it longer with --wait",
    "card_reader.failed": "pull the reader out and plug it in again",
    "card_reader.no_virtual_reader": "start pcscd with vsmartcard-vpcd on a machine that is no box",
    "trust.invalid": "give a trust bundle, or a PEM file of country certificates",
    "trust.out_of_reach": "run it as the desk's user or as root, or name a file with --trust",
    "trust.release_refused": "ask who runs the fleet to publish the trust bundle again, or name a file with --trust",
    "trust.release_mismatch": "ask who runs the fleet to publish the trust bundle again, or name a file with --trust",
    "trust.bundle_damaged": "the agent fetches it again when it restarts; meanwhile name a file with --trust",
    "storage.exists": "choose another name, or say --force",
    "storage.missing": "see that the folder is there",
    "storage.denied": "choose a place where this user may write",
    "dump.none": "give the folder that holds EF.SOD, DG1 and their neighbours",
    "dump.ambiguous": "leave only one of them in the folder",
    "dump.crowded": "give a folder that holds one document and nothing else",
}
_ACTORS: Final[Mapping[WhoCanAct, str]] = {
    WhoCanAct.CLERK: "whoever is at the reader",
    WhoCanAct.CITIZEN: "the holder",
    WhoCanAct.TECHNICIAN: "a technician",
    WhoCanAct.OPERATOR: "who runs the box",
    WhoCanAct.WAIT: "time",
}
OTHERWISE: Final = "see docs/cards.md"


def advice(error: PueError) -> str:
    """What to do about it."""
    return ADVICE.get(error.code, OTHERWISE)


def sentence(error: PueError) -> str:
    """What is wrong, what to do, who can act, and the code."""
    return f"{error}: {advice(error)} ({_ACTORS[error.who]} can act) [{error.code}]"
