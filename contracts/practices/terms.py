"""Days counted as Italian law counts them: the first day is left out, months go by the calendar, days off are known.

Source: codice civile art. 2963, codice di procedura civile art. 155; days off: legge 260/1949 and later, as the
library `holidays` has them. A town's own saint is no day off here: the body that counts has its seat elsewhere.
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
from typing import Final

ONE_DAY: Final = dt.timedelta(days=1)
SATURDAY: Final = 5


def later(start: dt.date, *, days: int = 0, months: int = 0, years: int = 0) -> dt.date:
    """`start` and a length of time; a day that a month does not have becomes its last (c.c. art. 2963).

    Raises:
        OverflowError: that is after the year 9999.
    """
    year, month = divmod(start.month - 1 + months, 12)
    year += start.year + years
    if year > dt.MAXYEAR:
        raise OverflowError("a day after the year 9999")
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(start.day, last)) + dt.timedelta(days=days)


def next_yearly(start: dt.date, month_day: str) -> dt.date:
    """The first ``MM-DD`` on or after `start`; the 29th of February is the 28th in common years.

    Raises:
        OverflowError: that is after the year 9999.
    """
    month, day = (int(part) for part in month_day.split("-"))
    for year in (start.year, start.year + 1):
        if year > dt.MAXYEAR:
            raise OverflowError("a day after the year 9999")
        found = dt.date(year, month, min(day, calendar.monthrange(year, month)[1]))
        if found >= start:
            return found
    raise AssertionError("one of two years has that day")


@functools.lru_cache(maxsize=16)
def days_off(year: int) -> frozenset[dt.date]:
    """Public holidays of Italy in a year, Sundays not among them unless they are holidays by name."""
    import holidays

    return frozenset(holidays.country_holidays("IT", years=year))


def is_working_day(day: dt.date) -> bool:
    """Whether offices are open: no Saturday, no Sunday, no public holiday."""
    return day.weekday() < SATURDAY and day not in days_off(day.year)


def next_working_day(day: dt.date) -> dt.date:
    """`day` itself if offices are open, else the next on which they are."""
    while not is_working_day(day):
        day += ONE_DAY
    return day


def working_days_later(start: dt.date, count: int) -> dt.date:
    """The `count`-th working day after `start`."""
    day = start
    for _ in range(count):
        day = next_working_day(day + ONE_DAY)
    return day
