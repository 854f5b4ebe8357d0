"""A promise worked out day by day, from what people say they did: nothing here asks the rules it checks.

The holidays are written down from the countries' own calendars for the turn of the year 2026/27: in Great
Britain Boxing Day is a Saturday, and the Monday after it is free instead; in Saudi Arabia Friday and
Saturday are the weekend; India keeps Christmas Day and Republic Day, China New Year's Day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.cases.clocks.business_days import ClosedDay

ZONE = ZoneInfo("Europe/Berlin")
CLOSED = date(2026, 12, 31)  # the service's own, in every country
CLOSED_DAY = ClosedDay(CLOSED, "Between the years")
_NEW_YEAR, _CHRISTMAS = date(2027, 1, 1), date(2026, 12, 25)
FREE = {
    "DE": {_CHRISTMAS, _NEW_YEAR},
    "GB": {_CHRISTMAS, date(2026, 12, 28), _NEW_YEAR},
    "NL": {_CHRISTMAS, _NEW_YEAR},
    "IN": {_CHRISTMAS, date(2027, 1, 26)},
    "CN": {_NEW_YEAR},
    "SA": set[date](),
}
WEEKEND = {"SA": (4, 5)}
PROMISES = {"report": (7, 14, False), "video": (7, 10, True), "in_person": (7, 14, False)}
SOON_DAYS = 2


@dataclass(frozen=True)
class Promise:
    """The days of one promise, and how many days were left at the end of the counting."""

    target_on: date
    limit_on: date
    soon_on: date


def day_of(moment: datetime) -> date:
    """The service's day."""
    return moment.astimezone(ZONE).date()


def promise(
    tier: str,
    country: str,
    complete_at: datetime,
    pauses: Sequence[Sequence[datetime | None]],
    now: datetime,
) -> Promise:
    """Walk from the day of complete records on. A day counts when the clock ran as it began; while
    somebody is waited for, the days after today are taken to run."""
    target, limit, business = PROMISES[tier]
    wanted = {"soon": target - SOON_DAYS, "target": target, "limit": limit}
    found: dict[str, date] = {}
    day, counted = day_of(complete_at), 0
    while len(found) < len(wanted):
        day += timedelta(days=1)
        if business and not is_worked(day, country):
            continue
        if _stood_still(datetime.combine(day, time(), ZONE), pauses, now):
            continue
        counted += 1
        found |= {name: day for name, number in wanted.items() if number == counted}
    return Promise(found["target"], found["limit"], found["soon"])


def is_worked(day: date, country: str) -> bool:
    """Whether it is a business day of that country and of the service."""
    weekend = WEEKEND.get(country, (5, 6))
    return day.weekday() not in weekend and day not in FREE[country] and day != CLOSED


def _stood_still(
    moment: datetime, pauses: Sequence[Sequence[datetime | None]], now: datetime
) -> bool:
    """Whether the clock was paused at that moment; a pause that still stands lasts until `now`."""
    for begun, ended in pauses:
        assert begun is not None
        if begun < moment <= (ended or now):
            return True
    return False
