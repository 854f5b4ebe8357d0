"""Where a specimen is, and what may be noted of it next. Pure.

Events are only ever added. A wrong one is set right by another that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

CLOCKS_DIFFER: Final = timedelta(minutes=10)


class Step(StrEnum):
    """What can happen to a specimen."""

    HANDED_OVER = "handed_over"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    RETURNED = "returned"
    LOST = "lost"
    NOTE = "note"


LABELS: Final[dict[Step, str]] = {
    Step.HANDED_OVER: "Handed over",
    Step.IN_TRANSIT: "In transit",
    Step.RECEIVED: "Received",
    Step.RETURNED: "Returned",
    Step.LOST: "Lost or damaged",
    Step.NOTE: "Note",
}
_MAY_FOLLOW: Final[dict[Step | None, frozenset[Step]]] = {
    None: frozenset({Step.HANDED_OVER, Step.IN_TRANSIT, Step.RECEIVED}),
    Step.HANDED_OVER: frozenset({Step.IN_TRANSIT, Step.RECEIVED, Step.RETURNED, Step.LOST}),
    Step.IN_TRANSIT: frozenset({Step.IN_TRANSIT, Step.RECEIVED, Step.RETURNED, Step.LOST}),
    Step.RECEIVED: frozenset({Step.HANDED_OVER, Step.IN_TRANSIT, Step.RETURNED, Step.LOST}),
    Step.RETURNED: frozenset({Step.HANDED_OVER, Step.IN_TRANSIT}),
    Step.LOST: frozenset({Step.RECEIVED, Step.RETURNED}),
}


@dataclass(frozen=True)
class Event:
    """One thing that happened, as the rule needs it."""

    step: Step
    at: datetime
    to_whom: str = ""


@dataclass(frozen=True)
class Standing:
    """Where a specimen is. `overdue_days` counts the days since it was due back, 0 before."""

    step: Step | None
    since: datetime | None
    due_back_on: date | None
    overdue_days: int = 0

    @property
    def words(self) -> str:
        """The standing in a few words."""
        return LABELS[self.step] if self.step else "Listed, not sent yet"

    @property
    def is_here(self) -> bool:
        """Whether the tissue reached whoever reviews it, now or before it went back."""
        return self.step in (Step.RECEIVED, Step.RETURNED)


def standing(events: Sequence[Event], due_back_on: date | None, today: date) -> Standing:
    """Where a specimen is after these events, which stand in the order in which they were noted."""
    moves = [event for event in events if event.step is not Step.NOTE]
    if not moves:
        return Standing(None, None, due_back_on)
    last = moves[-1]
    away = last.step is not Step.RETURNED
    late = (today - due_back_on).days if due_back_on and away else 0
    return Standing(last.step, last.at, due_back_on, max(0, late))


def next_steps(events: Sequence[Event]) -> list[Step]:
    """What may be noted next, a note always among it."""
    moves = [event.step for event in events if event.step is not Step.NOTE]
    allowed = _MAY_FOLLOW[moves[-1] if moves else None]
    return [step for step in Step if step in allowed or step is Step.NOTE]


def objection(
    events: Sequence[Event], event: Event, now: datetime, *, courier: str = "", tracking: str = ""
) -> tuple[str, str] | None:
    """The field and the sentence that refuse an event, or None where it may be noted."""
    if event.step not in next_steps(events):
        last = standing(events, None, now.date()).words.lower()
        return "step", f"A specimen that is “{last}” cannot become “{LABELS[event.step].lower()}”."
    if event.at > now + CLOCKS_DIFFER:
        return "at", "This moment lies in the future."
    moves = [one for one in events if one.step is not Step.NOTE]
    if event.step is not Step.NOTE and moves and event.at < moves[-1].at:
        return "at", "This lies before what was noted last."
    if event.step is Step.IN_TRANSIT and not courier.strip():
        return "courier", "Name the courier."
    if event.step is Step.IN_TRANSIT and not tracking.strip():
        return "tracking", "Give the tracking number."
    if event.step in (Step.HANDED_OVER, Step.RECEIVED, Step.RETURNED) and not event.to_whom.strip():
        return "to_whom", "Say who has it now."
    return None
