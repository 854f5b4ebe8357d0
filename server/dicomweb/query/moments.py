"""Dates, times and moments in a search: single values and ranges (PS3.4 C.2.2.2.5). Pure.

A value that is not precise to the microsecond is a span: `10` is the hour from 10:00:00 to
10:59:59.999999. A range reaches from the beginning of its first span to the end of its second.
Spans are compared in microseconds since the year 1, times of day in microseconds since midnight.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_ORIGIN = datetime(1, 1, 1)  # noqa: DTZ001 - an offset from UTC is kept beside it
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})|([0-9]{4})\.([0-9]{2})\.([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?"
    r"|([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
)
_MOMENT = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})"
    r"(?:\.([0-9]{1,6}))?)?)?)?)?)?([+-][0-9]{4})?"
)
_FARTHEST_OFFSET = (-1200, 1400)  # PS3.5 6.2, DT: &ZZXX


@dataclass(frozen=True)
class Span:
    """From `first` to `last`, both included, in microseconds; `offset_us` east of UTC if said."""

    first: int
    last: int
    offset_us: int | None = None

    def beside(self, other: Span) -> Span:
        """The same in the other's clock: both as UTC where both name their offset."""
        if self.offset_us is None or other.offset_us is None:
            return self
        return Span(self.first - self.offset_us, self.last - self.offset_us)


@dataclass(frozen=True)
class Range:
    """Two ends, either of which may be open; a single value has both ends in one span."""

    first: Span | None
    last: Span | None
    is_single: bool

    @property
    def form(self) -> tuple[bool, bool, bool]:
        """Which ends are open: what two ranges share that are matched as one."""
        return self.is_single, self.first is None, self.last is None

    @property
    def is_backward(self) -> bool:
        """Whether it ends before it begins."""
        if self.first is None or self.last is None:
            return False
        return self.last.beside(self.first).last < self.first.beside(self.last).first

    def holds(self, value: Span) -> bool:
        """Whether a value of an attribute begins inside it."""
        first, last = self.first, self.last
        if first is not None and value.beside(first).first < first.beside(value).first:
            return False
        return last is None or value.beside(last).first <= last.beside(value).last


def read_date(text: str) -> Span | None:
    """A DA value, also in its form of ACR-NEMA (`2026.01.02`); None when it is none."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups() if part is not None)
    return _span([year, month, day])


def read_time(text: str) -> Span | None:
    """A TM value as a time of day, also with colons; None when it is none."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    plain, colons = found.groups()[:4], found.groups()[4:]
    *clock, fraction = plain if plain[0] is not None else colons
    return _span([1, 1, 1, *(int(part) for part in clock if part is not None)], fraction or "")


def read_moment(text: str) -> Span | None:
    """A DT value, with its offset from UTC if it has one; None when it is none."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    *parts, fraction, offset = found.groups()
    span = _span([int(part) for part in parts if part is not None], fraction or "")
    if span is None or offset is None:
        return span
    hours_and_minutes = int(offset)
    if not _FARTHEST_OFFSET[0] <= hours_and_minutes <= _FARTHEST_OFFSET[1]:
        return None
    sign = -1 if offset[0] == "-" else 1
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return Span(span.first, span.last, sign * minutes * _MINUTE_US)


def joined(date: Span, time: Span) -> Span:
    """A date and a time of day as one moment."""
    return Span(date.first + time.first, date.first + time.last)


READERS: dict[str, Callable[[str], Span | None]] = {
    "DA": read_date,
    "TM": read_time,
    "DT": read_moment,
}


def read_range(vr: str, text: str) -> Range | None:
    """A single value or a range of VR DA, TM or DT; None when it cannot be understood.

    In a DT the minus sign may also begin an offset from UTC: what is a value as a whole is one.
    """
    read = READERS[vr]
    single = read(text)
    if single is not None:
        return Range(single, single, is_single=True)
    for dash in [at for at, letter in enumerate(text) if letter == "-"][:3]:
        left, right = text[:dash].strip(), text[dash + 1 :].strip()
        first, last = read(left), read(right)
        if (left or right) and (first or not left) and (last or not right):
            return Range(first, last, is_single=False)
    return None


def joined_range(dates: Range, times: Range) -> Range:
    """A range of dates and one of times of the same form as one of moments."""

    def end(date: Span | None, time: Span | None) -> Span | None:
        return joined(date, time) if date is not None and time is not None else None

    return Range(
        end(dates.first, times.first), end(dates.last, times.last), is_single=dates.is_single
    )


def spans_of(vr: str, values: list[Any]) -> list[Span]:
    """The values of an attribute that can be read."""
    read = READERS[vr]
    return [span for value in values if (span := read(str(value))) is not None]


def _span(parts: list[int], fraction: str = "") -> Span | None:
    """From the first to the last microsecond of what `parts` (from the year on) leave open."""
    year, month, day, hour, minute, second = [*parts, *(None,) * (6 - len(parts))][:6]
    leap = second == 60  # a leap second (PS3.5 6.2, TM) is the end of its minute here
    try:
        first = datetime(  # noqa: DTZ001 - an offset is kept beside it
            year or 0, month or 1, day or 1, hour or 0, minute or 0, 59 if leap else second or 0
        )
        if month is None:
            last_day = datetime(first.year, 12, 31)  # noqa: DTZ001
        elif day is None:
            last_day = first.replace(day=monthrange(first.year, first.month)[1])
        else:
            last_day = first
    except ValueError:
        return None
    begin = (first - _ORIGIN) // timedelta(microseconds=1)
    if hour is None:
        return Span(begin, (last_day - _ORIGIN) // timedelta(microseconds=1) + DAY_US - 1)
    if minute is None:
        return Span(begin, begin + 60 * _MINUTE_US - 1)
    if second is None:
        return Span(begin, begin + _MINUTE_US - 1)
    if fraction:
        begin += int(fraction.ljust(6, "0"))
        return Span(begin, begin + 10 ** (6 - len(fraction)) - 1)
    return Span(begin, begin + 999_999)
