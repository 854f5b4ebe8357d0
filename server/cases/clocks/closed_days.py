"""The file of days on which the service is closed. Pure: text in, days out.

[[closed]]
on = 2026-12-24
until = 2026-12-31          # optional: every day from `on` to this one
name = "Between the years"
country = "DE"              # optional: only where this country's days are counted
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from typing import Any, TypeGuard

from server.cases.clocks.business_days import ClosedDay
from server.foundation.errors import Invalid

LONGEST_DAYS = 366


class ClosedDaysUnreadable(Invalid):
    """The file of closed days says something that cannot be used."""


def read_closed_days(text: str) -> list[ClosedDay]:
    """Every closed day of the file; raises ClosedDaysUnreadable, which names the entry."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise ClosedDaysUnreadable(f"The file of closed days is not TOML: {reason}.") from None
    entries = said.get("closed", [])
    if not isinstance(entries, list) or set(said) - {"closed"}:
        raise ClosedDaysUnreadable("The file of closed days holds [[closed]] entries only.")
    return [day for number, entry in enumerate(entries, 1) for day in _days(number, entry)]


def _days(number: int, entry: Any) -> list[ClosedDay]:
    wrong = f"Entry {number} of the file of closed days"
    if not isinstance(entry, dict) or set(entry) - {"on", "until", "name", "country"}:
        raise ClosedDaysUnreadable(f"{wrong} may have on, until, name and country.")
    on, until = entry.get("on"), entry.get("until", entry.get("on"))
    if not _is_day(on) or not _is_day(until):
        raise ClosedDaysUnreadable(f"{wrong} needs a date as on = 2026-12-24.")
    name, country = entry.get("name", "closed"), entry.get("country", "")
    if not isinstance(name, str) or not isinstance(country, str):
        raise ClosedDaysUnreadable(f"{wrong}: name and country are texts.")
    length = (until - on).days + 1
    if not 1 <= length <= LONGEST_DAYS:
        raise ClosedDaysUnreadable(f"{wrong} ends before it begins, or lasts over a year.")
    days = [on + timedelta(days=n) for n in range(length)]
    return [ClosedDay(day, name[:100], country.upper()[:12]) for day in days]


def _is_day(value: object) -> TypeGuard[date]:
    return isinstance(value, date) and not isinstance(value, datetime)
