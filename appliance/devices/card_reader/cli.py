"""`pue-box card`: read, emulate, trace and check a card by hand.

The same path as at the desk. Codes, PINs and data groups are never printed; a person's data only with `--show-data`,
the photo only into a file named with `--photo`.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.cards.dump import examine
from appliance.cards.reading import read_and_judge, read_and_judge_nis
from appliance.cards.software.shelf import CardName, issue
from appliance.cards.trust import TrustStore
from appliance.cards.verdict import Instant
from appliance.devices.card_reader import answers, by_hand
from appliance.devices.card_reader.advice import advice, sentence
from appliance.devices.card_reader.dump_folder import read_folder
from appliance.devices.card_reader.shelf_words import line_of, to_read
from appliance.devices.card_reader.virtual_slot import DEFAULT_PORT, VirtualSlot
from appliance.runtime.clock import SystemClock
from contracts.desk_api.clerk import VerdictKind
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.cards.cie_nis import NisEvidence
    from appliance.cards.cns_evidence import CnsEvidence
    from appliance.cards.evidence import Evidence
    from appliance.cards.reading import OnProgress, Transport
    from appliance.cards.verdict import Verdict

_GOOD: Final = (VerdictKind.VERIFIED, VerdictKind.CHIP_UNPROVEN)
_LONGEST_WAIT_S: Final = 86_400.0


def add_commands(commands: Any) -> None:
    """Mount `card` on argparse's subparsers; each command sets `run`, a function of the arguments to an exit code."""
    card = commands.add_parser("card", help="read a card, or be one", description=__doc__)
    parts = card.add_subparsers(required=True, metavar="COMMAND")
    _add_read(parts)
    _add_nis(parts)
    _add_list_readers(parts)
    _add_check_dump(parts)
    _add_emulate(parts)


def _add_read(parts: Any) -> None:
    read = parts.add_parser(
        "read",
        help="read the card on the reader and judge it",
        description="A travel document needs --can or --mrz; without either, a CNS or TS-CNS is read.",
    )
    read.add_argument(
        "--can", metavar="SIX_DIGITS", help="the number on the front; - asks standard input for it"
    )
    read.add_argument(
        "--mrz",
        nargs="+",
        metavar="LINE",
        help="the two or three printed lines; - asks standard input for them",
    )
    read.add_argument(
        "--pin", choices=["-"], help="a CNS proves itself only with its PIN; - asks standard input for it"
    )
    read.add_argument(
        "--photo",
        type=Path,
        metavar="FILE",
        help="write the photo there as the chip holds it, if it is authentic",
    )
    _add_reading_options(read)
    read.set_defaults(run=_answered(read_command))


def _add_nis(parts: Any) -> None:
    nis = parts.add_parser("nis", help="read the service number of a CIE, for which no code is needed")
    _add_reading_options(nis)
    nis.set_defaults(run=_answered(nis_command))


def _add_reading_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--reader",
        default="",
        metavar="NAME",
        help=f"part of the reader's name (default: any), or {by_hand.SIMULATED}CARD with a card of `card emulate --list`",
    )
    command.add_argument(
        "--wait", type=_seconds, default=30.0, metavar="SECONDS", help="how long to wait for a card (30)"
    )
    command.add_argument(
        "--trace", type=Path, metavar="FILE", help="write the conversation there, redacted: no data, no codes"
    )
    command.add_argument("--force", action="store_true", help="write over files that are there")
    _add_judging_options(command)


def _add_judging_options(command: argparse.ArgumentParser) -> None:
    whom = command.add_mutually_exclusive_group()
    whom.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="trust bundle, or PEM file of country certificates (default: what the fleet published to this box)",
    )
    whom.add_argument(
        "--state", type=Path, default=Path("/var/lib/pue"), metavar="FOLDER", help="the box's state"
    )
    command.add_argument("--show-data", action="store_true", help="also print who the document speaks of")
    command.add_argument("--json", action="store_true", help="answer as JSON")


def _add_list_readers(parts: Any) -> None:
    readers = parts.add_parser("list-readers", help="the readers the card service sees")
    readers.add_argument("--json", action="store_true", help="answer as JSON")
    readers.set_defaults(run=_answered(list_readers_command))


def _add_check_dump(parts: Any) -> None:
    check = parts.add_parser(
        "check-dump", help="check a document's files in a folder: hashes, signature, authority"
    )
    check.add_argument("folder", type=Path, metavar="DIR", help="DG1.bin, EF_SOD.bin … in any usual spelling")
    check.add_argument(
        "--on",
        type=_noon,
        metavar="YYYY-MM-DD",
        help="judge as on that day: specimens are often older than they last",
    )
    _add_judging_options(check)
    check.set_defaults(run=_answered(check_dump_command))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise argparse.ArgumentTypeError(f"between 0 and {_LONGEST_WAIT_S:g} seconds")
    return seconds


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 1 << 16:
        raise argparse.ArgumentTypeError("no port has that number")
    return port


def _noon(text: str) -> datetime.datetime:
    return datetime.datetime.combine(datetime.date.fromisoformat(text), datetime.time(12), datetime.UTC)


def _card_name(text: str) -> CardName:
    if text not in set(CardName):
        raise argparse.ArgumentTypeError(
            f"no card is called {text!r}; `pue-box card emulate --list` names them all"
        )
    return CardName(text)


def _add_emulate(parts: Any) -> None:
    emulate = parts.add_parser("emulate", help="lay a software card into the virtual reader of pcscd (vpcd)")
    emulate.add_argument("name", nargs="?", type=_card_name, metavar="NAME", help="see --list")
    emulate.add_argument("--list", action="store_true", help="name all cards, a line each")
    emulate.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help=f"slot of the virtual reader ({DEFAULT_PORT})"
    )
    emulate.set_defaults(run=_answered(functools.partial(emulate_command, wrong_use=emulate.error)))


def _answered(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Refusals of a command as one sentence on standard error, or as JSON; then 1."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            return command(arguments)
        except PueError as error:
            if getattr(arguments, "json", False):
                facts = {
                    "code": error.code,
                    "who": str(error.who),
                    "message": str(error),
                    "advice": advice(error),
                    "facts": error.facts,
                }
                print(json.dumps({"error": facts}, ensure_ascii=False))
            else:
                print(sentence(error), file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("broken off", file=sys.stderr)
            return 1

    return run


def _print(
    answer: answers.Answer, arguments: argparse.Namespace, lines: Callable[[answers.Answer], Sequence[str]]
) -> None:
    print(json.dumps(answer, ensure_ascii=False, indent=2) if arguments.json else "\n".join(lines(answer)))


# ---------------------------------------------------------------- what each command does


def read_command(arguments: argparse.Namespace) -> int:
    """0 for green and amber; 1 for grey and red, and for refusals."""
    typed = by_hand.typed_secret(arguments.can, arguments.mrz)
    pin = by_hand.typed_pin(arguments.pin)
    by_hand.refuse_existing(arguments.photo, force=arguments.force)

    def reading(
        session: Transport, chosen: by_hand.Chosen, trust: TrustStore, instant: Instant, tell: OnProgress
    ) -> tuple[Evidence | CnsEvidence, Verdict]:
        return read_and_judge(session, typed or chosen.opens_with, trust, instant, tell, pin=pin)

    verdict, answer = _read(arguments, reading)
    if arguments.photo is not None:
        answer["photo"] = verdict.portrait is not None
        if verdict.portrait is not None:
            by_hand.write_new(arguments.photo, verdict.portrait.image, force=arguments.force)
    _print(answer, arguments, answers.reading_lines)
    return 0 if verdict.kind in _GOOD else 1


def nis_command(arguments: argparse.Namespace) -> int:
    """The number itself only with `--show-data`: it names nobody, and yet it is always the same."""

    def reading(
        session: Transport, _chosen: by_hand.Chosen, trust: TrustStore, instant: Instant, tell: OnProgress
    ) -> tuple[NisEvidence, Verdict]:
        evidence, verdict = read_and_judge_nis(session, trust, instant, tell)
        found.append(evidence.nis.decode("ascii"))
        return evidence, verdict

    found: list[str] = []
    verdict, answer = _read(arguments, reading)
    if arguments.show_data:
        answer["identity"] = {"nis": found[0]}
    _print(answer, arguments, answers.reading_lines)
    return 0 if verdict.kind in _GOOD else 1


def _read(
    arguments: argparse.Namespace, reading: by_hand.Reading[by_hand.AnyEvidence]
) -> tuple[Verdict, answers.Answer]:
    clock = SystemClock()
    by_hand.refuse_existing(arguments.trace, force=arguments.force)
    chosen = by_hand.choose_reader(arguments.reader, clock)
    trust = by_hand.trust_from(arguments.trust, arguments.state, clock, simulated=chosen.simulated)
    tell = by_hand.narrator(_tell_nothing if arguments.json else _tell, show_data=arguments.show_data)
    with by_hand.new_file(arguments.trace, force=arguments.force) as trace:
        (evidence, verdict), times = by_hand.read_once(
            chosen, trust, clock, arguments.wait, reading, trace=trace, on_progress=tell
        )
    return verdict, answers.of_reading(evidence, verdict, times, show_data=arguments.show_data)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tell_nothing(line: str) -> None:
    pass


def list_readers_command(arguments: argparse.Namespace) -> int:
    """Nothing is sent to a card."""
    from appliance.devices.card_reader.pcsc import list_readers

    _print(answers.of_readers(list_readers()), arguments, answers.reader_lines)
    return 0


def check_dump_command(arguments: argparse.Namespace) -> int:
    """0 when all that can be checked in a folder is good; never green, because no folder is an original."""
    clock = SystemClock()
    moment = arguments.on or clock.now()
    instant = Instant(moment, trusted=arguments.on is not None or clock.trusted().trusted)
    trust = by_hand.trust_from(arguments.trust, arguments.state, clock, simulated=False)
    folder = read_folder(arguments.folder)
    found = examine(folder.files, trust, instant)
    _print(
        answers.of_dump(found, folder.passed_over, show_data=arguments.show_data),
        arguments,
        answers.dump_lines,
    )
    return 0 if found.verdict is not None and found.verdict.kind in _GOOD else 1


def emulate_command(arguments: argparse.Namespace, wrong_use: Callable[[str], Any]) -> int:
    """Until Ctrl-C or SIGTERM, or until the reader lets the card go."""
    if arguments.list:
        width = max(map(len, CardName))
        for name in CardName:
            print(f"{name:{width}}  {line_of(name)}")
        return 0
    if arguments.name is None:
        wrong_use("say which card, or --list")
    card = issue(arguments.name, SystemClock().now())
    for number in (signal.SIGINT, signal.SIGTERM):
        # Said aloud: a shell that starts us behind its back tells us to ignore Ctrl-C.
        signal.signal(number, signal.default_int_handler)
    with VirtualSlot.insert(card, arguments.port) as slot:
        print(f"{arguments.name}: read it with {to_read(card)}; Ctrl-C takes the card away", flush=True)
        try:
            slot.wait()
        except KeyboardInterrupt:
            return 0
    print("the reader let the card go", file=sys.stderr)
    return 1
