"""What is promised for a case, and how its clock stands."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.cases.clocks import timekeeping
from server.cases.clocks.clock import Clock
from server.cases.clocks.pauses import Pause
from server.cases.clocks.queries import (
    calendars_of,
    clock_of,
    pauses_of,
    plain_steps,
    steps_of,
)
from server.cases.clocks.stages import LABELS, Stage, StageSum, sums, timeline
from server.cases.clocks.tiers import stage_targets, tiers
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AT, DAY, Day, Line, Moment, Reason, Version, Word
from server.web.visit import Visit

TAG = "Clock"
HOUR_S = 3600


class PauseRead(Given):
    """A time in which the clock stood still."""

    begun_at: Moment
    ended_at: Moment | None
    reason: str
    waits_for: Annotated[str, Meta(description="Who had to act.")]


class TierKnown(Given):
    """What can be promised."""

    id: Word
    title: Line
    target_days: int
    limit_days: int
    counts: Annotated[str, Meta(description="Which days count: calendar or business.")]


class StageRead(Given):
    """One stage of the way: what was promised and what happened."""

    stage: Annotated[Stage, Meta(description="Stages of which nothing is known are left out.")]
    label: str
    promised_days: Annotated[int | None, Meta(description="Null: nothing was promised for it.")]
    spent_days: Annotated[int, Meta(description="Without the time in which the clock stood.")]
    spent_hours: float
    paused_hours: float
    counts: Annotated[str, Meta(description="In which days it is counted.")]
    late: bool
    over: bool


class ClockRead(Given):
    """The promise of a case and how it stands now. Days are null before the records are complete."""

    standing: Annotated[
        str,
        Meta(
            description="not_running, running, paused, soon, due, overdue, past_limit; in_time, late "
            "or too_late once the opinion is signed; ended without one"
        ),
    ]
    tier: Word
    country: Annotated[str, Meta(description="Whose business days count; empty: the hospital's.")]
    began_on: Day | None
    target_on: Day | None
    limit_on: Day | None
    elapsed_days: int
    remaining_days: int
    paused_days: int
    pauses: list[PauseRead]
    stages: list[StageRead]
    version: int
    tiers: list[TierKnown]


class PromiseChanged(Sent, kw_only=True):
    """Another promise, and why."""

    tier: Annotated[Word, Meta(description="One of `tiers`.")]
    country: Annotated[
        str, Meta(max_length=2, description="Whose business days count; empty: the hospital's.")
    ] = ""
    reason: Reason
    version: Version


def read_clock(visit: Visit) -> ClockRead:
    """How the clock of the case stands now."""
    case = visit.case
    clock, pauses = clock_of(visit.session, case, visit.now), pauses_of(visit.session, case.id)
    return ClockRead(
        standing=clock.standing.value,
        tier=clock.tier.id,
        country=case.calendar,
        began_on=clock.began_on,
        target_on=clock.target_on,
        limit_on=clock.limit_on,
        elapsed_days=clock.elapsed_days,
        remaining_days=clock.remaining_days,
        paused_days=clock.paused_days,
        pauses=[
            PauseRead(
                begun_at=one.begun_at, ended_at=one.ended_at, reason=one.reason, waits_for=one.who
            )
            for one in pauses
        ],
        stages=[_stage(one) for one in _sums(visit, clock, pauses)],
        version=case.version,
        tiers=[
            TierKnown(
                id=one.id,
                title=one.title,
                target_days=one.target_days,
                limit_days=one.limit_days,
                counts=one.counts.value,
            )
            for one in tiers().values()
        ],
    )


def _sums(visit: Visit, clock: Clock, pauses: list[Pause]) -> list[StageSum]:
    case, session = visit.case, visit.session
    steps = plain_steps(steps_of(session, case.id))
    spans = timeline(case.opened_at, steps, pauses, visit.now)
    every_day = calendars_of(session).every_day
    return sums(spans, clock.calendar, every_day, clock.tier, stage_targets())


def _stage(one: StageSum) -> StageRead:
    return StageRead(
        stage=one.stage,
        label=LABELS[one.stage],
        promised_days=one.promised_days,
        spent_days=one.spent_days,
        spent_hours=round(one.spent.total_seconds() / HOUR_S, 2),
        paused_hours=round(one.paused.total_seconds() / HOUR_S, 2),
        counts=one.unit,
        late=one.late,
        over=one.over,
    )


def change_promise(visit: Visit, body: PromiseChanged) -> ClockRead:
    """Promise something else, saying why."""
    timekeeping.choose_tier(
        visit.session,
        visit.case,
        body.tier,
        calendar=body.country,
        reason=body.reason,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(tier=body.tier, calendar=body.country, why=body.reason)
    return read_clock(visit)


_CLOCK = ClockRead(
    standing="running",
    tier="report",
    country="",
    began_on=DAY,
    target_on=DAY,
    limit_on=DAY,
    elapsed_days=2,
    remaining_days=5,
    paused_days=1,
    pauses=[
        PauseRead(begun_at=AT, ended_at=AT, reason="The CT is repeated.", waits_for="the hospital")
    ],
    stages=[
        StageRead(
            stage=Stage.RECORDS,
            label=LABELS[Stage.RECORDS],
            promised_days=3,
            spent_days=2,
            spent_hours=41.5,
            paused_hours=24.0,
            counts="calendar day",
            late=False,
            over=True,
        )
    ],
    version=4,
    tiers=[
        TierKnown(id="report", title="Report only", target_days=7, limit_days=14, counts="calendar")
    ],
)

ENDPOINTS = (
    Endpoint(
        "GET", "/cases/<number>/clock", read_clock, Action.CLOCK_READ, TAG,
        "What is promised and how it stands", ClockRead, _CLOCK,
    ),
    Endpoint(
        "PUT", "/cases/<number>/clock", change_promise, Action.CLOCK_CHANGE, TAG,
        "Promise something else", ClockRead, _CLOCK,
        body=PromiseChanged,
        sent=PromiseChanged(tier="video", reason="The patient wants to see the surgeon.", version=4),
        refusals=("tier_not_changeable",),
    ),
)  # fmt: skip
