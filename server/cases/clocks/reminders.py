"""What is due to be said about a case now, and to whom. Pure.

A reminder has a key; whoever keeps which keys were said says each once. A promise that moved because
the clock stood still is a new promise, and is reminded of anew.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from server.cases.clocks.business_days import Calendar
from server.cases.clocks.clock import Clock, Standing
from server.cases.clocks.stages import Stage, stage_of
from server.cases.clocks.tiers import SOURCE
from server.cases.lifecycle import State

KINDS: dict[str, str] = {
    "due_soon": "The opinion is due soon",
    "due_today": "The opinion is due today",
    "overdue": "The opinion is overdue",
    "past_limit": "The promised limit has passed",
    "not_assigned": "No surgeon has been chosen",
    "still_waiting": "Something is still waited for",
}
_OF_DEADLINE: dict[Standing, tuple[str, tuple[str, ...]]] = {
    Standing.SOON: ("due_soon", ("surgeon", "coordinator")),
    Standing.DUE: ("due_today", ("surgeon", "coordinator")),
    Standing.OVERDUE: ("overdue", ("surgeon", "coordinator")),
    # The limit is the last promise: whoever runs the service has to know.
    Standing.PAST_LIMIT: ("past_limit", ("surgeon", "coordinator", "admin")),
}


@dataclass(frozen=True)
class Reminder:
    """One thing to say to everybody of a role who has to do with the case.

    `days` is how many: left (due_soon), over (overdue, past_limit), waited (the others).
    """

    kind: str
    to_role: str
    key: str
    due_on: date | None
    days: int


@dataclass(frozen=True)
class Situation:
    """Of a case what reminders go by. `since` is when its state began; `waits_for` who must act where
    it is paused or awaits its records."""

    state: str
    round: int
    since: datetime
    waits_for: str = ""


@cache
def _waiting() -> tuple[tuple[int, ...], int]:
    said = tomllib.loads(SOURCE.read_text())["reminders"]
    return tuple(said["waiting_days"]), int(said["coordinator_from_day"])


def due_reminders(
    clock: Clock,
    situation: Situation,
    routing_days: int,
    every_day: Calendar,
    now: datetime,
    said: Collection[str] = (),
) -> list[Reminder]:
    """What is to be said now and is not among the keys in `said`.

    `routing_days` is what is promised for choosing a surgeon, in days of the clock.
    """
    found = [
        *_of_the_deadline(clock, situation),
        *_of_routing(clock, situation, routing_days, now),
        *_of_waiting(clock, situation, every_day, now),
    ]
    return [one for one in found if one.key not in said]


def _of_the_deadline(clock: Clock, situation: Situation) -> list[Reminder]:
    if clock.standing not in _OF_DEADLINE:
        return []
    kind, roles = _OF_DEADLINE[clock.standing]
    has_surgeon = stage_of(situation.state) is Stage.REVIEW
    return [
        Reminder(
            kind,
            role,
            f"{situation.round}:{kind}:{clock.target_on}:{role}",
            clock.target_on,
            abs(clock.remaining_days),
        )
        for role in roles
        if role != "surgeon" or has_surgeon
    ]


def _of_routing(
    clock: Clock, situation: Situation, routing_days: int, now: datetime
) -> list[Reminder]:
    if situation.state != State.READY:
        return []
    since, today = clock.calendar.day(situation.since), clock.calendar.day(now)
    waited = clock.calendar.days.between(since, today)
    if waited <= routing_days:
        return []
    key = f"{situation.round}:not_assigned:{since}:coordinator"
    return [Reminder("not_assigned", "coordinator", key, clock.target_on, waited)]


def _of_waiting(
    clock: Clock, situation: Situation, every_day: Calendar, now: datetime
) -> list[Reminder]:
    """The newest step of waiting that was reached; earlier ones that were missed are not caught up."""
    if not situation.waits_for:
        return []
    steps, coordinator_from = _waiting()
    begun = clock.pause.begun_at if clock.pause else situation.since
    since = every_day.day(begun)
    waited = every_day.days.between(since, every_day.day(now))
    reached = [step for step in steps if waited >= step]
    if not reached:
        return []
    step = reached[-1]
    # Of a patient Margin has no address: the coordinator speaks with them.
    roles = {"coordinator" if situation.waits_for == "patient" else situation.waits_for}
    if step >= coordinator_from:
        roles.add("coordinator")
    return [
        Reminder(
            "still_waiting",
            role,
            f"{situation.round}:still_waiting:{since}:{step}:{role}",
            clock.target_on,
            waited,
        )
        for role in sorted(roles)
    ]
