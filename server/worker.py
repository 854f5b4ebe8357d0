"""What runs in the background: the follower of the archive's feed, and whoever sends out the errands.

Every loop may die at any moment: the feed's cursor and the jobs' leases are in the database, and
everything they do can be done again. This process keeps the lease of every job it has done; the processes
that do them end with it (`server/errand/sending.py`), so that no job is done by two.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from server.archive import Archive, ArchiveUnavailable
from server.cases.clocks.closed_days import read_closed_days
from server.cases.clocks.nightly import ask_for_round, ask_for_round_now
from server.cases.clocks.timekeeping import keep_service_days
from server.errand.sending import LOST, Follower, Lease, code_of, errand_of
from server.figures import actions as figures
from server.foundation import jobs, strangers
from server.foundation.clock import Clock, utc_now
from server.foundation.db import Database
from server.foundation.errors import Invalid, Unavailable
from server.foundation.forgetting import ask_to_forget
from server.foundation.settings import Settings, with_home_secrets
from server.intake.arrivals.feed import Feed
from server.intake.lines.refusals import take_over
from server.intake.lines.registering import register_lines
from server.intake.uploads.actions import TAKE_UPLOADS
from server.intake.uploads.resumable import UploadFolder
from server.intake.uploads.sweeping import tidy
from server.notices.actions import DELIVER_NOTICE, SEND_DIGEST, pick_up_forgotten
from server.notices.letters import check_words
from server.prepared.actions import PREPARE_SERIES
from server.prepared.eviction import MB, Room
from server.prepared.looking_over import LOOK_OVER, ask_to_look_over

FEED_EVERY_S = 1.0
JOBS_EVERY_S = 0.5
LINES_EVERY_S = 10.0
REFUSALS_EVERY_S = 5.0
CLOCKS_EVERY_S = 60.0
FIGURES_EVERY_S = 15.0
FORGET_EVERY_S = 600.0
HEARTBEAT_EVERY_S = 2.0
DATABASE_AGAIN_S = 2.0
ERRAND_LIMIT_S = 540.0
# Less than whoever stops this process waits before it kills (server/processes/programs.py).
ERRAND_GRACE_S = 10.0
ERRAND_LOOKED_AT_EVERY_S = 0.5
# Preparing goes beside the other jobs, so that a signed opinion never waits for thousands of slices.
PREPARATION = (PREPARE_SERIES,)
PREPARATIONS_EVERY_S = 0.5
UPLOADS = (TAKE_UPLOADS,)
UPLOADS_EVERY_S = 0.5
# A mail server that lets one wait holds up nothing but mails and webhooks.
NOTICES = (DELIVER_NOTICE, SEND_DIGEST)
NOTICES_EVERY_S = 1.0
SWEEP_EVERY_S = 60.0
LOOKING = (LOOK_OVER,)
PREPARER_IDLE_S = 5.0
log = logging.getLogger("margin.worker")


class Worker:
    """The loops and what they work with."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.clock = clock
        self.db = Database(settings.database_url)
        self.archive = Archive.of(settings)
        self.feed = Feed(self.db, self.archive, clock, timedelta(seconds=settings.stable_age_s))
        self.stopping = threading.Event()

    def run(self) -> None:
        """Work until told to stop."""
        self._tidy_the_shelf()
        loops = {
            "feed": (self._follow, FEED_EVERY_S),
            "jobs": (self._send_errands, JOBS_EVERY_S),
            "preparation": (self.prepare_due, PREPARATIONS_EVERY_S),
            "uploads": (self.take_uploads_due, UPLOADS_EVERY_S),
            "sweep": (self._sweep_uploads, SWEEP_EVERY_S),
            "notices": (self.deliver_due, NOTICES_EVERY_S),
            "outbox": (self._pick_up_forgotten, SWEEP_EVERY_S),
            "lines": (self._register_lines, LINES_EVERY_S),
            "refusals": (self._note_refusals, REFUSALS_EVERY_S),
            "clocks": (self.ask_for_clocks, CLOCKS_EVERY_S),
            "figures": (self.count_figures, FIGURES_EVERY_S),
            "looking over": (self._look_over, SWEEP_EVERY_S),
            "forgetting": (self.ask_to_forget, FORGET_EVERY_S),
            "strangers": (self.count_strangers, SWEEP_EVERY_S),
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
            except Unavailable as reason:
                log.warning("the %s loop waits: %s", name, reason)
                self.stopping.wait(5.0)
            except Exception:
                log.exception("the %s loop failed and goes on", name)
                self.stopping.wait(5.0)
            self.stopping.wait(every_s)

    def _heartbeat(self) -> None:
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        self.settings.worker_heartbeat.touch()

    def _tidy_the_shelf(self) -> None:
        """A shelf that cannot be tidied holds up nothing: preparing will say what is wrong."""
        try:
            Room(self.settings.cache_dir, self.settings.cache_mb * MB).tidy()
        except OSError:
            log.exception("the prepared series could not be tidied")

    def _follow(self) -> None:
        self.feed.step()

    def _register_lines(self) -> None:
        with self.db.reading() as session:
            try:
                register_lines(session, self.archive)
                self.archive.tell_of_associations()
            except ArchiveUnavailable:
                return

    def ask_for_clocks(self) -> None:
        """Have the clocks recomputed each morning, and at once when days are counted differently."""
        now = self.clock()
        with self.db.writing() as session:
            if self._count_by_the_settings(session, now):
                ask_for_round_now(session, now)
            ask_for_round(session, now)

    def _count_by_the_settings(self, session: Session, now: datetime) -> bool:
        """Whether the days are counted differently from now on; a file that cannot be used changes
        nothing, and is said in the log each time it is looked at."""
        path = self.settings.closed_days
        try:
            closed = read_closed_days(Path(path).read_text(encoding="utf-8")) if path else []
        except (OSError, ValueError, Invalid) as reason:
            log.warning("the file of closed days is left aside: %s", reason)
            return False
        return keep_service_days(session, self.settings.time_zone, closed, now)

    def count_figures(self) -> None:
        """Bring the figures' rows up to date with what happened since."""
        while not self.stopping.is_set():
            with self.db.reading() as session:
                if not figures.is_due(session, self.clock()):
                    return
            with self.db.writing() as session:
                figures.catch_up(session, self.clock())

    def ask_to_forget(self) -> None:
        """Have what was kept for long enough deleted, once a day, and a share of the archive looked over
        each night."""
        with self.db.writing() as session:
            ask_to_forget(session, self.clock())
            ask_to_look_over(session, self.clock())

    def _note_refusals(self) -> None:
        with self.db.writing() as session:
            take_over(session, self.settings.log_dir / "orthanc.log", self.clock())

    def _send_errands(self) -> None:
        while not self.stopping.is_set() and self.send_errand():
            pass

    def send_errand(self) -> bool:
        """Have the next job that is due done in a process of its own; gives whether there was one."""
        job = self._claim(but=PREPARATION + UPLOADS + NOTICES + LOOKING)
        if job is None:
            return False
        ended = self._await_errand(job)
        if ended:
            self._note_end(job, ended)
        return True

    def _claim(self, *, only: tuple[str, ...] = (), but: tuple[str, ...] = ()) -> jobs.Job | None:
        with self.db.reading() as session:
            if not jobs.is_due(session, self.clock(), only=only, but=but):
                return None
        with self.db.writing() as session:
            return jobs.claim(session, self.clock(), only=only, but=but)

    def prepare_due(self) -> None:
        """Have one process prepare all series that are due, as long as there are any."""
        self._have_done(PREPARATION)

    def take_uploads_due(self) -> None:
        """Have one process look through all uploads that are whole, as long as there are any."""
        self._have_done(UPLOADS)

    def deliver_due(self) -> None:
        """Have one process deliver all mails and webhooks that are due, as long as there are any."""
        self._have_done(NOTICES)

    def _look_over(self) -> None:
        """Have one process look over the archive's files when it is time: it takes hours."""
        self._have_done(LOOKING)

    def _pick_up_forgotten(self) -> None:
        with self.db.writing() as session:
            pick_up_forgotten(session, self.clock())

    def count_strangers(self) -> None:
        """Write what strangers did many times into the trail, once a quarter of an hour."""
        with self.db.writing() as session:
            strangers.close_over(session, self.clock())

    def _sweep_uploads(self) -> None:
        tidy(self.db, UploadFolder(self.settings.uploads_dir), self.clock())

    def _have_done(self, names: tuple[str, ...]) -> None:
        """Have one process do the jobs of these names that are due, as long as there are any."""
        job = self._claim(only=names)
        if job is None:
            return
        with Follower(self.settings) as follower:
            idle_since = time.monotonic()
            while not self.stopping.is_set():
                if job is not None:
                    ended = follower.do(Lease(self.db, job), self.stopping)
                    if ended:
                        self._note_end(job, ended)
                        return
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > PREPARER_IDLE_S:
                    return
                else:
                    self.stopping.wait(PREPARATIONS_EVERY_S)
                job = self._claim(only=names)
        if job is not None:
            self._note_end(job, "was not begun")

    def _note_end(self, job: jobs.Job, ended: str) -> None:
        """Its process died over this job. That it was stopped with the worker is nobody's fault."""
        log.warning("job %s %s", job.name, ended)
        while True:
            try:
                with self.db.writing() as session:
                    stopped, now = self.stopping.is_set(), self.clock()
                    said = f"Its process {ended}."
                    jobs.fail(session, job.id, job.holder, said, now, gives_up=not stopped)
            except Unavailable as reason:
                # Left as it is, it would look like running until its lease is over.
                log.warning("how job %s ended is noted later: %s", job.name, reason)
                if self.stopping.wait(DATABASE_AGAIN_S):
                    return
            else:
                return

    def _await_errand(self, job: jobs.Job) -> str:
        """How the errand's process ended when it could not say so itself; empty when it could."""
        lease = Lease(self.db, job)
        begun_at = time.monotonic()
        with errand_of(self.settings, *lease.named) as process:
            try:
                while (code := code_of(process, ERRAND_LOOKED_AT_EVERY_S)) is None:
                    ended = "" if lease.is_kept() else LOST
                    if time.monotonic() - begun_at > ERRAND_LIMIT_S:
                        ended = f"was ended after {ERRAND_LIMIT_S:.0f} s"
                    if self.stopping.is_set() and code_of(process, ERRAND_GRACE_S) is None:
                        ended = "was stopped with the worker"
                    if ended:
                        return ended
            finally:
                process.kill()
        return f"ended with code {code}" if code else ""


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = with_home_secrets(Settings.from_environ(os.environ))
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # httpx writes every address it asks at INFO, UIDs included.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    check_words()
    worker = Worker(settings)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: worker.stopping.set())
    worker.run()


if __name__ == "__main__":
    main()
