"""How a face is served: gunicorn with one process of threads, ready when it says so, dead when a part of it dies.

One process, because streams and workers live in it; threads, because everything here blocks (measured beside
other servers: flat memory, and a stream costs one thread and nothing else).
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.errors import HaltServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

THREADS: Final = 32
GRACEFUL_S: Final = 3
DIED: Final = 70
"""Exit status when the serving process ended unasked (sysexits.h: internal software error)."""


class Server(BaseApplication):
    """One face on one address.

    Args:
        build: makes the application; called in the serving process, so threads it starts live there.
        host: address to listen on.
        port: 0 takes a free one; the ready line says which.
        name: word of the ready line: ``ready <name> http://host:port``.
        certificate: PEM of the server's certificate, for HTTPS without a proxy.
        key: PEM of its private key.
    """

    def __init__(
        self,
        build: Callable[[], Flask],
        *,
        host: str,
        port: int,
        name: str,
        certificate: str = "",
        key: str = "",
    ) -> None:
        self._build = build
        self._face = name
        self._options: dict[str, Any] = {
            "bind": [f"{host}:{port}"],
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": GRACEFUL_S,
            "keepalive": 15,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": f"pue-{name}",
            "limit_request_line": 4094,
            "when_ready": self._ready,
            "child_exit": _halt,
        }
        if certificate:
            self._options |= {"certfile": certificate, "keyfile": key}
        self._scheme = "https" if certificate else "http"
        super().__init__()

    def load_config(self) -> None:
        for key, value in self._options.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        return self._build()

    def _ready(self, arbiter: Any) -> None:
        host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
        print(f"ready {self._face} {self._scheme}://{host}:{port}", flush=True)  # noqa: T201 - the promise of every process
        notify_ready()


def _halt(arbiter: Any, _worker: Any) -> None:
    # While it stops by itself, an arbiter has closed its listeners or has the signal before it.
    if arbiter.LISTENERS and arbiter.SIG_QUEUE.empty():
        raise HaltServer("the serving process ended", DIED)


def notify_ready() -> None:
    """Tell systemd, where it listens (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.connect(address)
        out.send(b"READY=1")


def end_process() -> None:
    """A part of the face has died: the process goes with it, and what supervises it starts it afresh."""
    os._exit(DIED)
