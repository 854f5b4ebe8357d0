"""Planning a reassessment, and beginning or giving up its round.

Each change says which version it saw; of two at once the first wins and the other is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from server.cases import actions
from server.cases.aftercare import reassessing
from server.cases.aftercare.lines import kept_lines
from server.cases.aftercare.queries import plans_of, standing_plan
from server.cases.aftercare.records import ReassessmentPlan
from server.cases.lifecycle import Event, EventNotPossible
from server.cases.records import Case
from server.foundation.errors import Conflict, FieldProblem, Invalid

LONGEST_TEXT = 4000


class NoReassessmentPlanned(Conflict):
    """There is no reassessment that could be changed."""


@dataclass(frozen=True)
class Planned:
    """A plan as a form sends it: a day, or cycles of so many days from a day on."""

    due_on: date | None = None
    preset: str = ""
    cycles: int | None = None
    cycle_days: int | None = None
    starts_on: date | None = None
    strategy: str = ""
    remeasure: Sequence[str] = ()
    remind: Sequence[str] = ("hospital", "coordinator")
    remind_days: int = reassessing.USUAL_REMIND_DAYS
    opinion_number: str = ""


def plan_reassessment(
    session: Session, case: Case, planned: Planned, *, seen_version: int, by: str, now: datetime
) -> ReassessmentPlan:
    """Keep when the case is looked at again; a plan that stands is replaced by this one.

    Raises Invalid, EventNotPossible (no opinion was issued) or CaseChangedMeanwhile.
    """
    day = _day_of(planned)
    problems = [*_objections(planned), *_against_day(day, planned, now.date())]
    if problems or day is None:
        raise Invalid("The reassessment was not planned.", problems)
    actions.happen(
        session, case, Event.REASSESSMENT_PLANNED, now=now, by=by, seen_version=seen_version
    )
    before = standing_plan(session, case.id)
    if before is not None:
        _end(session, before, "cancelled", by=by, now=now, why="Planned anew.")
    plan = ReassessmentPlan(
        case_id=case.id,
        after_round=case.round,
        opinion_number=planned.opinion_number,
        preset=planned.preset,
        cycles=planned.cycles,
        cycle_days=planned.cycle_days if planned.cycles else None,
        starts_on=planned.starts_on if planned.cycles else None,
        due_on=day,
        strategy=planned.strategy.strip()[:LONGEST_TEXT],
        remeasure=kept_lines(planned.remeasure),
        remind=[one for one in reassessing.REMINDED if one in planned.remind],
        remind_days=planned.remind_days,
        planned_at=now,
        planned_by=by,
    )
    session.add(plan)
    session.flush()
    return plan


def _day_of(planned: Planned) -> date | None:
    if planned.cycles and planned.cycle_days and planned.starts_on:
        try:
            return reassessing.due_on(planned.starts_on, planned.cycles, planned.cycle_days)
        except OverflowError:
            return date.max
    return None if planned.cycles else planned.due_on


def _against_day(day: date | None, planned: Planned, today: date) -> list[FieldProblem]:
    pointer = "/starts_on" if planned.cycles else "/due_on"
    if day is None:
        wanted = "Give a day, or a number of cycles with their length and the first day."
        return [FieldProblem(pointer, wanted)]
    if day < today:
        return [FieldProblem(pointer, f"The reassessment would be on {day}, which is past.")]
    if day > today + timedelta(days=reassessing.LONGEST_WAIT_DAYS):
        return [FieldProblem(pointer, "The reassessment lies more than two years ahead.")]
    return []


def _objections(planned: Planned) -> list[FieldProblem]:
    problems = []
    if planned.cycles is not None and not 1 <= planned.cycles <= reassessing.MOST_CYCLES:
        wanted = f"Give 1 to {reassessing.MOST_CYCLES} cycles."
        problems.append(FieldProblem("/cycles", wanted))
    shortest, longest = reassessing.SHORTEST_CYCLE_DAYS, reassessing.LONGEST_CYCLE_DAYS
    if planned.cycles and not shortest <= (planned.cycle_days or 0) <= longest:
        wanted = f"A cycle takes {shortest} to {longest} days."
        problems.append(FieldProblem("/cycle_days", wanted))
    if planned.preset and planned.preset not in reassessing.PRESET_IDS:
        problems.append(FieldProblem("/preset", "Choose one of the presets."))
    if set(planned.remind) - set(reassessing.REMINDED):
        problems.append(FieldProblem("/remind", "Choose from the list who is told."))
    if not 0 <= planned.remind_days <= reassessing.LONGEST_REMIND_DAYS:
        wanted = f"Remind 0 to {reassessing.LONGEST_REMIND_DAYS} days before."
        problems.append(FieldProblem("/remind_days", wanted))
    return problems


def cancel_reassessment(
    session: Session, case: Case, *, why: str, seen_version: int, by: str, now: datetime
) -> ReassessmentPlan:
    """Give the plan up: the case is as it was when its opinion was issued.

    Raises Invalid without a reason, NoReassessmentPlanned or CaseChangedMeanwhile.
    """
    plan = standing_plan(session, case.id)
    if plan is None:
        raise NoReassessmentPlanned(
            "No reassessment is planned.", remedy="Reload the page to see how the case stands."
        )
    if not why.strip():
        raise Invalid("The plan stands.", [FieldProblem("/why", "Say why it is given up.")])
    actions.happen(
        session, case, Event.REASSESSMENT_CANCELLED, now=now, by=by, seen_version=seen_version
    )
    _end(session, plan, "cancelled", by=by, now=now, why=why)
    return plan


def begin_round(session: Session, case: Case, *, seen_version: int, by: str, now: datetime) -> None:
    """Begin the next time point now, without waiting for images.

    Raises EventNotPossible and CaseChangedMeanwhile.
    """
    actions.begin_round(session, case, now=now, by=by, seen_version=seen_version)


def give_up_round(
    session: Session, case: Case, *, why: str, seen_version: int, by: str, now: datetime
) -> None:
    """Take a round back that was begun by mistake, before a surgeon has it: its studies belong to the
    round before, and a plan that it had ended is planned again.

    Raises Invalid without a reason, EventNotPossible and CaseChangedMeanwhile.
    """
    if not why.strip():
        raise Invalid("The round goes on.", [FieldProblem("/why", "Say why it is given up.")])
    if case.round == 1:
        raise EventNotPossible(
            "The first round of a case is not given up.", remedy="Withdraw the case instead."
        )
    actions.happen(session, case, Event.ROUND_GIVEN_UP, now=now, by=by, seen_version=seen_version)
    for study in case.studies:
        study.round = min(study.round, case.round - 1)
    case.round -= 1
    session.flush()
    plan = next((one for one in _begun(session, case) if one.after_round == case.round), None)
    if plan is not None:
        actions.happen(session, case, Event.REASSESSMENT_PLANNED, now=now, by=by)
        plan.state, plan.ended_at, plan.ended_by, plan.ended_why = "planned", None, "", ""
    session.flush()


def note_reminded(session: Session, plan: ReassessmentPlan, now: datetime) -> bool:
    """Remember that the reminder was given; False when another process was first."""
    changed = session.execute(
        update(ReassessmentPlan)
        .where(ReassessmentPlan.id == plan.id, ReassessmentPlan.reminded_at.is_(None))
        .values(reminded_at=now)
        .execution_options(synchronize_session=False)
    )
    session.refresh(plan)
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def _begun(session: Session, case: Case) -> Sequence[ReassessmentPlan]:
    return [one for one in plans_of(session, case.id) if one.state == "begun"]


def _end(
    session: Session, plan: ReassessmentPlan, state: str, *, by: str, now: datetime, why: str
) -> None:
    plan.state, plan.ended_at, plan.ended_by = state, now, by
    plan.ended_why = why.strip()[:LONGEST_TEXT]
    session.flush()
