"""Reminders of reassessments as notices: once, so many days before, to whom the plan names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from server.cases.aftercare.actions import note_reminded
from server.cases.aftercare.queries import to_be_reminded_of
from server.cases.aftercare.reassessing import days_left
from server.cases.records import Case
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to

_PARTS: Mapping[str, Part] = {"hospital": Part.HOSPITAL, "coordinator": Part.COORDINATOR}


def post_reassessments(session: Session, now: datetime) -> int:
    """Tell of each reassessment whose reminder is due; how many. Each is told once."""
    posted = 0
    for plan, case in to_be_reminded_of(session, now.date()):
        if not note_reminded(session, plan, now):
            continue
        parts = tuple(_PARTS[one] for one in plan.remind if one in _PARTS)
        people = _surgeons(case) if "surgeon" in plan.remind else ()
        post(
            session,
            kind=NoticeKind.REASSESSMENT_DUE,
            case=case,
            to=to(*parts, people=people),
            facts={
                "due_on": plan.due_on,
                "days": days_left(plan.due_on, now.date()),
                "round": plan.after_round + 1,
            },
            now=now,
            key=f"reassessment.due:{plan.id}",
        )
        posted += 1
    return posted


def _surgeons(case: Case) -> tuple[str, ...]:
    """Those who gave the opinion: while the reassessment is waited for nobody has the case."""
    return tuple(one.person_id for one in case.assignments if one.state == "completed")
