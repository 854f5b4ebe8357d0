"""How a job tells the worker that it gets on, and is kept within its memory. Its lease is the worker's."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.errand.means import Errand
from server.foundation import jobs
from server.foundation.errors import Unavailable
from server.prepared import actions as preparation

ALIVE = "alive"
SAID_EVERY_S = 1.0
NOTED_EVERY_S = 2.0


class GivesWay(Unavailable):
    """This series waits for another. What was prepared of it stays."""


class WorkerGone(Unavailable):
    """Whoever sent this process has ended."""


def say(line: str) -> None:
    """One line to the worker. Raises WorkerGone."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError as reason:
        raise WorkerGone("The worker has ended.") from reason


class Alive:
    """Tells the worker that this process gets on."""

    def __init__(self) -> None:
        self._said_at = float("-inf")

    def __call__(self) -> None:
        """Raises WorkerGone when nobody listens any more."""
        now = time.monotonic()
        if now - self._said_at >= SAID_EVERY_S:
            self._said_at = now
            say(ALIVE)


class Reporter:
    """Tells the worker that this process gets on, and the records how far."""

    def __init__(self, errand: Errand, study: str, series: str) -> None:
        self._errand, self._study, self._series = errand, study, series
        self._alive = Alive()
        self._noted_at = float("-inf")
        self._at_first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Raises WorkerGone when nobody listens any more, GivesWay for a more urgent series."""
        now = time.monotonic()
        if self._at_first is None:
            self._at_first = done
        self._alive()
        if now - self._noted_at >= NOTED_EVERY_S:
            self._noted_at = now
            with self._errand.db.writing() as session:
                at = self._errand.clock()
                if done > self._at_first:
                    jobs.note_advance(session, self._errand.job_id)
                preparation.note_progress(session, self._study, self._series, done, total, at)
                gives_way = jobs.gives_way(session, self._errand.job_id, at)
            if gives_way:
                raise GivesWay("Somebody is looking at another series: that one comes first.")


@contextmanager
def memory_beyond(most_bytes: int) -> Iterator[None]:
    """Hold this process to `most_bytes` more memory than it has now; beyond that is a MemoryError."""
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + most_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
