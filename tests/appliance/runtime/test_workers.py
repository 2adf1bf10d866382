from __future__ import annotations

import queue
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from appliance.runtime.workers import InboxFull, Worker, WorkerGroup, WorkerStopped, ZombieWorker


@pytest.fixture
def deaths():
    return queue.Queue()


@pytest.fixture
def make(deaths):
    made = []

    def build(name="w", **how):
        worker = Worker(name, on_death=lambda *news: deaths.put(news), **how)
        made.append(worker)
        return worker

    yield build
    for worker in made:
        worker.stop()
        worker.join(5)


def test_jobs_run_in_order_on_one_thread(make):
    worker = make()
    worker.start()
    futures = [worker.submit(lambda n=n: (n, threading.current_thread().name)) for n in range(50)]
    assert [future.result(5) for future in futures] == [(n, "w") for n in range(50)]


def test_a_jobs_failure_is_its_holders_and_the_worker_lives(make, deaths):
    worker = make()
    worker.start()
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda: 1 // 0).result(5)
    assert worker.submit(lambda: "alive").result(5) == "alive"
    assert deaths.empty()


def test_a_full_inbox_refuses(make):
    worker = make(inbox_size=2)
    worker.start()
    gate, begun = threading.Event(), threading.Event()
    worker.submit(lambda: (begun.set(), gate.wait(5)))
    assert begun.wait(5)
    worker.submit(int)
    worker.submit(int)
    with pytest.raises(InboxFull) as refusal:
        worker.submit(int)
    assert refusal.value.facts["waiting"] == 2
    gate.set()


def test_nobody_waits_for_ever_on_a_stopped_worker(make):
    worker = make()
    worker.start()
    gate, begun = threading.Event(), threading.Event()
    worker.submit(lambda: (begun.set(), gate.wait(5)))
    assert begun.wait(5)
    waiting = worker.submit(int)
    worker.stop()
    gate.set()
    worker.join(5)
    with pytest.raises(CancelledError):
        waiting.result(5)
    with pytest.raises(WorkerStopped):
        worker.submit(int)


def test_ticks_come_again_and_again_between_jobs(make):
    ticks = queue.Queue()
    worker = make(tick=lambda: ticks.put(1), tick_every_s=0.01)
    worker.start()
    for _ in range(5):
        ticks.get(timeout=5)
        assert worker.submit(lambda: 7).result(5) == 7


def test_a_failing_tick_is_deadly(make, deaths):
    worker = make(tick=lambda: 1 // 0, tick_every_s=1)
    worker.start()
    name, error = deaths.get(timeout=5)
    assert name == "w"
    assert isinstance(error, ZeroDivisionError)


def test_a_body_that_ends_unasked_is_deadly_and_asked_is_not(make, deaths):
    make("good", body=lambda stopping: stopping.wait(5)).start()
    make("bad", body=lambda stopping: None).start()
    assert deaths.get(timeout=5) == ("bad", None)
    assert deaths.empty()


def test_a_death_ends_the_process_with_70():
    program = textwrap.dedent(
        """
        import threading
        from appliance.runtime.workers import Worker
        Worker("doomed", body=lambda stopping: None).start()
        threading.Event().wait(30)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        timeout=30,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 70
    assert "doomed" in done.stderr


def test_a_group_stops_all_and_names_its_zombies(make):
    gate, begun = threading.Event(), threading.Event()
    group = WorkerGroup(stop_timeout_s=0.2)
    group.add(make("quick"))
    stubborn = group.add(make("stubborn"))
    group.start()
    stubborn.submit(lambda: (begun.set(), gate.wait(10)))
    assert begun.wait(5)
    with pytest.raises(ZombieWorker, match="stubborn") as found:
        group.stop()
    assert found.value.facts["names"] == "stubborn"
    gate.set()
    group.stop(5)


def test_a_worker_stuck_in_a_job_is_late(make):
    gate, begun = threading.Event(), threading.Event()
    group = WorkerGroup()
    slow = group.add(make("slow"))
    group.add(make("idle"))
    group.start()
    assert group.late(0) == []
    slow.submit(lambda: (begun.set(), gate.wait(10)))
    assert begun.wait(5)
    threading.Event().wait(0.05)
    assert group.late(0.01) == ["slow"]
    gate.set()


def test_a_worker_lives_once(make):
    worker = make()
    worker.start()
    with pytest.raises(RuntimeError):
        worker.start()
    worker.stop()
    worker.stop()
    worker.join(5)


def test_a_tick_needs_a_period():
    with pytest.raises(ValueError, match="tick_every_s"):
        Worker("w", tick=int)
