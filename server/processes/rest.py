"""Answers that wait for no reader: what is not taken at once is kept, and sent on later.

gunicorn sends an answer in the thread that made it, and waits there for as long as its reader takes: as
many slow readers as there are threads, and no page is answered any more. So a line keeps the rest of its
answer, which whoever watches the line sends on, and the thread goes on to others. Of a file nothing is read
meanwhile. Of other answers a line keeps only so much; what is longer holds its thread, and nobody is given
such a one who was not let in.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

KEPT_BYTES: Final = 1024 * 1024
# Nearly every reader takes its answer within so long, and is spared a change of threads.
PATIENCE_S: Final = 0.2
# Whoever takes nothing for so long is gone; nginx waits as long (`send_timeout`).
STALLED_S: Final = 60.0
# Of one line, before it is another's turn.
_AT_ONCE_BYTES: Final = 1024 * 1024


@dataclass
class _OfFile:
    """A part of an open file, by a descriptor of our own."""

    descriptor: int
    offset: int
    left_bytes: int


class Line(socket.socket):
    """A connection that keeps what its reader has not taken yet. It takes over from `accepted`."""

    def __init__(self, accepted: socket.socket) -> None:
        family, kind, protocol = accepted.family, accepted.type, accepted.proto
        super().__init__(family, kind, protocol, fileno=accepted.detach())
        self._rest: deque[memoryview | _OfFile] = deque()
        self._kept_bytes = 0
        self._patience_s = 0.0

    def begin_answer(self) -> None:
        """What is sent next is another answer, for whose reader a thread waits a moment again."""
        self._patience_s = PATIENCE_S

    @property
    def is_behind(self) -> bool:
        """Whether some of the answer is still to be sent."""
        return bool(self._rest)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what is taken at once, and keep the rest. Raises OSError."""
        left = memoryview(data).cast("B")
        while not self._rest and len(left):
            sent = self._now(left)
            left = left[sent:]
            if not sent and not self._is_taken_soon():
                break
        if len(left):
            self._keep(left)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """The same with part of a file, of which the rest is read when it is sent. Raises OSError."""
        if count is None:
            count = os.fstat(file.fileno()).st_size - offset
        part = _OfFile(os.dup(file.fileno()), offset, count)
        self._rest.append(part)
        if self._rest[0] is part:
            while not self.send_on() and self._is_taken_soon():
                pass
        return count

    def send_on(self) -> bool:
        """Send what is taken now of the rest; whether that was all. Raises OSError."""
        timeout_s = self.gettimeout()
        self.settimeout(0)
        try:
            room = _AT_ONCE_BYTES
            while self._rest and room > 0:
                sent = self._send_first(room)
                if not sent:
                    break
                room -= sent
        finally:
            self.settimeout(timeout_s)
        return not self._rest

    def close(self) -> None:
        while self._rest:
            self._drop_first()
        super().close()

    def _now(self, data: memoryview) -> int:
        try:
            return self.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _is_taken_soon(self) -> bool:
        if self._patience_s <= 0:
            return False
        began = time.monotonic()
        is_taken = _is_writable(self, self._patience_s)
        self._patience_s -= time.monotonic() - began
        return is_taken

    def _keep(self, data: memoryview) -> None:
        self._rest.append(memoryview(bytes(data)))
        self._kept_bytes += len(data)
        while self._kept_bytes > KEPT_BYTES:
            before = self._kept_bytes
            if self.send_on():
                return
            if self._kept_bytes == before and not _is_writable(self, STALLED_S):
                raise BrokenPipeError(errno.EPIPE, "the reader takes nothing any more")

    def _send_first(self, most_bytes: int) -> int:
        first = self._rest[0]
        if isinstance(first, memoryview):
            sent = self._now(first[:most_bytes])
            self._kept_bytes -= sent
            self._rest[0] = first[sent:]
            if sent == len(first):
                self._rest.popleft()
            return sent
        sent = self._of_file(first, most_bytes)
        if not first.left_bytes:
            self._drop_first()
        return sent

    def _of_file(self, part: _OfFile, most_bytes: int) -> int:
        wanted = min(most_bytes, part.left_bytes)
        try:
            sent = os.sendfile(self.fileno(), part.descriptor, part.offset, wanted)
        except BlockingIOError:
            return 0
        if wanted and not sent:
            raise BrokenPipeError(errno.EPIPE, "the file is shorter than it was")
        part.offset += sent
        part.left_bytes -= sent
        return sent

    def _drop_first(self) -> None:
        first = self._rest.popleft()
        if isinstance(first, _OfFile):
            os.close(first.descriptor)
        else:
            self._kept_bytes -= len(first)


def _is_writable(line: socket.socket, within_s: float) -> bool:
    watch = select.poll()
    watch.register(line, select.POLLOUT)
    return bool(watch.poll(within_s * 1000))
