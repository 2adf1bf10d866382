from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.runtime.clock import (
    BUILD_FLOOR,
    SettableClock,
    SystemClock,
    TimeTrust,
    TrustReason,
    kernel_synchronized,
    ntp_synchronized,
)
from appliance.runtime.files import StorageError

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def system_clock(path=None, *, now=NOON, synchronized=True):
    return SystemClock(path, synchronized=lambda: synchronized, read_now=lambda: now)


def test_network_time_above_the_floor_is_trusted():
    assert system_clock().trusted() == TimeTrust(trusted=True, why=TrustReason.SYNCHRONIZED)


def test_without_network_time_nothing_is_trusted():
    clock = system_clock(synchronized=False)
    assert clock.trusted() == TimeTrust(trusted=False, why=TrustReason.UNSYNCHRONIZED)


def test_an_hour_before_this_software_existed_is_wrong_whoever_says_so():
    clock = system_clock(now=datetime(1970, 1, 1, 0, 5, tzinfo=UTC))
    assert clock.trusted() == TimeTrust(trusted=False, why=TrustReason.BELOW_FLOOR)


def test_the_floor_survives_a_restart(tmp_path):
    path = tmp_path / "floor"
    assert system_clock(path).raise_floor()
    yesterday = system_clock(path, now=NOON - timedelta(days=1))
    assert yesterday.floor == NOON
    assert yesterday.trusted().why is TrustReason.BELOW_FLOOR


def test_an_untrusted_hour_never_raises_the_floor(tmp_path):
    path = tmp_path / "floor"
    future = system_clock(path, now=datetime(2199, 1, 1, tzinfo=UTC), synchronized=False)
    assert not future.raise_floor()
    assert not path.exists()


@pytest.mark.parametrize("rubbish", [b"", b"2026-11", b"\xff\xfe", b"2026-11-22T12:00:00", b"x" * 1000])
def test_a_damaged_floor_file_is_no_floor(tmp_path, rubbish):
    path = tmp_path / "floor"
    path.write_bytes(rubbish)
    assert system_clock(path).floor == BUILD_FLOOR


def test_a_floor_that_cannot_be_written_does_not_move(tmp_path):
    clock = system_clock(tmp_path / "missing" / "floor")
    with pytest.raises(StorageError):
        clock.raise_floor()
    assert clock.floor == BUILD_FLOOR


def test_timesyncd_leaves_its_mark(tmp_path):
    mark = tmp_path / "synchronized"
    assert ntp_synchronized(mark) == kernel_synchronized()
    mark.touch()
    assert ntp_synchronized(mark)


def test_a_settable_clock_moves_only_by_hand():
    clock = SettableClock(NOON)
    clock.advance(90)
    assert clock.now() == NOON + timedelta(seconds=90)
    assert clock.monotonic_s() == 90
    clock.set(NOON - timedelta(days=1))
    assert clock.monotonic_s() == 90
    clock.distrust()
    assert not clock.trusted().trusted
    clock.trust()
    assert clock.trusted().trusted


def test_naive_hours_are_refused():
    with pytest.raises(ValueError, match="timezone"):
        SettableClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_monotonic_never_runs_backwards(steps):
    clock = SettableClock(NOON)
    seen = [clock.monotonic_s()]
    for step in steps:
        clock.advance(step)
        seen.append(clock.monotonic_s())
    assert seen == sorted(seen)
