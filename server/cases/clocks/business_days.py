"""Which days count: business days per country, extra closed days, days of a time zone. Pure.

Public holidays are those of the `holidays` library, with each country's own weekend and the weekend
days on which it works instead. Where the library knows nothing of a country, Saturday and Sunday are
free and nothing else is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from threading import Lock
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import holidays
from holidays import HolidayBase

ONE_DAY: Final = timedelta(days=1)
SAT_SUN: Final = frozenset({5, 6})
FIRST_YEAR: Final = 2020  # no promise is older
LAST_YEAR: Final = 2199  # further than any promise; a loop that looks for a day ends here


@dataclass(frozen=True)
class ClosedDay:
    """A day on which the service is closed though the country works; `country` empty: everywhere."""

    on: date
    name: str
    country: str = ""


class Days(Protocol):
    """What a clock counts."""

    def between(self, after: date, until: date) -> int:
        """How many days count of those later than `after` and not later than `until`."""
        ...

    def later(self, day: date, number: int) -> date:
        """The first day by which `number` days have counted after `day`."""
        ...

    def left_out(self, after: date, until: date) -> list[tuple[date, str]]:
        """The days of that span that do not count though they are no weekend, with their names."""
        ...


class CalendarDays:
    """Every day counts."""

    def between(self, after: date, until: date) -> int:
        return max(0, (until - after).days)

    def later(self, day: date, number: int) -> date:
        return day + timedelta(days=number)

    def left_out(self, after: date, until: date) -> list[tuple[date, str]]:
        return []


class BusinessDays:
    """The working days of one country, without the days on which the service is closed.

    Counted year by year as far as asked for, and looked up from then on; threads may share it.
    """

    def __init__(self, calendar: str, closed: Mapping[date, str]) -> None:
        self._known = _of_country(calendar)
        self._closed = closed
        self._begin = date(FIRST_YEAR, 1, 1)
        self._growing = Lock()
        # At n: how many of the first n days count, from the beginning of FIRST_YEAR.
        self._running = [0]
        self._free: dict[date, str] = {}

    def between(self, after: date, until: date) -> int:
        return max(0, self._upto(until) - self._upto(after))

    def later(self, day: date, number: int) -> date:
        wanted = self._upto(day) + number
        while self._running[-1] < wanted:
            self._grow(self._begin + len(self._running) * ONE_DAY)
        return max(day, self._begin + (bisect_left(self._running, wanted) - 1) * ONE_DAY)

    def left_out(self, after: date, until: date) -> list[tuple[date, str]]:
        self._upto(until)
        return sorted((day, name) for day, name in self._free.items() if after < day <= until)

    def _upto(self, day: date) -> int:
        """How many days count from the beginning to `day`, itself included."""
        index = (day - self._begin).days + 1
        if index >= len(self._running):
            self._grow(day)
        return self._running[max(0, index)]

    def _grow(self, until: date) -> None:
        """Count on to the end of a year. Raises OverflowError beyond LAST_YEAR."""
        if until.year > LAST_YEAR:
            raise OverflowError(f"no calendar reaches {until}")
        with self._growing:
            running, free = list(self._running), dict(self._free)
            day = self._begin + (len(running) - 1) * ONE_DAY
            while day <= date(until.year, 12, 31):
                counts = self._is_worked(day)
                running.append(running[-1] + counts)
                if not counts and not self._is_weekend(day):
                    free[day] = self._name(day)
                day += ONE_DAY
            self._running, self._free = running, free

    def _is_worked(self, day: date) -> bool:
        if day in self._closed:
            return False
        return not self._is_weekend(day) if self._known is None else self._known.is_working_day(day)

    def _is_weekend(self, day: date) -> bool:
        return day.weekday() in (SAT_SUN if self._known is None else self._known.weekend)

    def _name(self, day: date) -> str:
        known = self._known.get(day) if self._known is not None else None
        return self._closed.get(day) or str(known or "closed")


@cache
def _of_country(calendar: str) -> HolidayBase | None:
    country, _, part = calendar.upper().partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        return None
    region = part if part in known[country] else None
    return holidays.country_holidays(country, subdiv=region, language="en_US")


def has_holidays(calendar: str) -> bool:
    """Whether the holidays of this country (`DE`, `DE-BY`) are known."""
    country, _, part = calendar.upper().partition("-")
    known = holidays.list_supported_countries()
    return country in known and (not part or part in known[country])


@dataclass(frozen=True)
class Calendar:
    """How the days of one case are counted. `name` is a country's code, or empty for all days."""

    zone: ZoneInfo
    days: Days
    name: str = ""

    def day(self, moment: datetime) -> date:
        """The day on which a moment lies where the service is."""
        return moment.astimezone(self.zone).date()

    def ends(self, day: date) -> datetime:
        """The moment with which a day is over: the first of the next, in UTC."""
        return datetime.combine(day + ONE_DAY, time(), self.zone).astimezone(UTC)

    def begins(self, day: date) -> datetime:
        """The first moment of a day, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


class Calendars:
    """The service's days: the calendars of its countries, each made once."""

    def __init__(self, time_zone: str = "UTC", closed: Collection[ClosedDay] = ()) -> None:
        self.zone = ZoneInfo(time_zone)
        self.closed = tuple(closed)
        self.every_day = Calendar(self.zone, CalendarDays())
        self._business: dict[str, Calendar] = {}

    def business(self, country: str) -> Calendar:
        """The business days of a country (`DE`, `DE-BY`; empty: Monday to Friday)."""
        if country not in self._business:
            here = {
                one.on: one.name for one in self.closed if one.country in ("", *_names(country))
            }
            self._business[country] = Calendar(self.zone, BusinessDays(country, here), country)
        return self._business[country]

    def today(self, now: datetime) -> date:
        """The day on which `now` lies where the service is."""
        return now.astimezone(self.zone).date()


def _names(country: str) -> tuple[str, str]:
    return country, country.partition("-")[0]
