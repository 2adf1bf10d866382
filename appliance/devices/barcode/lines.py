"""Bytes from a scanner → lines of text. Pure: time is an argument, nothing is read or waited for."""

from __future__ import annotations

from typing import Final

from appliance.devices.barcode.port import LINE_LIMIT_BYTES

_BLANK: Final = b"\r\n\0 \t"


class LineCutter:
    """Cuts a stream at a terminator; drops what is too long or arrives too slowly to be one code.

    Args:
        terminator: what the scanner was told to send after each code.
        pause_s: silence within a code after which its beginning is worth nothing.
        limit_bytes: longer lines are no codes.
    """

    def __init__(self, terminator: bytes, pause_s: float, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        if not terminator:
            raise ValueError("a scanner's lines need a terminator")
        self._terminator = terminator
        self._pause_s = pause_s
        self._limit_bytes = limit_bytes
        self._buffer = b""
        self._last_s = 0.0
        self._skipping = False

    def feed(self, data: bytes, now_s: float) -> tuple[list[str], bool]:
        """Take what came (perhaps nothing).

        Returns:
            The whole lines, without blanks around them, and whether something was dropped.
        """
        dropped = self._stale(now_s)
        if data:
            self._last_s = now_s
        *whole, self._buffer = (self._buffer + data).split(self._terminator)
        lines: list[str] = []
        for raw in whole:
            if self._skipping or len(raw) > self._limit_bytes:
                self._skipping, dropped = False, True
                continue
            text = raw.strip(_BLANK).decode("utf-8", "replace")
            if text:
                lines.append(text)
        if len(self._buffer) > self._limit_bytes:
            self._buffer, self._skipping, dropped = b"", True, True  # and its tail up to the terminator, too
        return lines, dropped

    def _stale(self, now_s: float) -> bool:
        if (self._buffer or self._skipping) and now_s - self._last_s > self._pause_s:
            had = bool(self._buffer.strip(_BLANK))
            self._buffer, self._skipping = b"", False
            return had
        return False
