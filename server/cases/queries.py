"""Reading cases."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.cases.asking import Standing
from server.cases.lifecycle import State
from server.cases.records import Assignment, Case, CaseDocument, CaseStudy
from server.foundation.errors import NotFound


class CaseNotFound(NotFound):
    """There is no case of this number."""


class DocumentNotFound(NotFound):
    """The case has no such document."""


_WHOLE = (
    selectinload(Case.hospital),
    selectinload(Case.studies),
    selectinload(Case.documents),
    selectinload(Case.assignments).selectinload(Assignment.person),
)
FINISHED = (State.CLOSED.value, State.WITHDRAWN.value)


def case_by_number(session: Session, number: str) -> Case:
    """The case with everything that belongs to it; raises CaseNotFound."""
    found = session.scalar(select(Case).where(Case.number == number).options(*_WHOLE))
    if found is None:
        raise CaseNotFound(
            f"There is no case {number[:40]}.", remedy="Look for it in the worklist."
        )
    return found


def case_by_id(session: Session, case_id: str) -> Case:
    """The case with everything that belongs to it; raises CaseNotFound."""
    found = session.scalar(select(Case).where(Case.id == case_id).options(*_WHOLE))
    if found is None:
        raise CaseNotFound("This case no longer exists.", remedy="Look for it in the worklist.")
    return found


def cases_of_ids(session: Session, ids: Collection[str]) -> list[Case]:
    """These cases whole: those in work first, the next deadline first."""
    wanted = select(Case).where(Case.id.in_(ids)).options(*_WHOLE)
    return list(
        session.scalars(
            wanted.order_by(Case.state.in_(FINISHED), Case.listed_on, Case.number.desc())
        )
    )


def offers_to(session: Session, person_id: str, now: datetime) -> list[Assignment]:
    """What somebody was offered and can still answer, with its cases; the first to run out first."""
    wanted = (
        select(Assignment)
        .where(
            Assignment.person_id == person_id,
            Assignment.state == Standing.OFFERED.value,
            Assignment.answer_by > now,
        )
        .options(selectinload(Assignment.case).selectinload(Case.hospital))
        .order_by(Assignment.answer_by)
    )
    return list(session.scalars(wanted))


def open_cases(session: Session) -> list[Case]:
    """The cases to which a study may still be attached."""
    states = [state.value for state in State if state.value not in (*FINISHED, State.OPINED.value)]
    return list(
        session.scalars(
            select(Case)
            .where(Case.state.in_(states))
            .options(selectinload(Case.hospital))
            .order_by(Case.number)
        )
    )


def case_of_study(session: Session, StudyInstanceUID: str) -> Case | None:
    """The case to which a study belongs, or None."""
    return session.scalar(
        select(Case).join(CaseStudy).where(CaseStudy.StudyInstanceUID == StudyInstanceUID)
    )


def study_uids(session: Session, case_id: str) -> frozenset[str]:
    """StudyInstanceUIDs of the case."""
    return frozenset(
        session.scalars(select(CaseStudy.StudyInstanceUID).where(CaseStudy.case_id == case_id))
    )


def holder(case: Case) -> Assignment | None:
    """The surgeon who has the case now, or who completed it; of a panel, its chair."""
    for state in ("active", "completed"):
        having = [one for one in case.assignments if one.state == state and one.decides]
        if having:
            return next((one for one in reversed(having) if one.role == "chair"), having[-1])
    return None


def document(case: Case, document_id: str) -> CaseDocument:
    """One document of this case; raises DocumentNotFound."""
    for found in case.documents:
        if found.id == document_id:
            return found
    raise DocumentNotFound(
        "This case has no such document.", remedy="Choose one from the case's list."
    )
