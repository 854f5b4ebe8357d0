"""Cases that lived at scripted times, for the figures' tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from server.annotations import actions as forms
from server.annotations.organs import ORGANS
from server.cases import actions as cases
from server.cases.lifecycle import Event
from server.cases.local_category import state_local_category
from server.cases.records import Case
from server.outcomes.actions import choose_findings, enter_outcome
from server.outcomes.entered import Outcome
from server.people.records import Hospital, Person

BEGUN = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)
VERDICT_OF = {
    "head-resectable": "resectable_now",
    "head-borderline-sma": "conversion_then_reassess",
    "uncinate-locally-advanced": "not_resectable_here",
    "neck-stent-limits": "insufficient_imaging",
    "crlm-right-adequate": "resectable_now",
}


@dataclass(frozen=True)
class Lived:
    """A case as a test wants it. Days are counted from its opening."""

    organ: str = "pancreas"
    example: str = "head-resectable"
    local_category: str = "unresectable"
    opened_at: datetime = BEGUN
    complete_day: float = 2.0
    assigned_day: float = 3.0
    signed_day: float = 7.0
    outcome: Outcome | None = None
    findings: tuple[str, ...] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    closes: bool = True


def live(session: Session, hospital: Hospital, surgeon: Person, life: Lived) -> Case:
    """One case from its opening to its outcome."""
    at = life.opened_at
    case = cases.open_case(
        session,
        organ=life.organ,
        hospital=hospital,
        question="Can it be resected?",
        opened_by="test",
        now=at,
    )
    if life.local_category:
        state_local_category(session, case, life.local_category, by="test", now=at)
    for event, day in (
        (Event.STUDY_ATTACHED, 1.0),
        (Event.RECORDS_COMPLETE, life.complete_day),
        (Event.SURGEON_ASSIGNED, life.assigned_day),
        (Event.REVIEW_BEGUN, life.assigned_day + 0.5),
    ):
        cases.happen(session, case, event, now=at + day * DAY, by="test")
    signed_at = at + life.signed_day * DAY
    sign(session, case, surgeon, life, signed_at)
    cases.happen(session, case, Event.OPINION_SIGNED, now=signed_at, by="test")
    if life.closes:
        cases.happen(session, case, Event.CLOSE, now=signed_at + DAY, by="test")
    later = signed_at + 60 * DAY
    if life.findings is not None:
        choose_findings(session, case, life.findings, seen_number=0, by="test", now=later)
    if life.outcome is not None:
        enter_outcome(
            session,
            case,
            life.outcome,
            seen_number=0,
            by="test",
            entered_as="coordinator",
            now=later,
        )
    return case


def sign(session: Session, case: Case, surgeon: Person, life: Lived, at: datetime) -> None:
    """Sign an example's form with other answers where the life says so."""
    answers = {**ORGANS[life.organ].examples()[life.example], **life.answers}
    draft = forms.draft_of(
        session, case.id, case.organ, reviewer_id=surgeon.id, reviewer_name=surgeon.name
    )
    saved = forms.save(session, draft, answers, seen_version=draft.version, now=at)
    forms.sign(
        session,
        saved,
        seen_version=saved.version,
        restated_verdict=str(answers["verdict"]),
        signed_by=surgeon.name,
        now=at,
    )
