"""A station runs a recipe: finds what is done, does the rest, proves all of it, and writes the book."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from provisioning.steps.all import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioning.ground import Ground
    from provisioning.recipe import Recipe
    from provisioning.record import Book

SERIALS = (Path("/proc/device-tree/serial-number"), Path("/sys/class/dmi/id/product_serial"))


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one step. `already`: it was found done."""

    step: str
    already: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did.

    Attributes:
        shown: what must be handed over now and is nowhere else (the hand-over code), by step.
        line: number of the book's line; None when nothing new was done.
    """

    box: str
    steps: list[Done]
    facts: dict[str, str]
    shown: dict[str, str]
    line: int | None


def run(
    recipe: Recipe,
    ground: Ground,
    book: Book,
    *,
    now: Callable[[], dt.datetime],
    tell: Callable[[Done], None] = lambda _: None,
) -> Outcome:
    """Run every step of the recipe. Begun again after any interruption, it goes on where it was.

    Raises:
        ProvisioningError: the first step that cannot be done or does not hold; earlier ones stand.
    """
    book.lines()  # a broken book is found before anything is done that could not be written down
    steps: list[Done] = []
    facts: dict[str, str] = {}
    shown: dict[str, str] = {}
    for name in recipe.steps:
        step = STEPS[name]
        already = step.check(ground)
        if not already:
            words = step.do(ground)
            if words:
                shown[name] = words
        facts |= step.verify(ground)
        steps.append(Done(step=name, already=already))
        tell(steps[-1])
    line = None
    if any(not done.already for done in steps) or not _written(book, ground.box, facts):
        at = now().astimezone(dt.UTC).isoformat(timespec="seconds")
        entry = book.add(
            at=at, box=ground.box, what=f"recipe {recipe.name}", facts=facts | {"serial": serial()}
        )
        line = entry.number
    return Outcome(box=ground.box, steps=steps, facts=facts, shown=shown, line=line)


def serial(files: tuple[Path, ...] = SERIALS) -> str:
    """The board's serial number, or "" where there is none to read."""
    for path in files:
        try:
            return path.read_bytes()[:64].strip(b"\0 \n").decode("ascii", "replace")
        except OSError:
            continue
    return ""


def _written(book: Book, box: str, facts: dict[str, str]) -> bool:
    """A run that was cut between the last step and the book is written down by the next."""
    return any(line.box == box and facts.items() <= line.facts.items() for line in book.lines())
