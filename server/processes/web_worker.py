"""gunicorn's threads, for a viewer that asks for hundreds of frames a second.

A thread waits a moment for the next request of its connection: gunicorn would hand the connection back to
its main thread after every answer, and from there to any thread of the pool, which is four changes of
thread. And a process keeps to one processor: its threads compute one at a time anyway, and handing
Python's one lock from processor to processor costs more than all the work. Measured with 16 connections
on two processors: 2.1 times Orthanc's frames a second on any processor, 5.2 times on one.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from server.processes import too_long

LINGER_MS = 20


class LingeringThreads(ThreadWorker):  # type: ignore[misc]
    """The worker class: at most half of the threads wait, each for `LINGER_MS` at a time.

    Several processes take the processors in turn, of those that they may use at all.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_linger = threading.Semaphore(self.cfg.threads // 2)

    def init_process(self) -> None:
        """Called in the new process, before it listens."""
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[self.age % len(allowed)]})
        super().init_process()

    def handle(self, conn: TConn) -> Any:
        """Serve the connection's requests for as long as they follow each other closely.

        Gives what gunicorn's own does: True hands the connection to the main thread, which watches it.
        """
        outcome = super().handle(conn)
        while outcome is True and self._next_follows(conn):
            outcome = super().handle(conn)
        return outcome

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that cannot be read, in our own shape where only its length is wrong."""
        answer = too_long.answer_to(exc)
        if answer is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("A request was too long: %s", type(exc).__name__)
        too_long.send_and_close(client, answer)

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
