"""All in one: broker, ingest, gate and console as children of one process that starts, watches and ends them.

Children are started by the main thread only, and the kernel tells them when it is gone: whatever ends the
supervisor, nothing is left behind.
"""

from __future__ import annotations

import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Final

import msgspec

from contracts.errors import PueError, WhoCanAct
from fleet.clock import Clock

START_S: Final = 30.0
STOP_S: Final = 3.5
LAST_STOP_S: Final = 1.0
"""Kept for the broker, however slow the others were: it still writes down what it holds."""

STABLE_S: Final = 60.0
LONGEST_PAUSE_S: Final = 30.0


class StartFailed(PueError):
    """A part of the fleet did not come up; the others were ended again."""

    code = "fleet.start_failed"
    who = WhoCanAct.OPERATOR


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A child.

    Attributes:
        name: as it is called in what is said.
        argv: what is run.
        check: returns once it serves, or raises; None: it prints a line that starts with ``ready``.
    """

    name: str
    argv: Sequence[str]
    check: Callable[[], None] | None = None


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """Regular work of the supervisor's main thread. An error in it is said and tried again."""

    every_s: float
    run: Callable[[], None]


class _Child:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[str] | None = None
        self.ready = threading.Event()
        self.started_s = 0.0
        self.failures = 0
        self.restart_at_s: float | None = None


class Supervisor:
    """Starts programs in the order given and ends them in the reverse order.

    Args:
        programs: the first ones are needed by the later ones.
        clock: for back-off.
        say: where sentences go; one line each.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._children = [_Child(program) for program in programs]
        self._clock, self._say = clock, say
        self._due: dict[int, float] = {}
        self._ended: queue.SimpleQueue[tuple[_Child, subprocess.Popen[str]] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start all; returns when each serves.

        Raises:
            StartFailed: one did not serve within `START_S`; all are ended.
        """
        try:
            for child in self._children:
                self._spawn(child)
                self._await(child)
        except BaseException:
            self.end()
            raise

    def watch(self, duties: Sequence[Duty] = ()) -> None:
        """Keep them alive until `stop`, doing the duties between, then end them all."""
        try:
            while not self._stopping.is_set():
                self._mourn()
                self._revive()
                self._do(duties)
        finally:
            self.end()

    def stop(self) -> None:
        """Ask `start` or `watch` to end. Safe in a signal handler."""
        self._stopping.set()
        self._ended.put(None)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a child, if it runs."""
        for child in self._children:
            if child.program.name == name and child.process is not None:
                child.process.send_signal(number)

    def end(self) -> None:
        """End all children, last started first; after `STOP_S` by force."""
        self._stopping.set()
        give_up_s = self._clock.monotonic_s() + STOP_S
        last_s = give_up_s + LAST_STOP_S
        living = [child for child in reversed(self._children) if child.process is not None]
        for child in living:
            # The broker comes last in this list and outlives who still has something to say.
            if child is living[-1]:
                self._wait_for(living[:-1], give_up_s)
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        self._wait_for(living, last_s)

    # ---- inside

    def _spawn(self, child: _Child) -> None:
        child.ready.clear()
        child.restart_at_s = None
        child.started_s = self._clock.monotonic_s()
        process = subprocess.Popen(
            [*_tied(), *child.program.argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        child.process = process
        assert process.stdout is not None
        name = child.program.name
        threading.Thread(
            target=self._relay, args=(child, process.stdout), name=f"relay-{name}", daemon=True
        ).start()
        threading.Thread(target=self._wait, args=(child, process), name=f"wait-{name}", daemon=True).start()

    def _await(self, child: _Child) -> None:
        if child.program.check is not None:
            child.program.check()
            if child.process is None or child.process.poll() is not None:
                # Somebody answered, but it was not our child: its port was taken.
                msg = f"{child.program.name} ended at once; its own words are above"
                raise StartFailed(msg, program=child.program.name)
            return
        give_up_s = self._clock.monotonic_s() + START_S
        while not child.ready.wait(0.1):
            alive = child.process is not None and child.process.poll() is None
            if self._stopping.is_set() or not alive or self._clock.monotonic_s() > give_up_s:
                msg = f"{child.program.name} did not start; its own words are above"
                raise StartFailed(msg, program=child.program.name)

    def _relay(self, child: _Child, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                if line.startswith("ready"):
                    child.ready.set()
                else:
                    sys.stderr.write(f"{child.program.name}: {line}")

    def _wait(self, child: _Child, process: subprocess.Popen[str]) -> None:
        process.wait()
        self._ended.put((child, process))

    def _mourn(self) -> None:
        try:
            ended = self._ended.get(timeout=0.2)
        except queue.Empty:
            return
        if ended is None or self._stopping.is_set() or ended[0].process is not ended[1]:
            return
        child, process = ended
        now_s = self._clock.monotonic_s()
        child.failures = 0 if now_s - child.started_s > STABLE_S else child.failures + 1
        pause_s = min(LONGEST_PAUSE_S, 0.5 * 2 ** min(child.failures, 10))
        child.restart_at_s = now_s + pause_s
        self._say(
            f"{child.program.name} ended ({_why(process.returncode)}); starting it again in {pause_s:g} s"
        )

    def _revive(self) -> None:
        for child in self._children:
            if child.restart_at_s is not None and self._clock.monotonic_s() >= child.restart_at_s:
                self._spawn(child)

    def _do(self, duties: Sequence[Duty]) -> None:
        for index, duty in enumerate(duties):
            if self._clock.monotonic_s() < self._due.get(index, 0.0):
                continue
            self._due[index] = self._clock.monotonic_s() + duty.every_s
            try:
                duty.run()
            except PueError as why:
                self._say(f"{why.code}: {why}")

    def _wait_for(self, children: Sequence[_Child], give_up_s: float) -> None:
        for child in children:
            process = child.process
            if process is None:
                continue
            try:
                process.wait(timeout=max(0.05, give_up_s - self._clock.monotonic_s()))
            except subprocess.TimeoutExpired:
                self._say(f"{child.program.name} did not end in time and is killed")
                process.kill()
                process.wait()


def _tied() -> list[str]:
    """Ask the kernel to end the child when the thread that started it is gone (prctl(2), PR_SET_PDEATHSIG).

    Through setpriv(1) of util-linux: code between fork and exec is not safe beside threads.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit {code}"
