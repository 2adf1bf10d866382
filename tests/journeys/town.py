"""A whole town for a journey: the demo's world at a test's pace, and a clerk who works at its desk."""

from __future__ import annotations

import sqlite3

from provisioning.demo import world as demo
from tests.appliance.desk.kit import ESTRATTO, Clerk
from tests.peers.waiting import until

ARRIVAL_S = 60.0


class Town:
    """The world, with the names a `Clerk` of the desk's tests knows."""

    def __init__(self, world: demo.World) -> None:
        self.world_of = world

    @property
    def run(self):
        return self.world_of.run_dir

    def world(self, device: str, do: str, **arguments) -> None:
        self.world_of.play(device, do, **arguments)


class TownClerk(Clerk):
    """Anna at the desk of Agliè. Nobody of this name works there."""

    def __init__(self, world: demo.World) -> None:
        super().__init__(Town(world))

    def come(self):
        user, _, pin = demo.CLERK
        return self.ask("login", user=user, pin=pin)

    def serve(self, practice: str = "estratto_conto", answers=None) -> str:
        """One citizen from card to receipt; the letter's id, once the page said it is saved."""
        self.to_sign(practice, answers or ESTRATTO)
        sitting = self.sign_and_seal()
        letter = sitting.letter.letter
        self.ask("print_receipt", letter=letter)
        self.ask("finish")
        return letter

    def letter(self, ident: str):
        """The letter as the clerk sees it now."""
        return next(row for row in self.ask("letters").letters if row.letter == ident)

    def await_word(self, ident: str, *words, within_s: float = ARRIVAL_S):
        """Wait until the letter says one of the words; the row."""
        return until(
            lambda: row if (row := self.letter(ident)).word in words else None,
            f"letter says one of {[word.value for word in words]}",
            within_s,
        )


def registered(world: demo.World) -> dict[str, int]:
    """How often each letter stands in the recipient's register with a protocol number."""
    return _count(world, "SELECT letter FROM letter WHERE protocollo IS NOT NULL")


def protocols(world: demo.World) -> list[str]:
    """All protocol numbers the recipient gave."""
    return list(_count(world, "SELECT protocollo FROM letter WHERE protocollo IS NOT NULL"))


def _count(world: demo.World, question: str) -> dict[str, int]:
    with sqlite3.connect(f"file:{world.folder / 'backoffice' / 'register.db'}?mode=ro", uri=True) as book:
        found: dict[str, int] = {}
        for (value,) in book.execute(question):
            found[value] = found.get(value, 0) + 1
        return found
