"""What a service tells systemd: ready, stopping, still alive (sd_notify(3), sd_watchdog_enabled(3)).

Outside systemd every word is spoken into the air, so the same code runs on a laptop.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

_MICROSECONDS: Final = 1_000_000


class Notifier:
    """A line to systemd's notification socket.

    Args:
        environ: where NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are looked up.
        pid: our process id, compared with WATCHDOG_PID.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, pid: int | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_every_s = _watchdog_every_s(environ, os.getpid() if pid is None else pid)

    @property
    def listening(self) -> bool:
        """Whether somebody gave us a socket to speak to."""
        return self._address is not None

    def ready(self, status: str = "") -> bool:
        """All doors are open."""
        return self._say("READY=1", status)

    def stopping(self, status: str = "") -> bool:
        """The end has begun."""
        return self._say("STOPPING=1", status)

    def status(self, status: str) -> bool:
        """One line for `systemctl status`; never personal data."""
        return self._say("", status)

    def alive(self) -> bool:
        """Feed the watchdog; to be called by the main loop only, never by a timer of its own."""
        return self._say("WATCHDOG=1", "")

    def _say(self, word: str, status: str) -> bool:
        if self._address is None:
            return False
        lines = [line for line in (word, f"STATUS={_one_line(status)}" if status else "") if line]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.connect(self._address)
                line.sendall("\n".join(lines).encode())
        except OSError as error:
            log.warning("systemd did not hear %s: %s", word or "a status", error)
            return False
        return True


def _address(raw: str) -> str | None:
    """A path or an abstract name; anything else systemd may invent (vsock) is not for us."""
    if raw.startswith("@"):
        return "\0" + raw[1:]
    return raw if raw.startswith("/") else None


def _watchdog_every_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Half the time systemd waits, as its manual advises; None when no watchdog is meant for this process."""
    raw, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not raw.isdecimal() or int(raw) == 0 or (owner and owner != str(pid)):
        return None
    return int(raw) / _MICROSECONDS / 2


def _one_line(text: str) -> str:
    return " ".join(text.split())
