"""The darkroom: a child process that works on pictures, so that the desk never opens one.

Pictures come from cameras and folders, and what decodes, straightens and reads them is a million lines of other people's
code. It runs apart: under the kernel's limits, without environment, with one line to the desk. When it fails, hangs or is
killed, one job is lost, the desk says so, and the next job finds a new child.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final, TypeVar

import msgspec

import appliance
from appliance.capture import wire
from appliance.capture.jobs import Answer, AnyAnswer, Job, Refused
from contracts.errors import PueError, RemoteProblem, WhoCanAct
from contracts.settled import settled

PROGRAM: Final = "appliance.capture.darkroom_program"
JOB_LIMIT_S: Final = 30.0
"""By the wall clock, for the slowest box; a page takes about one second there."""
FAREWELL_S: Final = 2.0
_DECODER: Final = msgspec.msgpack.Decoder(settled(AnyAnswer))

A = TypeVar("A", bound=Answer)


class DarkroomFailed(PueError):
    """The child ended in the middle of a job, or took too long. The next job gets another."""

    code = "capture.failed"
    who = WhoCanAct.CLERK


class Darkroom:
    """One child, one job at a time; may be asked from any thread.

    Args:
        niceness: of the child; work that nobody waits for is nicer.
        program: the child's module.
    """

    def __init__(self, *, niceness: int = 0, program: str = PROGRAM) -> None:
        self._niceness, self._program = niceness, program
        self._one_at_a_time = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._used_s = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return self._child.pid if self._child else None

    def ask(self, job: Job, answer: type[A], *, limit_s: float = JOB_LIMIT_S) -> A:
        """Do a job.

        Raises:
            RemoteProblem: the darkroom says why it cannot.
            DarkroomFailed: the child failed; the job is lost.
        """
        with self._one_at_a_time:
            self._used_s = time.monotonic()
            given = self._exchange(job, limit_s)
        if isinstance(given, Refused):
            raise RemoteProblem(given.problem)
        if not isinstance(given, answer):
            raise DarkroomFailed("the darkroom answered something else")
        return given

    def rest(self, idle_s: float) -> None:
        """Let the child go if nobody has asked for so long."""
        if time.monotonic() - self._used_s >= idle_s and self._one_at_a_time.acquire(blocking=False):
            try:
                self._let_go()
            finally:
                self._one_at_a_time.release()

    def close(self) -> None:
        """Let the child go; a job that runs ends first."""
        with self._one_at_a_time:
            self._let_go()

    def _exchange(self, job: Job, limit_s: float) -> Answer:
        try:
            line = self._open_line()
            end_s = time.monotonic() + limit_s
            wire.send(line, msgspec.msgpack.encode(job), end_s)
            return _DECODER.decode(wire.receive(line, end_s))
        except (OSError, EOFError, wire.TooMuch, msgspec.DecodeError) as error:
            self._let_go(kill=True)
            raise DarkroomFailed("a picture could not be worked on", reason=type(error).__name__) from error

    def _open_line(self) -> socket.socket:
        if self._line is None or self._child is None or self._child.poll() is not None:
            self._let_go(kill=True)
            self._line, theirs = socket.socketpair()
            with theirs:
                self._child = subprocess.Popen(
                    [sys.executable, "-s", "-m", self._program, str(self._niceness)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_environment(),
                    cwd="/",
                )
        return self._line

    def _let_go(self, *, kill: bool = False) -> None:
        """Closing the line ends the child; one that does not hear is killed."""
        child, self._child = self._child, None
        line, self._line = self._line, None
        if line is not None:
            line.close()
        if child is None:
            return
        if kill:
            child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(FAREWELL_S)
            return
        child.kill()
        child.wait()


def _environment() -> dict[str, str]:
    """Nothing of ours but where our own code is; libraries that count processors are told one."""
    root = str(Path(appliance.__path__[0]).parent)
    return {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "LANG": "C.UTF-8"}
