"""Doors of the desk: HTTP/1.1 over unix sockets, one POST for each call of a contract, nothing else.

Who may knock is decided by the socket's mode and group; what may be asked, by the contract.
"""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from appliance.desk.perform import log_slip
from appliance.runtime.files import storage_error
from contracts.desk_api import door
from contracts.errors import Problem, PueError, WhoCanAct

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

SOCKET_MODE: Final = 0o660
MAX_KNOCKING: Final = 48
IDLE_S: Final = 60.0
_CLAIM_LOOK_S: Final = 1.0
_SWALLOW_S: Final = 0.2
_SWALLOW_PIECES: Final = 256


class Doorway(ThreadingHTTPServer):
    """One socket, one contract.

    Args:
        path: of the socket; one left over by a killed desk is replaced.
        contract: the Protocol of the door.
        implementation: what answers.
        group: the socket's group, by name; empty leaves it.
        claim: grants the quiet claim, `release` ends it; without them the door has none.

    Raises:
        TypeError: the implementation is not what the contract says.
        StorageError: the socket cannot be made.
    """

    address_family = socket.AF_UNIX
    daemon_threads = True
    request_queue_size = 32

    def __init__(
        self,
        path: Path,
        contract: type[Any],
        implementation: object,
        *,
        group: str = "",
        claim: Callable[[], bool] | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        wrong = door.missing(contract, implementation)
        if wrong:
            raise TypeError("; ".join(wrong))
        self.implementation = implementation
        self.routes = {door.path_of(call): call for call in door.calls(contract).values()}
        self.claim, self.release = claim, release
        self.closing = threading.Event()
        self._path, self._group = path, group
        self._knocking = threading.BoundedSemaphore(MAX_KNOCKING)
        super().__init__(str(path), _Visit)  # type: ignore[arg-type]  # the stub knows AF_INET only

    def call_at(self, path: str) -> door.Call:
        """The call behind a path.

        Raises:
            DoorMisused: there is none.
        """
        if path not in self.routes:
            raise door.DoorMisused("this door has no such call")
        return self.routes[path]

    def server_bind(self) -> None:
        """Bind with the mode in force from the first moment."""
        try:
            self._path.unlink(missing_ok=True)
            before = os.umask(0o777 & ~SOCKET_MODE)
            try:
                self.socket.bind(str(self._path))
            finally:
                os.umask(before)
            if self._group:
                os.chown(self._path, -1, grp.getgrnam(self._group).gr_gid)
        except OSError as error:
            raise storage_error(error, self._path, "open") from error
        except KeyError:
            raise door.DoorMisused(f"there is no group {self._group}", group=self._group) from None
        self.server_name, self.server_port = "desk", 0

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each visitor, up to a bound; beyond it the visitor is let go."""
        if not self._knocking.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one visitor, then make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._knocking.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's signature
        """A visitor who went away is no news."""
        log.debug("a visitor went away")

    def serve(self, stopping: threading.Event) -> None:
        """Answer until told to stop."""
        waiter = threading.Thread(target=self._stop_with, args=(stopping,), name="door-stop", daemon=True)
        waiter.start()
        self.serve_forever(poll_interval=0.2)
        self.server_close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _stop_with(self, stopping: threading.Event) -> None:
        stopping.wait()
        self.closing.set()
        self.shutdown()


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "pue-desk"
    sys_version = ""
    timeout = IDLE_S
    server: Doorway
    wbufsize = -1

    def do_POST(self) -> None:
        if self.path == "/v1/quiet" and self.server.claim is not None:
            self._body()
            self._hold_quiet()
            return
        try:
            call = self.server.call_at(self.path)
            request = door.read_request(call, self._body())
            answer = getattr(self.server.implementation, call.name)(request)
            self._send(door.OK, door.encode_body(answer))
        except PueError as error:
            self._refuse(error.problem())
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:  # noqa: BLE001 - the visitor gets a sentence, the log gets the place
            log_slip(f"call {self.path[:40]} failed", error)
            self._refuse(
                Problem(code="desk.failed", who=WhoCanAct.TECHNICIAN, message="the desk made a mistake")
            )

    def _body(self) -> bytes:
        said = self.headers.get("Content-Length", "0")
        if not said.isdecimal() or int(said) > door.MAX_REQUEST_BYTES or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._swallow()
            raise door.DoorMisused(
                "a request says its length, within the bound", limit_bytes=door.MAX_REQUEST_BYTES
            )
        return self.rfile.read(int(said))

    def _swallow(self) -> None:
        """Take what is being sent, so that the sender can read why it is refused; for a short while only."""
        self.connection.settimeout(_SWALLOW_S)
        with contextlib.suppress(OSError):
            for _ in range(_SWALLOW_PIECES):
                if not self.rfile.read1(65_536):
                    break

    def _refuse(self, problem: Problem) -> None:
        with contextlib.suppress(OSError):
            self._send(door.REFUSED, door.encode_body(problem))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    # ---- the quiet claim: held as long as this connection

    def _hold_quiet(self) -> None:
        self.close_connection = True
        assert self.server.claim is not None
        assert self.server.release is not None
        granted = self.server.claim()
        try:
            self.send_response(door.OK)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b"granted\n" if granted else b"busy\n")
            if granted:
                self._until_gone()
            self._chunk(b"")
        except OSError:
            log.debug("the holder of the quiet claim went away")
        finally:
            if granted:
                self.server.release()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _until_gone(self) -> None:
        """The kernel tells when the other side ends, however it ends."""
        self.connection.settimeout(_CLAIM_LOOK_S)
        while not self.server.closing.is_set():
            try:
                if not self.connection.recv(1024):
                    return
            except TimeoutError:
                continue

    # ---- quiet logs

    def address_string(self) -> str:
        """A unix socket has no address."""
        return "unix"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Paths and statuses only; bodies are never logged."""
        log.debug(format, *args)
