"""Fifty sittings while every program is killed at random moments: what was called saved arrives exactly once."""

from __future__ import annotations

import http.client
import os
import random
import sys
import threading
import time

import psutil

from contracts.desk_api.clerk import Stage
from contracts.desk_api.door import DoorClosed
from contracts.messages.letters import LetterWord
from tests.appliance.desk.kit import ESTRATTO, Refused
from tests.journeys.town import TownClerk, protocols, registered

SITTINGS = int(os.environ.get("JOURNEY_SITTINGS", "50"))
SEED = int(os.environ.get("JOURNEY_SEED", "20261122"))
LONGEST_SITTING_S = 120.0
GONE = (OSError, http.client.HTTPException, DoorClosed)
OF_A_DESK_THAT_CAME_BACK = {"clerk", "sitting", "desk", "once"}
"""Rooms whose refusals follow from a restart; any other refusal would be of a clerk who did right."""


class Reaper(threading.Thread):
    """Kills one process of the town after another, and waits for it to come back before the next."""

    def __init__(self, world, chance: random.Random) -> None:
        super().__init__(name="reaper", daemon=True)
        self._world, self._chance = world, chance
        self._over = threading.Event()
        self.killed: dict[str, int] = {}

    def run(self) -> None:
        while not self._over.wait(self._chance.uniform(0.5, 5.0)):
            try:
                name, process = self._chance.choice(self._victims())
                process.kill()
            except psutil.NoSuchProcess:
                continue  # it fell before we could push it
            self.killed[name] = self.killed.get(name, 0) + 1

    def stop(self) -> None:
        self._over.set()
        self.join(90)
        assert not self.is_alive()

    def _victims(self):
        """The box's three programs by themselves, the server's with all their children."""
        found = []
        for program in self._world.programs:
            if not (pid := program.pid):
                raise psutil.NoSuchProcess(0)
            process = psutil.Process(pid)
            found.append((program.name, process))
            if program in (self._world.fleet, self._world.backoffice):
                found += [(f"{program.name} child", child) for child in process.children(recursive=True)]
        return found


class PatientClerk(TownClerk):
    """Does what the page asks for next, and begins again where the desk stands after a fall."""

    def serve_one(self) -> str:
        end = time.monotonic() + LONGEST_SITTING_S
        saved = ""
        while True:
            assert time.monotonic() < end, self.view
            try:
                if self._step():
                    return saved
                sitting = self.view.sitting if self.view else None
                if sitting and sitting.stage is Stage.DONE:
                    saved = sitting.letter.letter
            except GONE:
                self._come_back(end)
            except Refused as why:
                if why.code.split(".")[0] not in OF_A_DESK_THAT_CAME_BACK:
                    raise
                self._come_back(end)

    def _come_back(self, end: float) -> None:
        while True:
            try:
                self.come()
            except (*GONE, Refused):
                assert time.monotonic() < end
                time.sleep(0.05)  # nobody announces a socket that is not there
            else:
                return

    def _step(self) -> bool:
        """One move; True when the citizen has left with the receipt."""
        sitting = self.view.sitting if self.view else None
        if sitting is None:
            self.ask("begin")
            return False
        if sitting.stage is Stage.DONE:
            if sitting.letter.receipt_printed:
                self.ask("finish")
                return True
            self.ask("print_receipt", letter=sitting.letter.letter)
            return False
        {
            Stage.INFORM: lambda: self.ask("give_notice", how="read"),
            Stage.CARD: self.read_card,
            Stage.READING: lambda: self.ask("watch", revision=self.view.revision, wait_s=1.0),
            Stage.COMPARE: lambda: self.ask("same_person", same=True),
            Stage.CHOOSE: lambda: self.ask("choose", practice=self._key()),
            Stage.FORM: lambda: self.fill(ESTRATTO),
            Stage.PAGES: lambda: self.ask("pages_done"),
            Stage.READ_BACK: lambda: self.ask("confirm_read_back"),
            Stage.SIGN: lambda: self._sign(sitting),
            Stage.SEALING: lambda: self.ask("watch", revision=self.view.revision, wait_s=1.0),
        }[sitting.stage]()
        return False

    def _key(self) -> str:
        return next(row.key for row in self.ask("practices").practices if row.key.startswith("estratto"))

    def _sign(self, sitting) -> None:
        if not sitting.summary_printed:
            self.ask("print_summary")
        elif not sitting.pages or not any(page.attachment == "signature" for page in sitting.pages.pages):
            self.ask("take_page", attachment="signature")
        elif sitting.signature is None:
            self.ask("sign", way="paper")
        else:
            self.ask("seal")


def test_whatever_is_killed_what_was_called_saved_arrives_exactly_once(world, clerk):
    patient = PatientClerk(world)
    patient.come()
    reaper = Reaper(world, random.Random(SEED))
    reaper.start()
    try:
        told = [patient.serve_one() for _ in range(SITTINGS)]
    finally:
        reaper.stop()
    sys.stdout.write(f"seed {SEED}: {SITTINGS} sittings, killed {reaper.killed}\n")
    for program in world.programs:
        program.wait_ready()
    assert all(told)
    assert len(set(told)) == SITTINGS
    last = TownClerk(world)
    last.come()
    for letter in told:
        last.await_word(letter, LetterWord.RECEIVED, within_s=120)
    counted = registered(world)
    assert {letter: counted.get(letter, 0) for letter in told} == dict.fromkeys(told, 1)
    numbers = protocols(world)
    assert len(numbers) == len(set(numbers))
    assert sum(reaper.killed.values()) >= SITTINGS // 5
