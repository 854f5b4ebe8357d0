"""Asking that the patient be seen, and noting what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.cases.aftercare.in_person import NEEDS, Standing, after
from server.cases.aftercare.lines import kept_lines
from server.cases.aftercare.records import InPersonAssessment
from server.cases.records import Case
from server.foundation.errors import Conflict, FieldProblem, Invalid

LONGEST_NAME = 200
LONGEST_TEXT = 4000
FURTHEST = timedelta(days=730)  # either way: a day beyond that is a slip of the pen


class AssessmentChangedMeanwhile(Conflict):
    """Somebody else changed the assessment in person between looking and acting."""


class AssessmentStands(Conflict):
    """An assessment in person is asked for already, and is not over."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for, on the opinion of that number: under which conditions, what is to be examined
    first, what the visit needs."""

    conditions: str = ""
    investigations: Sequence[str] = ()
    needs: Sequence[str] = ()
    centre: str = ""
    opinion_number: str = ""


@dataclass(frozen=True)
class Noted:
    """A change: the new standing, and what is known of the visit."""

    standing: str
    on_day: date | None = None
    centre: str = ""
    place: str = ""
    note: str = ""
    document_id: str = ""


def request(
    session: Session, case: Case, wanted: Wanted, *, by: str, now: datetime
) -> InPersonAssessment:
    """Ask that the patient be seen. Raises Invalid and AssessmentStands."""
    problems = []
    if not wanted.opinion_number:
        words = "It is asked for on an issued opinion."
        problems.append(FieldProblem("/conditions", words))
    if not wanted.conditions.strip() and not any(line.strip() for line in wanted.investigations):
        words = "Say under which conditions surgery is considered, or what is to be examined first."
        problems.append(FieldProblem("/conditions", words))
    if set(wanted.needs) - set(NEEDS):
        problems.append(FieldProblem("/needs", "Choose from the list what the visit needs."))
    if problems:
        raise Invalid("No assessment in person was asked for.", problems)
    asked = InPersonAssessment(
        case_id=case.id,
        round=case.round,
        opinion_number=wanted.opinion_number,
        conditions=wanted.conditions.strip()[:LONGEST_TEXT],
        investigations=kept_lines(wanted.investigations),
        needs=[one for one in NEEDS if one in wanted.needs],
        centre=wanted.centre.strip()[:LONGEST_NAME],
        requested_at=now,
        requested_by=by,
        changed_at=now,
        changed_by=by,
    )
    try:
        with session.begin_nested():
            session.add(asked)
    except IntegrityError:
        raise AssessmentStands(
            "An assessment in person is asked for already.",
            remedy="Change that one, or say that it is over.",
        ) from None
    return asked


def note(
    session: Session,
    case: Case,
    asked: InPersonAssessment,
    noted: Noted,
    *,
    seen_version: int,
    by: str,
    now: datetime,
) -> InPersonAssessment:
    """Note how it stands now. Raises Invalid, AssessmentOver or AssessmentChangedMeanwhile."""
    problems = _objections(case, noted, now.date())
    if problems:
        raise Invalid("Nothing was changed.", problems)
    standing = after(Standing(asked.state), Standing(noted.standing))
    changed = session.execute(
        update(InPersonAssessment)
        .where(InPersonAssessment.id == asked.id, InPersonAssessment.version == seen_version)
        .values(
            state=standing.value,
            version=InPersonAssessment.version + 1,
            on_day=noted.on_day or asked.on_day,
            centre=noted.centre.strip()[:LONGEST_NAME] or asked.centre,
            place=noted.place.strip()[:LONGEST_NAME] or asked.place,
            note=noted.note.strip()[:LONGEST_TEXT] or asked.note,
            document_id=noted.document_id or asked.document_id,
            changed_at=now,
            changed_by=by,
        )
        .execution_options(synchronize_session=False)
    )
    session.refresh(asked)
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise AssessmentChangedMeanwhile(
            "Somebody else changed this assessment while you were looking at it.",
            remedy="Look at what changed, and decide again.",
        )
    return asked


def _objections(case: Case, noted: Noted, today: date) -> list[FieldProblem]:
    problems = []
    if noted.standing not in set(Standing):
        return [FieldProblem("/standing", "Choose how the assessment stands.")]
    day = noted.on_day
    if noted.standing == Standing.SCHEDULED and day is None:
        problems.append(FieldProblem("/on_day", "Give the day of the visit."))
    if noted.standing == Standing.SCHEDULED and day is not None and day < today:
        problems.append(FieldProblem("/on_day", f"{day} is past; choose a day from today on."))
    if noted.standing == Standing.DONE and (day is None or day > today):
        problems.append(FieldProblem("/on_day", "Give the day on which the patient was seen."))
    if day is not None and abs(day - today) > FURTHEST:
        problems.append(FieldProblem("/on_day", "This day is more than two years away."))
    if noted.standing in (Standing.NOT_NEEDED, Standing.DECLINED) and not noted.note.strip():
        problems.append(FieldProblem("/note", "Say why in a sentence."))
    if noted.document_id and noted.document_id not in {one.id for one in case.documents}:
        problems.append(FieldProblem("/document_id", "Choose a document of this case."))
    return problems
