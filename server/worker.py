"""What runs in the background: the follower of the archive's feed, and whoever sends out the errands.

Every loop may die at any moment: the feed's cursor and the jobs' leases are in the database, and
everything they do can be done again.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

from server.archive import Archive, ArchiveUnavailable
from server.foundation import jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.settings import Settings, with_home_secrets
from server.intake.feed import Feed
from server.intake.lines import register_lines
from server.intake.refusals import take_over

FEED_EVERY_S = 1.0
JOBS_EVERY_S = 0.5
LINES_EVERY_S = 10.0
REFUSALS_EVERY_S = 5.0
HEARTBEAT_EVERY_S = 2.0
ERRAND_LIMIT_S = jobs.LEASE.total_seconds() - 60
log = logging.getLogger("margin.worker")


class Worker:
    """The loops and what they work with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.db = Database(settings.database_url)
        self.archive = Archive(
            settings.orthanc_url,
            settings.orthanc_user,
            settings.orthanc_password,
            settings.orthanc_timeout_s,
        )
        self.feed = Feed(self.db, self.archive, utc_now, timedelta(seconds=settings.stable_age_s))
        self.stopping = threading.Event()

    def run(self) -> None:
        """Work until told to stop."""
        loops = {
            "feed": (self._follow, FEED_EVERY_S),
            "jobs": (self._send_errands, JOBS_EVERY_S),
            "lines": (self._register_lines, LINES_EVERY_S),
            "refusals": (self._note_refusals, REFUSALS_EVERY_S),
        }
        threads = [
            threading.Thread(target=self._loop, args=(name, step, every_s), name=name)
            for name, (step, every_s) in loops.items()
        ]
        for thread in threads:
            thread.start()
        self._heartbeat()
        while not self.stopping.wait(HEARTBEAT_EVERY_S):
            if not all(thread.is_alive() for thread in threads):
                # Whoever watches over this process starts it again, whole.
                log.error("a loop has ended by itself; the worker ends with it")
                self.stopping.set()
            self._heartbeat()
        for thread in threads:
            thread.join()

    def _loop(self, name: str, step: Callable[[], None], every_s: float) -> None:
        while not self.stopping.is_set():
            try:
                step()
            except Exception:
                log.exception("the %s loop failed and goes on", name)
                self.stopping.wait(5.0)
            self.stopping.wait(every_s)

    def _heartbeat(self) -> None:
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        self.settings.worker_heartbeat.touch()

    def _follow(self) -> None:
        self.feed.step()

    def _register_lines(self) -> None:
        with self.db.reading() as session:
            try:
                register_lines(session, self.archive)
            except ArchiveUnavailable:
                return

    def _note_refusals(self) -> None:
        with self.db.writing() as session:
            take_over(session, self.settings.log_dir / "orthanc.log", utc_now())

    def _send_errands(self) -> None:
        while not self.stopping.is_set() and self.send_errand():
            pass

    def send_errand(self) -> bool:
        """Have the job that is due longest done in a process of its own; gives whether there was one."""
        with self.db.reading() as session:
            if not jobs.is_due(session, utc_now()):
                return False
        with self.db.writing() as session:
            job = jobs.claim(session, utc_now())
        if job is None:
            return False
        ended = self._await_errand(job.id)
        if ended:
            log.warning("job %s %s", job.name, ended)
            with self.db.writing() as session:
                jobs.fail(session, job.id, f"Its process {ended}.", utc_now())
        return True

    def _await_errand(self, job_id: str) -> str:
        """How the errand's process ended when it could not say so itself; empty when it could."""
        command = [sys.executable, "-m", "server.errand", job_id]
        environment = {**os.environ, **self.settings.to_environ()}
        with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own program
            try:
                code = process.wait(ERRAND_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                return f"was ended after {ERRAND_LIMIT_S:.0f} s"
        return f"ended with code {code}" if code else ""


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = with_home_secrets(Settings.from_environ(os.environ))
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # httpx writes every address it asks at INFO, UIDs included.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    worker = Worker(settings)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: worker.stopping.set())
    worker.run()


if __name__ == "__main__":
    main()
