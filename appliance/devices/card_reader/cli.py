"""`pue-box card read` and `pue-box card emulate`: a card by hand, for technicians and for trying out.

Secrets and data groups are never printed; a person's data only with `--show-data`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.cards.mrz import MrzKey
from appliance.cards.reading import read_and_judge
from appliance.cards.software.shelf import CardName, issue
from appliance.cards.software.travel_document import TravelDocument
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import Can, CanAndMrz, IdentityRead, Secret
from appliance.cards.trust import InvalidTrustBundle, TrustStore, empty
from appliance.cards.verdict import Instant
from appliance.devices.card_reader.virtual_slot import DEFAULT_PORT, VirtualSlot
from appliance.runtime.clock import Clock, SystemClock
from contracts.desk_api.clerk import VerdictKind
from contracts.errors import PueError

if TYPE_CHECKING:
    from appliance.cards.cns_evidence import CnsEvidence
    from appliance.cards.evidence import Evidence, Identity
    from appliance.cards.software.card import SoftwareCard
    from appliance.cards.steps import Progress
    from appliance.cards.verdict import Verdict
    from appliance.devices.card_reader.port import CardReader

_NAMES: Final = ", ".join(name for name in CardName if not name.startswith("hostile_")) + ", hostile_…"
_SIMULATED: Final = "simulated:"
_TRUST_LIMIT_BYTES: Final = 16 * 1024 * 1024
_GOOD: Final = (VerdictKind.VERIFIED, VerdictKind.CHIP_UNPROVEN)


def add_commands(commands: Any) -> None:
    """Mount `card` on argparse's subparsers; each command sets `run`, a function of the arguments to an exit code."""
    card = commands.add_parser("card", help="read a card, or be one", description=__doc__)
    parts = card.add_subparsers(required=True, metavar="COMMAND")

    read = parts.add_parser("read", help="read the document on the reader and judge it")
    read.add_argument(
        "--reader",
        default="",
        metavar="NAME",
        help=f"part of the PC/SC reader's name (default: the first), or {_SIMULATED}CARD with CARD one of "
        + _NAMES,
    )
    read.add_argument(
        "--can", metavar="SIX_DIGITS", help="the number on the front; - reads it from standard input"
    )
    read.add_argument(
        "--mrz", nargs="+", metavar="LINE", help="the two or three lines on the back, or of the passport"
    )
    read.add_argument(
        "--trust", type=Path, metavar="FILE", help="trust bundle, or PEM file of country certificates"
    )
    read.add_argument(
        "--wait", type=float, default=30.0, metavar="SECONDS", help="how long to wait for a card (30)"
    )
    read.add_argument("--show-data", action="store_true", help="also print who the document speaks of")
    read.add_argument("--json", action="store_true", help="answer as JSON")
    read.set_defaults(run=read_command)

    emulate = parts.add_parser("emulate", help="lay a software card into the virtual reader of pcscd (vpcd)")
    emulate.add_argument("name", choices=[str(name) for name in CardName], metavar="NAME", help=_NAMES)
    emulate.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"slot of the virtual reader ({DEFAULT_PORT})"
    )
    emulate.set_defaults(run=emulate_command)


def read_command(arguments: argparse.Namespace) -> int:
    clock = SystemClock()
    try:
        reader, secret, simulated = _reader_and_secret(arguments, clock)
        trust = _trust(arguments.trust, clock, simulated=simulated)
        evidence, verdict, times = _read(reader, secret, trust, clock, arguments.wait)
    except PueError as error:
        return _refuse(error, as_json=arguments.json)
    answer = _answer(evidence, verdict, times, show_data=arguments.show_data)
    print(json.dumps(answer, ensure_ascii=False, indent=2) if arguments.json else _plain(answer))
    return 0 if verdict.kind in _GOOD else 1


def emulate_command(arguments: argparse.Namespace) -> int:
    card = issue(arguments.name, SystemClock().now())
    try:
        slot = VirtualSlot.insert(card, arguments.port)
    except PueError as error:
        return _refuse(error, as_json=False)
    with slot:
        # An invented card of an invented person: its code may be shown.
        print(f"{arguments.name}: {_code_of(card)}; Ctrl-C takes the card away", flush=True)
        try:
            slot.wait()
        except KeyboardInterrupt:
            return 0
    print("the reader let the card go", file=sys.stderr)
    return 1


def _code_of(card: SoftwareCard) -> str:
    secret = card.opens_with
    if isinstance(secret, Can):
        return f"CAN {secret.digits}"
    if isinstance(card, TravelDocument):
        return f"opens with --mrz {' '.join(map(shlex.quote, card.printed_lines))}"
    return "opens with its printed lines" if secret is not None else "opens without a code"


def _reader_and_secret(arguments: argparse.Namespace, clock: Clock) -> tuple[CardReader, Secret | None, bool]:
    secret = _secret(arguments.can, arguments.mrz)
    if not arguments.reader.startswith(_SIMULATED):
        from appliance.devices.card_reader.pcsc import PcscCardReader

        return PcscCardReader.from_settings({"reader": arguments.reader}), secret, False
    from appliance.devices.card_reader.simulated import SimulatedCardReader

    name = arguments.reader.removeprefix(_SIMULATED)
    if name not in set(CardName):
        raise _NoSuchCard(f"no software card is called {name!r}; there are {_NAMES}")
    reader = SimulatedCardReader(now=clock.now)
    card = reader.insert(name)
    return reader, secret or card.opens_with, True


class _NoSuchCard(PueError):
    code = "card.no_such_software_card"


def _secret(can: str | None, lines: list[str] | None) -> Secret | None:
    digits = None if can is None else Can(sys.stdin.readline().strip() if can == "-" else can)
    key = None if lines is None else MrzKey.from_lines(lines)
    if digits is not None and key is not None:
        return CanAndMrz(digits, key)
    return digits or key


def _trust(path: Path | None, clock: Clock, *, simulated: bool) -> TrustStore:
    today = clock.now().date()
    if path is None:
        return demo_trust(clock.now()) if simulated else empty(today)
    try:
        if path.stat().st_size > _TRUST_LIMIT_BYTES:
            raise InvalidTrustBundle("the trust file is too large")
        raw = path.read_bytes()
    except OSError as fault:
        raise InvalidTrustBundle(f"the trust file cannot be read: {fault.strerror}") from fault
    if raw.lstrip().startswith(b"{"):
        return TrustStore.from_bytes(raw)
    return TrustStore.from_pem(raw, origin=path.name, version=1, dated=today)


def _read(
    reader: CardReader, secret: Secret | None, trust: TrustStore, clock: Clock, wait_s: float
) -> tuple[Evidence | CnsEvidence, Verdict, dict[str, float]]:
    from appliance.devices.card_reader.port import NoCard

    times: dict[str, float] = {}

    def on_progress(step: Progress | IdentityRead) -> None:
        if isinstance(step, IdentityRead):
            times["first_name_s"] = round(time.monotonic() - begin_s, 3)

    reader.open()
    try:
        if not reader.wait_for_card(wait_s):
            raise NoCard(f"no card came within {wait_s:g} seconds")
        begin_s = time.monotonic()
        with reader.connect() as session:
            instant = Instant(clock.now(), clock.trusted().trusted)
            evidence, verdict = read_and_judge(session, secret, trust, instant, on_progress)
        times["whole_s"] = round(time.monotonic() - begin_s, 3)
    finally:
        reader.close()
    return evidence, verdict, times


def _answer(
    evidence: Evidence | CnsEvidence, verdict: Verdict, times: dict[str, float], *, show_data: bool
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "verdict": str(verdict.kind),
        "title": verdict.title,
        "lines": list(verdict.lines),
        "not_checked": [str(item) for item in verdict.not_checked],
        "codes": list(verdict.codes),
        "technical": list(evidence.technical),
        "trust": {
            "origin": verdict.trust_origin,
            "dated": verdict.trust_dated.isoformat(),
            "age_days": verdict.trust_age_days,
        },
        "apdus": evidence.apdus,
        "bytes": evidence.bytes_exchanged,
        "times": times,
    }
    if show_data and verdict.identity is not None:
        answer["identity"] = _identity(verdict.identity)
    return answer


def _identity(identity: Identity) -> dict[str, str | None]:
    return {
        "surname": identity.surname,
        "given_names": identity.given_names,
        "birth": None if identity.birth is None else identity.birth.isoformat(),
        "codice_fiscale": identity.codice_fiscale,
        "document_number": identity.document_number,
        "expiry": identity.expiry.isoformat(),
    }


def _plain(answer: dict[str, Any]) -> str:
    rows = [answer["title"], *(f"  {line}" for line in answer["lines"])]
    rows.append(f"codes: {', '.join(answer['codes'])}")
    rows.append(f"not checked: {', '.join(answer['not_checked'])}")
    rows.append(
        f"{'; '.join(answer['technical'])}; {answer['apdus']} commands, {answer['bytes']} bytes, "
        f"{answer['times']['whole_s']} s"
    )
    rows += [f"{name}: {value}" for name, value in answer.get("identity", {}).items() if value]
    return "\n".join(rows)


def _refuse(error: PueError, *, as_json: bool) -> int:
    if as_json:
        facts = {"code": error.code, "who": str(error.who), "message": str(error), "facts": error.facts}
        print(json.dumps({"error": facts}, ensure_ascii=False))
    else:
        print(f"{error} [{error.code}; who can act: {error.who}]", file=sys.stderr)
    return 1
