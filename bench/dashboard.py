"""The dashboard over many years: its rows made from the cases' records, and its page.

python -m bench.dashboard [--cases 100000] [--sqlite-cases 10000] [--rounds 7]

Fills a PostgreSQL of its own and an SQLite file with generated cases that have opinions and outcomes, lets
the program make the figures' rows from them, and asks for the page through the whole application, with
and without filters. Medians; prints a table and writes bench/results/dashboard.json.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

import click
from flask.testing import FlaskClient
from rich.table import Table

from bench import world_of_cases as worlds
from bench.bulk import Row, identifier, tell_the_planner
from bench.figures import as_program, console, in_words, keep
from bench.lives import Life, LivesOf, Size
from bench.worlds import stopped_like_ctrl_c
from server.access import tokens
from server.access.records import SignIn
from server.app import create_app
from server.cases.records import LocalCategoryEntry
from server.dossier.records import CaseRequest
from server.figures.actions import catch_up
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.migrations import upgrade
from server.foundation.settings import Settings
from server.opinions.records import IssuedOpinion
from server.outcomes.records import FindingEntry, OutcomeEntry
from server.outcomes.value_sets import FINDINGS
from server.web import cookies
from tests.postgres import new_database, postgres_server

BARS_MS = {"PostgreSQL": 150.0, "SQLite": 400.0}
SECRET = "secret-of-the-bench"
CANCERS = ("liver-hcc", "liver-crlm", "liver-icca", "liver")
PAGES = {
    "all": "/figures",
    "one cancer": "/figures?cancer=liver-crlm",
    "one centre, one year": "/figures?centre=Centre+3&since=2025-01-01&until=2025-12-31",
    "a CSV file": "/figures/reversals.csv",
}


def _chance(life: Life, what: str) -> random.Random:
    return random.Random(f"{what} {life.index}")


def requests(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        chance = _chance(life, "request")
        yield {
            "case_id": life.id,
            "cancer": chance.choice(CANCERS) if life.organ == "liver" else "",
            "asker": "hospital",
            "reasons": [],
            "circumstances": {},
        }


def local_categories(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        chance = _chance(life, "category")
        if chance.random() < 0.9:
            weights = {"unresectable": 70, "borderline": 15, "resectable": 8, "uncertain": 7}
            yield {
                "id": identifier("category", life.index),
                "case_id": life.id,
                "number": 1,
                "category": chance.choices(tuple(weights), tuple(weights.values()))[0],
                "set_by": "coordinator",
                "set_at": life.opened_at,
            }


def opinions(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        if life.signed_at is not None:
            yield {
                "id": identifier("opinion", life.index),
                "number": f"{life.number}-1",
                "case_id": life.id,
                "revision_id": identifier("revision", life.index),
                "state": "archived",
                "sop_instance_uid": life.study + ".1",
                "series_instance_uid": life.study + ".2",
                "content": {},
                "requested_at": life.signed_at,
            }


def outcomes(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        chance = _chance(life, "outcome")
        if life.signed_at is None or chance.random() > 0.7:
            continue
        operated = chance.random() < 0.45
        yield {
            "id": identifier("outcome", life.index),
            "case_id": life.id,
            "number": 1,
            "course": "operated" if operated else "not_operated",
            "operated_on": (life.signed_at + timedelta(days=30)).date() if operated else None,
            "resection_margin": chance.choice(("R0", "R0", "R0", "R1", "R2")) if operated else "",
            "not_operated_reason": "" if operated else chance.choice(("progression", "unfit")),
            "converted": chance.choice(("yes", "no", "no", "not_tried", "")),
            "vital_status": "alive",
            "flr_after_ml": chance.uniform(300, 900) if operated else None,
            "flr_method": "ct_volumetry" if operated else "",
            "entered_by": "coordinator",
            "entered_as": "coordinator",
            "entered_at": life.signed_at + timedelta(days=60),
        }


def findings(lives: LivesOf) -> Iterator[Row]:
    for life in lives:
        chance = _chance(life, "findings")
        if life.signed_at is not None and chance.random() < 0.8:
            yield {
                "id": identifier("finding", life.index),
                "case_id": life.id,
                "number": 1,
                "categories": [one for one in FINDINGS if chance.random() < 0.25],
                "set_by": "coordinator",
                "set_at": life.signed_at,
            }


def revisions(lives: LivesOf) -> Iterator[Row]:
    """The world's own, with a remnant foreseen for livers."""
    for life, row in zip(
        (one for one in lives if one.begun_at), worlds.revisions(lives), strict=True
    ):
        if life.organ in ("liver", "perihilar") and life.signed_at:
            row["answers"]["flr_ml"] = round(_chance(life, "flr").uniform(300, 900))
        yield row


MORE = [
    (CaseRequest, requests),
    (LocalCategoryEntry, local_categories),
    (IssuedOpinion, opinions),
    (OutcomeEntry, outcomes),
    (FindingEntry, findings),
]


def fill(db: Database, cases: int) -> float:
    """The world, and the figures' rows of it; how many seconds these took."""
    for place, (record, _) in enumerate(worlds.TABLES):
        if record.__tablename__ == "revision":
            worlds.TABLES[place] = (record, revisions)
    worlds.fill(db, Size(cases=cases), MORE)  # type: ignore[arg-type]
    with db.writing() as session:
        session.add(
            SignIn(
                secret_sha256=tokens.sha256(SECRET),
                person_id=identifier("admin", 0),
                begun_at=utc_now(),
                expires_at=utc_now() + timedelta(hours=12),
            )
        )
    begun, more = time.perf_counter(), True
    while more:
        with db.writing() as session:
            more = catch_up(session, utc_now())
    seconds = time.perf_counter() - begun
    tell_the_planner(db)
    return seconds


@contextlib.contextmanager
def client(url: str, home: Path) -> Iterator[FlaskClient]:
    """The whole application on that database, and an administrator who is signed in."""
    settings = Settings.from_environ(
        {
            "MARGIN_HOME": str(home),
            "MARGIN_DATABASE_URL": url,
            "MARGIN_SECRET_KEY": "a key for the bench only, nothing else",
            "MARGIN_ORTHANC_PASSWORD": "a password for the bench",
            "MARGIN_PUBLIC_URL": "http://localhost",
        }
    )
    app = create_app(settings)
    asking = app.test_client()
    asking.set_cookie(cookies.sign_in_name(settings), SECRET)
    try:
        yield asking
    finally:
        app.extensions["margin"].archive.close()
        app.extensions["margin"].db.dispose()


def asked(asking: FlaskClient, rounds: int) -> dict[str, float]:
    """Milliseconds of each page: medians, after one round that is not counted."""
    found = {}
    for name, address in PAGES.items():
        times = []
        for _ in range(rounds + 1):
            begun = time.perf_counter()
            answer = asking.get(address)
            times.append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, answer.get_data(as_text=True)[:400]
        found[name] = median(times[1:])
    return found


@click.command()
@click.option("--cases", default=100_000, show_default=True, help="In PostgreSQL.")
@click.option("--sqlite-cases", default=10_000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
def main(cases: int, sqlite_cases: int, rounds: int) -> bool | None:
    """Time the dashboard on a large database."""
    found: dict[str, dict[str, float]] = {}
    made_s: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(stopped_like_ctrl_c())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="margin-bench-")))
        urls = {
            "PostgreSQL": new_database(stack.enter_context(postgres_server()), "margin"),
            "SQLite": f"sqlite:///{folder / 'margin.db'}",
        }
        for name, url in urls.items():
            upgrade(url)
            db = Database(url)
            made_s[name] = fill(db, cases if name == "PostgreSQL" else sqlite_cases)
            db.dispose()
            with client(url, folder) as asking:
                found[name] = asked(asking, rounds)
    return report(found, made_s, {"PostgreSQL": cases, "SQLite": sqlite_cases})


def report(
    found: dict[str, dict[str, float]], made_s: dict[str, float], cases: dict[str, int]
) -> bool:
    """Prints and keeps the medians; whether both databases keep their bar."""
    table = Table(title="The dashboard, whole page")
    table.add_column("", no_wrap=True)
    for name in found:
        table.add_column(f"{name}, {cases[name]:,} cases", justify="right")
    for page in PAGES:
        table.add_row(page, *(f"{times[page]:.0f} ms" for times in found.values()))
    table.add_row("at most", *(f"{BARS_MS[name]:.0f} ms" for name in found))
    table.add_row("all rows made again", *(f"{made_s[name]:.0f} s" for name in found))
    console().print(table)
    kept = all(ms <= BARS_MS[name] for name, times in found.items() for ms in times.values())
    console().print(f"Bar: {in_words(kept)}")
    keep(
        "dashboard",
        {"unit": "ms", "cases": cases, "bars_ms": BARS_MS, "passed": kept, "medians": found}
        | {"rows_made_s": made_s},
    )
    return kept


if __name__ == "__main__":
    as_program(main)
