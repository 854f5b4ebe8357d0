"""The stages of a case: where every minute of it went, and what had been promised. Pure.

Every moment from opening to the end lies in exactly one span: a pause where the case was paused,
otherwise the stage of the state in which it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from server.cases.clocks.business_days import Calendar
from server.cases.clocks.pauses import Pause
from server.cases.clocks.tiers import StageTarget, Tier
from server.cases.lifecycle import State


class Stage(StrEnum):
    """A stage of the service (its requirement 51), as far as a clock can tell. BETWEEN is the time until
    the next round of the same case; UNKNOWN is time of which no steps were kept."""

    UNKNOWN = "unknown"
    INTAKE = "intake"
    RECORDS = "records"
    ROUTING = "routing"
    REVIEW = "review"
    OPINION = "opinion"
    SHARED = "shared"
    BETWEEN = "between"


LABELS: dict[Stage, str] = {
    Stage.UNKNOWN: "Not kept",
    Stage.INTAKE: "Intake",
    Stage.RECORDS: "Records",
    Stage.ROUTING: "Choosing a surgeon",
    Stage.REVIEW: "Review",
    Stage.OPINION: "Opinion passed on",
    Stage.SHARED: "Shared and closed",
    Stage.BETWEEN: "Until the next time point",
}
MEANINGS: dict[Stage, str] = {
    Stage.UNKNOWN: "before the steps of a case were kept",
    Stage.INTAKE: "from opening until the first images are here",
    Stage.RECORDS: "until what is needed is complete",
    Stage.ROUTING: "until a surgeon is asked",
    Stage.REVIEW: "until the opinion is signed",
    Stage.OPINION: "from signing until the case is closed",
    Stage.SHARED: "nothing is waited for any more",
    Stage.BETWEEN: "while treatment goes on",
}
# ON_HOLD is missing on purpose: a held case stays in its stage, and its pause tells the rest.
STAGE_OF: dict[State, Stage] = {
    State.OPEN: Stage.INTAKE,
    State.AWAITING_RECORDS: Stage.RECORDS,
    State.READY: Stage.ROUTING,
    State.ASSIGNED: Stage.REVIEW,
    State.IN_REVIEW: Stage.REVIEW,
    State.OPINED: Stage.OPINION,
    State.REASSESSMENT: Stage.BETWEEN,
    State.CLOSED: Stage.SHARED,
    State.WITHDRAWN: Stage.SHARED,
}
OVER = frozenset({State.CLOSED.value, State.WITHDRAWN.value})
UNDER_CLOCK = (Stage.ROUTING, Stage.REVIEW)


@dataclass(frozen=True)
class Step:
    """That a case came into `to_state` at a moment."""

    at: datetime
    to_state: str
    event: str = ""
    by: str = ""


@dataclass(frozen=True)
class Span:
    """A time in one stage, or in one pause of it. `open` says that it goes on."""

    stage: Stage
    begun_at: datetime
    ended_at: datetime
    pause: Pause | None = None
    open: bool = False

    @property
    def lasted(self) -> timedelta:
        return self.ended_at - self.begun_at


@dataclass(frozen=True)
class StageSum:
    """What became of one stage. `promised_days` None: nothing was promised for it.

    Days of `unit` that began in the stage while the case was not paused; `paused` is time beside them.
    """

    stage: Stage
    spent: timedelta
    spent_days: int
    paused: timedelta
    unit: str
    promised_days: int | None
    reached: bool
    over: bool

    @property
    def late(self) -> bool:
        return self.promised_days is not None and self.spent_days > self.promised_days


def stage_of(state: str, before: Stage = Stage.UNKNOWN) -> Stage:
    """The stage of a state; a held case stays in the stage where it was."""
    return STAGE_OF.get(State(state), before)


def timeline(
    opened_at: datetime, steps: Sequence[Step], pauses: Iterable[Pause], now: datetime
) -> list[Span]:
    """The spans of a case from its opening to its end, or to `now`; without gaps or overlaps."""
    spans = _stages(opened_at, steps, now)
    for pause in sorted(pauses, key=lambda one: one.begun_at):
        spans = [part for span in spans for part in _cut(span, pause, now)]
    return _joined(spans)


def _stages(opened_at: datetime, steps: Sequence[Step], now: datetime) -> list[Span]:
    spans: list[Span] = []
    stage, begun, over = Stage.UNKNOWN, opened_at, False
    for step in steps:
        at = max(step.at, begun)
        if at > begun and not over:
            spans.append(Span(stage, begun, at))
        stage, begun, over = stage_of(step.to_state, stage), at, step.to_state in OVER
    if not over:
        spans.append(Span(stage, begun, max(now, begun), open=True))
    return spans


def _cut(span: Span, pause: Pause, now: datetime) -> list[Span]:
    """The parts of a span before, in and after a pause."""
    begun = max(span.begun_at, pause.begun_at)
    ended = min(span.ended_at, pause.ended_at or now)
    if span.pause is not None or ended <= begun:
        return [span]
    parts = [
        replace(span, ended_at=begun, open=False),
        replace(span, begun_at=begun, ended_at=ended, pause=pause, open=pause.ended_at is None),
        replace(span, begun_at=ended, open=span.open and pause.ended_at is not None),
    ]
    return [part for part in parts if part.ended_at > part.begun_at]


def _joined(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last is not None and (last.stage, last.pause) == (span.stage, span.pause):
            found[-1] = replace(last, ended_at=span.ended_at, open=span.open)
        else:
            found.append(span)
    return found


def promised(tier: Tier, targets: dict[str, StageTarget]) -> dict[Stage, int]:
    """Days promised for each stage that has a promise; those under the clock add up to the target."""
    found = {Stage(key): one.days for key, one in targets.items() if one.days}
    share, before = 0, 0
    for stage in UNDER_CLOCK:
        share += targets[stage.value].share_percent
        until = round(tier.target_days * share / 100)
        found[stage], before = until - before, until
    return found


def sums(
    spans: Sequence[Span],
    calendar: Calendar,
    every_day: Calendar,
    tier: Tier,
    targets: dict[str, StageTarget],
) -> list[StageSum]:
    """What was promised and what happened, a line for each stage of the way in its order."""
    promises = promised(tier, targets)
    way = [one for one in Stage if one in promises or any(span.stage is one for span in spans)]
    now_in = spans[-1].stage if spans and spans[-1].open else None
    found = []
    for stage in way:
        days = calendar if stage in UNDER_CLOCK else every_day
        here = [span for span in spans if span.stage is stage]
        run = [span for span in here if span.pause is None]
        found.append(
            StageSum(
                stage=stage,
                spent=sum((span.lasted for span in run), timedelta()),
                spent_days=sum(_days(span, days) for span in run),
                paused=sum((span.lasted for span in here if span.pause), timedelta()),
                unit=tier.unit if stage in UNDER_CLOCK else "calendar day",
                promised_days=promises.get(stage),
                reached=bool(here),
                over=bool(here) and stage is not now_in,
            )
        )
    return found


def _days(span: Span, calendar: Calendar) -> int:
    return calendar.days.between(calendar.day(span.begun_at), calendar.day(span.ended_at))
