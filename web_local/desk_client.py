"""The other side of the clerk's door: a client derived from the contract, over a unix socket.

Nobody writes a route by hand: each call of `ClerkDoor` becomes a method of the client. A call opens
its own connection and has its own deadline, so a desk that hangs never takes the face with it.
"""

from __future__ import annotations

import functools
import http.client
import socket
from typing import TYPE_CHECKING, Any, Final, cast

from contracts.desk_api.clerk import ClerkDoor, Watch
from contracts.desk_api.door import (
    MAX_ANSWER_BYTES,
    Call,
    DoorClosed,
    calls,
    encode_body,
    path_of,
    read_answer,
)

if TYPE_CHECKING:
    from pathlib import Path

    import msgspec

DEADLINE_S: Final = 10.0
LONG_DEADLINE_S: Final = 45.0
"""Calls in which paper moves, a picture is taken or a dossier is sealed."""

LONG: Final = frozenset(
    {
        "print_notice",
        "notice_paper",
        "print_summary",
        "print_receipt",
        "take_page",
        "sign",
        "seal",
        "summary_paper",
        "receipt_paper",
        "begin",
    }
)


class _DoorConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("desk", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


class _DeskClient:
    """One method for each call of the door."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        for call in calls(ClerkDoor).values():
            setattr(self, call.name, functools.partial(self._ask, call))

    def _ask(self, call: Call, request: msgspec.Struct) -> Any:
        connection = _DoorConnection(self._path, _deadline_s(call, request))
        try:
            connection.request(
                "POST", path_of(call), encode_body(request), {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            body = response.read(MAX_ANSWER_BYTES + 1)
            status = response.status
        except (OSError, http.client.HTTPException) as why:
            raise DoorClosed(f"{call.name}: {type(why).__name__}", call=call.name) from None
        finally:
            connection.close()
        if len(body) > MAX_ANSWER_BYTES:
            raise DoorClosed(f"{call.name}: the answer is too large", call=call.name)
        return read_answer(call, status, body)


def _deadline_s(call: Call, request: msgspec.Struct) -> float:
    if isinstance(request, Watch):
        return request.wait_s + DEADLINE_S
    return LONG_DEADLINE_S if call.name in LONG else DEADLINE_S


def desk_at(path: Path) -> ClerkDoor:
    """The desk behind a socket. Nothing is opened until the first call.

    Every call raises `RemoteProblem` when the desk refuses and `DoorClosed` when nobody answers in time.
    """
    return cast("ClerkDoor", _DeskClient(path))
