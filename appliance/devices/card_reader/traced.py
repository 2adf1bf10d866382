"""A card session that writes down what passes through it, redacted line by line (`appliance.cards.trace`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from appliance.cards.trace import Redactor, answer_to_reset
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from appliance.devices.card_reader.port import CardSession


class TracedSession:
    """Wraps an open session; the first line says to whom it talks, each other one begins with the seconds since then.

    Args:
        session: closed together with this one.
        reader: the reader's name.
        write: takes one line without its end.
        monotonic_s: measures.
    """

    def __init__(
        self,
        session: CardSession,
        reader: str,
        write: Callable[[str], None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._write = write
        self._monotonic_s = monotonic_s
        self._redactor = Redactor()
        self._begin_s = monotonic_s()
        write(f"# reader: {reader}; commands to {session.max_command_bytes} bytes")
        write(f"# answer to reset: {answer_to_reset(session.atr)}")

    @property
    def atr(self) -> bytes:
        return self._session.atr

    @property
    def max_command_bytes(self) -> int:
        return self._session.max_command_bytes

    @property
    def max_response_bytes(self) -> int:
        return self._session.max_response_bytes

    def transmit(self, command: bytes) -> bytes:
        self._tell(">", self._redactor.command(command))
        try:
            response = self._session.transmit(command)
        except PueError as fault:
            self._tell("!", fault.code)
            raise
        self._tell("<", self._redactor.response(response))
        return response

    def reset(self) -> None:
        self._redactor.reset()
        self._tell("!", "reset")
        self._session.reset()

    def close(self) -> None:
        self._session.close()

    def _tell(self, direction: str, text: str) -> None:
        self._write(f"{self._monotonic_s() - self._begin_s:9.3f} {direction} {text}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
