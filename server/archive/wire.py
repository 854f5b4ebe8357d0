"""Bytes in bulk from and to Orthanc: a small pool of kept-alive connections.

A frame is half a megabyte, and the client that parses every header and event costs more than
Orthanc itself does for it (docs/decisions/0003-two-ways-to-orthanc.md). So files, frames and
documents go through the standard library's HTTP client; everything with a value in it goes through
pyorthanc.
"""

from __future__ import annotations

import base64
import http.client
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Self
from urllib.parse import urlsplit

from server.archive.errors import unavailable

KEEP_ALIVE_S = 0.8  # Orthanc closes an idle connection after one second
CHUNK_BYTES = 256 * 1024


class Stream:
    """An answer of Orthanc whose body is still to be read. Whoever holds it must close it."""

    def __init__(
        self, pool: Wire, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> None:
        self._pool = pool
        self._connection: http.client.HTTPConnection | None = connection
        self._answer = answer
        self.status = answer.status
        self.content_type = answer.getheader("Content-Type", "")
        self.content_length = answer.length

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (fewer only at the end), or everything. Raises ArchiveUnavailable."""
        try:
            return self._answer.read() if size < 0 else self._answer.read(size)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise unavailable(f"broken off while reading: {error!r}") from error

    def chunks(self, limit: int | None = None) -> Iterator[bytes]:
        """The rest of the body, or the next `limit` bytes of it, in pieces of bounded size.

        Raises ArchiveUnavailable when the body ends before `limit`: a shortened body must break the
        connection to the reader and not look complete.
        """
        left = limit
        while left is None or left > 0:
            piece = self.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
            if not piece:
                if left is not None:
                    raise unavailable("the body ended early")
                return
            if left is not None:
                left -= len(piece)
            yield piece

    def skip(self, size: int) -> None:
        """Reads `size` bytes and forgets them."""
        for _ in self.chunks(size):
            pass

    def close(self) -> None:
        """Gives the connection back if the body was read to its end, else ends it. Repeatable."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._answer.isclosed() and not self._answer.will_close:
            self._pool.give_back(connection)
        else:
            self._answer.close()
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Wire:
    """Connections to one Orthanc, safe to share between threads.

    `timeout_s` bounds connecting and every single read. At most `keep` idle connections are kept;
    how many are open at once is bounded by the server's threads.
    """

    def __init__(
        self, url: str, user: str, password: str, *, timeout_s: float, keep: int = 32
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._secure = parts.scheme == "https"
        self._path = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._headers: dict[str, str] = {}
        if user:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        self._idle: deque[tuple[float, http.client.HTTPConnection]] = deque(maxlen=keep)
        self._lock = threading.Lock()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Stream:
        """Asks for `path`. A kept connection that turns out to be dead is replaced, once.

        No `Accept-Encoding` is ever sent: Orthanc would spend 33 ms deflating each frame.
        Raises ArchiveUnavailable.
        """
        kept = self._kept()
        if kept is not None:
            try:
                return self._ask(kept, "GET", path, headers or {}, None)
            except ConnectionError:
                kept.close()
            except (OSError, http.client.HTTPException) as error:
                kept.close()
                raise unavailable(f"GET: {error!r}") from error
        return self._ask_anew("GET", path, headers or {}, None)

    def post(self, path: str, body: bytes | BinaryIO, headers: Mapping[str, str]) -> Stream:
        """Sends `body` (a file needs a Content-Length in `headers`), always on a new connection."""
        return self._ask_anew("POST", path, headers, body)

    def _ask_anew(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | BinaryIO | None
    ) -> Stream:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        try:
            return self._ask(connection, method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise unavailable(f"{method}: {error!r}") from error

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | BinaryIO | None,
    ) -> Stream:
        connection.putrequest(method, self._path + path, skip_accept_encoding=True)
        for name, value in {**self._headers, **headers}.items():
            connection.putheader(name, value)
        if isinstance(body, bytes):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        if body is not None:
            connection.send(body)
        return Stream(self, connection, connection.getresponse())

    def _kept(self) -> http.client.HTTPConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() - since < KEEP_ALIVE_S:
                return connection
            connection.close()

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Keeps a connection whose answer was read to the end for the next request."""
        with self._lock:
            full = len(self._idle) == self._idle.maxlen
            oldest = self._idle.popleft()[1] if full else None
            self._idle.append((time.monotonic(), connection))
        if oldest is not None:
            oldest.close()

    def close(self) -> None:
        """Ends the idle connections."""
        with self._lock:
            idle = [connection for _, connection in self._idle]
            self._idle.clear()
        for connection in idle:
            connection.close()
