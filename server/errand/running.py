"""Doing the jobs that are named, and recording how each ended."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys

from server.errand.life import WorkerGone, say
from server.errand.means import Errand
from server.errand.table import JOBS
from server.foundation import jobs
from server.foundation.errors import MarginError, Unavailable
from server.foundation.settings import Settings, with_home_secrets

MOST_MEMORY_BYTES = 8 * 1024**3
FOLLOWING = "--follow"
DONE = "done"
NICENESS = 10
log = logging.getLogger("margin.errand")


def do(errand: Errand, job_id: str, holder: str | None = None) -> None:
    """Do the job and record how it ended. A job that only waits for the archive is never given up.

    `holder` is the claim under which it is done; without it, whichever claim there is now.
    """
    errand.job_id = job_id
    with errand.db.reading() as session:
        job = session.get_one(jobs.Job, job_id)
    holder = holder or job.holder
    if (job.state, job.holder) != ("running", holder):
        log.warning("job %s is somebody else's by now", job.name)
        return
    try:
        JOBS[job.name](errand, job.payload)
    except Exception as error:
        known = isinstance(error, MarginError)
        log.warning("job %s failed: %s", job.name, type(error).__name__, exc_info=not known)
        with errand.db.writing() as session:
            jobs.fail(
                session,
                job_id,
                holder,
                f"{type(error).__name__}: {error}",
                errand.clock(),
                gives_up=not isinstance(error, Unavailable),
            )
    else:
        with errand.db.writing() as session:
            jobs.finish(session, job_id, holder, errand.clock())


def follow(errand: Errand) -> None:
    """Do the jobs named on standard input, one after the other, until it ends."""
    os.nice(NICENESS)
    # Unwinding leaves a journal that says what was finished; being killed leaves it to be guessed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for line in iter(sys.stdin.readline, ""):
        do(errand, *line.split())
        try:
            say(DONE)
        except WorkerGone:
            return


def main() -> None:
    """Do the job named on the command line, or those that will be named."""
    settings = with_home_secrets(Settings.from_environ(os.environ))
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # httpx writes every address it asks at INFO, UIDs included.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    errand = Errand(settings)
    if sys.argv[1] == FOLLOWING:
        follow(errand)
    else:
        do(errand, *sys.argv[1:])
