"""How long a coordinator waits for the worklist with 100,000 cases in PostgreSQL, and 10,000 in SQLite.

python -m bench.worklist [--cases 100000] [--sqlite-cases 10000] [--rounds 15]

Whole requests through the application, from the cookie to the last byte of the page: as an administrator,
who sees every hospital, and as a coordinator of some of them. Every page is asked for the same number of
times after one that warms up. Prints medians and the 95th percentile and writes
bench/results/worklist.json; the bar holds for the medians.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask
from flask.testing import FlaskClient
from rich.table import Table

from bench.bulk import identifier
from bench.figures import as_program, console, in_words, keep
from bench.lives import Size
from bench.world_of_cases import fill
from server.access import tokens
from server.access.records import SignIn
from server.app import create_app
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.migrations import upgrade
from server.foundation.settings import Settings
from server.web import cookies
from tests.postgres import new_database, postgres_server

BARS_MS = {"postgres": 150.0, "sqlite": 400.0}
PAGES = {
    "first page": "/worklist",
    "overdue": "/worklist?due=overdue",
    "due later, of one organ": "/worklist?due=later&organ=lung",
    "held by one surgeon": f"/worklist?held={identifier('surgeon', 30)}",
    "found by number": "/worklist?find=01234",
    "found by accession": "/worklist?find=A0012",
    "found nothing": "/worklist?find=no-such-case",
    "a page far behind": "/worklist?after=2026-11-30.M-2026-000000",
    "finished": "/worklist?show=finished",
    "finished, of one hospital": f"/worklist?show=finished&hospital={identifier('hospital', 7)}",
}


@contextmanager
def application(kind: str, cases: int) -> Iterator[Flask]:
    """The application on a filled database of that kind."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "postgres":
            with postgres_server() as server:
                yield from _filled(new_database(server, "bench"), Path(folder), cases)
        else:
            yield from _filled(f"sqlite:///{Path(folder) / 'bench.db'}", Path(folder), cases)


def _filled(url: str, folder: Path, cases: int) -> Iterator[Flask]:
    upgrade(url)
    db = Database(url)
    fill(db, Size(cases=cases))
    db.dispose()
    app = create_app(
        Settings.from_environ(
            {
                "MARGIN_HOME": str(folder),
                "MARGIN_DATABASE_URL": url,
                "MARGIN_SECRET_KEY": "a key for the bench only, nothing else",
                "MARGIN_ORTHANC_PASSWORD": "a password for the bench",
                "MARGIN_PUBLIC_URL": "http://localhost",
            }
        )
    )
    yield app
    app.extensions["margin"].archive.close()
    app.extensions["margin"].db.dispose()


def signed_in(app: Flask, role: str) -> FlaskClient:
    """Somebody of the generated world, with the cookie of a sign-in."""
    services, secret, now = app.extensions["margin"], tokens.new_secret(), utc_now()
    with services.db.writing() as session:
        session.add(
            SignIn(
                secret_sha256=tokens.sha256(secret),
                person_id=identifier(role, 0),
                begun_at=now,
                expires_at=now.replace(year=now.year + 1),
            )
        )
    client = app.test_client()
    client.set_cookie(cookies.sign_in_name(services.settings), secret)
    return client


def measure(kind: str, cases: int, rounds: int) -> list[dict[str, object]]:
    """Each page for each role: milliseconds."""
    found: list[dict[str, object]] = []
    with application(kind, cases) as app:
        for role in ("admin", "coordinator"):
            client = signed_in(app, role)
            for name, address in PAGES.items():
                times = sorted(_ms(client, address) for _ in range(rounds + 1))[:rounds]
                found.append(
                    {
                        "database": kind,
                        "cases": cases,
                        "as": role,
                        "page": name,
                        "median_ms": round(times[len(times) // 2], 1),
                        "p95_ms": round(times[int(len(times) * 0.95)], 1),
                    }
                )
    return found


def _ms(client: FlaskClient, address: str) -> float:
    begun = time.perf_counter()
    answer = client.get(address)
    answer.get_data()
    taken = (time.perf_counter() - begun) * 1000
    assert answer.status_code == 200, answer.status
    return taken


@click.command()
@click.option("--cases", default=100_000, show_default=True)
@click.option("--sqlite-cases", default=10_000, show_default=True)
@click.option("--rounds", default=15, show_default=True)
def main(cases: int, sqlite_cases: int, rounds: int) -> bool:
    """Measure, print, keep; whether every bar is kept."""
    found = [*measure("postgres", cases, rounds), *measure("sqlite", sqlite_cases, rounds)]
    table = Table(title="The worklist")
    for heading in ("database", "cases", "as", "page", "median ms", "95 % ms"):
        table.add_column(heading, justify="right" if heading.endswith("ms") else "left")
    for one in found:
        table.add_row(*(str(value) for value in one.values()))
    console().print(table)
    kept = all(float(str(one["median_ms"])) <= BARS_MS[str(one["database"])] for one in found)
    console().print(f"Bars, {BARS_MS}: {in_words(kept)}")
    keep("worklist", {"passed": kept, "bars_ms": BARS_MS, "pages": found})
    return kept


if __name__ == "__main__":
    as_program(main)
