"""Specimens with their chain of custody, and tasks, on either kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from server.cases.queries import case_by_id
from server.cases.records import Case
from server.dossier import specimens
from server.dossier.queries import specimens_of, tasks_of
from server.dossier.records import CustodyEvent
from server.foundation.errors import Invalid
from tests.world import World

BY = "coordinator Clara"


def case_of(session: Session, world: World) -> Case:
    return case_by_id(session, world.inside.id)


def specimen(session: Session, case: Case, now: datetime, due: str = "") -> str:
    return specimens.list_specimen(
        session,
        case,
        pathology_number="H26-1",
        label="A1",
        kind="ffpe_block",
        count="1",
        site="",
        due_back_on=due,
        by=BY,
        now=now,
    ).id


def test_custody_is_appended_and_cannot_be_altered_even_in_the_database(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        block = specimen(session, case, now)
        moved = specimens.Moved("handed_over", now.isoformat(), "Pathology", "Courier")
        event = specimens.note_custody(session, case, block, moved, by=BY, now=now)
        event_id = event.id
    for deed in (
        update(CustodyEvent).where(CustodyEvent.id == event_id).values(to_whom="Mallory"),
        delete(CustodyEvent).where(CustodyEvent.id == event_id),
    ):
        with pytest.raises(DatabaseError, match="never altered"), world.db.writing() as session:
            session.execute(deed)
    with world.db.reading() as session:
        (seen,) = specimens_of(session, case_of(session, world), now.date())
        assert [one.to_whom for one in seen.specimen.events] == ["Courier"]


def test_a_specimen_that_is_not_back_in_time_is_overdue(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        block = specimen(session, case, now, due="2026-11-15")
        for step, days in (("handed_over", 9), ("received", 8)):
            at = (now - timedelta(days=days)).isoformat()
            moved = specimens.Moved(step, at, to_whom="Centre")
            specimens.note_custody(session, case, block, moved, by=BY, now=now)
        (seen,) = specimens_of(session, case, now.date())
        assert seen.standing.overdue_days == 5
        with pytest.raises(specimens.SpecimenNotFound):
            other = case_by_id(session, world.outside.id)
            specimens.note_custody(session, other, block, moved, by=BY, now=now)


@pytest.mark.parametrize(
    ("moved", "at"),
    [
        (specimens.Moved("received", ""), "/at"),
        # In UTC this lies before the first day of the calendar.
        (specimens.Moved("received", "0001-01-01T00:00:00+14:00"), "/at"),
        (specimens.Moved("teleported", "2026-11-19T08:00"), "/step"),
        (specimens.Moved("note", "2026-11-19T08:00"), "/note"),
        (specimens.Moved("returned", "2026-11-19T08:00", to_whom="x"), "/step"),
    ],
)
def test_a_custody_event_that_says_too_little_is_refused(
    sqlite_world: World, now: datetime, moved: specimens.Moved, at: str
) -> None:
    with sqlite_world.db.writing() as session:
        case = case_of(session, sqlite_world)
        block = specimen(session, case, now)
        with pytest.raises(Invalid) as refused:
            specimens.note_custody(session, case, block, moved, by=BY, now=now)
        assert [one.pointer for one in refused.value.problems] == [at]


def test_a_task_is_open_until_it_is_done_or_declined_with_a_reason(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        task = specimens.ask_for(
            session,
            case,
            kind="reconstruction_3d",
            asked_of="Northern Liver Centre",
            detail="",
            due_on="2026-11-30",
            by=BY,
            now=now,
        )

        def end(state: str, outcome: str = "") -> None:
            specimens.end_task(
                session,
                case,
                task.id,
                state=state,
                outcome=outcome,
                document_id="",
                by=BY,
                now=now,
            )

        for state in ("open", "declined", "forgotten"):
            with pytest.raises(Invalid):
                end(state)
        end("declined", "No capacity this month")
        with pytest.raises(specimens.TaskIsEnded):
            end("done")
        assert [one.state for one in tasks_of(session, case)] == ["declined"]
