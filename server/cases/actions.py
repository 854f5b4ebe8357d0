"""Everything that changes a case. State and assignment change by conditional update: one writer wins."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from server.cases.accession import accession_numbers, written_as_list
from server.cases.aftercare.records import ReassessmentPlan
from server.cases.clocks.pauses import who_must_act
from server.cases.clocks.timekeeping import keep_time, note_step
from server.cases.lifecycle import Event, EventNotPossible, State, after
from server.cases.locking import lock
from server.cases.records import (
    NO_DAY,
    Assignment,
    Case,
    CaseDocument,
    CaseStudy,
    ExpectedAccession,
)
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
        accession_number=written_as_list(accession_number)[:64],
        opened_at=now,
        opened_by=opened_by,
    )
    session.add(case)
    session.flush()
    note_step(session, case, from_state="", event="opened", now=now, by=opened_by)
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


def happen(
    session: Session,
    case: Case,
    event: Event,
    *,
    now: datetime,
    by: str = "",
    seen_version: int | None = None,
    into: State | None = None,
    detail: str = "",
    waits_for: str = "coordinator",
) -> Case:
    """Let `event` happen to the case, keep it as a step, and let the clock follow.

    `seen_version` is the version that the person acting had before their eyes; None means that nobody
    was looking (the worker). `into` is where it goes on, where that is not in the table; `detail` why,
    and `waits_for` who must act when the event begins a pause (a key of pauses.WHO). Raises
    EventNotPossible and CaseChangedMeanwhile.
    """
    before = case.state
    if seen_version is not None:
        refuse_stale(case, seen_version)
    state = after(State(case.state), event)
    state = state if into is None else into
    changed = session.execute(
        update(Case)
        .where(Case.id == case.id, Case.version == case.version)
        .values(state=state.value, version=case.version + 1)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise _changed(case)
    session.refresh(case)
    keep_time(
        session,
        case,
        event,
        from_state=before,
        now=now,
        by=by,
        detail=detail,
        waits_for=waits_for,
    )
    return case


def refuse_stale(case: Case, seen_version: int) -> None:
    """Raise CaseChangedMeanwhile unless the case is as the person acting saw it."""
    if seen_version != case.version:
        raise _changed(case)


def _changed(case: Case) -> CaseChangedMeanwhile:
    return CaseChangedMeanwhile(
        f"Case {case.number} was changed by somebody else while you were looking at it.",
        remedy="Reload the case, look at what changed, and decide again.",
    )


def attach_study(
    session: Session, case: Case, StudyInstanceUID: str, *, by: str, reason: str, now: datetime
) -> CaseStudy:
    """Make a study part of the case. Doing it twice is harmless; raises StudyBelongsElsewhere.

    While a reassessment is waited for, the first new study begins its round.
    """
    known = session.scalar(select(CaseStudy).where(CaseStudy.StudyInstanceUID == StudyInstanceUID))
    if known is not None:
        if known.case_id != case.id:
            raise StudyBelongsElsewhere(
                "This study is part of another case already.",
                remedy="Open the arrivals inbox to see where it went.",
            )
        return known
    if case.state == State.REASSESSMENT:
        begin_round(session, case, now=now, by=by)
    happen(session, case, Event.STUDY_ATTACHED, now=now, by=by)
    attached = CaseStudy(
        case_id=case.id,
        StudyInstanceUID=StudyInstanceUID,
        attached_at=now,
        attached_by=by,
        reason=reason,
        round=case.round,
    )
    session.add(attached)
    session.flush()
    session.expire(case, ["studies"])
    return attached


def begin_round(
    session: Session, case: Case, *, now: datetime, by: str, seen_version: int | None = None
) -> None:
    """Begin the next time point of the case: its opinion stays, its clock and its records begin anew.

    Raises EventNotPossible and CaseChangedMeanwhile.
    """
    happen(session, case, Event.ROUND_BEGUN, now=now, by=by, seen_version=seen_version)
    case.round += 1
    case.records_complete_at, case.due_on, case.limit_on, case.soon_on = None, None, None, None
    case.listed_on = NO_DAY
    session.execute(
        update(ReassessmentPlan)
        .where(ReassessmentPlan.case_id == case.id, ReassessmentPlan.state == "planned")
        .values(state="begun", ended_at=now, ended_by=by)
    )
    session.flush()


def detach_study(session: Session, case: Case, StudyInstanceUID: str) -> None:
    """Take a study out of the case again. Raises EventNotPossible once the case is finished, or the
    study is of a round that is answered, because then somebody has judged by it."""
    known = session.scalar(
        select(CaseStudy).where(
            CaseStudy.StudyInstanceUID == StudyInstanceUID, CaseStudy.case_id == case.id
        )
    )
    if known is None:
        return
    # As long as a study may be added, one may be removed.
    after(State(case.state), Event.STUDY_ATTACHED)
    if known.round < case.round_awaited:
        raise EventNotPossible(
            "This study belongs to an earlier round of the case, and an opinion rests on it.",
            remedy="Leave it where it is.",
        )
    session.delete(known)
    session.flush()
    session.expire(case, ["studies"])


def declare_records_complete(
    session: Session, case: Case, seen_version: int, now: datetime, by: str = ""
) -> None:
    """Start the clock, or let it go on: what is needed for an answer is there.

    A surgeon who had the case before more records were wanted has it again.
    """
    happen(session, case, Event.RECORDS_COMPLETE, now=now, by=by, seen_version=seen_version)
    if any(one.state == "active" and one.decides for one in case.assignments):
        happen(session, case, Event.SURGEON_ASSIGNED, now=now, by=by)
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
    lock(session, case)
    after(State(case.state), Event.SURGEON_ASSIGNED)
    happen(session, case, Event.SURGEON_ASSIGNED, now=now, by=by, seen_version=seen_version)
    end_parts(case, now)
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
        round=case.round_awaited,
    )
    session.add(document)
    session.flush()
    session.expire(case, ["documents"])
    return document


def complete(session: Session, case: Case, now: datetime, by: str = "") -> None:
    """The opinion is signed: the case is opined and its assignment completed."""
    happen(session, case, Event.OPINION_SIGNED, now=now, by=by)
    for assignment in case.assignments:
        if assignment.state == "active":
            assignment.state, assignment.ended_at = "completed", now
    end_parts(case, now)
    session.flush()


def hold(
    session: Session,
    case: Case,
    *,
    reason: str,
    seen_version: int,
    now: datetime,
    by: str = "",
    waits_for: str = "coordinator",
) -> None:
    """Stop the clock, saying why and who must act (a key of pauses.WHO); raises Invalid without."""
    was = case.state
    _with_reason(case, reason, "Say why the case is held, and who must act.")
    who = who_must_act(waits_for)
    happen(
        session,
        case,
        Event.HOLD,
        now=now,
        by=by,
        seen_version=seen_version,
        detail=_short(reason),
        waits_for=who,
    )
    case.held_reason, case.held_from, case.held_since = _short(reason), was, now
    session.flush()


def resume(session: Session, case: Case, *, seen_version: int, now: datetime, by: str = "") -> None:
    """Go on where the case was held; the promised day moves by the days the clock stood still."""
    into = State(case.held_from) if case.held_from else None
    if into is State.READY and any(
        one.state == "active" and one.decides for one in case.assignments
    ):
        into = State.ASSIGNED  # somebody accepted while the case was held
    happen(session, case, Event.RESUME, now=now, by=by, seen_version=seen_version, into=into)
    case.held_reason, case.held_from, case.held_since = "", "", None
    session.flush()


def withdraw(
    session: Session, case: Case, *, reason: str, seen_version: int, now: datetime, by: str = ""
) -> None:
    """End the case without an opinion; raises Invalid without a reason."""
    _with_reason(case, reason, "Say why the case is withdrawn.")
    why = _short(reason)
    happen(session, case, Event.WITHDRAW, now=now, by=by, seen_version=seen_version, detail=why)
    case.held_reason = _short(reason)
    end_parts(case, now, observers=True)
    session.flush()


def take_back(
    session: Session, case: Case, *, seen_version: int, now: datetime, by: str = ""
) -> None:
    """Take the case back from whoever has it; what they saved stays. Who signs at the same moment has
    either signed, and this is refused, or finds that the case is no longer theirs.
    """
    lock(session, case)
    after(State(case.state), Event.SURGEON_WITHDRAWN)
    happen(session, case, Event.SURGEON_WITHDRAWN, now=now, by=by, seen_version=seen_version)
    end_parts(case, now)
    session.flush()


def _with_reason(case: Case, reason: str, wanted: str) -> None:
    if not reason.strip():
        raise Invalid(f"Case {case.number} was not changed.", [FieldProblem("/reason", wanted)])


def _short(text: str) -> str:
    return text.strip()[:LONGEST_TEXT]


def end_parts(case: Case, now: datetime, *, observers: bool = False) -> None:
    """End every part in the case and every offer; observers keep theirs unless `observers`."""
    for assignment in case.assignments:
        if assignment.state in ("active", "offered") and (observers or assignment.decides):
            assignment.state, assignment.ended_at = "withdrawn", now
