"""Whoever does a job is killed in the middle of it: another does it, once, and nobody waits for long."""

from __future__ import annotations

import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import select

from server.errand import sending
from server.errand.sending import Lease
from server.foundation import audit, jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database, clock_of
from server.foundation.settings import Settings
from server.intake.arrivals.decisions import DELETE_REFUSED
from server.intake.records import Arrival
from server.processes.memory import tree
from server.worker import Worker

PATIENCE_S = 60


class Archive(ThreadingHTTPServer):
    """Stands in for Orthanc at the moment that matters: who deletes a study waits for the answer, for as
    long as the test wants. `left` hears of each caller that ended while it waited."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.holds = True
        self.asked: queue.Queue[str] = queue.Queue()
        self.left: queue.Queue[str] = queue.Queue()


class _Answers(BaseHTTPRequestHandler):
    server: Archive

    def do_DELETE(self) -> None:
        self.server.asked.put(self.path)
        if self.server.holds:
            assert self.connection.recv(1) == b""
            self.server.left.put(self.path)
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def _away(self) -> None:
        self.send_error(503)

    do_GET = do_POST = do_PUT = _away

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.fixture
def settings(archive: Archive, sqlite_database: Database, tmp_path: Path) -> Settings:
    return Settings.from_environ(
        {
            "MARGIN_HOME": str(tmp_path / "home"),
            "MARGIN_DATABASE_URL": sqlite_database.url,
            "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
            "MARGIN_ORTHANC_URL": f"http://127.0.0.1:{archive.server_port}",
            "MARGIN_ORTHANC_PASSWORD": "a password for tests",
        }
    )


@pytest.fixture
def job_id(sqlite_database: Database) -> str:
    """Of the deletion of a refused study."""
    now = utc_now()
    arrival = Arrival(
        orthanc_id="a-study",
        StudyInstanceUID="1.2.3",
        state="refused",
        first_seen_at=now,
        changed_at=now,
    )
    with sqlite_database.writing() as session:
        session.add(arrival)
        session.flush()
        said = {"arrival_id": arrival.id, "orthanc_id": arrival.orthanc_id}
        return jobs.enqueue(session, DELETE_REFUSED, said, now=now).id


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    # Whenever it looks, any wait between two attempts is over.
    hours = itertools.count(1)
    made = Worker(settings, lambda: utc_now() + timedelta(hours=next(hours)))
    yield made
    made.stopping.set()
    made.archive.close()
    made.db.dispose()


def job_of(database: Database, job_id: str) -> jobs.Job:
    with database.reading() as session:
        return session.get_one(jobs.Job, job_id)


def deleted_once(database: Database) -> bool:
    with database.reading() as session:
        lines = session.scalars(
            select(audit.AuditLine).where(audit.AuditLine.action == "arrival.delete")
        ).all()
        return [one.state for one in session.scalars(select(Arrival))] == ["deleted"] and (
            len(lines) == 1
        )


def test_what_a_killed_worker_had_done_ends_with_it_and_is_done_by_the_next(
    settings: Settings, archive: Archive, sqlite_database: Database, job_id: str, worker: Worker
) -> None:
    command = [sys.executable, "-m", "server.worker"]
    environment = {**os.environ, **settings.to_environ()}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as killed:
        archive.asked.get(timeout=PATIENCE_S)
        killed.send_signal(signal.SIGKILL)
    archive.left.get(timeout=PATIENCE_S)
    before = job_of(sqlite_database, job_id)
    assert before.state == "running"
    assert before.lease_until is not None
    with sqlite_database.writing() as session:
        assert before.lease_until <= clock_of(session) + jobs.LEASE
        session.get_one(jobs.Job, job_id).lease_until = clock_of(session)
    archive.holds = False
    assert worker.send_errand()
    after = job_of(sqlite_database, job_id)
    assert (after.state, after.attempts) == ("done", before.attempts + 1)
    assert deleted_once(sqlite_database)


def test_a_job_whose_process_is_killed_waits_for_no_lease(
    archive: Archive, sqlite_database: Database, job_id: str, worker: Worker
) -> None:
    sent = threading.Thread(target=worker.send_errand)
    sent.start()
    archive.asked.get(timeout=PATIENCE_S)
    for pid in tree(os.getpid()):
        if job_id in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGKILL)
    sent.join(PATIENCE_S)
    killed = job_of(sqlite_database, job_id)
    assert (killed.state, killed.lease_until) == ("waiting", None)
    assert killed.last_error == "Its process ended with code -9."
    archive.holds = False
    assert worker.send_errand()
    assert job_of(sqlite_database, job_id).state == "done"
    assert deleted_once(sqlite_database)


def test_a_process_whose_job_was_lost_to_another_is_ended_and_changes_nothing(
    archive: Archive,
    sqlite_database: Database,
    job_id: str,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "RENEWED_EVERY_S", 0.0)
    sent = threading.Thread(target=worker.send_errand)
    sent.start()
    archive.asked.get(timeout=PATIENCE_S)
    with sqlite_database.writing() as session:
        session.get_one(jobs.Job, job_id).holder = "another worker"
    archive.left.get(timeout=PATIENCE_S)
    sent.join(PATIENCE_S)
    kept = job_of(sqlite_database, job_id)
    assert (kept.state, kept.holder, kept.last_error) == ("running", "another worker", "")


def test_a_lease_is_short_and_begins_anew_as_long_as_its_worker_lives(
    sqlite_database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jobs.LEASE.total_seconds() <= 60
    assert jobs.LEASE.total_seconds() > 2 * sending.RENEWED_EVERY_S
    monkeypatch.setattr(sending, "RENEWED_EVERY_S", 0.0)
    with sqlite_database.writing() as session:
        jobs.enqueue(session, "measure", {}, now=now)
        job = jobs.claim(session, now)
        assert job is not None
        soon_over = job.lease_until = clock_of(session) + timedelta(seconds=1)
    assert Lease(sqlite_database, job).is_kept()
    renewed = job_of(sqlite_database, job.id).lease_until
    assert renewed is not None
    assert renewed > soon_over
