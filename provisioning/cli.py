"""pue-provision: gives a box its name and keys, once, and writes it in the book."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import PueError
from contracts.identity import box_name
from provisioning.ground import Ground
from provisioning.recipe import load_recipe, recipes
from provisioning.record import Book
from provisioning.station import Done, Outcome, run

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """The program's door: 0 done, 1 refused with a reason, 2 wrong use."""
    given = _parser().parse_args(arguments)
    try:
        answer: int = given.act(given)
    except PueError as why:
        if given.json:
            print(json.dumps({"problem": {"code": why.code, "who": why.who.value, "message": str(why)}}))
        print(f"pue-provision: {why} [{why.code}; {why.who.value} can act]", file=sys.stderr)
        return 1
    return answer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pue-provision", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    enrol = verbs.add_parser("enrol", help="give a box its identity; run again after an interruption")
    enrol.add_argument("--fleet", required=True, metavar="URL", help="https root of the fleet's gate")
    enrol.add_argument(
        "--fleet-ca", required=True, type=Path, metavar="FILE", help="the fleet's authority (pin)"
    )
    enrol.add_argument("--box", required=True, metavar="NAME")
    enrol.add_argument(
        "--token", default="", help="one-time token; better in PUE_PROVISION_TOKEN, others see a command line"
    )
    enrol.add_argument("--state-dir", required=True, type=Path, metavar="DIR")
    enrol.add_argument(
        "--book", type=Path, help="the manufacturing book; default: provisioning/book.jsonl in DIR"
    )
    enrol.add_argument("--recipe", default="desk", choices=recipes())
    enrol.add_argument("--new-voucher", action="store_true", help="make a new hand-over code")
    enrol.add_argument("--json", action="store_true")
    enrol.set_defaults(act=_enrol)

    book = verbs.add_parser("book", help="check the manufacturing book and print it")
    book.add_argument("book", type=Path, metavar="FILE")
    book.add_argument("--json", action="store_true")
    book.set_defaults(act=_book)
    return parser


def _enrol(given: argparse.Namespace) -> int:
    ground = Ground(
        box=box_name(given.box),
        state_dir=given.state_dir,
        fleet_url=given.fleet,
        fleet_ca=given.fleet_ca,
        token=given.token or os.environ.get("PUE_PROVISION_TOKEN", ""),
        new_voucher=given.new_voucher,
    )
    book = Book(given.book or given.state_dir / "provisioning" / "book.jsonl")
    tell = _silent if given.json else _say
    outcome = run(load_recipe(given.recipe), ground, book, now=lambda: dt.datetime.now(dt.UTC), tell=tell)
    if given.json:
        print(json.dumps(_plain(outcome)))
    elif "voucher" in outcome.shown:
        print(f"\nHand-over code for the first clerk, shown only now: {outcome.shown['voucher']}")
    return 0


def _book(given: argparse.Namespace) -> int:
    lines = Book(given.book).lines()
    for line in lines:
        if given.json:
            print(json.dumps({"number": line.number, "at": line.at, "box": line.box, "facts": line.facts}))
        else:
            print(f"{line.number:6} {line.at} {line.box} {line.what} {line.facts.get('site', '')}")
    return 0


def _plain(outcome: Outcome) -> dict[str, object]:
    return {
        "box": outcome.box,
        "steps": [{"step": done.step, "already": done.already} for done in outcome.steps],
        "facts": outcome.facts,
        "voucher": outcome.shown.get("voucher"),
        "line": outcome.line,
    }


def _say(done: Done) -> None:
    print(f"{done.step}: {'stands already' if done.already else 'done'}", flush=True)


def _silent(_done: Done) -> None:
    """JSON is printed once, at the end."""


if __name__ == "__main__":
    sys.exit(main())
