"""Programs of ours as child processes: started, waited for until they say ``ready``, stopped, killed.

A child lives in its own session, so that Ctrl-C reaches only us and we stop the children in
order; and it is told to end if we die (`setpriv --pdeathsig`), so that nothing we started
outlives us and nothing else is ever touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from pathlib import Path

READY = "ready"
START_S = 60.0
STOP_S = 10.0
RESTART_S = 0.5
"""Pause before a program that died while starting is started again (systemd's RestartSec)."""

_TAIL_BYTES = 4_000


class ProgramFailed(PueError):
    """A program of the demo ended or did not get ready; the sentence carries its last words."""

    code = "demo.program_failed"
    who = WhoCanAct.TECHNICIAN


class Program:
    """One child process that can be started again and again.

    Args:
        name: names the log file and appears in sentences.
        argv: the command, without the interpreter when it begins with ``-m``.
        folder: where its log goes.
        environ: added to our own environment.
    """

    def __init__(self, name: str, argv: list[str], folder: Path) -> None:
        self.name = name
        self.argv = [sys.executable, *argv] if argv[0] == "-m" else argv
        self.log = folder / f"{name}.log"
        self.pid_file = folder / f"{name}.pid"
        self.said = ""
        self.deaths = 0
        self._wanted = False
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._birth = threading.Lock()

    @property
    def pid(self) -> int:
        """Process id of the running child, 0 when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    def start(self, timeout_s: float = START_S) -> str:
        """Start and wait until it says it is ready.

        Returns:
            What stood on the line after ``ready``.

        Raises:
            ProgramFailed: it ended first, or the time was up.
        """
        self.launch()
        return self.wait_ready(timeout_s)

    def launch(self) -> None:
        """Start without waiting; from now on it is kept alive."""
        self._wanted = True
        self._ready.clear()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._keep, name=self.name, daemon=True).start()

    def wait_ready(self, timeout_s: float = START_S) -> str:
        """Wait for ``ready``; see `start`."""
        if not self._ready.wait(timeout_s) or not self.pid:
            said = f"{self.name} is not ready after {timeout_s:.0f} s" if self.pid else f"{self.name} ended"
            self._wanted = False
            self.kill()
            raise ProgramFailed(f"{said}; its last words:\n{self.last_words()}", program=self.name)
        return self.said

    def stop(self, timeout_s: float = STOP_S) -> int:
        """Ask it to end for good; kill it if it does not. Returns its exit status."""
        with self._birth:
            self._wanted = False
        if not self.pid or self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProgramFailed(
                f"{self.name} did not end in {timeout_s:.0f} s and was killed", program=self.name
            ) from None

    def kill(self) -> None:
        """SIGKILL, as a power cut would; it comes back by itself unless it was stopped."""
        self._ready.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return log.read().decode("utf-8", "replace")

    def _keep(self) -> None:
        # One thread for all lives: the kernel ends a child of `--pdeathsig` with the thread that made it.
        ever = False
        while (process := self._begin()) is not None:
            born = self._attend(process)
            self._ready.clear()
            process.wait()
            self.deaths += 1
            if not (ever or born):
                self._wanted = False
                self._ready.set()  # wakes a waiter when the program ended before it was ever ready
            elif not born:
                time.sleep(RESTART_S)
            ever = ever or born

    def _begin(self) -> subprocess.Popen[bytes] | None:
        with self._birth, self.log.open("ab") as log:
            if not self._wanted:
                return None
            self._process = subprocess.Popen(
                [*_with_our_life(), *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
            self.pid_file.write_text(str(self._process.pid), "ascii")
            return self._process

    def _attend(self, process: subprocess.Popen[bytes]) -> bool:
        """Keep what it says until it ends; whether it ever was ready."""
        born = False
        assert process.stdout is not None
        with process.stdout, self.log.open("ab") as log:
            for raw in process.stdout:
                log.write(raw)
                log.flush()
                line = raw.decode("utf-8", "replace").strip()
                if line.split(" ", 1)[0].rstrip(":") == READY:
                    self.said, born = line[len(READY) :].lstrip(": "), True
                    self._ready.set()
        return born


def _with_our_life() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def run(
    argv: list[str], *, said: str = "", timeout_s: float = START_S, environ: dict[str, str] | None = None
) -> str:
    """Run a command of ours to its end, with `said` on its standard input; its standard output.

    Raises:
        ProgramFailed: it refused; the sentence is its own.
    """
    command = [sys.executable, *argv] if argv[0] == "-m" else argv
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            input=said,
            env=os.environ | (environ or {}),
        )
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{' '.join(argv[:4])} took over {timeout_s:.0f} s", program=argv[0]) from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise ProgramFailed(f"{' '.join(argv[:4])} exited {done.returncode}: {words}", program=argv[0])
    return done.stdout
