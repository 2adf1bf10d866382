"""The darkroom's child: takes a job, gives an answer, until the line ends. Started by `darkroom`, never by hand.

The kernel's limits are set before the first picture comes; whatever a picture does afterwards is the end of this process
and of nothing else. Nothing is written anywhere, and no exception's text leaves: it could quote a page.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
from typing import Any, Final

import msgspec

from appliance.capture import wire
from appliance.capture.jobs import (
    Answer,
    AnyJob,
    BarcodesRead,
    Develop,
    Job,
    LinesRead,
    Look,
    Measure,
    Read,
    ReadBarcodes,
    ReadLines,
    Redact,
    Refused,
)
from appliance.runtime.memory import give_back
from contracts.errors import Problem, PueError, WhoCanAct
from contracts.settled import settled

MEMORY_LIMIT_BYTES: Final = 1536 * 1024 * 1024
"""Of private writable memory: a 16 megapixel picture in colour is 48 MB, and flattening holds a few of them."""
OUTPUT_LIMIT_BYTES: Final = 64 * 1024 * 1024
LIFE_LIMIT_S: Final = 180
"""Of one job. The desk gives up long before; this is for the child of a desk that was killed meanwhile."""


def confine(niceness: int) -> None:
    """No more memory than a picture needs, no core dump with a page in it."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_LIMIT_BYTES, OUTPUT_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(niceness)


class Room:
    """What is done with each kind of job. Libraries are loaded when the first job needs them."""

    def __init__(self) -> None:
        self._watching: Any = None

    def work(self, job: Job) -> Answer:
        """Do a job.

        Raises:
            PueError: it cannot be done.
        """
        if isinstance(job, Look):
            return self._look(job)
        if isinstance(job, Develop):
            from appliance.capture.developing import develop

            return develop(job)
        if isinstance(job, Measure):
            from appliance.capture.calibrating import measure

            return measure(job)
        if isinstance(job, Redact):
            from appliance.capture.developing import redact_leaf

            return redact_leaf(job)
        if isinstance(job, ReadLines | ReadBarcodes):
            return _codes(job)
        assert isinstance(job, Read)
        from appliance.capture.page_reading import read_leaf

        return read_leaf(job)

    def _look(self, job: Look) -> Answer:
        from appliance.capture.looking import Looking

        if self._watching is None or job.anew:
            self._watching = Looking()
        answer: Answer = self._watching.look(job)
        return answer


def _codes(job: ReadLines | ReadBarcodes) -> Answer:
    from appliance.capture.opening import open_here

    picture = open_here(job.picture)
    if isinstance(job, ReadLines):
        from appliance.capture.mrz.reading import read_printed_lines

        return LinesRead(zone=read_printed_lines(picture))
    from appliance.capture.barcodes import read_barcodes

    return BarcodesRead(codes=tuple(read_barcodes(picture)))


def serve(line: socket.socket, room: Room) -> None:
    """Answer until the other side goes."""
    decoder = msgspec.msgpack.Decoder(settled(AnyJob))
    with contextlib.suppress(EOFError):
        while True:
            if not _one(line, room, decoder):  # live pictures need the same again at once
                give_back()


def _one(line: socket.socket, room: Room, decoder: msgspec.msgpack.Decoder[Job]) -> bool:
    """One job; whether the next will be like it. When this returns, nothing holds a picture any more."""
    job = decoder.decode(wire.receive(line))
    signal.alarm(LIFE_LIMIT_S)
    wire.send(line, msgspec.msgpack.encode(answer(room, job)))
    signal.alarm(0)
    return isinstance(job, Look)


def answer(room: Room, job: Job) -> Answer:
    """The answer to a job, whatever becomes of it."""
    try:
        return room.work(job)
    except PueError as refusal:
        return Refused(problem=refusal.problem())
    except Exception as error:  # noqa: BLE001 - libraries fail in every way there is; the desk must hear of it
        facts = {"reason": type(error).__name__}
        return Refused(problem=Problem(code="capture.failed", who=WhoCanAct.CLERK, facts=facts))


def main() -> int:
    """Ends when the desk does."""
    confine(int(sys.argv[1]))
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as line:
        serve(line, Room())
    return 0


if __name__ == "__main__":
    os._exit(
        main()
    )  # at once: nothing of the libraries' tidying up runs on what a hostile picture left behind
