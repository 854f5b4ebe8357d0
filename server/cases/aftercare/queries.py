"""Reading what follows an opinion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.aftercare.reassessing import LONGEST_REMIND_DAYS, is_to_remind
from server.cases.aftercare.records import InPersonAssessment, ReassessmentPlan
from server.cases.lifecycle import State
from server.cases.records import Case
from server.foundation.errors import NotFound


class AssessmentNotFound(NotFound):
    """The case has no such assessment in person."""


def plans_of(session: Session, case_id: str) -> Sequence[ReassessmentPlan]:
    """Every reassessment ever planned for a case, newest first."""
    return session.scalars(
        select(ReassessmentPlan)
        .where(ReassessmentPlan.case_id == case_id)
        .order_by(ReassessmentPlan.planned_at.desc(), ReassessmentPlan.id)
    ).all()


def standing_plan(session: Session, case_id: str) -> ReassessmentPlan | None:
    """The reassessment that is waited for, or None."""
    return session.scalar(
        select(ReassessmentPlan).where(
            ReassessmentPlan.case_id == case_id, ReassessmentPlan.state == "planned"
        )
    )


def to_be_reminded_of(session: Session, today: date) -> list[tuple[ReassessmentPlan, Case]]:
    """Plans whose reminder is due and was not given yet, with their cases, most pressing first."""
    latest = date.fromordinal(today.toordinal() + LONGEST_REMIND_DAYS)
    rows = session.execute(
        select(ReassessmentPlan, Case)
        .join(Case, Case.id == ReassessmentPlan.case_id)
        .where(
            ReassessmentPlan.state == "planned",
            Case.state == State.REASSESSMENT.value,
            ReassessmentPlan.due_on <= latest,
            ReassessmentPlan.reminded_at.is_(None),
        )
        .order_by(ReassessmentPlan.due_on, ReassessmentPlan.id)
    )
    return [
        (plan, case) for plan, case in rows if is_to_remind(plan.due_on, plan.remind_days, today)
    ]


def assessments_of(session: Session, case_id: str) -> Sequence[InPersonAssessment]:
    """Every assessment in person of a case, newest first."""
    return session.scalars(
        select(InPersonAssessment)
        .where(InPersonAssessment.case_id == case_id)
        .order_by(InPersonAssessment.requested_at.desc(), InPersonAssessment.id)
    ).all()


def assessment(session: Session, case_id: str, assessment_id: str) -> InPersonAssessment:
    """One assessment in person of this case; raises AssessmentNotFound."""
    found = session.get(InPersonAssessment, assessment_id)
    if found is None or found.case_id != case_id:
        raise AssessmentNotFound(
            "This case has no such assessment in person.", remedy="Choose one from the page."
        )
    return found
