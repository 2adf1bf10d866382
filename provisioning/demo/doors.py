"""One HTTP request to a door of the desk: a unix socket on this machine."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def post(door: Path, path: str, body: bytes, *, limit: int, timeout_s: float = 30.0) -> tuple[int, bytes]:
    """Status and body of the answer, of which at most `limit` bytes are read.

    Raises:
        OSError: nobody answers there.
    """
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line,
        contextlib.closing(http.client.HTTPConnection("localhost")) as connection,
    ):
        line.settimeout(timeout_s)
        line.connect(str(door))
        connection.sock = line
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        try:
            answer = connection.getresponse()
            return answer.status, answer.read(limit)
        except http.client.HTTPException as why:
            raise ConnectionError(type(why).__name__) from why
