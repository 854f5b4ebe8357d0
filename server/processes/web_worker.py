"""gunicorn's threads, except that a thread waits a moment for the next request of its connection.

A viewer that loads a phase asks for the next frame as soon as it has one. gunicorn hands the connection
back to its main thread after every answer, and from there to any thread of the pool: four changes of
thread, each of which waits for Python's one lock. Served by the thread that served it before, a frame
costs two fifths less (`bench/README.md`).
"""

from __future__ import annotations

import select
import threading
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

LINGER_MS = 20


class LingeringThreads(ThreadWorker):  # type: ignore[misc]
    """The worker class: at most half of the threads wait, each for `LINGER_MS` at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_linger = threading.Semaphore(self.cfg.threads // 2)

    def handle(self, conn: TConn) -> Any:
        """Serve the connection's requests for as long as they follow each other closely.

        Gives what gunicorn's own does: True hands the connection to the main thread, which watches it.
        """
        outcome = super().handle(conn)
        while outcome is True and self._next_follows(conn):
            outcome = super().handle(conn)
        return outcome

    def _next_follows(self, conn: TConn) -> bool:
        # Bytes that were read ahead are seen by the main thread, which does not look at the socket then.
        if not self.alive or conn.parser.unreader.buf.getvalue():
            return False
        if not self._may_linger.acquire(blocking=False):
            return False
        try:
            watch = select.poll()
            watch.register(conn.sock, select.POLLIN)
            return bool(watch.poll(LINGER_MS))
        finally:
            self._may_linger.release()
