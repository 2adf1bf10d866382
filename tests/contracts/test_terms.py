"""Days as the law counts them, against dates counted by hand on a calendar."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.practices import terms
from contracts.practices.model import Deadline

D = dt.date


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (D(2026, 9, 20), {"days": 68}, D(2026, 11, 27)),
        (D(2026, 8, 31), {"months": 6}, D(2027, 2, 28)),
        (D(2027, 8, 31), {"months": 6}, D(2028, 2, 29)),
        (D(2026, 12, 15), {"months": 1}, D(2027, 1, 15)),
        (D(2024, 2, 29), {"years": 5}, D(2029, 2, 28)),
        (D(2026, 1, 1), {}, D(2026, 1, 1)),
    ],
)
def test_a_length_of_time(start: dt.date, length: dict[str, int], expected: dt.date) -> None:
    assert terms.later(start, **length) == expected


@pytest.mark.parametrize(
    ("start", "by", "expected"),
    [
        (D(2026, 11, 28), "01-31", D(2027, 1, 31)),
        (D(2026, 1, 31), "01-31", D(2026, 1, 31)),
        (D(2026, 3, 1), "02-29", D(2027, 2, 28)),
        (D(2028, 1, 1), "02-29", D(2028, 2, 29)),
    ],
)
def test_the_same_day_of_every_year(start: dt.date, by: str, expected: dt.date) -> None:
    assert terms.next_yearly(start, by) == expected


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (D(2026, 12, 24), True),
        (D(2026, 12, 25), False),
        (D(2026, 12, 26), False),
        (D(2026, 4, 6), False),  # Easter Monday
        (D(2027, 3, 29), False),  # Easter Monday of another year
        (D(2026, 11, 28), False),  # a Saturday
        (D(2025, 10, 4), False),  # a Saturday, no holiday yet
        (D(2027, 10, 4), False),  # Saint Francis, a holiday since 2026, on a Monday
        (D(2024, 10, 4), True),  # the same day before the law, on a Friday
        (D(2026, 6, 29), True),  # patron of Rome: no day off for the rest of Italy
    ],
)
def test_days_on_which_offices_are_open(day: dt.date, *, works: bool) -> None:
    assert terms.is_working_day(day) is works


def test_ten_working_days_over_the_holidays() -> None:
    assert terms.working_days_later(D(2026, 12, 22), 10) == D(2027, 1, 8)


def test_a_last_day_moves_only_where_it_is_said() -> None:
    stays = Deadline(id="a", after="x", days=90, says="x")
    moves = Deadline(id="a", after="x", days=90, moves=True, says="x")
    assert stays.last_day(D(2026, 9, 26)) == D(2026, 12, 25)
    assert moves.last_day(D(2026, 9, 26)) == D(2026, 12, 28)


def test_no_day_is_after_the_last_year_there_is() -> None:
    with pytest.raises(OverflowError):
        terms.later(D(9999, 12, 1), months=1)
    with pytest.raises(OverflowError):
        terms.later(D(9999, 12, 31), days=1)
    with pytest.raises(OverflowError):
        terms.next_yearly(D(9999, 12, 31), "01-31")


@given(st.dates(D(1900, 1, 1), D(2100, 1, 1)), st.integers(0, 120))
def test_months_there_and_never_past_the_month_that_was_meant(start: dt.date, months: int) -> None:
    found = terms.later(start, months=months)
    assert (found.year - start.year) * 12 + found.month - start.month == months
    assert found.day <= start.day


@given(st.dates(D(1990, 1, 1), D(2060, 1, 1)), st.integers(1, 40))
def test_working_days_are_counted_one_by_one(start: dt.date, count: int) -> None:
    end = terms.working_days_later(start, count)
    between = [start + dt.timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(terms.is_working_day(day) for day in between) == count
    assert terms.is_working_day(end)
