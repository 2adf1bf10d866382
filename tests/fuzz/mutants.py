"""Cards with one answer changed: inside a valid MAC or on the wire, at one moment, in one way, all from a seed.

Whatever comes of it, these must hold: an error of ours or a verdict; commands, bytes and time within bounds; green only
when every byte that matters is the genuine one.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import random
import time
from collections.abc import Callable

from appliance.cards import curves, lds
from appliance.cards.apdu import Command, Response
from appliance.cards.channel import MAX_APDUS, MAX_READ_BYTES
from appliance.cards.cie_nis import NIS_FILE, NisEvidence
from appliance.cards.cns import Pin
from appliance.cards.evidence import Evidence
from appliance.cards.reading import READING_LIMIT_S, read_and_judge, read_and_judge_nis
from appliance.cards.software.cie import Cie
from appliance.cards.software.cns_card import PIN, CnsCard
from appliance.cards.software.shelf import CardName
from appliance.cards.software.travel_document import TravelDocument
from appliance.cards.software.twists import TwistedCard, TwistedDocument
from contracts.desk_api.clerk import VerdictKind
from contracts.errors import PueError
from tests.fuzz import genuine

LONGEST_ANSWER_BYTES = 65538
KINDS = (
    CardName.CIE_AES,
    CardName.CIE_BAC_ONLY,
    CardName.PASSPORT_AA_EC,
    CardName.PASSPORT_CAM,
    CardName.CNS,
    CardName.CIE,
)
"""Every protocol but Diffie-Hellman over numbers, which is ten times slower and has its own tests: of `CIE` only the
service number is read. Keys of service cards are new in each process; what is changed, where and how follows the seed."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one mutant.

    Attributes:
        what: the verdict's kind, or the error's code and reason.
        false_green: verified although something that matters was changed.
        escaped: an exception that is none of ours, with where it came from.
        beyond: which bound was broken; empty when none.
    """

    what: str
    cpu_s: float
    false_green: bool = False
    escaped: str = ""
    beyond: str = ""

    @property
    def good(self) -> bool:
        return not (self.false_green or self.escaped or self.beyond)


@functools.cache
def _original(name: CardName) -> TravelDocument | CnsCard:
    return genuine.card(name)


@functools.cache
def _answers(name: CardName) -> int:
    """How many answers a whole reading takes."""
    session = _Contacts(_original(name))
    _read(session, name)
    return session.commands


class _Contacts:
    """A session that counts what goes over it."""

    max_command_bytes, max_response_bytes = 65544, 65538

    def __init__(self, card) -> None:
        self._card = card
        self.commands = self.bytes_exchanged = self.resets = 0
        card.reset()

    def transmit(self, command: bytes) -> bytes:
        answer = self._card.transmit(command)
        self.commands += 1
        self.bytes_exchanged += len(command) + len(answer)
        return answer

    def reset(self) -> None:
        self.resets += 1
        self._card.reset()


def _read(session: _Contacts, name: CardName):
    """With fixed randomness on our side too: the way up to the change is the same for all mutants, and can be remembered."""
    random_bytes = genuine.fixed_random(b"reader")
    if name is CardName.CIE:
        return read_and_judge_nis(session, genuine.trust(), genuine.INSTANT, random_bytes=random_bytes)
    secret = _original(name).opens_with
    pin = Pin(PIN) if secret is None else None
    return read_and_judge(
        session, secret, genuine.trust(), genuine.INSTANT, pin=pin, random_bytes=random_bytes
    )


# ---------------------------------------------------------------- how an answer is changed


def _flip(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data)) if data else 0
    return (
        data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :] if data else data
    )


def _other_byte(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data)) if data else 0
    return data[:place] + bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF))]) + data[place + 1 :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))] if data else data


def _longer(data: bytes, chance: random.Random) -> bytes:
    return data + chance.randbytes(chance.choice((1, 2, 16, 300)))


def _hole(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data)) if data else 0
    return data[:start] + data[start + chance.randint(1, 8) :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + chance.randbytes(chance.randint(1, 8)) + data[start:]


def _twice(data: bytes, _: random.Random) -> bytes:
    return data + data


def _nothing(_: bytes, __: random.Random) -> bytes:
    return b""


def _noise(data: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(len(data))


def _header(data: bytes, chance: random.Random) -> bytes:
    """The first bytes are where lengths stand."""
    return chance.randbytes(min(4, len(data))) + data[4:]


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _flip,
    _other_byte,
    _cut,
    _longer,
    _hole,
    _insert,
    _twice,
    _nothing,
    _noise,
    _header,
)
STATUS_WORDS = (
    0x9000,
    0x6282,
    0x6300,
    0x63C0,
    0x6100,
    0x61FF,
    0x6C00,
    0x6C08,
    0x6700,
    0x6982,
    0x6985,
    0x6A82,
    0x6B00,
    0x6FFF,
)


class _Change:
    """Changes answers from one moment on: once, or each time.

    Args:
        chance: decides everything.
        answers: how many answers an honest reading has.
    """

    def __init__(self, chance: random.Random, answers: int) -> None:
        self._chance = chance
        self._at = chance.randrange(answers)
        self._again = chance.random() < 0.15
        self._way = chance.choice(WAYS)
        self._status_word = chance.choice(STATUS_WORDS) if chance.random() < 0.2 else None
        self._replay = chance.random() < 0.1
        self._count = 0
        self._said: list[Response] = []

    def apply(self, response: Response) -> Response:
        here = self._count == self._at or (self._again and self._count > self._at)
        self._count += 1
        self._said.append(response)
        if not here:
            return response
        if self._replay:
            return self._chance.choice(self._said)
        data = response.data if self._status_word is not None else self._way(response.data, self._chance)
        status_word = response.status_word if self._status_word is None else self._status_word
        return Response(data[:65536], status_word)


def _mutant(name: CardName, seed: int):
    chance = random.Random(seed)
    change = _Change(chance, _answers(name))
    original = _original(name)
    if isinstance(original, CnsCard | Cie) or chance.random() < 0.4:
        return TwistedCard(original, lambda _, answer: change.apply(Response.decode(answer)).encode())

    def inside(_: Command, response: Response) -> Response:
        return change.apply(response)

    return TwistedDocument(original.chip, inside, genuine.fixed_random(b"chip"))


def _is_genuine(name: CardName, evidence, verdict) -> bool:
    """Everything a clerk is shown and a dossier keeps is what the State signed."""
    original = _original(name)
    if isinstance(evidence, NisEvidence):
        return evidence.nis == original.services.files[NIS_FILE]
    if not isinstance(evidence, Evidence):
        return evidence.data == original.chip.files[bytes.fromhex("11001102")]
    files = original.chip.files
    same = all(data == files[lds.group_file(number)] for number, data in evidence.groups.items())
    return same and {1, 2, 11} <= set(evidence.groups) and verdict.portrait is not None


def try_one(seed: int) -> Outcome:
    """One mutant, read and judged."""
    name = KINDS[seed % len(KINDS)]
    session = _Contacts(_mutant(name, seed))
    begin_s = time.process_time()
    what, false_green, escaped = "", False, ""
    try:
        evidence, verdict = _read(session, name)
        what = str(verdict.kind)
        false_green = verdict.kind is VerdictKind.VERIFIED and not _is_genuine(name, evidence, verdict)
    except PueError as error:
        what = f"{error.code} {error.facts.get('reason', '')}".strip()
    except Exception as fault:  # noqa: BLE001 - this is what is looked for
        what, escaped = "escaped", f"{type(fault).__name__}: {fault}"
    cpu_s = time.process_time() - begin_s
    return Outcome(what, cpu_s, false_green, escaped, _beyond(session, cpu_s))


def _beyond(session: _Contacts, cpu_s: float) -> str:
    bounds = {
        "commands": session.commands <= MAX_APDUS + 1,
        "bytes": session.bytes_exchanged <= MAX_READ_BYTES + LONGEST_ANSWER_BYTES,
        "resets": session.resets <= 3,
        "time": cpu_s <= READING_LIMIT_S,
    }
    return ", ".join(name for name, held in bounds.items() if not held)


def try_good(count: int) -> Tally:
    """The same cards unharmed, for comparison."""
    tally = Tally()
    for seed in range(count):
        name = KINDS[seed % len(KINDS)]
        session = _Contacts(_original(name))
        begin_s = time.process_time()
        _, verdict = _read(session, name)
        tally.cpu_s += time.process_time() - begin_s
        tally.count += 1
        tally.outcomes[str(verdict.kind)] += 1
    return tally


@dataclasses.dataclass
class Tally:
    """What became of many.

    Attributes:
        outcomes: what happened → how often.
        bad: seeds that broke a promise → how.
    """

    count: int = 0
    cpu_s: float = 0.0
    slowest_s: float = 0.0
    outcomes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    bad: dict[int, Outcome] = dataclasses.field(default_factory=dict)


def try_many(seeds: range, *, remember: bool = True) -> Tally:
    """Read and judge one mutant for each seed; `remember` keeps points of curves between them (fixed randomness)."""
    tally = Tally()
    multiply = curves.Curve.multiply
    if remember:
        curves.Curve.multiply = functools.lru_cache(4096)(multiply)
    try:
        for seed in seeds:
            outcome = try_one(seed)
            tally.count += 1
            tally.cpu_s += outcome.cpu_s
            tally.slowest_s = max(tally.slowest_s, outcome.cpu_s)
            tally.outcomes[outcome.what] += 1
            if not outcome.good:
                tally.bad[seed] = outcome
    finally:
        curves.Curve.multiply = multiply
    return tally
