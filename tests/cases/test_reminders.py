"""What is due to be said, to whom, and that it is said once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.cases.clocks.business_days import Calendars
from server.cases.clocks.clock import Clock, Times, read_clock
from server.cases.clocks.pauses import Pause
from server.cases.clocks.reminders import KINDS, Reminder, Situation, due_reminders
from server.cases.clocks.tiers import tiers

EVERY_DAY = Calendars().every_day
BEGUN = datetime(2026, 11, 16, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def clock_after(days: float, *pauses: Pause) -> Clock:
    return read_clock(tiers()["report"], EVERY_DAY, Times(BEGUN, pauses), BEGUN + days * DAY)


def said_after(
    days: float, state: str, *pauses: Pause, said: tuple[str, ...] = (), waits_for: str = ""
) -> list[Reminder]:
    return due_reminders(
        clock_after(days, *pauses),
        Situation(state, 1, BEGUN, waits_for),
        1,
        EVERY_DAY,
        BEGUN + days * DAY,
        said,
    )


def kinds(found: list[Reminder]) -> set[tuple[str, str]]:
    return {(one.kind, one.to_role) for one in found}


@pytest.mark.parametrize(
    ("days", "kind"),
    [(5, "due_soon"), (6, "due_soon"), (7, "due_today"), (8, "overdue"), (14, "overdue")],
)
def test_the_surgeon_and_the_coordinator_are_told_of_the_deadline(days: int, kind: str) -> None:
    assert kinds(said_after(days, "in_review")) == {(kind, "surgeon"), (kind, "coordinator")}


def test_beyond_the_limit_whoever_runs_the_service_is_told_too() -> None:
    assert kinds(said_after(15, "assigned")) == {
        ("past_limit", "surgeon"),
        ("past_limit", "coordinator"),
        ("past_limit", "admin"),
    }


@pytest.mark.parametrize("days", [0, 3, 4.5])
def test_in_good_time_nothing_is_said(days: float) -> None:
    assert said_after(days, "in_review") == []


def test_a_case_without_a_surgeon_is_said_to_the_coordinator() -> None:
    assert kinds(said_after(2, "ready")) == {("not_assigned", "coordinator")}
    assert kinds(said_after(5, "ready")) == {
        ("not_assigned", "coordinator"),
        ("due_soon", "coordinator"),
    }


def test_each_reminder_is_said_once() -> None:
    first = said_after(5, "in_review")
    keys = tuple(one.key for one in first)
    assert said_after(5, "in_review", said=keys) == []
    assert said_after(6, "in_review", said=keys) == []
    assert kinds(said_after(8, "in_review", said=keys)) == {
        ("overdue", "surgeon"),
        ("overdue", "coordinator"),
    }


def test_a_promise_that_moved_is_reminded_of_anew() -> None:
    keys = tuple(one.key for one in said_after(5, "in_review"))
    pause = Pause(BEGUN + 5 * DAY, BEGUN + 9 * DAY, "away", "patient")
    assert said_after(9, "in_review", pause, said=keys) != []


def test_while_the_clock_stands_the_deadline_is_not_spoken_of() -> None:
    pause = Pause(BEGUN + DAY, None, "MRI wanted", "hospital")
    assert kinds(said_after(2, "on_hold", pause, waits_for="hospital")) == set()
    assert kinds(said_after(4, "on_hold", pause, waits_for="hospital")) == {
        ("still_waiting", "hospital")
    }
    assert kinds(said_after(8, "on_hold", pause, waits_for="hospital")) == {
        ("still_waiting", "hospital"),
        ("still_waiting", "coordinator"),
    }


def test_the_coordinator_speaks_for_a_patient() -> None:
    pause = Pause(BEGUN, None, "away", "patient")
    assert kinds(said_after(3, "on_hold", pause, waits_for="patient")) == {
        ("still_waiting", "coordinator")
    }


def test_steps_of_waiting_that_were_missed_are_not_caught_up() -> None:
    pause = Pause(BEGUN, None, "MRI wanted", "hospital")
    found = said_after(30, "on_hold", pause, waits_for="hospital")
    assert len(found) == 2
    assert all(":14:" in one.key for one in found)


def test_records_that_never_came_are_asked_for_before_the_clock_started() -> None:
    clock = read_clock(tiers()["report"], EVERY_DAY, Times(None), BEGUN + 3 * DAY)
    situation = Situation("awaiting_records", 1, BEGUN, "hospital")
    found = due_reminders(clock, situation, 1, EVERY_DAY, BEGUN + 3 * DAY)
    assert kinds(found) == {("still_waiting", "hospital")}
    assert found[0].days == 3


def test_the_next_round_is_reminded_of_by_itself() -> None:
    clock = clock_after(7)
    first, second = (
        due_reminders(clock, Situation("in_review", n, BEGUN), 1, EVERY_DAY, BEGUN + 7 * DAY)
        for n in (1, 2)
    )
    assert {one.key for one in first}.isdisjoint(one.key for one in second)


def test_every_kind_has_words_and_is_said_at_some_time() -> None:
    said = [
        one.kind
        for days in range(20)
        for state in ("ready", "assigned", "awaiting_records")
        for one in said_after(days, state, waits_for="hospital")
    ]
    assert set(said) == set(KINDS)
