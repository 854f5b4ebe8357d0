"""A service as it is after three years: the lives of many cases, each with its steps, pauses and people.

A `Life` is drawn first, from its own seed, and every table tells of it; whoever needs another table adds
a generator to TABLES that yields its rows from the lives. Nothing of it is random between two runs.

    python -m bench.world_of_cases URL [--cases 100000] [--in-work 20]     fills an empty, migrated database
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import click
from sqlalchemy import Table

from bench.crowd import Row, identifier, tell_the_planner, uid, write
from bench.figures import console
from server.annotations.organs import ORGANS
from server.annotations.records import Annotation, Revision
from server.cases.clocks.business_days import Calendars
from server.cases.clocks.clock import Clock, Times, calendar_of, read_clock
from server.cases.clocks.pauses import Cause, Pause
from server.cases.clocks.records import CasePause, CaseStep
from server.cases.clocks.tiers import tiers
from server.cases.lifecycle import Event, State
from server.cases.records import NO_DAY, Assignment, Case, CaseStudy, ExpectedAccession
from server.foundation.db import Base, Database
from server.foundation.migrations import upgrade
from server.people.records import Coordination, Hospital, HospitalLine, Person

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
COUNTRIES = ("GB", "DE", "IN", "CN", "US", "NL", "AE")
TIERS = ("report", "report", "report", "video", "in_person")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Size:
    """How many of each. `in_work_percent` of the cases were opened lately, the rest over three years."""

    cases: int = 100_000
    hospitals: int = 60
    surgeons: int = 120
    coordinators: int = 6
    in_work_percent: int = 20
    seed: int = 20261121


@dataclass(frozen=True)
class LivedPause:
    """A pause of a life."""

    begun_at: datetime
    ended_at: datetime | None
    reason: str
    waits_for: str
    cause: Cause


@dataclass(slots=True)
class Life:
    """What became of one case until NOW. `steps` are (at, from, to, event) in order."""

    index: int
    organ: str
    hospital: int
    surgeon: int
    tier: str
    opened_at: datetime
    state: State = State.OPEN
    steps: list[tuple[datetime, str, str, str]] = field(default_factory=list)
    pauses: list[LivedPause] = field(default_factory=list)
    complete_at: datetime | None = None
    assigned_at: datetime | None = None
    begun_at: datetime | None = None
    signed_at: datetime | None = None
    verdict: str = ""
    held_from: str = ""

    @property
    def id(self) -> str:
        return identifier("case", self.index)

    @property
    def number(self) -> str:
        return f"M-{self.opened_at.year}-{self.index:06d}"

    @property
    def study(self) -> str:
        return uid("study", self.index)

    @property
    def reviewer_id(self) -> str:
        return identifier("surgeon", self.surgeon)


class LivesOf:
    """Draws the lives of a size; asked twice, it gives the same ones."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.calendars = Calendars()
        self._drawn: list[Life] = []
        self._verdicts = {
            organ.id: list(organ.schema["properties"]["verdict"]["enum"])
            for organ in ORGANS.values()
        }

    def __iter__(self) -> Iterator[Life]:
        if not self._drawn:
            self._drawn = [self.life(index) for index in range(self.size.cases)]
        return iter(self._drawn)

    def life(self, index: int) -> Life:
        """One of them."""
        chance = random.Random(self.size.seed * 1_000_003 + index)
        lately = chance.random() * 100 < self.size.in_work_percent
        age = chance.uniform(0, 12) if lately else chance.uniform(40, 1095)
        organ = chance.choice(tuple(self._verdicts))
        life = Life(
            index=index,
            organ=organ,
            hospital=min(int(chance.expovariate(0.08)), self.size.hospitals - 1),
            surgeon=min(int(chance.expovariate(0.04)), self.size.surgeons - 1),
            tier=chance.choice(TIERS),
            opened_at=NOW - age * DAY,
        )
        life.steps.append((life.opened_at, "", State.OPEN.value, "opened"))
        _live(life, chance, self._verdicts[organ])
        return life

    def clock(self, life: Life) -> Clock:
        """The clock of a life at NOW."""
        tier = tiers()[life.tier]
        pauses = [
            Pause(one.begun_at, one.ended_at, one.reason, one.waits_for, one.cause)
            for one in life.pauses
        ]
        calendar = calendar_of(tier, COUNTRIES[life.hospital % len(COUNTRIES)], self.calendars)
        return read_clock(tier, calendar, Times(life.complete_at, pauses, life.signed_at), NOW)


def _live(life: Life, chance: random.Random, verdicts: list[str]) -> None:
    """Step by step until the end or NOW."""
    at = life.opened_at + chance.expovariate(1 / 1.2) * DAY
    if not _step(life, at, State.AWAITING_RECORDS, Event.STUDY_ATTACHED):
        return
    if chance.random() < 0.04:
        at += chance.uniform(1, 20) * DAY
        _step(life, at, State.WITHDRAWN, Event.WITHDRAW)
        return
    at += chance.expovariate(1 / 3.0) * DAY
    if not _step(life, at, State.READY, Event.RECORDS_COMPLETE):
        return
    life.complete_at = at
    at += chance.expovariate(1 / 0.7) * DAY
    if not _step(life, at, State.ASSIGNED, Event.SURGEON_ASSIGNED):
        return
    life.assigned_at = at
    if chance.random() < 0.18:
        at = _pause(life, chance, at + chance.uniform(0.1, 2) * DAY)
        if at > NOW:
            return
    at += chance.expovariate(1 / 1.5) * DAY
    if not _step(life, at, State.IN_REVIEW, Event.REVIEW_BEGUN):
        return
    life.begun_at = at
    at += chance.lognormvariate(0.9, 0.7) * DAY
    if not _step(life, at, State.OPINED, Event.OPINION_SIGNED):
        return
    life.signed_at, life.verdict = at, chance.choice(verdicts)
    _step(life, at + chance.uniform(0.2, 6) * DAY, State.CLOSED, Event.CLOSE)


def _step(life: Life, at: datetime, to: State, event: Event) -> bool:
    """Whether there was time for it."""
    if at > NOW:
        return False
    life.steps.append((at, life.state.value, to.value, event.value))
    life.state = to
    return True


def _pause(life: Life, chance: random.Random, at: datetime) -> datetime:
    """Half of the pauses are holds, half are waited for more records; gives when it ends."""
    if at > NOW:
        return at
    ends = at + chance.lognormvariate(1.2, 0.8) * DAY
    held, before = chance.random() < 0.5, life.state
    if held:
        _step(life, at, State.ON_HOLD, Event.HOLD)
        life.held_from = before.value
        waits_for = chance.choice(("hospital", "patient", "coordinator"))
        reason, cause = "The patient is away until the staging laparoscopy.", Cause.HOLD
    else:
        _step(life, at, State.AWAITING_RECORDS, Event.RECORDS_WANTED)
        waits_for, reason, cause = "hospital", "More records are needed.", Cause.RECORDS
    ended = ends if ends <= NOW else None
    life.pauses.append(LivedPause(at, ended, reason, waits_for, cause))
    if ended is not None and held:
        _step(life, ends, before, Event.RESUME)
        life.held_from = ""
    elif ended is not None:
        _step(life, ends, State.READY, Event.RECORDS_COMPLETE)
        _step(life, ends, State.ASSIGNED, Event.SURGEON_ASSIGNED)
    return ends


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
