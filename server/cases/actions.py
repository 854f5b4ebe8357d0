"""Everything that changes a case. State and assignment change by conditional update: one writer wins."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from server.cases import deadlines
from server.cases.accession import accession_numbers
from server.cases.lifecycle import Event, State, after
from server.cases.records import Assignment, Case, CaseDocument, CaseStudy, ExpectedAccession
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.people.records import Hospital, Person

LONGEST_TEXT = 8000


class CaseChangedMeanwhile(Conflict):
    """Somebody else changed the case between looking and acting."""


class StudyBelongsElsewhere(Conflict):
    """The study is attached to another case."""


def open_case(
    session: Session,
    *,
    organ: str,
    hospital: Hospital,
    question: str,
    opened_by: str,
    now: datetime,
    local_verdict: str = "",
    local_verdict_reason: str = "",
    accession_number: str = "",
) -> Case:
    """Open a case with the next free number of the year; raises Invalid."""
    if not question.strip():
        raise Invalid(
            "The case was not opened.",
            [FieldProblem("/question", "Write the question the surgeon is to answer.")],
        )
    case = Case(
        number=_next_number(session, now),
        organ=organ,
        hospital=hospital,
        question=question.strip()[:LONGEST_TEXT],
        local_verdict=local_verdict.strip()[:LONGEST_TEXT],
        local_verdict_reason=local_verdict_reason.strip()[:LONGEST_TEXT],
        accession_number=accession_number.strip()[:64],
        opened_at=now,
        opened_by=opened_by,
    )
    session.add(case)
    session.flush()
    expect_accessions(session, case)
    return case


def expect_accessions(session: Session, case: Case) -> None:
    """Make the case found by each accession number that is written into it."""
    session.execute(delete(ExpectedAccession).where(ExpectedAccession.case_id == case.id))
    numbers = sorted(accession_numbers(case.accession_number))
    session.add_all(ExpectedAccession(case_id=case.id, number=number) for number in numbers)
    session.flush()


def _next_number(session: Session, now: datetime) -> str:
    year = f"M-{now.year}-"
    last = session.scalar(select(func.max(Case.number)).where(Case.number.startswith(year)))
    taken = int(re.sub(r"^M-\d{4}-", "", last)) if last else 0
    return f"{year}{taken + 1:05d}"


def happen(session: Session, case: Case, event: Event, *, seen_version: int | None = None) -> Case:
    """Let `event` happen to the case.

    `seen_version` is the version that the person acting had before their eyes; None means that nobody
    was looking (the worker). Raises EventNotPossible and CaseChangedMeanwhile.
    """
    if seen_version is not None and seen_version != case.version:
        raise _changed(case)
    state = after(State(case.state), event)
    changed = session.execute(
        update(Case)
        .where(Case.id == case.id, Case.version == case.version)
        .values(state=state.value, version=case.version + 1)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise _changed(case)
    session.refresh(case)
    return case


def _changed(case: Case) -> CaseChangedMeanwhile:
    return CaseChangedMeanwhile(
        f"Case {case.number} was changed by somebody else while you were looking at it.",
        remedy="Reload the case, look at what changed, and decide again.",
    )


def attach_study(
    session: Session, case: Case, StudyInstanceUID: str, *, by: str, reason: str, now: datetime
) -> CaseStudy:
    """Make a study part of the case. Doing it twice is harmless; raises StudyBelongsElsewhere."""
    known = session.scalar(select(CaseStudy).where(CaseStudy.StudyInstanceUID == StudyInstanceUID))
    if known is not None:
        if known.case_id != case.id:
            raise StudyBelongsElsewhere(
                "This study is part of another case already.",
                remedy="Open the arrivals inbox to see where it went.",
            )
        return known
    happen(session, case, Event.STUDY_ATTACHED)
    attached = CaseStudy(
        case_id=case.id,
        StudyInstanceUID=StudyInstanceUID,
        attached_at=now,
        attached_by=by,
        reason=reason,
    )
    session.add(attached)
    session.flush()
    session.expire(case, ["studies"])
    return attached


def detach_study(session: Session, case: Case, StudyInstanceUID: str) -> None:
    """Take a study out of the case again. Raises EventNotPossible once the case is finished, because
    then somebody has judged by it."""
    known = session.scalar(
        select(CaseStudy).where(
            CaseStudy.StudyInstanceUID == StudyInstanceUID, CaseStudy.case_id == case.id
        )
    )
    if known is None:
        return
    after(
        State(case.state), Event.STUDY_ATTACHED
    )  # as long as one may be added, one may be removed
    session.delete(known)
    session.flush()
    session.expire(case, ["studies"])


def declare_records_complete(
    session: Session, case: Case, seen_version: int, now: datetime
) -> None:
    """Start the clock: what is needed for an answer is there.

    A surgeon who had the case before more records were wanted has it again.
    """
    happen(session, case, Event.RECORDS_COMPLETE, seen_version=seen_version)
    case.records_complete_at = now
    case.due_on = deadlines.due_on(now)
    if any(assignment.state == "active" for assignment in case.assignments):
        happen(session, case, Event.SURGEON_ASSIGNED)
    session.flush()


def assign(
    session: Session, case: Case, surgeon: Person, *, seen_version: int, by: str, now: datetime
) -> Assignment:
    """Ask one surgeon to review. An earlier assignment is withdrawn; raises CaseChangedMeanwhile."""
    if surgeon.role != "surgeon" or not surgeon.active:
        raise Invalid(
            "Nobody was assigned.",
            [FieldProblem("/person_id", "Choose an active surgeon from the list.")],
        )
    happen(session, case, Event.SURGEON_ASSIGNED, seen_version=seen_version)
    _end_assignments(case, now)
    assignment = Assignment(
        case_id=case.id, person_id=surgeon.id, assigned_at=now, assigned_by=by, person=surgeon
    )
    session.add(assignment)
    session.flush()
    session.expire(case, ["assignments"])
    return assignment


def keep_document(
    session: Session,
    case: Case,
    *,
    title: str,
    media_type: str,
    size_bytes: int,
    sha256: str,
    received_from: str,
    now: datetime,
) -> CaseDocument:
    """Add a document whose content is in the file store. The same content is added once."""
    known = session.scalar(
        select(CaseDocument).where(CaseDocument.case_id == case.id, CaseDocument.sha256 == sha256)
    )
    if known is not None:
        return known
    document = CaseDocument(
        case_id=case.id,
        title=title[:200],
        media_type=media_type,
        size_bytes=size_bytes,
        sha256=sha256,
        received_at=now,
        received_from=received_from,
    )
    session.add(document)
    session.flush()
    session.expire(case, ["documents"])
    return document


def complete(session: Session, case: Case, now: datetime) -> None:
    """The opinion is signed: the case is opined and its assignment completed."""
    happen(session, case, Event.OPINION_SIGNED)
    for assignment in case.assignments:
        if assignment.state == "active":
            assignment.state, assignment.ended_at = "completed", now
    session.flush()


def hold(session: Session, case: Case, *, reason: str, seen_version: int, now: datetime) -> None:
    """Stop the clock, saying why and who must act; raises Invalid without a reason."""
    was = case.state
    _with_reason(case, reason, "Say why the case is held, and who must act.")
    happen(session, case, Event.HOLD, seen_version=seen_version)
    case.held_reason, case.held_from, case.held_since = _short(reason), was, now
    session.flush()


def resume(session: Session, case: Case, *, seen_version: int, now: datetime) -> None:
    """Go on where the case was held; the promised day moves by the days the clock stood still."""
    happen(session, case, Event.RESUME, seen_version=seen_version)
    if case.held_from:
        case.state = case.held_from
    if case.due_on is not None and case.held_since is not None:
        case.due_on = deadlines.after_hold(case.due_on, case.held_since, now)
    case.held_reason, case.held_from, case.held_since = "", "", None
    session.flush()


def withdraw(
    session: Session, case: Case, *, reason: str, seen_version: int, now: datetime
) -> None:
    """End the case without an opinion; raises Invalid without a reason."""
    _with_reason(case, reason, "Say why the case is withdrawn.")
    happen(session, case, Event.WITHDRAW, seen_version=seen_version)
    case.held_reason = _short(reason)
    _end_assignments(case, now)
    session.flush()


def take_back(session: Session, case: Case, *, seen_version: int, now: datetime) -> None:
    """Take the case back from the surgeon; what they saved stays."""
    happen(session, case, Event.SURGEON_WITHDRAWN, seen_version=seen_version)
    _end_assignments(case, now)
    session.flush()


def _with_reason(case: Case, reason: str, wanted: str) -> None:
    if not reason.strip():
        raise Invalid(f"Case {case.number} was not changed.", [FieldProblem("/reason", wanted)])


def _short(text: str) -> str:
    return text.strip()[:LONGEST_TEXT]


def _end_assignments(case: Case, now: datetime) -> None:
    for assignment in case.assignments:
        if assignment.state == "active":
            assignment.state, assignment.ended_at = "withdrawn", now
