"""The clock of a case: when its opinion is promised, and how it stands. Pure.

A day is a day of the service's time zone. The day on which the records were complete is day 0. Every
later day of the tier's kind (calendar or business) counts if the clock ran when it began; a pause
therefore moves the promise by the days that began while it lasted. The opinion is in time until the
target day has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from server.cases.clocks.business_days import Calendar, Calendars
from server.cases.clocks.pauses import Pause, paused_days
from server.cases.clocks.tiers import Counts, Tier


class Standing(StrEnum):
    """How a clock stands."""

    NOT_RUNNING = "not_running"
    RUNNING = "running"
    PAUSED = "paused"
    SOON = "soon"
    DUE = "due"
    OVERDUE = "overdue"
    PAST_LIMIT = "past_limit"
    IN_TIME = "in_time"
    LATE = "late"
    TOO_LATE = "too_late"
    ENDED = "ended"

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS: dict[Standing, str] = {
    Standing.NOT_RUNNING: "not running yet",
    Standing.RUNNING: "running",
    Standing.PAUSED: "paused",
    Standing.SOON: "due soon",
    Standing.DUE: "due today",
    Standing.OVERDUE: "overdue",
    Standing.PAST_LIMIT: "past the limit",
    Standing.IN_TIME: "done in time",
    Standing.LATE: "done late",
    Standing.TOO_LATE: "done after the limit",
    Standing.ENDED: "ended without an opinion",
}


@dataclass(frozen=True)
class Times:
    """The moments that a clock goes by.

    `complete_at`: the records were complete. `done_at`: the opinion was signed. `ended_at`: the case was
    withdrawn. Each None while that has not happened.
    """

    complete_at: datetime | None
    pauses: Sequence[Pause] = ()
    done_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Clock:
    """A clock as it stands at one moment. Days are None while it was not started.

    While it is paused, the days are those that would be promised if it went on now. `remaining_days`
    is counted to the target and negative beyond it; `ran` is how long the clock has been running.
    """

    tier: Tier
    calendar: Calendar
    standing: Standing
    began_on: date | None = None
    target_on: date | None = None
    limit_on: date | None = None
    soon_on: date | None = None
    elapsed_days: int = 0
    remaining_days: int = 0
    paused_days: int = 0
    ran: timedelta = timedelta()
    pauses: tuple[Pause, ...] = ()

    @property
    def due_at(self) -> datetime | None:
        """The moment with which the target day is over."""
        return self.calendar.ends(self.target_on) if self.target_on else None

    @property
    def pause(self) -> Pause | None:
        """The pause that stands now."""
        return next((one for one in self.pauses if one.ended_at is None), None)


def calendar_of(tier: Tier, country: str, calendars: Calendars) -> Calendar:
    """The days that a tier counts for a country."""
    return calendars.business(country) if tier.counts is Counts.BUSINESS else calendars.every_day


def read_clock(tier: Tier, calendar: Calendar, times: Times, now: datetime) -> Clock:
    """How the clock stands at `now`."""
    over_at = times.done_at or times.ended_at
    if times.complete_at is None:
        standing = Standing.NOT_RUNNING if over_at is None else _over(times, None, None, calendar)
        return Clock(tier, calendar, standing, pauses=tuple(times.pauses))
    until = over_at or now
    began = calendar.day(times.complete_at)
    today = calendar.day(until)
    spans = paused_days(times.pauses, calendar, began, until)
    target = _day_after(calendar, began, tier.target_days, spans)
    limit = _day_after(calendar, began, tier.limit_days, spans)
    soon = _day_after(calendar, began, max(0, tier.target_days - tier.soon_days), spans)
    paused = sum(calendar.days.between(*span) for span in spans)
    elapsed = calendar.days.between(began, today) - paused
    if over_at is not None:
        standing = _over(times, target, limit, calendar)
    elif any(one.ended_at is None for one in times.pauses):
        standing = Standing.PAUSED
    else:
        standing = listed(soon, target, limit, today)
    return Clock(
        tier=tier,
        calendar=calendar,
        standing=standing,
        began_on=began,
        target_on=target,
        limit_on=limit,
        soon_on=soon,
        elapsed_days=elapsed,
        remaining_days=_remaining(calendar, today, target, tier.target_days - elapsed),
        paused_days=paused,
        ran=_ran(times.complete_at, times.pauses, until),
        pauses=tuple(times.pauses),
    )


def listed(soon: date | None, target: date | None, limit: date | None, today: date) -> Standing:
    """How a running clock stands, by the days that were kept of it."""
    if target is None:
        return Standing.NOT_RUNNING
    if limit is not None and today > limit:
        return Standing.PAST_LIMIT
    if today > target:
        return Standing.OVERDUE
    if today == target:
        return Standing.DUE
    return Standing.SOON if soon is not None and today >= soon else Standing.RUNNING


def _over(times: Times, target: date | None, limit: date | None, calendar: Calendar) -> Standing:
    if times.done_at is None:
        return Standing.ENDED
    done = calendar.day(times.done_at)
    if target is None or done <= target:
        return Standing.IN_TIME
    return Standing.LATE if limit is None or done <= limit else Standing.TOO_LATE


def _day_after(
    calendar: Calendar, began: date, number: int, spans: Sequence[tuple[date, date]]
) -> date:
    """The day by which `number` days have counted, those of the spans left out."""
    here = began
    for begun, ended in spans:
        counted = calendar.days.between(here, begun)
        if counted >= number:
            break
        number -= counted
        here = ended
    return calendar.days.later(here, number)


def _remaining(calendar: Calendar, today: date, target: date, left: int) -> int:
    return left if today <= target else -calendar.days.between(target, today)


def _ran(began: datetime, pauses: Sequence[Pause], until: datetime) -> timedelta:
    """How long the clock was running, to the second."""
    ran, here = timedelta(), began
    for one in sorted(pauses, key=lambda pause: pause.begun_at):
        begun, ended = max(one.begun_at, here), min(one.ended_at or until, until)
        if ended <= begun:
            continue
        ran += begun - here
        here = ended
    return ran + max(timedelta(), until - here)
