"""Deadlines over a leap day and over the change of the clocks, and one worked out day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from server.cases.clocks.business_days import Calendars
from server.cases.clocks.clock import Clock, Standing, Times, calendar_of, read_clock
from server.cases.clocks.pauses import Pause
from server.cases.clocks.tiers import tiers
from tests.week import by_hand

BERLIN = Calendars("Europe/Berlin")
SECOND = timedelta(seconds=1)


def clock(
    tier: str,
    country: str,
    complete_at: datetime,
    now: datetime,
    *,
    pauses: tuple[Pause, ...] = (),
    done_at: datetime | None = None,
) -> Clock:
    named = tiers()[tier]
    calendar = calendar_of(named, country, BERLIN)
    return read_clock(named, calendar, Times(complete_at, pauses, done_at), now)


@pytest.mark.parametrize(
    ("tier", "year", "due"),
    [
        (
            "report",
            2028,
            date(2028, 3, 3),
        ),  # Saturday the 26th to Friday, the 29th is one of the days
        ("report", 2027, date(2027, 3, 4)),
        ("video", 2028, date(2028, 3, 7)),  # a Friday; Monday 28th and Tuesday 29th are worked
        ("video", 2027, date(2027, 3, 8)),
    ],
)
def test_a_leap_day_is_a_day_like_any_other(tier: str, year: int, due: date) -> None:
    complete_at = datetime(year, 2, 25, 10, 0, tzinfo=UTC)
    assert clock(tier, "DE", complete_at, complete_at).target_on == due


@pytest.mark.parametrize(
    ("complete_at", "due", "over_at"),
    [
        # The clocks go forward on 28 March 2027: the last day ends an hour earlier in UTC.
        (datetime(2027, 3, 25, 22, 30, tzinfo=UTC), date(2027, 4, 1), datetime(2027, 4, 1, 22)),
        # And back on 31 October 2027; 22:30 in UTC is after midnight in the summer of Berlin.
        (datetime(2027, 10, 25, 22, 30, tzinfo=UTC), date(2027, 11, 2), datetime(2027, 11, 2, 23)),
    ],
)
def test_a_promise_over_the_change_of_the_clocks_ends_with_the_day_where_the_service_is(
    complete_at: datetime, due: date, over_at: datetime
) -> None:
    over_at = over_at.replace(tzinfo=UTC)
    found = clock("report", "DE", complete_at, complete_at)
    assert (found.target_on, found.due_at) == (due, over_at)
    for done_at, standing in ((over_at - SECOND, Standing.IN_TIME), (over_at, Standing.LATE)):
        signed = clock("report", "DE", complete_at, over_at, done_at=done_at)
        assert signed.standing is standing


def test_a_pause_over_the_night_of_the_change_moves_the_promise_by_one_day() -> None:
    complete_at = datetime(2027, 3, 24, 9, 0, tzinfo=UTC)
    begun, ended = datetime(2027, 3, 27, 20, 0, tzinfo=UTC), datetime(2027, 3, 28, 6, 0, tzinfo=UTC)
    pauses = (Pause(begun, ended, "MRI", "hospital"),)
    found = clock("report", "DE", complete_at, ended, pauses=pauses)
    assert found.target_on == date(2027, 4, 1)
    assert found.paused_days == 1


@pytest.mark.parametrize("country", sorted(by_hand.FREE))
@pytest.mark.parametrize("tier", sorted(by_hand.PROMISES))
def test_promises_over_christmas_are_those_of_a_calendar_on_the_wall(
    tier: str, country: str
) -> None:
    for hours in range(0, 24 * 12, 7):
        complete_at = datetime(2026, 12, 14, 3, 0, tzinfo=UTC) + timedelta(hours=hours)
        held = [complete_at + timedelta(hours=20), complete_at + timedelta(hours=20 + hours % 90)]
        pauses = (Pause(held[0], held[1], "MRI", "hospital"),)
        now = held[1] + timedelta(hours=1)
        closed = Calendars("Europe/Berlin", [by_hand.CLOSED_DAY])
        named = tiers()[tier]
        found = read_clock(
            named, calendar_of(named, country, closed), Times(complete_at, pauses), now
        )
        worked_out = by_hand.promise(tier, country, complete_at, [held], now)
        assert (found.target_on, found.limit_on) == (worked_out.target_on, worked_out.limit_on)
