"""Starts the process that holds a USB camera, asks it, and ends it. See `v4l2_program`."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

import appliance
from appliance.capture import wire
from appliance.devices.camera.v4l2_words import Failed, Question, Reply
from contracts.settled import settled

PROGRAM: Final = "appliance.devices.camera.v4l2_program"
FAREWELL_S: Final = 2.0


class Child:
    """One process from here to `close`; asked by one thread at a time."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        environment = {
            "PYTHONPATH": str(Path(appliance.__path__[0]).parent),
            "OMP_NUM_THREADS": "1",
            "OPENCV_LOG_LEVEL": "OFF",
            "LANG": "C.UTF-8",
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-m", PROGRAM],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ask(self, question: Question, limit_s: float) -> Reply:
        """Its answer; a child that dies, hangs or talks nonsense has failed, and is of no more use."""
        end_s = time.monotonic() + limit_s
        try:
            wire.send(self._line, msgspec.msgpack.encode(question), end_s)
            return msgspec.msgpack.decode(wire.receive(self._line, end_s), type=settled(Reply))
        except (OSError, EOFError, wire.TooMuch, msgspec.DecodeError) as error:
            return Failed(reason=type(error).__name__)

    def close(self, *, kill: bool = False) -> None:
        """Closing the line ends it; one that does not hear is killed."""
        self._line.close()
        if kill:
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(FAREWELL_S)
            return
        self._process.kill()
        self._process.wait()
