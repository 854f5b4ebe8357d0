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
import selectors
import socket
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import TConn, ThreadWorker

from server.foundation.places import IN_BULK_PER_THREAD
from server.processes import head, too_long
from server.processes.rest import STALLED_S, Line

LINGER_MS = 20
# What follows an answer that did not wait for its body: read so long in case it is here already.
REST_OF_BODY_S: Final = 0.05
# A sender that is still sending when its line is closed does not get to read the answer (RFC 9112, 9.6).
# It is listened to for so long, and no longer.
LISTENED_TO_S: Final = 2.0
_PIECE_BYTES: Final = 64 * 1024
# For the head of a request to come whole; nginx waits as long (`client_header_timeout`).
HEAD_WITHIN_S: Final = 15.0
UNFINISHED: Final = object()


@dataclass(frozen=True)
class _Behind:
    """The answer's reader is behind; `then` is what gunicorn is told when it has all of it."""

    then: bool


class LingeringThreads(ThreadWorker):  # type: ignore[misc]
    """The worker class: at most half of the threads that answer pages wait, for `LINGER_MS` at a time.

    Several processes take the processors in turn, of those that they may use at all. Who sends the head of
    a request slowly, or nothing, holds no thread: the main thread takes what comes of it. Who reads slowly
    holds none either: the main thread sends the rest. Nor does a sender who is refused and goes on sending
    hold up a thread, and least of all the main thread, where gunicorn would listen to each of them for two
    seconds while nobody else is served. And when there are as many connections as a process has, one of
    these gives way to whoever comes: of the address that has most of them, one whose head is not whole, or
    whose answer is not taken, or that is silent; the longest first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for_pages = self.cfg.threads // (1 + IN_BULK_PER_THREAD)
        self._may_linger = threading.Semaphore(max(1, for_pages // 2))
        self._leaving: deque[tuple[float, TConn]] = deque()
        # Whose answers are not taken yet, since when they took nothing; the longest first.
        self._behind: dict[TConn, float] = {}

    def init_process(self) -> None:
        """Called in the new process, before it listens."""
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[self.age % len(allowed)]})
        super().init_process()

    def handle(self, conn: TConn) -> Any:
        """Serve the connection's requests for as long as they follow each other closely.

        Gives what gunicorn's own does: True hands the connection to the main thread, which watches it.
        """
        if not conn.initialized:
            conn.sock = Line(conn.sock)
        outcome = self._served(conn)
        while outcome is True and not conn.sock.is_behind and self._next_follows(conn):
            outcome = self._served(conn)
        if conn.sock.is_behind:
            return _Behind(outcome is True)
        return outcome

    def _served(self, conn: TConn) -> Any:
        try:
            conn.init()
            conn.sock.begin_answer()
            # The head of nearly every request is here at once, or a moment after its connection.
            if not (head.is_whole(conn) or (_is_readable(conn.sock) and head.goes_on_whole(conn))):
                return UNFINISHED
        except OSError:
            return False
        except (LimitRequestLine, LimitRequestHeaders) as problem:
            self.handle_error(None, conn.sock, conn.client, problem)
            return False
        return super().handle(conn)

    def finish_request(self, conn: TConn, done: Future[Any]) -> None:
        """What is done in the main thread after each request: a connection that ends is listened to as it
        leaves, beside all others, and so is one whose next request is not whole yet."""
        if done.cancelled() or done.exception() is not None:
            super().finish_request(conn, done)
            return
        if done.result() is UNFINISHED:
            self._await_head(conn)
            return
        if isinstance(done.result(), _Behind):
            self._await_reader(conn, done.result().then)
            return
        if done.result() is not False:
            super().finish_request(conn, done)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            heard = partial(self._hear_out, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, heard)
        except (OSError, ValueError):
            self._let_go(conn)
            return
        self._leaving.append((time.monotonic() + LISTENED_TO_S, conn))

    def _await_head(self, conn: TConn) -> None:
        """gunicorn ends those in time that wait here, as it does those that send nothing."""
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_WITHIN_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._take_head, conn))

    def _take_head(self, conn: TConn, line: socket.socket) -> None:
        try:
            if not head.goes_on_whole(conn):
                return
        except (OSError, LimitRequestLine, LimitRequestHeaders):
            pass  # A thread meets the same, and answers it.
        self.on_pending_socket_readable(conn, line)

    def _await_reader(self, conn: TConn, then: bool) -> None:
        conn.sock.setblocking(False)
        self._behind[conn] = time.monotonic()
        send_on = partial(self._send_on, conn, then)
        self.poller.register(conn.sock, selectors.EVENT_WRITE, send_on)

    def _send_on(self, conn: TConn, then: bool, line: Line) -> None:
        del self._behind[conn]
        try:
            if not line.send_on():
                self._behind[conn] = time.monotonic()
                return
        except OSError:
            then = False
        self.poller.unregister(line)
        line.setblocking(True)
        done: Future[bool] = Future()
        done.set_result(then)
        self.finish_request(conn, done)

    def _hear_out(self, conn: TConn, line: socket.socket) -> None:
        try:
            if line.recv(_PIECE_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.poller.unregister(line)
        self._let_go(conn)

    def _let_go(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Called in every turn of the main thread."""
        super().murder_pending()
        while self._leaving and self._leaving[0][0] <= time.monotonic():
            _, conn = self._leaving.popleft()
            if conn.sock.fileno() >= 0:
                self.poller.unregister(conn.sock)
                self._let_go(conn)
        longest_ago = time.monotonic() - STALLED_S
        while self._behind and next(iter(self._behind.values())) <= longest_ago:
            self._give_way(next(iter(self._behind)), self._behind)
        while self.nr_conns >= self.worker_connections and self._shed():
            pass

    def _shed(self) -> bool:
        """Let one connection go that needs no thread, so that another can come; whether there was one.

        While most need a thread they go on by themselves, and who waits is not to blame.
        """
        waiting = (self.pending_conns, self._behind, self.keepalived_conns)
        lines = Counter(_address(conn) for conns in waiting for conn in conns)
        if 2 * lines.total() < self.nr_conns:
            return False
        ((most, _),) = lines.most_common(1)
        conns = next(conns for conns in waiting if any(_address(one) == most for one in conns))
        self._give_way(next(one for one in conns if _address(one) == most), conns)
        return True

    def _give_way(self, conn: TConn, among: deque[TConn] | dict[TConn, float]) -> None:
        if isinstance(among, dict):
            del among[conn]
        else:
            among.remove(conn)
        self.poller.unregister(conn.sock)
        self._let_go(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """A stopping worker waits no longer for a request that has not come whole than for the next."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # gunicorn's own reads a body that nobody wanted for five seconds, in the thread.
        until = time.monotonic() + REST_OF_BODY_S
        return keepalive and bool(conn.parser.finish_body(deadline=until))

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
            return _is_readable(conn.sock)
        finally:
            self._may_linger.release()


def _address(conn: TConn) -> str:
    """Where a connection comes from; behind the proxy all come from one place."""
    return str(conn.client[0]) if isinstance(conn.client, tuple) else ""


def _is_readable(line: socket.socket) -> bool:
    """Whether anything comes within LINGER_MS."""
    watch = select.poll()
    watch.register(line, select.POLLIN)
    return bool(watch.poll(LINGER_MS))
