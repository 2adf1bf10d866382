"""The agent at the desk's status door: a client derived from the promise in `contracts.desk_api.status`."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from contracts.desk_api import door
from contracts.desk_api.status import QUIET, Blink, DeskFacts, LinkFacts, Nothing, StatusDoor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import msgspec

_CALLS: Final = door.calls(StatusDoor)
_GRANTED: Final = b"granted"


class DeskAbsent(door.DoorClosed):
    """There is no desk behind the door at all: no socket, or nobody listens."""

    code = "desk.absent"


class Claim:
    """An answer to the request for quiet. While it is open and granted, no sitting can begin."""

    def __init__(self, sock: socket.socket | None, response: http.client.HTTPResponse | None) -> None:
        self._sock, self._response = sock, response
        self.granted = False
        if response is not None:
            self.granted = response.status == door.OK and response.readline(64).strip() == _GRANTED

    @property
    def witnessed(self) -> bool:
        """Whether a living desk holds the other end, so that its end can be seen."""
        return self._response is not None

    def ended(self, within_s: float) -> bool:
        """Wait until the desk lets go of the claim (it died or took it back); False when it did not in time."""
        if self._sock is None or self._response is None:
            return True
        until_s = time.monotonic() + within_s
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                self._sock.settimeout(left_s)
                if not self._response.read1(64):
                    return True
        except TimeoutError:
            return False
        except (OSError, http.client.HTTPException, ValueError):
            return True
        return False


class DeskDoor:
    """Keeps `StatusDoor` by asking the desk.

    Args:
        path: `status.sock`.
        timeout_s: a desk that does not answer in this time counts as closed.
    """

    def __init__(self, path: Path, *, timeout_s: float = 5.0) -> None:
        self._path, self._timeout_s = path, timeout_s
        wrong = door.missing(StatusDoor, self)
        if wrong:
            raise TypeError("; ".join(wrong))

    def facts(self, request: Nothing) -> DeskFacts:
        """Health of the desk and its devices."""
        answer: DeskFacts = self._ask("facts", request)
        return answer

    def tell_link(self, request: LinkFacts) -> Nothing:
        """Tell the desk how the link is."""
        answer: Nothing = self._ask("tell_link", request)
        return answer

    def blink(self, request: Blink) -> Nothing:
        """Blink the light."""
        answer: Nothing = self._ask("blink", request)
        return answer

    @contextlib.contextmanager
    def quiet(self) -> Iterator[Claim]:
        """Ask for quiet and hold it while inside. An absent desk serves nobody: that is quiet, too.

        Raises:
            DoorClosed: the desk is there but does not answer.
        """
        try:
            connection = self._connect()
        except DeskAbsent:
            absent = Claim(None, None)
            absent.granted = True
            yield absent
            return
        sock = connection.sock
        try:
            try:
                connection.request("POST", f"/v1/{QUIET}", body=b"{}", headers=_JSON)
                claim = Claim(sock, connection.getresponse())
            except (OSError, http.client.HTTPException) as why:
                raise door.DoorClosed("the desk did not answer the request for quiet") from why
            yield claim
        finally:
            sock.close()
            connection.close()

    def _ask(self, name: str, request: msgspec.Struct) -> Any:
        call = _CALLS[name]
        connection = self._connect()
        try:
            connection.request("POST", door.path_of(call), body=door.encode_body(request), headers=_JSON)
            response = connection.getresponse()
            body = response.read(door.MAX_REQUEST_BYTES)
        except (OSError, http.client.HTTPException) as why:
            raise door.DoorClosed(f"{name}: the desk did not answer", call=name) from why
        finally:
            connection.close()
        return door.read_answer(call, response.status, body)

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("desk", timeout=self._timeout_s)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.settimeout(self._timeout_s)
        try:
            sock.connect(str(self._path))
        except (FileNotFoundError, ConnectionRefusedError) as why:
            sock.close()
            raise DeskAbsent("no desk listens at its status door") from why
        except OSError as why:
            sock.close()
            raise door.DoorClosed(f"the desk's status door: {why.strerror or why}") from why
        connection.sock = sock
        return connection


_JSON: Final = {"Content-Type": "application/json"}
