"""Cases from before clocks were kept: their promises stand, and what is not known is not made up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from server.cases.clocks.clock import Standing
from server.cases.clocks.nightly import recompute_some
from server.cases.clocks.queries import clock_of, pauses_of, steps_of
from server.cases.queries import case_by_number
from server.foundation.db import Database
from server.foundation.migrations import configuration
from tests.postgres import new_database, postgres_server

BEGUN = datetime(2026, 11, 10, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)

OLD = {
    # number: state, complete, due, held since
    "M-1": ("assigned", BEGUN, date(2026, 11, 17), None),
    "M-2": ("in_review", BEGUN, date(2026, 11, 20), None),
    "M-3": ("on_hold", BEGUN, date(2026, 11, 17), datetime(2026, 11, 14, 9, tzinfo=UTC)),
    "M-4": ("awaiting_records", BEGUN, date(2026, 11, 17), None),
    "M-5": ("awaiting_records", None, None, None),
    "M-6": ("opined", BEGUN, date(2026, 11, 17), None),
}


@pytest.fixture(params=["sqlite", "postgres"])
def before(request: pytest.FixtureRequest, tmp_path: Path):  # type: ignore[no-untyped-def]
    """The address of a database as it was before the migration, with cases in it."""
    if request.param == "sqlite":
        yield _filled(f"sqlite:///{tmp_path / 'old.db'}")
    else:
        with postgres_server() as server:
            yield _filled(new_database(server, "old"))


def _filled(url: str) -> str:
    command.upgrade(configuration(url), "0011")
    db = Database(url)
    with db.writing() as session:
        session.execute(
            text(
                "INSERT INTO hospital (id, name, country, registered_at) VALUES ('h','H','DE',:at)"
            ),
            {"at": BEGUN.replace(tzinfo=None) if db.is_sqlite else BEGUN},
        )
        for number, (state, complete, due, held) in OLD.items():
            moments: dict[str, object] = {
                "opened": BEGUN - timedelta(days=3),
                "complete": complete,
                "held": held,
            }
            if db.is_sqlite:
                moments = {
                    name: at.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(at, datetime) else None
                    for name, at in moments.items()
                }
            session.execute(
                text(
                    "INSERT INTO review_case (id, number, organ, hospital_id, state, version, "
                    "question, local_verdict, local_verdict_reason, accession_number, opened_at, "
                    "opened_by, records_complete_at, due_on, held_reason, held_from, held_since) "
                    "VALUES (:number, :number, 'liver', 'h', :state, 4, '?', '', '', '', :opened, "
                    "'test', :complete, :due, :reason, :held_from, :held)"
                ),
                {
                    "number": number,
                    "state": state,
                    "due": due,
                    "reason": "MRI wanted" if held else "",
                    "held_from": "assigned" if held else "",
                    **moments,
                },
            )
    db.dispose()
    return url


def test_promises_are_carried_over_and_steps_are_not_made_up(before: str) -> None:
    command.upgrade(configuration(before), "head")
    db = Database(before)
    with db.reading() as session:
        cases = {number: case_by_number(session, number) for number in OLD}
        assert all(steps_of(session, case.id) == [] for case in cases.values())
        assert cases["M-1"].limit_on == date(2026, 11, 24)
        assert cases["M-1"].tier == "report"
        pauses = {number: pauses_of(session, case.id) for number, case in cases.items()}
        assert {number: len(found) for number, found in pauses.items()} == {
            "M-1": 0,
            "M-2": 1,
            "M-3": 1,
            "M-4": 1,
            "M-5": 0,
            "M-6": 0,
        }
        assert "before each pause was kept" in pauses["M-2"][0].reason
        assert pauses["M-3"][0].reason == "MRI wanted"
        clocks = {number: clock_of(session, case, NOW) for number, case in cases.items()}
    assert clocks["M-1"].target_on == date(2026, 11, 17)
    assert clocks["M-2"].target_on == date(2026, 11, 20)
    assert clocks["M-3"].target_on == date(2026, 11, 23)
    assert clocks["M-4"].remaining_days == 7
    assert clocks["M-5"].standing is Standing.NOT_RUNNING
    with db.writing() as session:
        # Only the paused ones have moved; running promises are what they were.
        assert recompute_some(session, NOW).changed == 2
    db.dispose()


def test_the_migration_can_be_taken_back(before: str) -> None:
    command.upgrade(configuration(before), "0012")
    command.downgrade(configuration(before), "0011")
    db = Database(before)
    with db.reading() as session:
        found = session.execute(text("SELECT number, due_on FROM review_case ORDER BY number"))
        assert [row[0] for row in found] == list(OLD)
    db.dispose()
    command.upgrade(configuration(before), "0012")
