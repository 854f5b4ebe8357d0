"""The clock of a case: days counted, days that stood still, and what that makes of the promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cases.clocks.business_days import Calendar, Calendars
from server.cases.clocks.clock import Clock, Standing, Times, calendar_of, listed, read_clock
from server.cases.clocks.pauses import Pause
from server.cases.clocks.tiers import Counts, Tier, tiers
from server.cases.clocks.words import explained, plain_day, standing_words

REPORT, VIDEO = tiers()["report"], tiers()["video"]
CALENDARS = Calendars()
MONDAY = datetime(2026, 11, 16, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def held(begun_day: float, ended_day: float | None, waits_for: str = "hospital") -> Pause:
    """A pause some days after MONDAY."""
    ended = None if ended_day is None else MONDAY + ended_day * DAY
    return Pause(MONDAY + begun_day * DAY, ended, "MRI wanted", waits_for)


def clock_at(
    after_days: float,
    *pauses: Pause,
    tier: Tier = REPORT,
    country: str = "",
    signed_after_days: float | None = None,
    calendars: Calendars = CALENDARS,
    begun: datetime = MONDAY,
) -> Clock:
    done = None if signed_after_days is None else begun + signed_after_days * DAY
    calendar = calendar_of(tier, country, calendars)
    return read_clock(tier, calendar, Times(begun, pauses, done), begun + after_days * DAY)


def test_the_default_promise_is_seven_calendar_days_and_fourteen_at_most() -> None:
    clock = clock_at(0)
    assert (clock.target_on, clock.limit_on) == (date(2026, 11, 23), date(2026, 11, 30))
    assert clock.soon_on == date(2026, 11, 21)


def test_before_the_records_are_complete_nothing_runs() -> None:
    clock = read_clock(REPORT, CALENDARS.every_day, Times(None), MONDAY)
    assert clock.standing is Standing.NOT_RUNNING
    assert clock.target_on is None


@pytest.mark.parametrize(
    ("after_days", "standing", "remaining"),
    [
        (0, Standing.RUNNING, 7),
        (4, Standing.RUNNING, 3),
        (5, Standing.SOON, 2),
        (6, Standing.SOON, 1),
        (7, Standing.DUE, 0),
        (7.5, Standing.DUE, 0),
        (8, Standing.OVERDUE, -1),
        (14, Standing.OVERDUE, -7),
        (15, Standing.PAST_LIMIT, -8),
    ],
)
def test_a_running_clock_goes_through_its_standings(
    after_days: float, standing: Standing, remaining: int
) -> None:
    clock = clock_at(after_days)
    assert (clock.standing, clock.remaining_days) == (standing, remaining)


@pytest.mark.parametrize(
    ("signed_after_days", "standing"),
    [
        (7.5, Standing.IN_TIME),
        (8, Standing.LATE),
        (14.5, Standing.LATE),
        (15, Standing.TOO_LATE),
    ],
)
def test_a_signed_case_was_in_time_until_its_day_ended(
    signed_after_days: float, standing: Standing
) -> None:
    assert clock_at(30, signed_after_days=signed_after_days).standing is standing


def test_what_was_signed_stays_as_it_was_however_late_one_looks() -> None:
    assert clock_at(30, signed_after_days=5) == clock_at(300, signed_after_days=5)


def test_a_pause_moves_the_promise_by_the_days_that_began_in_it() -> None:
    clock = clock_at(6, held(1, 4.5))
    assert clock.paused_days == 3
    assert clock.target_on == date(2026, 11, 26)
    assert clock.elapsed_days == 3


def test_a_pause_within_one_day_moves_nothing() -> None:
    assert clock_at(6, held(1, 1.4)).target_on == clock_at(6).target_on


def test_pauses_that_overlap_are_not_counted_twice() -> None:
    apart = clock_at(9, held(1, 4))
    twice = clock_at(9, held(1, 3), held(2, 4))
    assert twice.target_on == apart.target_on
    assert twice.ran == apart.ran


def test_a_pause_from_before_the_records_were_complete_counts_nothing() -> None:
    assert clock_at(3, held(-20, -5)).target_on == clock_at(3).target_on
    assert clock_at(3, held(-20, 2)).paused_days == 2


def test_a_paused_clock_shows_what_would_be_promised_if_it_went_on_now() -> None:
    clock = clock_at(20, held(3, None))
    assert clock.standing is Standing.PAUSED
    assert clock.remaining_days == 4
    assert clock.target_on == date(2026, 12, 10)
    assert standing_words(clock) == "paused, 4 calendar days left when it goes on"


def test_a_pause_after_the_day_was_missed_does_not_make_it_good() -> None:
    clock = clock_at(12, held(9, None))
    assert clock.target_on == date(2026, 11, 23)
    assert standing_words(clock) == "paused, overdue by 5 calendar days"


def test_business_days_leave_out_the_weekend() -> None:
    clock = clock_at(0, tier=VIDEO)
    assert clock.target_on == date(2026, 11, 25)
    assert clock.limit_on == date(2026, 11, 30)


def test_a_hold_over_the_weekend_costs_the_monday_that_began_in_it() -> None:
    friday_to_monday = clock_at(8, held(4, 7), tier=VIDEO)
    assert friday_to_monday.paused_days == 1
    assert friday_to_monday.target_on == date(2026, 11, 26)


def test_the_sum_is_said_in_a_sentence() -> None:
    clock = clock_at(3, held(1, 3), tier=VIDEO, country="GB")
    assert explained(clock) == (
        "7 business days from Mon 2026-11-16 (working days of the United Kingdom), 2 days paused "
        "waiting for the hospital: due Fri 2026-11-27, at the latest Wed 2026-12-02. Days are days of UTC."
    )


def test_the_sum_names_the_holidays_it_left_out() -> None:
    begun = datetime(2026, 12, 22, 10, tzinfo=UTC)
    said = explained(clock_at(0, tier=VIDEO, country="DE", begun=begun))
    assert "not counting 2026-12-25 (Christmas Day), 2027-01-01 (New Year's Day)" in said
    assert "due Mon 2027-01-04" in said


def test_the_day_is_the_day_where_the_service_is() -> None:
    late = datetime(2026, 11, 16, 23, 30, tzinfo=UTC)
    tokyo = Calendars("Asia/Tokyo")
    clock = clock_at(0, calendars=tokyo, begun=late)
    assert clock.began_on == date(2026, 11, 17)
    assert clock.due_at == datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begun", "due_at"),
    [
        # The clocks go forward on 29 March and back on 25 October 2026 in Berlin.
        (datetime(2026, 3, 24, 9, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)),
        (datetime(2026, 10, 20, 9, tzinfo=UTC), datetime(2026, 10, 27, 23, tzinfo=UTC)),
        (datetime(2028, 2, 22, 9, tzinfo=UTC), datetime(2028, 2, 29, 23, tzinfo=UTC)),
        (datetime(2026, 12, 28, 9, tzinfo=UTC), datetime(2027, 1, 4, 23, tzinfo=UTC)),
    ],
)
def test_the_target_day_ends_at_its_own_midnight(begun: datetime, due_at: datetime) -> None:
    assert clock_at(0, calendars=Calendars("Europe/Berlin"), begun=begun).due_at == due_at


def test_a_pause_over_the_hour_that_comes_twice_is_counted_once() -> None:
    berlin = Calendars("Europe/Berlin")
    begun = datetime(2026, 10, 23, 10, tzinfo=UTC)
    # From 02:30 summer time to 02:30 winter time: an hour, within one day.
    hour = Pause(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        "away",
        "patient",
    )
    clock = clock_at(5, hour, calendars=berlin, begun=begun)
    assert clock.paused_days == 0
    assert clock.ran == 5 * DAY - timedelta(hours=1)


def test_days_are_written_with_their_weekday() -> None:
    assert plain_day(date(2026, 11, 7)) == "Sat 2026-11-07"


@st.composite
def lived(draw: st.DrawFn) -> tuple[Tier, Calendar, Times, datetime]:
    """A clock of any tier with up to five pauses, looked at any time after it began."""
    tier = draw(st.sampled_from(list(tiers().values())))
    zone = draw(st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Apia"]))
    country = draw(st.sampled_from(["", "DE", "IN", "AE", "CN"]))
    calendar = calendar_of(tier, country, Calendars(zone))
    begun = draw(st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1))).replace(tzinfo=UTC)
    now = begun + timedelta(minutes=draw(st.integers(0, 60 * 24 * 90)))
    pauses = []
    for _ in range(draw(st.integers(0, 5))):
        since = begun + timedelta(minutes=draw(st.integers(-5000, 60 * 24 * 60)))
        until = since + timedelta(minutes=draw(st.integers(0, 60 * 24 * 20)))
        if since <= now:
            pauses.append(Pause(since, until if until <= now else None, "", "hospital"))
    return tier, calendar, Times(begun, pauses), now


@given(lived())
def test_whatever_happens_the_figures_of_a_clock_fit_together(
    given_: tuple[Tier, Calendar, Times, datetime],
) -> None:
    tier, calendar, times, now = given_
    clock = read_clock(tier, calendar, times, now)
    assert clock.began_on is not None
    assert clock.soon_on is not None
    assert clock.target_on is not None
    assert clock.limit_on is not None
    assert clock.began_on <= clock.soon_on <= clock.target_on <= clock.limit_on
    today = calendar.day(now)
    counted = calendar.days.between(clock.began_on, today)
    assert clock.elapsed_days + clock.paused_days == counted
    assert timedelta() <= clock.ran <= now - (times.complete_at or now)
    if today <= clock.target_on:
        assert clock.remaining_days == tier.target_days - clock.elapsed_days
    else:
        assert clock.remaining_days <= 0
        assert clock.elapsed_days >= tier.target_days


@given(lived(), st.integers(1, 20))
def test_one_more_pause_never_brings_the_promise_nearer(
    given_: tuple[Tier, Calendar, Times, datetime], days: int
) -> None:
    tier, calendar, times, now = given_
    assert times.complete_at is not None
    more = Pause(times.complete_at, times.complete_at + days * DAY, "", "patient")
    plain = read_clock(tier, calendar, times, now)
    longer = read_clock(tier, calendar, replace(times, pauses=[*times.pauses, more]), now)
    assert longer.target_on is not None
    assert plain.target_on is not None
    assert longer.target_on >= plain.target_on


@given(lived())
def test_what_is_kept_for_lists_says_the_same_as_the_clock(
    given_: tuple[Tier, Calendar, Times, datetime],
) -> None:
    tier, calendar, times, now = given_
    clock = read_clock(tier, calendar, times, now)
    if clock.standing is not Standing.PAUSED:
        today = calendar.day(now)
        assert clock.standing is listed(clock.soon_on, clock.target_on, clock.limit_on, today)


def test_every_tier_promises_less_than_its_limit() -> None:
    for tier in tiers().values():
        assert 0 < tier.soon_days < tier.target_days < tier.limit_days
        assert tier.counts in (Counts.CALENDAR, Counts.BUSINESS)
