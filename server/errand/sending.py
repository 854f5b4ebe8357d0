"""The worker's side of an errand: its process, and the lease of the job that it does.

The worker renews the lease, not the process that does the job: a job may compute for minutes without a
pause, and one that hangs must not keep its lease by itself. The process ends with the worker, so it cannot
go on when nobody renews.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from typing import Final, Self

from server.foundation import jobs
from server.foundation.db import Database
from server.foundation.errors import MarginError
from server.foundation.settings import Settings

RENEWED_EVERY_S: Final = jobs.LEASE.total_seconds() / 6
SILENT_S: Final = 300.0
# Should this process be killed, what it started is told to end.
ENDS_WITH_US: Final = ("setpriv", "--pdeathsig", "TERM", "--")
LOST: Final = "was ended: somebody else does its job"
log = logging.getLogger("margin.worker")


class Lease:
    """One claim of a job, kept as long as it is asked about."""

    def __init__(self, db: Database, job: jobs.Job) -> None:
        self._db, self._job = db, job
        self._renewed_at = time.monotonic()

    @property
    def named(self) -> tuple[str, ...]:
        """What the errand's process is told: job and claim."""
        return (self._job.id, self._job.holder or "")

    def is_kept(self) -> bool:
        """Renews the lease when it is time. False when somebody else has claimed the job."""
        now = time.monotonic()
        if now - self._renewed_at < RENEWED_EVERY_S:
            return True
        self._renewed_at = now
        try:
            with self._db.writing() as session:
                return jobs.renew(session, *self.named)
        except MarginError as reason:
            # Nobody can claim it there either; when the database is back, it says who has the job.
            log.warning("the lease of job %s is renewed later: %s", self._job.name, reason)
            return True


def errand_of(
    settings: Settings, *arguments: str, pipes: int | None = None
) -> subprocess.Popen[bytes]:
    """A process for errands, which ends when this one does. `pipes` are its input and its output."""
    command = [*ENDS_WITH_US, sys.executable, "-m", "server.errand", *arguments]
    environment = {**os.environ, **settings.to_environ()}
    return subprocess.Popen(command, env=environment, stdin=pipes, stdout=pipes)  # noqa: S603 - our own program


def code_of(process: subprocess.Popen[bytes], within_s: float) -> int | None:
    """What it ended with; None when it runs on."""
    try:
        return process.wait(within_s)
    except subprocess.TimeoutExpired:
        return None


class Follower:
    """A process that does one job after the other, and says that it is alive while it does."""

    def __init__(self, settings: Settings) -> None:
        self._process = errand_of(settings, "--follow", pipes=subprocess.PIPE)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def do(self, lease: Lease, stopping: threading.Event) -> str:
        """Have a job done; how the process ended when it did, empty when it can do another."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{' '.join(lease.named)}\n".encode())
            self._process.stdin.flush()
        except OSError:
            return self._ended()
        heard_at, line = time.monotonic(), b""
        while not stopping.is_set():
            heard = self._hear()
            if heard == b"":
                return self._ended()
            if heard is not None:
                heard_at, line = time.monotonic(), line + heard
                if b"done\n" in line:
                    return ""
                line = line[-8:]
            elif time.monotonic() - heard_at > SILENT_S:
                self._kill()
                return f"was ended after {SILENT_S:.0f} s without a sign of life"
            if not lease.is_kept():
                self._kill()
                return LOST
        self._process.terminate()
        return self._ended()

    def _hear(self) -> bytes | None:
        """What it says within half a second; None for nothing, b"" when it has ended."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            if not ready.select(0.5):
                return None
        return os.read(self._process.stdout.fileno(), 4096)

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _ended(self) -> str:
        code = code_of(self._process, 30)
        if code is None:
            self._process.kill()
            return "did not end when told to"
        return f"ended with code {code}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end by itself: it has nothing to do any more."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._ended()
