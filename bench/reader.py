"""A reader of frames that costs little: `python -m bench.reader`, told by JSON on its standard input.

Bytes are received into one buffer per connection and counted, nothing is kept and nothing decoded, in
a process of its own. It reads both sides alike, so that what differs is the server. It answers in JSON:
how many answers came, how many bytes their bodies had, and how long it took.
"""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

BUFFER_BYTES = 4 * 1024 * 1024
LONGEST_HEAD_BYTES = 64 * 1024
BEGUN = "begun"


@dataclass(frozen=True)
class Task:
    """What to read: `count` times the next of `paths`, over so many connections.

    `every_s` is how often each connection asks: 0 asks as soon as it has its answer. SIGTERM ends a
    reading earlier, with what was read until then.
    """

    url: str
    headers: dict[str, str]
    paths: list[str]
    count: int
    connections: int
    every_s: float = 0.0


@dataclass(frozen=True)
class Reading:
    """What came of it: answers, bytes of their bodies, seconds from the first question to the end."""

    answers: int
    body_bytes: int
    seconds: float

    @property
    def per_s(self) -> float:
        return self.answers / self.seconds


def begin(task: Task) -> subprocess.Popen[bytes]:
    """A process that has begun to read; `outcome` waits for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(task)).encode())
    process.stdin.close()
    process.stdin = None
    assert process.stdout is not None
    process.stdout.readline()
    return process


def trusting() -> ssl.SSLContext:
    """A proxy on this machine has a certificate that it made itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def outcome(process: subprocess.Popen[bytes]) -> Reading:
    """What a reading process found. Raises RuntimeError when an answer was not a good one."""
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(err.decode()[-500:] or f"the reader ended by {-process.returncode}")
    return Reading(**json.loads(out))


class Connection:
    """One kept-alive connection over which answers are counted."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if self._secure else 80))
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> int:
        """Bytes of the body of one answer; everything but 200 and 206 raises RuntimeError."""
        connection = self._socket or self._connect()
        connection.sendall(request)
        filled = 0
        while (end := bytes(self._buffer[:filled]).find(b"\r\n\r\n")) < 0:
            got = connection.recv_into(self._buffer[filled:LONGEST_HEAD_BYTES])
            if not got:
                raise RuntimeError("the connection was closed before an answer")
            filled += got
        head = bytes(self._buffer[:end]).lower()
        status = head.split(b" ", 2)[1]
        if status not in (b"200", b"206"):
            raise RuntimeError(f"status {status.decode()} to {request.split(b' ', 2)[1].decode()}")
        closes = b"\r\nconnection: close" in head
        size = self._body(connection, head, filled - end - 4)
        if closes:
            self.close()
        return size

    def _body(self, connection: socket.socket, head: bytes, got: int) -> int:
        _, named, after = head.partition(b"\r\ncontent-length:")
        length = int(after.split(b"\r\n", 1)[0]) if named else -1
        if length < 0 and b"\r\nconnection: close" not in head:
            raise RuntimeError("an answer without a length that does not end its connection")
        while length < 0 or got < length:
            piece = connection.recv_into(self._buffer)
            if not piece:
                break
            got += piece
        if length >= 0 and got != length:
            raise RuntimeError(f"{got} bytes of {length} came")
        return got

    def _connect(self) -> socket.socket:
        plain = socket.create_connection(self._address, timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = trusting().wrap_socket(plain) if self._secure else plain
        return self._socket

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def perform(task: Task, ended: threading.Event) -> Reading:
    """Read it all in this process, one thread per connection, until `ended`."""
    parts = urlsplit(task.url)
    rest = "".join(f"{name}: {value}\r\n" for name, value in task.headers.items())
    requests = [
        f"GET {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{rest}\r\n".encode()
        for path in task.paths
    ]
    results: list[list[int]] = [[] for _ in range(task.connections)]
    failures: list[BaseException] = []
    started = time.perf_counter()

    def work(first: int) -> None:
        connection = Connection(task.url)
        try:
            for number in range(first, task.count, task.connections):
                results[first].append(connection.ask(requests[number % len(requests)]))
                due = started + task.every_s * len(results[first])
                if ended.wait(max(0.0, due - time.perf_counter()) if task.every_s else 0):
                    break
        except (OSError, RuntimeError) as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(task.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(str(failures[0]))
    seconds = time.perf_counter() - started
    return Reading(sum(map(len, results)), sum(map(sum, results)), seconds)


def main() -> int:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    task = Task(**json.load(sys.stdin))
    print(BEGUN, flush=True)
    try:
        found = perform(task, ended)
    except RuntimeError as failure:
        print(failure, file=sys.stderr)
        return 1
    json.dump(asdict(found), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
