"""A type's first use by many threads at once: without `settled` nearly every such process dies."""

from __future__ import annotations

import subprocess
import sys

from tests.peers.browser import ROOT

FIRST_USE = """
import sys, threading
import msgspec
from contracts.desk_api import clerk
from contracts.settled import settled

sys.setswitchinterval(1e-6)
line = clerk.LineView(connected=True)
view = clerk.DeskView(revision=1, site="a", software="b", clerk=None, locked=False, quiet=False, clock_code="",
                      devices=[], line=line, sitting=None, drafts=0)
data, start = msgspec.json.encode(view), threading.Barrier(8)

def work():
    start.wait()
    for _ in range(50):
        assert msgspec.json.decode(data, type=settled(clerk.DeskView), strict=True) == view

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_many_threads_may_use_a_type_for_the_first_time():
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_USE],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
