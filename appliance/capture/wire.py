"""Messages over a stream socket: four bytes of length, then the message; both sides give up at an hour."""

from __future__ import annotations

import socket
import struct
import time
from typing import Final

from appliance.capture.jobs import MESSAGE_LIMIT_BYTES

_LENGTH: Final = struct.Struct(">I")


class TooMuch(Exception):
    """A message larger than any picture."""


def send(line: socket.socket, message: bytes, end_s: float | None = None) -> None:
    """Send one message.

    Raises:
        TooMuch, OSError: not sent; `TimeoutError` when `end_s` (monotonic) has come.
    """
    if len(message) > MESSAGE_LIMIT_BYTES:
        raise TooMuch
    _until(line, end_s)
    line.sendall(_LENGTH.pack(len(message)) + message)


def receive(line: socket.socket, end_s: float | None = None) -> bytes:
    """Wait for one message.

    Raises:
        EOFError: the other side is gone. TooMuch, OSError: as `send`.
    """
    (size,) = _LENGTH.unpack(_exactly(line, _LENGTH.size, end_s))
    if size > MESSAGE_LIMIT_BYTES:
        raise TooMuch
    return bytes(_exactly(line, size, end_s))


def _exactly(line: socket.socket, size: int, end_s: float | None) -> bytearray:
    gathered = bytearray(size)
    view, have = memoryview(gathered), 0
    while have < size:
        _until(line, end_s)
        got = line.recv_into(view[have:])
        if not got:
            raise EOFError
        have += got
    return gathered


def _until(line: socket.socket, end_s: float | None) -> None:
    if end_s is None:
        return
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    line.settimeout(left_s)
