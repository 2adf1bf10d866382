"""The fleet's hour as a port. The server is its own judge of time; tests move it by hand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What every room of the fleet knows about time."""

    def now(self) -> datetime:
        """The hour, always aware and in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards; only differences mean something."""
        ...


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        """The hour of the machine."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()


class SettableClock:
    """A clock moved by hand."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            msg = "a clock needs an aware hour: give the datetime a timezone"
            raise ValueError(msg)
        self._lock = threading.Lock()
        self._now = at.astimezone(UTC)
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        """The hour last set, plus what was advanced since."""
        with self._lock:
            return self._now

    def monotonic_s(self) -> float:
        """All seconds advanced so far."""
        with self._lock:
            return self._monotonic_s

    def advance(self, seconds_s: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += timedelta(seconds=seconds_s)
            self._monotonic_s += seconds_s


def unix_ms(at: datetime) -> int:
    """Milliseconds since 1970, as our messages carry them."""
    return round(at.timestamp() * 1000)


def from_unix_ms(ms: int) -> datetime:
    """The hour of a message's stamp. `UnixMs` is 48 bits, beyond year 9999: such a stamp is cut there."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)
