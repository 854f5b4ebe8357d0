"""Which days count where, over holidays that move, leap days and days on which the service is closed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cases.clocks.business_days import Calendars, ClosedDay, has_holidays
from server.cases.clocks.closed_days import ClosedDaysUnreadable, read_closed_days
from server.cases.countries import countries_by_name

CALENDARS = Calendars()


@pytest.mark.parametrize(
    ("country", "after", "number", "on"),
    [
        ("", date(2026, 11, 20), 1, date(2026, 11, 23)),
        # Easter: Good Friday and Easter Monday of three years.
        ("DE", date(2026, 4, 2), 1, date(2026, 4, 7)),
        ("DE", date(2027, 3, 25), 1, date(2027, 3, 30)),
        ("DE", date(2028, 4, 13), 1, date(2028, 4, 18)),
        # A holiday of Bavaria only: Epiphany.
        ("DE", date(2026, 1, 5), 1, date(2026, 1, 6)),
        ("DE-BY", date(2026, 1, 5), 1, date(2026, 1, 7)),
        # The national days of China, and the Saturday that is worked instead.
        ("CN", date(2026, 9, 30), 1, date(2026, 10, 8)),
        ("CN", date(2026, 9, 30), 3, date(2026, 10, 10)),
        # Independence day on a Saturday is kept on the Friday.
        ("US", date(2026, 7, 2), 1, date(2026, 7, 6)),
        # The leap day is a Tuesday and counts.
        ("GB", date(2028, 2, 28), 1, date(2028, 2, 29)),
        # The turn of the year.
        ("GB", date(2026, 12, 31), 1, date(2027, 1, 4)),
        ("AE", date(2026, 12, 1), 1, date(2026, 12, 4)),
    ],
)
def test_the_next_business_days(country: str, after: date, number: int, on: date) -> None:
    assert CALENDARS.business(country).days.later(after, number) == on


def test_a_country_that_is_not_known_works_from_monday_to_friday() -> None:
    days = CALENDARS.business("ZZ").days
    assert not has_holidays("ZZ")
    assert days.later(date(2026, 12, 24), 1) == date(2026, 12, 25)
    assert days.left_out(date(2026, 12, 1), date(2027, 1, 31)) == []


def test_the_service_can_be_closed_everywhere_or_in_one_country() -> None:
    closed = [
        ClosedDay(date(2026, 11, 23), "the move"),
        ClosedDay(date(2026, 11, 24), "local feast", "IN"),
    ]
    calendars = Calendars("UTC", closed)
    friday = date(2026, 11, 20)
    assert calendars.business("GB").days.later(friday, 1) == date(2026, 11, 24)
    assert calendars.business("IN").days.later(friday, 1) == date(2026, 11, 25)
    assert calendars.business("GB").days.left_out(friday, date(2026, 11, 25)) == [
        (date(2026, 11, 23), "the move")
    ]
    assert calendars.every_day.days.later(friday, 3) == date(2026, 11, 23)


def test_a_day_begins_and_ends_where_the_service_is() -> None:
    berlin = Calendars("Europe/Berlin").every_day
    # The day on which the clocks go forward has 23 hours, the one on which they go back 25.
    assert berlin.ends(date(2026, 3, 29)) - berlin.begins(date(2026, 3, 29)) == timedelta(hours=23)
    assert berlin.ends(date(2026, 10, 25)) - berlin.begins(date(2026, 10, 25)) == timedelta(
        hours=25
    )
    assert berlin.day(datetime(2026, 3, 28, 23, 30, tzinfo=UTC)) == date(2026, 3, 29)


def test_a_day_that_a_country_left_out_of_its_calendar_is_no_trouble() -> None:
    # Samoa went over the date line: there was no 30 December 2011.
    apia = Calendars("Pacific/Apia").every_day
    assert apia.day(datetime(2011, 12, 30, 9, 59, tzinfo=UTC)) == date(2011, 12, 29)
    assert apia.day(datetime(2011, 12, 30, 10, 0, tzinfo=UTC)) == date(2011, 12, 31)


@given(
    st.sampled_from(["", "DE", "IN", "CN", "AE", "US"]),
    st.dates(date(2022, 1, 1), date(2035, 1, 1)),
    st.integers(1, 60),
)
def test_so_many_business_days_later_so_many_have_counted(
    country: str, day: date, number: int
) -> None:
    days = CALENDARS.business(country).days
    later = days.later(day, number)
    assert days.between(day, later) == number
    assert days.between(day, later - timedelta(days=1)) == number - 1


@given(st.lists(st.dates(date(2024, 1, 1), date(2030, 1, 1)), min_size=3, max_size=3))
def test_days_between_add_up(days: list[date]) -> None:
    counted = CALENDARS.business("DE").days
    first, second, third = sorted(days)
    whole = counted.between(first, third)
    assert whole == counted.between(first, second) + counted.between(second, third)


def test_threads_may_ask_a_new_calendar_at_once() -> None:
    days = Calendars().business("FR").days
    found: list[date] = []
    threads = [
        Thread(target=lambda: found.append(days.later(date(2034, 5, 1), 20))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {days.later(date(2034, 5, 1), 20)}
    assert len(found) == 8


def test_no_promise_reaches_beyond_the_calendar() -> None:
    with pytest.raises(OverflowError):
        CALENDARS.business("DE").days.later(date(2199, 12, 1), 400)


def test_holidays_are_known_of_countries_and_their_parts() -> None:
    assert all(has_holidays(code) for code, _ in countries_by_name())
    assert has_holidays("DE-BY")
    assert not has_holidays("DE-XX")


def test_the_file_of_closed_days_names_days_and_spans() -> None:
    text = """
    [[closed]]
    on = 2026-12-24
    until = 2026-12-26
    name = "Between the years"
    country = "de"

    [[closed]]
    on = 2026-11-23
    """
    days = read_closed_days(text)
    assert [one.on.day for one in days] == [24, 25, 26, 23]
    assert (days[0].country, days[0].name, days[3].country) == ("DE", "Between the years", "")


@pytest.mark.parametrize(
    "text",
    [
        "closed = 3",
        "[[closed]]\nname = 'x'",
        "[[closed]]\non = '2026-12-24'",
        "[[closed]]\non = 2026-12-24T10:00:00",
        "[[closed]]\non = 2026-12-24\nuntil = 2026-12-01",
        "[[closed]]\non = 2020-01-01\nuntil = 2029-01-01",
        "[[closed]]\non = 2026-12-24\nname = 5",
        "[[closed]]\non = 2026-12-24\nfrom = 5",
        "closed = [3]",
        "other = 1",
        "[[closed",
    ],
)
def test_a_file_that_says_something_else_is_refused_by_its_entry(text: str) -> None:
    with pytest.raises(ClosedDaysUnreadable):
        read_closed_days(text)
