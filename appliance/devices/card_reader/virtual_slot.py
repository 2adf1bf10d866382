"""Puts a software card into the virtual reader of a real PC/SC service (Debian package vsmartcard-vpcd).

Wire protocol of vpcd: a 16-bit big-endian length before each message; one byte is a control (0 power off, 1 power
on, 2 reset, 4 asks for the ATR), anything else a command. The card is the one that connects.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

from appliance.cards.errors import CardGone
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from types import TracebackType

    from appliance.cards.software.card import SoftwareCard

DEFAULT_PORT: Final = 35963
"""First slot; the second is the next port."""
_OFF, _ON, _RESET, _ATR = 0, 1, 2, 4
_CONNECT_S: Final = 5.0


class NoVirtualReader(PueError):
    """No virtual reader listens there."""

    code = "card_reader.no_virtual_reader"
    who = WhoCanAct.TECHNICIAN


class VirtualSlot:
    """A card lying in a virtual reader from `insert` to `remove`, served by a thread of its own.

    Args:
        card: who answers.
        connection: an open connection to vpcd; made elsewhere where the reader lives in another network namespace.
    """

    def __init__(self, card: SoftwareCard, connection: socket.socket) -> None:
        self._card = card
        self._connection = connection
        self._thread = threading.Thread(target=self._serve, name="virtual_slot", daemon=True)
        self._thread.start()

    @classmethod
    def insert(cls, card: SoftwareCard, port: int = DEFAULT_PORT) -> Self:
        """Connect to the reader on this machine.

        Raises:
            NoVirtualReader: nobody listens; is pcscd with vpcd running?
        """
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_S)
        except OSError as fault:
            raise NoVirtualReader(f"no virtual reader listens on port {port}", port=port) from fault
        return cls(card, connection)

    def remove(self) -> None:
        """Take the card out; a second time does nothing."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(_CONNECT_S)
        self._connection.close()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the reader lets the card go, or the card leaves by itself; False when the time is over."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        self._connection.settimeout(None)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, EOFError, CardGone):
            while True:
                message = self._receive(int.from_bytes(self._receive(2), "big"))
                answer = self._control(message[0]) if len(message) == 1 else self._card.transmit(message)
                if answer is not None:
                    self._connection.sendall(len(answer).to_bytes(2, "big") + answer)
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _control(self, byte: int) -> bytes | None:
        if byte == _ATR:
            return self._card.atr
        if byte in (_OFF, _ON, _RESET):
            self._card.reset()
        return None

    def _receive(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            # vpcd sends length and message apart: without this each command waits 40 ms for a delayed ACK
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            piece = self._connection.recv(count - len(received))
            if not piece:
                raise EOFError
            received += piece
        return received

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
