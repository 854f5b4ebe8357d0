"""A service as it is after three years, as rows of a database: every table tells of the same lives.

The lives are drawn in `bench.lives`; whoever needs another table adds a generator to TABLES that yields
its rows from them.

    python -m bench.world_of_cases URL [--cases 100000] [--in-work 20]     fills an empty, migrated database
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import click
from sqlalchemy import Table

from bench.bulk import Row, identifier, tell_the_planner, write
from bench.figures import console
from bench.lives import COUNTRIES, DAY, NOW, LivesOf, Size
from server.annotations.records import Annotation, Revision
from server.cases.clocks.records import CasePause, CaseStep
from server.cases.lifecycle import State
from server.cases.records import NO_DAY, Assignment, Case, CaseStudy, ExpectedAccession
from server.foundation.db import Base, Database
from server.foundation.migrations import upgrade
from server.people.records import Coordination, Hospital, HospitalLine, Person


def hospitals(lives: LivesOf) -> Iterator[Row]:
    for number in range(lives.size.hospitals):
        yield {
            "id": identifier("hospital", number),
            "name": f"Hospital {number:02d}",
            "country": COUNTRIES[number % len(COUNTRIES)],
            "language": "en",
            "registered_at": NOW - 1200 * DAY,
        }


def lines(lives: LivesOf) -> Iterator[Row]:
    for number in range(lives.size.hospitals):
        yield {
            "id": identifier("line", number),
            "hospital_id": identifier("hospital", number),
            "ae_title": f"HOSPITAL{number}",
            "host": "192.0.2.1",
            "port": 11112,
            "registered_at": NOW,
        }


def people(lives: LivesOf) -> Iterator[Row]:
    for role, many in (("surgeon", lives.size.surgeons), ("coordinator", lives.size.coordinators)):
        for number in range(many):
            yield _person(role, number)
    yield _person("admin", 0)


def _person(role: str, number: int) -> Row:
    return {
        "id": identifier(role, number),
        "name": f"Dr {role.title()} {number:03d}",
        "email": f"{role}{number}@example.org",
        "role": role,
        "centre": f"Centre {number % 30}" if role == "surgeon" else "",
        "created_at": NOW - 1200 * DAY,
    }


def coordination(lives: LivesOf) -> Iterator[Row]:
    """The hospitals are shared out among the coordinators."""
    for number in range(lives.size.hospitals):
        yield {
            "person_id": identifier("coordinator", number % lives.size.coordinators),
            "hospital_id": identifier("hospital", number),
        }


def cases(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        clock = lives.clock(life)
        held = next((one for one in life.pauses if one.ended_at is None and life.held_from), None)
        yield {
            "id": life.id,
            "number": life.number,
            "organ": life.organ,
            "hospital_id": identifier("hospital", life.hospital),
            "state": life.state.value,
            "version": len(life.steps),
            "question": "Is resection feasible at your centre, and under what conditions?",
            "local_verdict": "Unresectable: contact with the portal vein.",
            "accession_number": f"A{life.index:07d}",
            "opened_at": life.opened_at,
            "opened_by": f"coordinator Dr Coordinator {life.hospital % lives.size.coordinators:03d}",
            "tier": life.tier,
            "records_complete_at": life.complete_at,
            "due_on": clock.target_on,
            "limit_on": clock.limit_on,
            "soon_on": clock.soon_on,
            "listed_on": NO_DAY if life.signed_at else clock.target_on or NO_DAY,
            "held_reason": held.reason if held else "",
            "held_from": life.held_from,
            "held_since": held.begun_at if held else None,
        }


def expected(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        yield {"case_id": life.id, "number": f"A{life.index:07d}"}


def studies(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        if life.state is not State.OPEN:
            yield {
                "id": identifier("case study", life.index),
                "case_id": life.id,
                "study_instance_uid": life.study,
                "attached_at": life.steps[1][0],
                "attached_by": "archive",
                "reason": "The accession number is that of the case.",
            }


def assignments(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        if life.assigned_at is not None:
            yield {
                "id": identifier("assignment", life.index),
                "case_id": life.id,
                "person_id": life.reviewer_id,
                "state": "completed" if life.signed_at else "active",
                "assigned_at": life.assigned_at,
                "assigned_by": "coordinator",
                "answered_at": life.assigned_at,
                "ended_at": life.signed_at,
            }


def steps(lives: LivesOf) -> Iterator[Row]:
    number = 0
    for life in lives:
        for at, before, after, event in life.steps:
            number += 1
            yield {
                "id": number,
                "case_id": life.id,
                "at": at,
                "from_state": before,
                "to_state": after,
                "event": event,
                "by": "coordinator",
            }


def pauses(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        for number, one in enumerate(life.pauses):
            yield {
                "id": identifier("pause", life.index, number),
                "case_id": life.id,
                "begun_at": one.begun_at,
                "ended_at": one.ended_at,
                "cause": one.cause.value,
                "reason": one.reason,
                "waits_for": one.waits_for,
            }


def forms(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        if life.begun_at is not None:
            yield {
                "id": identifier("annotation", life.index),
                "case_id": life.id,
                "reviewer_id": life.reviewer_id,
                "reviewer_name": f"Dr Surgeon {life.surgeon:03d}",
                "organ": life.organ,
            }


def revisions(lives: LivesOf) -> Iterator[Row]:
    """Signed, as far as figures read them; their hashes are no chain."""
    for life in lives:
        if life.begun_at is not None:
            yield {
                "id": identifier("revision", life.index),
                "annotation_id": identifier("annotation", life.index),
                "number": 1,
                "version": 3,
                "answers": {"verdict": life.verdict} if life.verdict else {},
                "saved_at": life.signed_at or life.begun_at,
                "evaluations": [],
                "options": {},
                "imaging": [],
                "signed_at": life.signed_at,
                "signed_by": f"Dr Surgeon {life.surgeon:03d}" if life.signed_at else "",
                "verdict": life.verdict,
                "sha256": identifier("revision", life.index) * 2 if life.signed_at else "",
            }


# Each table with the rows that the lives give it; whoever comes later adds a line.
TABLES: list[tuple[type[Base], Callable[[LivesOf], Iterator[Row]]]] = [
    (Hospital, hospitals),
    (HospitalLine, lines),
    (Person, people),
    (Coordination, coordination),
    (Case, cases),
    (ExpectedAccession, expected),
    (CaseStudy, studies),
    (Assignment, assignments),
    (CaseStep, steps),
    (CasePause, pauses),
    (Annotation, forms),
    (Revision, revisions),
]


def fill(
    db: Database,
    size: Size,
    more: list[tuple[type[Base], Callable[[LivesOf], Iterator[Row]]]] | None = None,
) -> int:
    """Write the world into an empty database, `more` tables after the usual ones; how many rows."""
    lives = LivesOf(size)
    rows = 0
    for record, made in [*TABLES, *(more or [])]:
        table = record.__table__
        assert isinstance(table, Table)
        rows += write(db, table, made(lives))
    _go_on_counting(db)
    tell_the_planner(db)
    return rows


def _go_on_counting(db: Database) -> None:
    """PostgreSQL numbers steps by a sequence that knows nothing of the rows written past it."""
    if db.is_sqlite:
        return
    with db.engine.begin() as connection:
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('case_step', 'id'), max(id)) FROM case_step"
        )


@click.command()
@click.argument("url")
@click.option("--cases", default=100_000, show_default=True)
@click.option("--in-work", default=20, show_default=True, help="Per cent of them.")
def main(url: str, cases: int, in_work: int) -> None:
    """Fill the database of that address."""
    upgrade(url)
    begun = time.perf_counter()
    db = Database(url)
    rows = fill(db, Size(cases=cases, in_work_percent=in_work))
    db.dispose()
    console().print(f"{rows:,} rows in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
