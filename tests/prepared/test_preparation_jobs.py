"""Asking for preparation, the process that does it beside the other jobs, and what people are told."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from server.archive import Archive
from server.cli.prepare import prepare
from server.dicom.transfer_syntaxes import JPEG_LS_LOSSLESS
from server.errand.sending import Follower, Lease
from server.foundation import jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.prepared import actions
from server.prepared.actions import PREPARE_SERIES
from server.prepared.queries import preparations, series_record
from server.prepared.shelf import Shelf
from server.worker import Worker
from tests.archive.files import pixels
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess
from tests.prepared.pictures import jpeg_ls, noise, picture, slice_of, store, wrapped
from tests.web.studies import arrival
from tests.world import World

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
def settings(orthanc: OrthancProcess, sqlite_database: Database, tmp_path: Path) -> Settings:
    return Settings.from_environ(
        {
            "MARGIN_HOME": str(tmp_path / "home"),
            "MARGIN_DATABASE_URL": f"sqlite:///{tmp_path}/margin.db",
            "MARGIN_ORTHANC_URL": orthanc.url,
            "MARGIN_ORTHANC_USER": USER,
            "MARGIN_ORTHANC_PASSWORD": PASSWORD,
        }
    )


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    worker = Worker(settings)
    yield worker
    worker.stopping.set()
    worker.archive.close()
    worker.db.dispose()


def ask(db: Database, study: str, orthanc_id: str, count: int) -> None:
    with db.writing() as session:
        actions.ask(
            session,
            study,
            f"{study}.1",
            orthanc_id=orthanc_id,
            instance_count=count,
            now=utc_now(),
        )


def states(db: Database) -> list[str]:
    with db.reading() as session:
        return [
            job.state for job in session.scalars(select(jobs.Job).order_by(jobs.Job.created_at))
        ]


def test_a_series_is_asked_for_once_and_again_when_it_has_grown(sqlite_database: Database) -> None:
    for count in (10, 10, 12):
        ask(sqlite_database, "1.2.3", "orthanc", count)
    assert states(sqlite_database) == ["waiting", "waiting"]
    with sqlite_database.reading() as session:
        found = preparations(session, ["1.2.3", "1.2.4"])
    assert list(found) == ["1.2.3"]
    assert (found["1.2.3"].done, found["1.2.3"].total, found["1.2.3"].under_way) == (0, 12, True)


def test_what_somebody_looks_at_is_prepared_before_all_others(database: Database) -> None:
    with database.writing() as session:
        for number in range(3):
            actions.ask(
                session,
                "1.2.3",
                f"1.2.3.{number}",
                orthanc_id=f"orthanc {number}",
                instance_count=1,
                now=NOW,
            )
        actions.ask_first(session, "1.2.9", "1.2.9.1", NOW + timedelta(seconds=1))
        actions.ask_first(session, "1.2.9", "1.2.9.1", NOW + timedelta(seconds=2))
    with database.writing() as session:
        job = jobs.claim(session, NOW + timedelta(seconds=3), only=(PREPARE_SERIES,))
        assert job is not None
        assert job.payload["StudyInstanceUID"] == "1.2.9"
        assert len(session.scalars(select(jobs.Job)).all()) == 4


def test_the_command_asks_for_every_series_that_has_arrived_once(
    settings: Settings, sqlite_world: World
) -> None:
    with sqlite_world.db.writing() as session:
        study = arrival(session, sqlite_world, NOW).StudyInstanceUID
    environment = {**settings.to_environ(), "MARGIN_DATABASE_URL": sqlite_world.db.url}
    command = CliRunner(env=environment)
    for given in (["--all"], ["--study", study], ["--study", study]):
        answer = command.invoke(prepare, given)
        assert answer.exit_code == 0, answer.output
        assert "Asked for 1 series" in answer.output
    assert states(sqlite_world.db) == ["waiting"]
    for refused in (["--study", "1.2.404"], [], ["--all", "--study", study]):
        assert command.invoke(prepare, refused).exit_code != 0


@pytest.mark.orthanc
def test_the_worker_prepares_all_that_is_due_in_one_process_and_leaves_other_jobs_alone(
    worker: Worker, archive: Archive
) -> None:
    study, whole = "1.2.826.95", noise((32, 32), np.uint16)
    broken = wrapped(slice_of(study, 2, whole), JPEG_LS_LOSSLESS, [jpeg_ls(whole)[:40]])
    series_id = store(archive, slice_of(study, 1, pixels(1)), broken)
    other = store(archive, slice_of("1.2.826.96", 1, pixels(1)))
    ask(worker.db, study, series_id, 2)
    with worker.db.writing() as session:
        actions.ask_first(session, "1.2.826.96", "1.2.826.96.1", utc_now())
        jobs.enqueue(session, "something_else", {}, now=utc_now())
    assert other != series_id
    worker.prepare_due()
    assert sorted(states(worker.db)) == ["done", "done", "waiting"]
    shelf = Shelf(worker.settings.cache_dir)
    assert shelf.series("1.2.826.96", "1.2.826.96.1") is not None
    manifest = shelf.series(study, f"{study}.1")
    assert manifest is not None
    assert np.array_equal(picture(shelf, manifest, f"{study}.1.1"), pixels(1))
    with worker.db.reading() as session:
        told = preparations(session, [study])[study]
        kept = series_record(session, study, f"{study}.1")
    assert (told.done, told.total, told.under_way, told.unreadable_frames) == (2, 2, False, 1)
    (listed,) = told.unreadable
    assert (listed["SOPInstanceUID"], listed["place"]) == (f"{study}.1.2", 2)
    assert kept is not None
    assert kept.bytes > 0


@pytest.mark.orthanc
def test_a_stopped_worker_leaves_a_series_to_be_gone_on_with(
    worker: Worker, archive: Archive
) -> None:
    study = "1.2.826.97"
    series_id = store(
        archive, *(slice_of(study, number, pixels(number, 256, 256)) for number in range(1, 81))
    )
    ask(worker.db, study, series_id, 80)
    shelf = Shelf(worker.settings.cache_dir)
    frames = shelf.frame(study, f"{study}.1", f"{study}.1.1", 1).parent
    preparing = threading.Thread(target=worker.prepare_due)
    preparing.start()
    while preparing.is_alive() and not (frames.is_dir() and len(list(frames.iterdir())) > 5):
        preparing.join(0.005)
    worker.stopping.set()
    preparing.join(40)
    assert not preparing.is_alive()
    assert states(worker.db) in (["waiting"], ["done"])
    again = Worker(worker.settings)
    with again.db.writing() as session:
        for job in session.scalars(select(jobs.Job)):
            assert job.attempts <= 1
            jobs.urge(job, utc_now())
    again.prepare_due()
    again.archive.close()
    again.db.dispose()
    assert states(worker.db) == ["done"]
    manifest = shelf.series(study, f"{study}.1")
    assert manifest is not None
    for number in (1, 40, 80):
        found = picture(shelf, manifest, f"{study}.1.{number}")
        assert np.array_equal(found, pixels(number, 256, 256))


@pytest.mark.orthanc
def test_while_the_archive_is_away_preparing_waits_and_is_not_given_up(
    settings: Settings, tmp_path: Path
) -> None:
    away = Settings.from_environ(
        {**settings.to_environ(), "MARGIN_ORTHANC_URL": "http://127.0.0.1:9"}
    )
    worker = Worker(away)
    ask(worker.db, "1.2.3", "orthanc", 4)
    worker.prepare_due()
    with worker.db.reading() as session:
        (job,) = session.scalars(select(jobs.Job))
    assert job.state == "waiting"
    assert job.attempts < jobs.ATTEMPTS
    assert "ArchiveUnavailable" in job.last_error
    worker.archive.close()
    worker.db.dispose()


@pytest.mark.orthanc
def test_a_preparing_process_that_dies_is_noticed_at_once(
    settings: Settings, archive: Archive
) -> None:
    database = Database(settings.database_url)
    lease = Lease(database, jobs.Job(id="no such job"))
    with Follower(settings) as follower:
        os.kill(follower.pid, signal.SIGKILL)
        assert follower.do(lease, threading.Event()) == "ended with code -9"
    database.dispose()


@pytest.mark.orthanc
def test_a_series_that_is_not_there_any_more_is_forgotten(worker: Worker) -> None:
    ask(worker.db, "1.2.826.404", "00000000-00000000-00000000-00000000-00000000", 4)
    worker.prepare_due()
    assert states(worker.db) == ["done"]
    with worker.db.reading() as session:
        assert preparations(session, ["1.2.826.404"]) == {}


@pytest.mark.orthanc
def test_what_is_left_of_a_series_that_was_deleted_is_cleared_away(
    worker: Worker, settings: Settings, archive: Archive
) -> None:
    study = "1.2.826.98"
    series_id = store(archive, slice_of(study, 1, noise((16, 16), np.uint16)))
    ask(worker.db, study, series_id, 1)
    worker.prepare_due()
    shelf = Shelf(settings.cache_dir)
    assert shelf.series(study, f"{study}.1") is not None
    delete = f"{settings.orthanc_url}/series/{series_id}"
    httpx.delete(delete, auth=(USER, PASSWORD)).raise_for_status()
    with worker.db.writing() as session:
        actions.ask_anew(session, study, f"{study}.1", utc_now())
    worker.prepare_due()
    assert not shelf.folder(study, f"{study}.1").exists()
    with worker.db.reading() as session:
        assert series_record(session, study, f"{study}.1") is None
