"""Records from before they knew their round: it is read off the steps of their case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from server.foundation.db import Database
from server.foundation.migrations import configuration
from tests.postgres import new_database, postgres_server

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
# On which day each thing came, and its round: the opinion was signed on day 10, a round begun on day
# 20, given up on day 22 and begun again on day 30.
CAME = {1: 1, 9: 1, 12: 2, 21: 2, 25: 2, 31: 2}
STEPS = (
    (10, "opinion_signed"),
    (20, "round_begun"),
    (22, "round_given_up"),
    (30, "round_begun"),
)
CASE = (
    "INSERT INTO review_case (id, number, organ, hospital_id, state, version, question, "
    "local_verdict, local_verdict_reason, accession_number, opened_at, opened_by, held_reason, "
    "held_from, round) VALUES (:id, :id, 'liver', 'h', 'ready', 4, '?', '', '', '', :at, 'test', "
    "'', '', 2)"
)
STEP = (
    "INSERT INTO case_step (case_id, at, from_state, to_state, event, by, detail) "
    "VALUES (:id, :at, '', '', :event, '', '')"
)
DOCUMENT = (
    "INSERT INTO case_document (id, case_id, title, media_type, size_bytes, sha256, received_at, "
    "received_from) VALUES (:key, :id, 't', 'm', 1, :key, :at, '')"
)


@pytest.fixture(params=["sqlite", "postgres"])
def before(request: pytest.FixtureRequest, tmp_path: Path):  # type: ignore[no-untyped-def]
    """The address of a database as it was before the migration. Of the case `old` the signature is
    from before steps were kept."""
    if request.param == "sqlite":
        yield _filled(f"sqlite:///{tmp_path / 'old.db'}")
    else:
        with postgres_server() as server:
            yield _filled(new_database(server, "old_rounds"))


def _filled(url: str) -> str:
    command.upgrade(configuration(url), "0017")
    db = Database(url)
    with db.writing() as session:

        def add(statement: str, day: int, **more: str) -> None:
            at = FIRST + day * DAY
            written = at.strftime("%Y-%m-%d %H:%M:%S.%f") if db.is_sqlite else at
            session.execute(text(statement), {"at": written, **more})

        add(
            "INSERT INTO hospital (id, name, country, registered_at) VALUES ('h', 'H', 'DE', :at)",
            0,
        )
        for case in ("new", "old"):
            add(CASE, 0, id=case)
            for day, event in STEPS[case == "old" :]:
                add(STEP, day, id=case, event=event)
            for day in CAME:
                add(DOCUMENT, day, id=case, key=f"{case}-{day}")
    db.dispose()
    return url


def test_records_are_of_the_round_for_which_they_came(before: str) -> None:
    command.upgrade(configuration(before), "0018")
    db = Database(before)
    with db.reading() as session:
        rows = session.execute(text("SELECT id, round FROM case_document"))
        rounds = {row[0]: row[1] for row in rows}
    db.dispose()
    assert {day: rounds[f"new-{day}"] for day in CAME} == CAME
    # Where nothing says when the opinion was signed, the rounds that were begun are counted.
    assert {day: rounds[f"old-{day}"] for day in CAME} == {1: 1, 9: 1, 12: 1, 21: 2, 25: 1, 31: 2}
    command.downgrade(configuration(before), "0017")
    command.upgrade(configuration(before), "0018")
