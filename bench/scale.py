"""The database after 1,000 cases of 2,000 slices: what pages, images and the feed ask of it.

python -m bench.scale [--cases 1000] [--slices 2000] [--rounds 7]

Fills an SQLite file and a PostgreSQL of its own with the rows of so many cases (two million instances)
and times the program's own queries: every query in a fresh transaction, median of the rounds. A
request for images asks the database before it asks anything else: those have a bar of 50 ms, and
so has what happens every second. Prints a table and writes bench/results/scale.json.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import crowd as crowds
from bench.bulk import identifier
from bench.crowd import Crowd
from bench.figures import as_program, console, in_words, keep
from bench.worlds import stopped_like_ctrl_c
from server.access.action import Action
from server.access.door import Credentials, ImageDoor
from server.cases import queries as cases
from server.cases.listing import Asked, page_of
from server.foundation import audit, jobs
from server.foundation.db import Database
from server.foundation.migrations import upgrade
from server.intake import queries as intake
from server.intake.actions import study_facts
from server.intake.arrivals.candidates import candidates
from server.intake.arrivals.matching import match
from server.prepared.queries import preparations
from tests.postgres import new_database, postgres_server

MOST_MS = 50.0
Query = Callable[[Session, int], object]


@dataclass(frozen=True)
class Question:
    """Something the program asks the database; `bar` when it must be answered within 50 ms."""

    name: str
    ask: Query
    bar: bool = False


def questions(db: Database, crowd: Crowd) -> list[Question]:
    """What is asked, each with the number of a case that changes from round to round."""
    today = crowds.NOW.date()
    half = frozenset(identifier("hospital", number) for number in range(crowds.HOSPITALS // 2))

    def door() -> ImageDoor:
        return ImageDoor(db, lambda: crowds.NOW)

    def by_token(_session: Session, case: int) -> object:
        return door().admit(Action.IMAGES_READ, Credentials(bearer=crowd.token(case)))

    def by_visit(_session: Session, case: int) -> object:
        launch, secret = crowd.launch(case)
        return door().admit(Action.IMAGES_READ, Credentials(launch_secret=secret), launch)

    def inbox(session: Session, _case: int) -> object:
        return [
            intake.arrivals(session, half, ("unmatched",)),
            intake.arrivals(session, half, ("matched", "set_aside"), 50),
            intake.arrivals(session, half, ("receiving",)),
        ]

    def weighed(session: Session, case: int) -> object:
        arrival = intake.arrivals_of_case(session, crowd.case_id(case))[0]
        facts = study_facts(session, arrival)
        return match(facts, candidates(session, facts, crowds.NOW))

    def case_page(session: Session, case: int) -> object:
        found = cases.case_by_id(session, crowd.case_id(case))
        arrived = intake.arrivals_of_case(session, found.id)
        return arrived, preparations(session, [one.StudyInstanceUID for one in arrived])

    return [
        Question("images: admission by a token", by_token, bar=True),
        Question("images: admission by a visit", by_visit, bar=True),
        Question(
            "images: the case of a study",
            lambda session, case: cases.case_of_study(session, crowd.study(case)),
            bar=True,
        ),
        Question("each second: is a job due", lambda s, _: jobs.is_due(s, crowds.NOW), bar=True),
        Question("a job is claimed", lambda session, _: jobs.claim(session, crowds.NOW), bar=True),
        Question(
            "each second: studies being received",
            lambda session, _: intake.receiving(session),
            bar=True,
        ),
        Question(
            "feed: which instances of a study are known",
            lambda session, case: intake.known_instances(session, crowd.orthanc_id(case)),
            bar=True,
        ),
        Question("feed: cases a study may belong to", weighed, bar=True),
        Question(
            "each minute: every arrival (the sweep)",
            lambda session, _: intake.noted_updates(session),
        ),
        Question("page: a case", case_page),
        Question("page: worklist, in work", lambda s, _: page_of(s, Asked(), today)),
        Question("page: worklist, finished", lambda s, _: page_of(s, Asked(finished=True), today)),
        Question("page: arrivals of half the hospitals", inbox),
        Question(
            "page: audit trail, newest 100", lambda session, _: audit.newest(session, limit=100)
        ),
        Question(
            "page: audit trail of a case",
            lambda session, case: audit.newest(session, case_number=f"M{crowd.cases - case:06}"),
        ),
    ]


@contextlib.contextmanager
def databases() -> Iterator[dict[str, Database]]:
    """An empty one of each kind, brought to today's shape."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="margin-bench-"))
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'margin.db'}"}
        urls["PostgreSQL"] = new_database(stack.enter_context(postgres_server()), "margin")
        found: dict[str, Database] = {}
        for name, url in urls.items():
            upgrade(url)
            found[name] = Database(url)
            stack.callback(found[name].dispose)
        yield found


def asked(db: Database, crowd: Crowd, rounds: int) -> dict[str, float]:
    """Milliseconds of each question: medians, after one round that is not counted."""
    found = {}
    step = max(1, crowd.cases // (rounds + 1))
    for question in questions(db, crowd):
        times = []
        for number in range(rounds + 1):
            with db.reading() as session:
                started = time.perf_counter()
                question.ask(session, number * step % crowd.cases)
                times.append((time.perf_counter() - started) * 1000)
        found[question.name] = median(times[1:])
    return found


def size_mb(db: Database) -> float:
    """How large the database is, in MB (10**6 bytes)."""
    statement = (
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        if db.is_sqlite
        else "SELECT pg_database_size(current_database())"
    )
    with db.reading() as session:
        return float(session.scalar(text(statement)) or 0) / 1e6


@click.command()
@click.option("--cases", "case_count", default=1000, show_default=True)
@click.option("--slices", default=2000, show_default=True, help="Instances of each case.")
@click.option("--rounds", default=7, show_default=True)
def main(case_count: int, slices: int, rounds: int) -> bool | None:
    """Time the program's queries on a large database."""
    crowd = Crowd(case_count, slices)
    found: dict[str, dict[str, float]] = {}
    facts: dict[str, object] = {"cases": case_count, "slices": slices, "rounds": rounds}
    with stopped_like_ctrl_c(), databases() as both:
        for name, db in both.items():
            started = time.perf_counter()
            rows = crowds.fill(db, crowd)
            seconds = time.perf_counter() - started
            facts[name] = {"rows": rows, "filled_s": seconds, "size_mb": size_mb(db)}
            console().print(
                f"{name}: {rows:,} rows in {seconds:.0f} s, {size_mb(db):.0f} MB with its indexes"
            )
            found[name] = asked(db, crowd, rounds)
        held = [question.name for question in questions(db, crowd) if question.bar]
    return report(found, held, facts)


def report(found: dict[str, dict[str, float]], held: list[str], facts: dict[str, object]) -> bool:
    """Prints and keeps the medians; whether the bar is kept by all that have one."""
    table = Table(title=f"{facts['cases']} cases of {facts['slices']} instances")
    table.add_column("", no_wrap=True)
    for heading in (*found, "at most"):
        table.add_column(heading, justify="right")
    for name in next(iter(found.values())):
        bar = f"{MOST_MS:.0f} ms" if name in held else ""
        table.add_row(name, *(f"{times[name]:.1f} ms" for times in found.values()), bar)
    console().print(table)
    kept = all(times[name] <= MOST_MS for times in found.values() for name in held)
    console().print(f"Bar: {in_words(kept)}")
    keep("scale", {**facts, "unit": "ms", "bar_ms": MOST_MS, "passed": kept, "medians": found})
    return kept


if __name__ == "__main__":
    as_program(main)
