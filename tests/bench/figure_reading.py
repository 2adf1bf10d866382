"""What reading a CIE costs: commands, bytes before the name, and our share of the processor. The chip's own is left out."""

from __future__ import annotations

import datetime
import secrets
import time

from appliance.cards.conversation import read_document
from appliance.cards.evidence import ChipProof, Evidence
from appliance.cards.software.shelf import issue
from appliance.cards.software.travel_document import TravelDocument
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import IdentityRead, ReaderLimits, Reset, Transmit
from appliance.cards.verdict import Instant, judge
from contracts.desk_api.clerk import VerdictKind
from tests.bench.measure import Figure, compare, machine

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
TRUST = demo_trust(NOW)
LONG, SHORT = ReaderLimits(), ReaderLimits(261, 258)
ASKED = frozenset({1, 2, 11, 14})
ROUNDS = 9


class Reading:
    """One reading, and the processor time it took on our side of the contacts."""

    def __init__(self, limits: ReaderLimits, name: str = "cie") -> None:
        card = issue(name, NOW)
        assert isinstance(card, TravelDocument)
        self.cpu_s, self.bytes, self.bytes_to_name = 0.0, 0, 0
        conversation = read_document(
            card.opens_with, wanted=ASKED, limits=limits, random_bytes=secrets.token_bytes
        )
        answer: bytes | None = None
        try:
            while True:
                began = time.process_time()
                step = conversation.send(answer)  # type: ignore[arg-type]
                self.cpu_s += time.process_time() - began
                answer = self._carry(card, step)
        except StopIteration as end:
            self.evidence: Evidence = end.value
        began = time.process_time()
        verdict = judge(self.evidence, TRUST, Instant(NOW, trusted=True))
        self.cpu_s += time.process_time() - began
        assert (verdict.kind, self.evidence.chip_proof) == (VerdictKind.VERIFIED, ChipProof.PROVEN)

    def _carry(self, card: TravelDocument, step: object) -> bytes:
        if isinstance(step, Transmit):
            response = card.transmit(step.command)
            self.bytes += len(step.command) + len(response)
            return response
        if isinstance(step, Reset):
            card.reset()
        if isinstance(step, IdentityRead):
            self.bytes_to_name = self.bytes
        return b""


def _bound(name: str, value: float, unit: str, goal: float, peer: str, peer_value: float) -> Figure:
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=peer,
        peer_value=peer_value,
        ratio=value / peer_value,
        goal=f"<= {goal:g} {unit}",
        rounds=1,
        machine=machine(),
        ok=value <= goal,
    )


def figures() -> list[Figure]:
    """PACE, chip authentication, data groups 1, 2, 11, 14 and the SOD, as every CIE; its photo has 15 kB."""
    Reading(LONG)  # tables are loaded once
    long, short = Reading(LONG), Reading(SHORT)
    cpu = compare(
        "CIE read and judged, our side",
        "ms of CPU",
        lambda: 1e3 * Reading(LONG).cpu_s,
        "the same over a curve with AES",
        lambda: 1e3 * Reading(LONG, "cie_aes").cpu_s,
        rounds=ROUNDS,
    )
    cpu.goal, cpu.ok = "<= 150 ms", cpu.value <= 150
    commands = (long.evidence.apdus, short.evidence.apdus)
    before_name = [100 * one.bytes_to_name / one.bytes for one in (long, short)]
    return [
        _bound("CIE, long commands", commands[0], "commands", 40, "short commands", commands[1]),
        _bound("CIE, short commands", commands[1], "commands", 110, "long commands", commands[0]),
        _bound("bytes before the name, long", before_name[0], "% of all", 35, "short", before_name[1]),
        _bound("bytes before the name, short", before_name[1], "% of all", 35, "long", before_name[0]),
        cpu,
    ]
