"""One kind of thread, one way to start it, one way to stop it.

One device has one worker, one worker has one inbox. A worker that ends without having been asked takes
the process with it: half a desk is worse than a desk that systemd starts afresh.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from types import TracebackType

log = logging.getLogger(__name__)

T = TypeVar("T")

EX_SOFTWARE: Final = 70
"""Exit status of sysexits.h for "internal software error"; systemd shows it as such."""


class WorkerError(PueError):
    """A worker could not take or finish work."""

    code = "worker.failed"
    who = WhoCanAct.TECHNICIAN


class InboxFull(WorkerError):
    """The worker is so far behind that more work would only pile up."""

    code = "worker.inbox_full"
    who = WhoCanAct.WAIT


class WorkerStopped(WorkerError):
    """The worker has been asked to stop (or never started) and takes no more work."""

    code = "worker.stopped"
    who = WhoCanAct.WAIT


class ZombieWorker(WorkerError):
    """Workers that did not end in the time they were given; the text names them."""

    code = "worker.zombie"

    def __init__(self, names: list[str], timeout_s: float) -> None:
        super().__init__(
            f"still running {timeout_s:g} s after being asked to stop: {', '.join(names)}",
            names=", ".join(names),
            timeout_s=timeout_s,
        )


OnDeath = Callable[[str, BaseException | None], None]


def end_process(name: str, error: BaseException | None) -> None:
    """The default on_death: say who died and of what, then end the process at once so systemd restarts it."""
    log.critical("worker %s ended unasked; ending the process", name, exc_info=error)
    logging.shutdown()
    os._exit(EX_SOFTWARE)


class Worker:
    """A thread with an inbox, an optional periodic tick, and a stop event.

    Jobs run one at a time in the order they came. A job's exception belongs to whoever holds its Future;
    an exception of the tick or of the body is the worker's own and deadly.

    Args:
        name: shown in logs, process lists and errors.
        tick: called on the worker's thread at start and then every `tick_every_s` seconds.
        tick_every_s: the period; ticks missed during a long job are not made up for.
        body: instead of serving the inbox, run this; it must return soon after `stopping` is set.
        inbox_size: jobs that may wait.
        on_death: told when the thread ends unasked; called on that thread.
    """

    def __init__(
        self,
        name: str,
        *,
        tick: Callable[[], object] | None = None,
        tick_every_s: float | None = None,
        body: Callable[[threading.Event], object] | None = None,
        inbox_size: int = 64,
        on_death: OnDeath = end_process,
    ) -> None:
        if (tick is None) != (tick_every_s is None) or (tick_every_s is not None and tick_every_s <= 0):
            message = "tick and a positive tick_every_s go together"
            raise ValueError(message)
        self.name = name
        self.stopping = threading.Event()
        self._tick = tick
        self._tick_every_s = tick_every_s
        self._body = body
        self._inbox: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._inbox_size = inbox_size
        self._wake = threading.Condition()
        self._on_death = on_death
        self._thread: threading.Thread | None = None
        self._beat_s = time.monotonic()
        self._at_work = False

    def start(self) -> None:
        """Begin. A worker lives once; a second start is a programming error."""
        if self._thread is not None:
            message = f"worker {self.name} was already started"
            raise RuntimeError(message)
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[..., T], *args: object, **kwargs: object) -> Future[T]:
        """Put `job(*args, **kwargs)` into the inbox.

        Raises:
            InboxFull: too many jobs wait already.
            WorkerStopped: the worker is stopping, has ended, or serves no inbox.
        """
        future: Future[T] = Future()
        with self._wake:
            if self.stopping.is_set() or self._thread is None or self._body is not None:
                message = f"worker {self.name} takes no work now"
                raise WorkerStopped(message, worker=self.name)
            if len(self._inbox) >= self._inbox_size:
                message = f"worker {self.name} has {self._inbox_size} jobs waiting"
                raise InboxFull(message, worker=self.name, waiting=self._inbox_size)
            self._inbox.append((future, lambda: job(*args, **kwargs)))
            self._wake.notify()
        return future

    def stop(self) -> None:
        """Ask the worker to end; returns at once. Jobs still waiting are cancelled."""
        with self._wake:
            self.stopping.set()
            self._wake.notify_all()

    def join(self, timeout_s: float) -> None:
        """Wait for the end.

        Raises:
            ZombieWorker: it did not come in time. May be called again.
        """
        if self._thread is None:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise ZombieWorker([self.name], timeout_s)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def late_s(self) -> float:
        """Seconds the present job or tick has been running; 0 while waiting. A body is never late."""
        return time.monotonic() - self._beat_s if self._at_work else 0.0

    def _live(self) -> None:
        error: BaseException | None = None
        try:
            if self._body is not None:
                self._body(self.stopping)
            else:
                self._serve()
        except BaseException as death:  # noqa: BLE001 - whatever it was, it must be reported
            error = death
        asked = self.stopping.is_set()
        self._refuse_waiting()
        if not asked:
            self._on_death(self.name, error)
        elif error is not None:
            log.error("worker %s failed while stopping", self.name, exc_info=error)

    def _serve(self) -> None:
        due_s = time.monotonic()
        while not self.stopping.is_set():
            if self._tick is not None and self._tick_every_s is not None and time.monotonic() >= due_s:
                self._timed(self._tick)
                due_s = time.monotonic() + self._tick_every_s
            job = self._next_job(None if self._tick is None else due_s - time.monotonic())
            if job is not None:
                self._timed(lambda work=job: self._perform(*work))  # type: ignore[misc]

    def _next_job(self, wait_s: float | None) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._wake:
            if not self._inbox and not self.stopping.is_set():
                self._wake.wait(None if wait_s is None else max(0.0, wait_s))
            return self._inbox.popleft() if self._inbox and not self.stopping.is_set() else None

    def _timed(self, work: Callable[[], object]) -> None:
        self._beat_s, self._at_work = time.monotonic(), True
        try:
            work()
        finally:
            self._at_work = False

    @staticmethod
    def _perform(future: Future[Any], job: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(job())
        except Exception as error:  # noqa: BLE001 - it belongs to the holder of the Future
            future.set_exception(error)

    def _refuse_waiting(self) -> None:
        """Nobody may wait for ever on a worker that is gone."""
        with self._wake:
            self.stopping.set()
            waiting, self._inbox = list(self._inbox), deque()
        for future, _ in waiting:
            future.cancel()


class WorkerGroup:
    """Workers that live and end together; a context manager around the life of a process."""

    def __init__(self, *, stop_timeout_s: float = 5.0) -> None:
        self._workers: list[Worker] = []
        self._stop_timeout_s = stop_timeout_s

    def add(self, worker: Worker) -> Worker:
        """Take a worker in (before `start`)."""
        self._workers.append(worker)
        return worker

    def start(self) -> None:
        """Start all, in the order they were added."""
        for worker in self._workers:
            worker.start()

    def stop(self, timeout_s: float | None = None) -> None:
        """Ask all to end, then wait for all within one common time.

        Raises:
            ZombieWorker: naming every worker that did not end.
        """
        limit_s = self._stop_timeout_s if timeout_s is None else timeout_s
        deadline_s = time.monotonic() + limit_s
        for worker in self._workers:
            worker.stop()
        zombies: list[str] = []
        for worker in self._workers:
            try:
                worker.join(max(0.0, deadline_s - time.monotonic()))
            except ZombieWorker:
                zombies.append(worker.name)
        if zombies:
            raise ZombieWorker(zombies, limit_s)

    def late(self, limit_s: float) -> list[str]:
        """Names of workers busy with one thing for longer than `limit_s`: feed no watchdog while there are any."""
        return [worker.name for worker in self._workers if worker.late_s() > limit_s]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
