"""A line between two programs that can be cut, and made to swallow everything without a word."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from tests.peers.certificates import HOST


class Line:
    """Forwards TCP to `port`. Back: `cut` closes what is open, `down` refuses the new, `stall` swallows."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.down = False
        self.flowing = threading.Event()
        self.flowing.set()
        self.carried_bytes = 0
        self.changed = threading.Condition()
        self._open: list[socket.socket] = []
        self._ear = socket.create_server((HOST, 0))
        self.port = self._ear.getsockname()[1]
        self._over = threading.Event()

    def stall(self) -> None:
        self.flowing.clear()

    def cut(self) -> None:
        """Everything open breaks now."""
        self.flowing.set()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def wait_for_bytes(self, count: int, within_s: float = 20.0) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: self.carried_bytes >= count, within_s):
                raise AssertionError(f"only {self.carried_bytes} bytes of {count} came")

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._ear.accept()
            except OSError:
                return
            if self.down:
                near.close()
                continue
            try:
                far = socket.create_connection((HOST, self.target), timeout=5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            self._open += [near, far]
            for one, other, counted in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pump, args=(one, other, counted), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, counted: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                self.flowing.wait(60)
                other.sendall(data)
                if counted:
                    with self.changed:
                        self.carried_bytes += len(data)
                        self.changed.notify_all()
        for sock in (one, other):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ear.close()
        self.cut()
        for sock in self._open:
            sock.close()
