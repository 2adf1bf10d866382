"""A darkroom's child that does not do as it should: what a frame says decides how. Started by the darkroom itself."""

import os
import signal
import socket
import sys
import time

import msgspec

from appliance.capture import wire
from appliance.capture.darkroom_program import answer, confine
from appliance.capture.jobs import AnyJob, Looked


class Odd:
    def work(self, job):
        return DEEDS[job.frame](job)


def fine(job):
    return Looked(corners=None, hint=f"pid {os.getpid()}", steady=0.0, shoot=False)


def greedy(job):
    held = []
    while True:
        held.append(bytearray(64 * 1024 * 1024))


def talkative(job):
    raise ValueError("MARIA ESEMPIO")


DEEDS = {
    b"fine": fine,
    b"die": lambda job: os.kill(os.getpid(), signal.SIGSEGV),
    b"hang": lambda job: time.sleep(60),
    b"greedy": greedy,
    b"talkative": talkative,
}


def main():
    confine(int(sys.argv[1]))
    line = socket.socket(fileno=os.dup(0))
    while True:
        job = msgspec.msgpack.decode(wire.receive(line), type=AnyJob)
        if job.frame == b"babble":
            wire.send(line, b"\xc1 this is no answer")
        elif job.frame == b"flood":
            line.sendall(b"\xff\xff\xff\xff")
        else:
            wire.send(line, msgspec.msgpack.encode(answer(Odd(), job)))


if __name__ == "__main__":
    main()
