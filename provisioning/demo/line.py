"""The town hall's line: a TCP relay that can be cut and mended.

The box of the demo reaches the fleet only through relays like this one, so a visitor (and a
journey test) can pull the plug without touching the machine's network.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

_CHUNK = 65_536


class Line:
    """Relays one local port to another port of this machine.

    Args:
        target_port: where the real server listens, on loopback.
        port: where the box connects; 0 chooses a free one.
    """

    def __init__(self, target_port: int, port: int = 0) -> None:
        self.target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._cut = False
        self._closed = False
        threading.Thread(target=self._accept, name=f"line {self.port}", daemon=True).start()

    @property
    def is_cut(self) -> bool:
        """Whether nothing passes now."""
        return self._cut

    def cut(self) -> None:
        """Drop every connection and accept none, as a pulled cable does."""
        with self._lock:
            self._cut = True
            broken, self._open = self._open, set()
        for one in broken:
            _drop(one)

    def mend(self) -> None:
        """Let connections pass again."""
        with self._lock:
            self._cut = False

    def close(self) -> None:
        """Cut for good and free the port."""
        self._closed = True
        self.cut()
        _drop(self._listener)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                _drop(near)
                continue
            threading.Thread(target=self._relay, args=(near,), name="line call", daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
        except OSError:
            _drop(near)
            return
        with self._lock:
            if self._cut:
                _drop(near)
                _drop(far)
                return
            self._open |= {near, far}
        try:
            _pump(near, far)
        finally:
            with self._lock:
                self._open -= {near, far}
            _drop(near)
            _drop(far)


def _pump(near: socket.socket, far: socket.socket) -> None:
    other = {near: far, far: near}
    with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError):
        for end in other:
            end.settimeout(30)
            selector.register(end, selectors.EVENT_READ, end)
        while True:
            for key, _ in selector.select():
                one: socket.socket = key.data
                data = one.recv(_CHUNK)
                if not data:
                    return
                other[one].sendall(data)


def _drop(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
