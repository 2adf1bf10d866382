"""Time as a port: what o'clock it is, and whether anybody should believe it.

A Raspberry Pi without a battery wakes up in the past. Nothing that expires, is signed
or is erased may rest on such an hour, so every clock also answers how far it can be trusted.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import enum
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from appliance.runtime.files import read_bounded, write_atomic
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Callable

BUILD_FLOOR: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""No box of this product was ever switched on before this day."""

TIMESYNC_MARK: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches this file at each successful synchronisation (systemd-timesyncd.service(8))."""

_FLOOR_LIMIT_BYTES: Final = 64
_STA_UNSYNC: Final = 0x0040
_TIME_ERROR: Final = 5


class TimeUntrusted(PueError):
    """An act needs a trusted hour and the box has none."""

    code = "clock.untrusted"
    who = WhoCanAct.WAIT


class TrustReason(enum.StrEnum):
    """Why the hour is believed or not; stable on the wire."""

    SYNCHRONIZED = "synchronized"
    UNSYNCHRONIZED = "unsynchronized"
    BELOW_FLOOR = "below_floor"
    SET_BY_HAND = "set_by_hand"


class TimeTrust(msgspec.Struct, frozen=True):
    """The answer to "may I rest a decision on this hour?"."""

    trusted: bool
    why: TrustReason


class Clock(Protocol):
    """What every part of the box knows about time."""

    def now(self) -> datetime:
        """The hour, always aware and in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards; only differences mean something."""
        ...

    def trusted(self) -> TimeTrust:
        """Whether `now` may be believed at this moment, and why."""
        ...


def utc_now() -> datetime:
    """The hour of the operating system, aware, in UTC. For stamps nobody decides upon."""
    return datetime.now(UTC)


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as the kernel lays it out on every 64-bit Linux."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("fraction", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_char * 128),
    )


def kernel_synchronized() -> bool:
    """Ask the kernel (adjtimex(2), read only) whether a time daemon disciplines its clock.

    A kernel that cannot be asked counts as "no": the doubt costs a delay, the belief could cost a dossier.
    """
    name = ctypes.util.find_library("c")
    if name is None:
        return False
    timex = _Timex()
    try:
        answer = ctypes.CDLL(name, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return answer not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC


def ntp_synchronized(mark: Path = TIMESYNC_MARK) -> bool:
    """Whether network time reached this machine since it started: timesyncd's mark, else the kernel's word."""
    return mark.exists() or kernel_synchronized()


class SystemClock:
    """The operating system's clock, doubted below a floor and before network time has arrived.

    Args:
        floor_file: where the last known trusted hour survives a power cut; None keeps it in memory.
        build_floor: the hour before which this software did not exist.
        synchronized: says whether network time has arrived; injectable.
        read_now: the hour of the machine; injectable.
    """

    def __init__(
        self,
        floor_file: Path | None = None,
        *,
        build_floor: datetime = BUILD_FLOOR,
        synchronized: Callable[[], bool] = ntp_synchronized,
        read_now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._floor_file = floor_file
        self._synchronized = synchronized
        self._read_now = read_now
        self._lock = threading.Lock()
        self._floor = max(build_floor, _read_floor(floor_file) or build_floor)

    @property
    def floor(self) -> datetime:
        """The latest hour known to be already past."""
        return self._floor

    def now(self) -> datetime:
        """The hour of the machine, aware, in UTC."""
        return self._read_now()

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    def trusted(self) -> TimeTrust:
        """Below the floor is certainly wrong; above it, only network time makes it right."""
        if self._read_now() < self._floor:
            return TimeTrust(trusted=False, why=TrustReason.BELOW_FLOOR)
        if not self._synchronized():
            return TimeTrust(trusted=False, why=TrustReason.UNSYNCHRONIZED)
        return TimeTrust(trusted=True, why=TrustReason.SYNCHRONIZED)

    def raise_floor(self) -> bool:
        """Remember the present hour as past, durably; only a trusted hour may do so.

        Meant for a slow tick (hourly). Returns whether the floor moved.

        Raises:
            StorageError: the floor could not be written; the floor in memory has not moved.
        """
        with self._lock:
            now = self._read_now()
            if now <= self._floor or not self.trusted().trusted:
                return False
            if self._floor_file is not None:
                write_atomic(self._floor_file, now.isoformat().encode(), mode=0o644)
            self._floor = now
            return True


def _read_floor(path: Path | None) -> datetime | None:
    """The persisted floor, or None when there is none or it is not a date (half a file is no floor)."""
    if path is None:
        return None
    with contextlib.suppress(PueError, ValueError):
        floor = datetime.fromisoformat(
            read_bounded(path, limit_bytes=_FLOOR_LIMIT_BYTES).decode("ascii").strip()
        )
        return floor if floor.tzinfo is not None else None
    return None


class SettableClock:
    """A clock moved by hand: tests, rehearsals, the demo's "three months later"."""

    def __init__(self, at: datetime, trust: TimeTrust | None = None) -> None:
        if at.tzinfo is None:
            message = "a clock needs an aware hour: give the datetime a timezone"
            raise ValueError(message)
        self._lock = threading.Lock()
        self._now = at.astimezone(UTC)
        self._monotonic_s = 0.0
        self._trust = trust or TimeTrust(trusted=True, why=TrustReason.SET_BY_HAND)

    def now(self) -> datetime:
        """The hour last set, plus what was advanced since."""
        with self._lock:
            return self._now

    def monotonic_s(self) -> float:
        """All seconds advanced so far; `set` does not change it, as a clock jump would not."""
        with self._lock:
            return self._monotonic_s

    def trusted(self) -> TimeTrust:
        """What `distrust` or the constructor said."""
        with self._lock:
            return self._trust

    def advance(self, seconds_s: float) -> None:
        """Let time pass."""
        if seconds_s < 0:
            message = "time only passes forwards; use set() to jump"
            raise ValueError(message)
        with self._lock:
            self._now += timedelta(seconds=seconds_s)
            self._monotonic_s += seconds_s

    def set(self, at: datetime) -> None:
        """Jump to an hour, as network time does when it arrives."""
        with self._lock:
            self._now = at.astimezone(UTC)

    def distrust(self, why: TrustReason = TrustReason.UNSYNCHRONIZED) -> None:
        """From now on the hour is not to be believed."""
        with self._lock:
            self._trust = TimeTrust(trusted=False, why=why)

    def trust(self) -> None:
        """From now on the hour is to be believed."""
        with self._lock:
            self._trust = TimeTrust(trusted=True, why=TrustReason.SET_BY_HAND)
