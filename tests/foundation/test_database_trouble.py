"""A database that is away, full of work or not writable says so in a sentence, and names no value."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from server.foundation import db as databases
from server.foundation import jobs
from server.foundation.db import Database, DatabaseAway, DatabaseNotWritable
from tests.archive.orthanc_process import free_port


def test_a_server_that_is_not_there_is_away() -> None:
    port = free_port(18800, 18899)
    away = Database(f"postgresql+psycopg://margin@127.0.0.1:{port}/margin")
    with pytest.raises(DatabaseAway), away.reading() as session:
        session.execute(text("SELECT 1"))
    away.dispose()


def test_a_connection_that_ends_in_the_middle_is_away_and_the_next_one_works(
    migrated_postgres: str,
) -> None:
    database = Database(migrated_postgres)
    with pytest.raises(DatabaseAway), database.writing() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with database.reading() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        session.execute(text("SELECT 1"))
    with database.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.dispose()


def test_of_two_that_wait_for_each_other_the_one_that_gives_way_may_try_again(
    migrated_postgres: str,
) -> None:
    database = Database(migrated_postgres)
    with pytest.raises(DatabaseAway), database.writing() as session:
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$"))
    database.dispose()


def test_any_number_of_readers_may_each_note_something_meanwhile(sqlite_database: Database) -> None:
    readers = 70
    with ExitStack() as stack:
        for _ in range(readers):
            stack.enter_context(sqlite_database.reading()).execute(text("SELECT 1"))
        with sqlite_database.writing() as session:
            assert session.scalar(text("SELECT 1")) == 1


def test_a_lock_that_is_not_given_up_is_waited_for_no_longer_than_the_limit(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "WRITE_LOCK_WAIT_S", 0.05)
    other = Database(sqlite_database.url)
    with sqlite_database.writing(), pytest.raises(DatabaseAway), other.writing():
        pass
    other.dispose()


def test_a_disk_that_is_only_read_is_said(sqlite_database: Database, tmp_path: Path) -> None:
    path = sqlite_database.url.removeprefix("sqlite:///")
    only_read = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(DatabaseNotWritable) as refused, only_read.writing() as session:
        session.execute(text("CREATE TABLE new (it integer)"))
    assert "cannot be written to" in refused.value.detail
    missing = Database(f"sqlite:///{tmp_path}/no/such/folder.db")
    with pytest.raises(DatabaseNotWritable), missing.reading() as session:
        session.execute(text("SELECT 1"))
    for one in (only_read, missing):
        one.dispose()


def test_an_error_does_not_repeat_the_values_of_its_statement(
    database: Database, now: datetime
) -> None:
    with pytest.raises(IntegrityError) as refused, database.writing() as session:
        jobs.enqueue(session, "measure", {"patient": "Erika Mustermann"}, now=now).id = "one"
        session.flush()
        session.add(
            jobs.Job(
                id="one",
                name="other",
                payload={"p": "Erika Mustermann"},
                created_at=now,
                run_at=now,
            )
        )
        session.flush()
    assert "Mustermann" not in str(refused.value)
