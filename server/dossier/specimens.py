"""Specimens and tasks: the actions. Custody events are appended and never altered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from server.cases.records import Case
from server.dossier import custody
from server.dossier.custody import Step
from server.dossier.queries import events_of
from server.dossier.records import CaseTask, CustodyEvent, Specimen
from server.dossier.value_sets import SPECIMEN_KINDS, TASK_KINDS
from server.foundation.days import WRITE_A_DAY, day_typed, moment_typed
from server.foundation.errors import Conflict, FieldProblem, Invalid, NotFound

MOST_PIECES: Final = 500
LONGEST_NOTE: Final = 4000


class SpecimenNotFound(NotFound):
    """The case has no such specimen."""


class TaskNotFound(NotFound):
    """The case has no such task."""


class TaskIsEnded(Conflict):
    """The task was done or declined already."""


@dataclass(frozen=True)
class Moved:
    """A custody event as a form sends it; `at` is `YYYY-MM-DD HH:MM` in UTC."""

    step: str
    at: str
    from_whom: str = ""
    to_whom: str = ""
    courier: str = ""
    tracking: str = ""
    note: str = ""


def list_specimen(
    session: Session,
    case: Case,
    *,
    pathology_number: str,
    label: str,
    kind: str,
    count: str,
    site: str,
    due_back_on: str,
    by: str,
    now: datetime,
) -> Specimen:
    """List slides or blocks that are to travel. Raises Invalid."""
    problems = []
    if not pathology_number.strip():
        problems.append(FieldProblem("/pathology_number", "Give the pathology number."))
    if not label.strip():
        problems.append(FieldProblem("/label", "Give the slide's or block's identifier."))
    if kind not in SPECIMEN_KINDS:
        problems.append(FieldProblem("/kind", "Choose what it is."))
    pieces = int(count) if count.strip().isascii() and count.strip().isdigit() else 0
    if not 0 < pieces <= MOST_PIECES:
        problems.append(FieldProblem("/count", f"A whole number from 1 to {MOST_PIECES}."))
    due = day_typed(due_back_on)
    if due_back_on.strip() and due is None:
        problems.append(FieldProblem("/due_back_on", WRITE_A_DAY))
    if problems:
        raise Invalid("The specimen was not listed.", problems)
    specimen = Specimen(
        case_id=case.id,
        pathology_number=pathology_number.strip()[:60],
        label=label.strip()[:120],
        kind=kind,
        count=pieces,
        site=site.strip()[:200],
        due_back_on=due,
        added_by=by,
        added_at=now,
    )
    session.add(specimen)
    session.flush()
    return specimen


def note_custody(
    session: Session, case: Case, specimen_id: str, moved: Moved, *, by: str, now: datetime
) -> CustodyEvent:
    """Append what happened to a specimen. Raises SpecimenNotFound and Invalid."""
    specimen = session.get(Specimen, specimen_id)
    if specimen is None or specimen.case_id != case.id:
        raise SpecimenNotFound("This case has no such specimen.", remedy="Reload the page.")
    at = moment_typed(moved.at)
    if at is None:
        wanted = FieldProblem("/at", "Write date and time as 2026-11-20 08:30, in UTC.")
        raise Invalid("Nothing was noted.", [wanted])
    if moved.step not in list(Step):
        raise Invalid("Nothing was noted.", [FieldProblem("/step", "Choose what happened.")])
    step = Step(moved.step)
    why = custody.objection(
        events_of(specimen),
        custody.Event(step, at, moved.to_whom),
        now,
        courier=moved.courier,
        tracking=moved.tracking,
    )
    if why:
        raise Invalid("Nothing was noted.", [FieldProblem(f"/{why[0]}", why[1])])
    if step is Step.NOTE and not moved.note.strip():
        raise Invalid("Nothing was noted.", [FieldProblem("/note", "Write the note.")])
    event = CustodyEvent(
        specimen_id=specimen.id,
        place=len(specimen.events) + 1,
        step=step.value,
        at=at,
        from_whom=moved.from_whom.strip()[:200],
        to_whom=moved.to_whom.strip()[:200],
        courier=moved.courier.strip()[:120],
        tracking=moved.tracking.strip()[:120],
        note=moved.note.strip()[:LONGEST_NOTE],
        recorded_by=by,
        recorded_at=now,
    )
    session.add(event)
    session.flush()
    session.expire(specimen, ["events"])
    return event


def ask_for(
    session: Session,
    case: Case,
    *,
    kind: str,
    asked_of: str,
    detail: str,
    due_on: str,
    by: str,
    now: datetime,
) -> CaseTask:
    """Ask somebody for something, such as a 3-D reconstruction. Raises Invalid."""
    problems = []
    if kind not in TASK_KINDS:
        problems.append(FieldProblem("/kind", "Choose what is asked for."))
    if not asked_of.strip():
        problems.append(FieldProblem("/asked_of", "Say of whom it is asked."))
    due = day_typed(due_on)
    if due_on.strip() and due is None:
        problems.append(FieldProblem("/due_on", WRITE_A_DAY))
    elif due is not None and due < now.date():
        problems.append(FieldProblem("/due_on", "This date is past."))
    if problems:
        raise Invalid("Nothing was asked.", problems)
    task = CaseTask(
        case_id=case.id,
        kind=kind,
        detail=detail.strip()[:LONGEST_NOTE],
        asked_of=asked_of.strip()[:200],
        due_on=due,
        asked_by=by,
        asked_at=now,
    )
    session.add(task)
    session.flush()
    return task


def end_task(
    session: Session,
    case: Case,
    task_id: str,
    *,
    state: str,
    outcome: str,
    document_id: str,
    by: str,
    now: datetime,
) -> CaseTask:
    """A task is done or declined. Raises TaskNotFound, TaskIsEnded and Invalid."""
    task = session.get(CaseTask, task_id)
    if task is None or task.case_id != case.id:
        raise TaskNotFound("This case has no such task.", remedy="Reload the page.")
    if task.state != "open":
        raise TaskIsEnded(f"This task is {task.state} already.", remedy="Reload the page.")
    problems = []
    if state not in ("done", "declined"):
        problems.append(FieldProblem("/state", "Say whether it is done or declined."))
    if state == "declined" and not outcome.strip():
        problems.append(FieldProblem("/outcome", "Say why it was declined."))
    if document_id and document_id not in {one.id for one in case.documents}:
        problems.append(FieldProblem("/document_id", "Choose a document of this case."))
    if problems:
        raise Invalid("The task stays open.", problems)
    task.state, task.outcome = state, outcome.strip()[:LONGEST_NOTE]
    task.document_id = document_id or None
    task.ended_by, task.ended_at = by, now
    session.flush()
    return task
