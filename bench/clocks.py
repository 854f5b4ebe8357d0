"""How long the nightly recomputation of every running clock takes, on PostgreSQL and on SQLite.

python -m bench.clocks [--cases 100000] [--sqlite-cases 10000]

A world is generated in which every case is in work. Recomputed three times: on the day itself, when only
the days of paused cases moved; a week later, when there are reminders to be said; and after the service
was closed for a day that nobody knew of, when every promise in business days moves. Prints the seconds
and writes bench/results/clocks.json.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import click
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from bench.lives import NOW, Size
from bench.world_of_cases import fill
from server.cases.clocks.business_days import ClosedDay
from server.cases.clocks.nightly import Recomputed, recompute_some
from server.cases.clocks.timekeeping import keep_service_days
from server.foundation.db import Database
from server.foundation.migrations import upgrade
from tests.postgres import new_database, postgres_server

BAR_S = 30.0
BAR_CASES = 100_000
ALL_IN_WORK = 100


@contextmanager
def database(kind: str) -> Iterator[Database]:
    """An empty, migrated database of that kind."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "postgres":
            with postgres_server() as server:
                yield from _opened(new_database(server, "bench"))
        else:
            yield from _opened(f"sqlite:///{Path(folder) / 'bench.db'}")


def _opened(url: str) -> Iterator[Database]:
    upgrade(url)
    db = Database(url)
    yield db
    db.dispose()


def recompute_all(db: Database, after_days: int) -> tuple[float, Recomputed]:
    """All of them some days later, in transactions as the job does it; seconds, and what became."""
    total, after, begun = Recomputed(), "", time.perf_counter()
    while True:
        with db.writing() as session:
            some = recompute_some(session, NOW + timedelta(days=after_days), after=after)
        total.seen, total.changed = total.seen + some.seen, total.changed + some.changed
        total.due += some.due
        if some.last is None:
            return time.perf_counter() - begun, total
        after = some.last


def measure(kind: str, cases: int) -> list[dict[str, object]]:
    """The three rounds on a database of that kind."""
    found: list[dict[str, object]] = []
    with database(kind) as db:
        fill(db, Size(cases=cases, in_work_percent=ALL_IN_WORK))
        for name, days in (("the same day", 0), ("a week later", 7), ("every promise moves", 7)):
            if name == "every promise moves":
                closed = [
                    ClosedDay(date(2026, 11, 19), "power cut"),
                    ClosedDay(NOW.date(), "again"),
                ]
                with db.writing() as session:
                    keep_service_days(session, "Europe/Berlin", closed, NOW)
            seconds, became = recompute_all(db, days)
            found.append(
                {
                    "database": kind,
                    "round": name,
                    "cases": cases,
                    "live": became.seen,
                    "changed": became.changed,
                    "reminders": len(became.due),
                    "seconds": round(seconds, 2),
                }
            )
    return found


@click.command()
@click.option("--cases", default=BAR_CASES, show_default=True)
@click.option("--sqlite-cases", default=10_000, show_default=True)
def main(cases: int, sqlite_cases: int) -> bool:
    """Measure, print, keep; whether every bar is kept."""
    found = [*measure("postgres", cases), *measure("sqlite", sqlite_cases)]
    table = Table(title="Nightly recomputation of every clock")
    for heading in ("database", "round", "cases", "live", "changed", "reminders", "seconds"):
        table.add_column(heading, justify="left" if heading in ("database", "round") else "right")
    for one in found:
        table.add_row(*(str(one[key]) for key in one))
    console().print(table)
    kept = all(
        float(str(one["seconds"])) <= BAR_S * max(1.0, int(str(one["cases"])) / BAR_CASES)
        for one in found
    )
    console().print(f"Bar, {BAR_CASES:,} cases in {BAR_S:.0f} s: {in_words(kept)}")
    keep("clocks", {"passed": kept, "rounds": found})
    return kept


if __name__ == "__main__":
    as_program(main)
