"""Why a clock stands still, and who has to act. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from server.cases.clocks.business_days import Calendar
from server.foundation.errors import FieldProblem, Invalid

WHO: dict[str, str] = {
    "hospital": "the hospital",
    "coordinator": "the coordinator",
    "surgeon": "the surgeon",
    "patient": "the patient",
}


class Cause(StrEnum):
    """What began a pause."""

    HOLD = "hold"
    RECORDS = "records"


@dataclass(frozen=True)
class Pause:
    """A time in which the clock stood still; `ended_at` None while it still does."""

    begun_at: datetime
    ended_at: datetime | None
    reason: str
    waits_for: str
    cause: str = Cause.HOLD

    @property
    def who(self) -> str:
        """Who had to act, in words."""
        return WHO.get(self.waits_for, "somebody")


def who_must_act(said: str) -> str:
    """A key of WHO; raises Invalid."""
    if said not in WHO:
        raise Invalid(
            "The case was not held.", [FieldProblem("/waits_for", "Say who must act next.")]
        )
    return said


def paused_days(
    pauses: Iterable[Pause], calendar: Calendar, after: date, now: datetime
) -> list[tuple[date, date]]:
    """Spans (a, b] of days that began while the clock stood still, later than `after`; none overlap."""
    spans: list[tuple[date, date]] = []
    for one in sorted(pauses, key=lambda pause: pause.begun_at):
        begun = max(calendar.day(one.begun_at), after)
        ended = calendar.day(min(one.ended_at or now, now))
        if spans:
            begun = max(begun, spans[-1][1])
        if ended > begun:
            spans.append((begun, ended))
    return spans
