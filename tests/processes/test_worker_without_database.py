"""The worker while its database is away: it waits, says so, and leaves no job looking as if it ran."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from server import worker as workers
from server.foundation import jobs
from server.foundation.db import Database, DatabaseAway
from tests.processes.test_clock_round_asked import worker_of


class AwayForAWhile(Database):
    """Not there for the first so many changes."""

    away_for = 0

    @contextmanager
    def writing(self) -> Iterator[Session]:
        if self.away_for:
            self.away_for -= 1
            raise DatabaseAway("It is being started anew.")
        with super().writing() as session:
            yield session


def test_how_a_job_ended_is_noted_when_the_database_is_back(
    sqlite_database: Database, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "DATABASE_AGAIN_S", 0.01)
    worker = worker_of(sqlite_database, tmp_path)
    database = worker.db = AwayForAWhile(sqlite_database.url)
    with database.writing() as session:
        # Of a name that nobody does: the process that is to do it ends with an error.
        job_id = jobs.enqueue(session, "nothing_of_ours", {}, now=now).id
    claim = worker._claim

    def claimed_and_gone(**names: tuple[str, ...]) -> jobs.Job | None:
        job = claim(**names)
        database.away_for = 3
        return job

    monkeypatch.setattr(worker, "_claim", claimed_and_gone)
    monkeypatch.setattr(worker, "_await_errand", lambda _job: "ended with code 1")
    assert worker.send_errand()
    with database.reading() as session:
        job = session.get_one(jobs.Job, job_id)
        assert (job.state, job.last_error) == ("waiting", "Its process ended with code 1.")
    database.dispose()
    worker.archive.close()
