"""The worker asks for the round of clocks, and counts by the settings as they are now."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import select

from server.cases.clocks.nightly import RECOMPUTE_CLOCKS
from server.cases.clocks.queries import calendars_of
from server.foundation.db import Database
from server.foundation.jobs import Job
from server.foundation.settings import Settings
from server.worker import Worker


def worker_of(database: Database, home: Path, closed_days: str = "") -> Worker:
    return Worker(
        Settings.from_environ(
            {
                "MARGIN_HOME": str(home),
                "MARGIN_DATABASE_URL": database.url,
                "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
                "MARGIN_ORTHANC_PASSWORD": "a password for tests",
                "MARGIN_TIME_ZONE": "Asia/Kolkata",
                "MARGIN_CLOSED_DAYS": closed_days,
            }
        )
    )


def rounds(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(Job).where(Job.name == RECOMPUTE_CLOCKS)).all())


def test_days_that_change_are_counted_at_once(sqlite_database: Database, tmp_path: Path) -> None:
    file = tmp_path / "closed.toml"
    file.write_text('[[closed]]\non = 2026-12-24\nname = "feast"\n')
    worker = worker_of(sqlite_database, tmp_path, str(file))
    worker.ask_for_clocks()
    first = rounds(sqlite_database)
    assert first in (1, 2)  # a second one where the morning has come already
    worker.ask_for_clocks()
    assert rounds(sqlite_database) == first
    with sqlite_database.reading() as session:
        calendars = calendars_of(session)
    assert calendars.zone.key == "Asia/Kolkata"
    assert [one.name for one in calendars.closed] == ["feast"]
    file.write_text("")
    worker.ask_for_clocks()
    assert rounds(sqlite_database) == first + 1
    worker.db.dispose()
    worker.archive.close()


@pytest.mark.parametrize("content", ["[[closed]]\non = 5", None, "\udcff"])
def test_a_file_of_closed_days_that_cannot_be_used_changes_nothing(
    sqlite_database: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    content: str | None,
) -> None:
    file = tmp_path / "closed.toml"
    if content is not None:
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
    worker = worker_of(sqlite_database, tmp_path, str(file))
    with caplog.at_level(logging.WARNING, logger="margin.worker"):
        worker.ask_for_clocks()
    assert "the file of closed days is left aside" in caplog.text
    with sqlite_database.reading() as session:
        assert calendars_of(session).closed == ()
    worker.db.dispose()
    worker.archive.close()
