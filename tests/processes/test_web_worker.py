"""The web server's threads, with an application that names the thread which answers."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from server.processes import rest
from server.processes.web_worker import LINGER_MS
from tests.processes.conftest import free_ports

THREADS = 4
CONNECTIONS = 12
MOST_CONNECTIONS = 80
# More than the kernel keeps for a reader who takes nothing.
LARGE_BYTES = 24 * 1024 * 1024
KEPT_BYTES = rest.KEPT_BYTES - 1000
APPLICATION = f"""
import os
import threading
from io import BytesIO


def application(environ, start_response):
    body = str(threading.get_ident()).encode()
    if environ["PATH_INFO"] == "/refused":
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return []
    if environ["PATH_INFO"] == "/processors":
        body = str(len(os.sched_getaffinity(0))).encode()
    if environ["PATH_INFO"] == "/large":
        start_response("200 OK", [("Content-Length", "{LARGE_BYTES}")])
        return environ["wsgi.file_wrapper"](open("large", "rb"))
    if environ["PATH_INFO"] == "/kept":
        body = b"k" * {KEPT_BYTES}
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("web-worker")
    (folder / "answers.py").write_text(APPLICATION)
    with (folder / "large").open("wb") as large:
        large.truncate(LARGE_BYTES - 4)
        large.seek(0, os.SEEK_END)
        large.write(b"last")
    (port,) = free_ports(1)
    command = [
        *(sys.executable, "-m", "gunicorn", "answers:application", "--chdir", str(folder)),
        *("--bind", f"127.0.0.1:{port}", "--threads", str(THREADS), "--no-control-socket"),
        *("--worker-connections", str(MOST_CONNECTIONS)),
        *("--worker-class", "server.processes.web_worker.LingeringThreads"),
    ]
    project = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not _listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _ask(connection: http.client.HTTPConnection, path: str = "/") -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=20)


def test_requests_that_follow_each_other_are_answered_by_one_thread(port: int) -> None:
    connection = _connect(port)
    threads = [_ask(connection) for _ in range(200)]
    connection.close()
    changes = sum(one != other for one, other in pairwise(threads))
    # Handed round, four connections in five would come to another thread.
    assert changes < 100


def test_a_process_keeps_to_one_processor(port: int) -> None:
    connection = _connect(port)
    assert _ask(connection, "/processors") == b"1"
    connection.close()


def test_more_connections_than_threads_are_all_answered(port: int) -> None:
    answered: list[int] = []

    def load() -> None:
        connection = _connect(port)
        answered.append(sum(bool(_ask(connection)) for _ in range(50)))
        connection.close()

    loads = [threading.Thread(target=load) for _ in range(CONNECTIONS)]
    for one in loads:
        one.start()
    for one in loads:
        one.join(timeout=60)
    assert answered == [50] * CONNECTIONS


def test_connections_that_fall_silent_hold_no_thread(port: int) -> None:
    silent = [_connect(port) for _ in range(CONNECTIONS)]
    assert all(_ask(one) for one in silent)
    another = _connect(port)
    assert _ask(another)
    time.sleep(3 * LINGER_MS / 1000)
    # Each is still open, and is taken up again from where the main thread watches it.
    assert all(_ask(one) for one in silent)
    for one in [*silent, another]:
        one.close()


@pytest.mark.parametrize("begun", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: margin\r\nX-Slow: a"])
def test_heads_that_do_not_come_whole_hold_no_thread(port: int, begun: bytes) -> None:
    slow = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(3 * CONNECTIONS)]
    for line in slow:
        line.sendall(begun)
    another = _connect(port)
    assert _ask(another)
    another.close()
    # What comes of it later is taken up where it stood, byte by byte.
    rest = b"GET / HTTP/1.1\r\nHost: margin\r\nX-Slow: ab\r\n\r\n"[len(begun) :]
    for line in slow:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(rest)):
            line.sendall(rest[number : number + 1])
    for line in slow:
        assert line.recv(100).startswith(b"HTTP/1.1 200 OK")
        line.close()


def _slow_reader(port: int, path: str, source: str = "127.0.0.1") -> socket.socket:
    """Somebody who asks and takes nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(20)
    line.bind((source, 0))
    line.connect(("127.0.0.1", port))
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: margin\r\n\r\n".encode())
    return line


@pytest.mark.parametrize(
    ("path", "length", "end"), [("/large", LARGE_BYTES, b"last"), ("/kept", KEPT_BYTES, b"kkkk")]
)
def test_answers_that_nobody_takes_hold_no_thread(
    port: int, path: str, length: int, end: bytes
) -> None:
    slow = [_slow_reader(port, path) for _ in range(3 * CONNECTIONS)]
    another = _connect(port)
    assert _ask(another)
    another.close()
    # Each has all of its answer when it takes it, and the line goes on with the next.
    for line in (slow[0], slow[-1]):
        answer = http.client.HTTPResponse(line)
        answer.begin()
        body = answer.read()
        assert (len(body), body[-4:]) == (length, end)
        line.sendall(b"GET / HTTP/1.1\r\nHost: margin\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 200 OK")
    for line in slow:
        line.close()


def test_a_crowd_of_slow_connections_gives_way_to_whoever_comes(port: int) -> None:
    alone = socket.create_connection(("127.0.0.1", port), 20, ("127.0.0.2", 0))
    alone.sendall(b"GET / HTTP/1.1\r\n")
    slow = [_slow_reader(port, "/large") for _ in range(CONNECTIONS)]
    for _ in range(2 * MOST_CONNECTIONS):
        slow.append(socket.create_connection(("127.0.0.1", port), 20))
        slow[-1].sendall(b"GET / HT")
    another = _connect(port)
    assert _ask(another)
    another.close()
    # It is one of the crowd that went, and not the only one of its address.
    alone.sendall(b"Host: margin\r\n\r\n")
    assert alone.recv(100).startswith(b"HTTP/1.1 200 OK")
    for line in (alone, *slow):
        line.close()


def test_senders_who_are_refused_and_stay_hold_up_nobody(port: int) -> None:
    head = b"POST /refused HTTP/1.1\r\nHost: margin\r\nContent-Length: 1000000\r\n\r\n"
    # Listened to one after the other, for some seconds each, they would take longer than anybody waits.
    lines = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(3 * CONNECTIONS)]
    for line in lines:
        line.sendall(head + b"x" * 1000)
    for line in lines:
        assert line.recv(100).startswith(b"HTTP/1.1 503")
    another = _connect(port)
    assert _ask(another)
    another.close()
    # The server lets go of those who never do.
    for line in lines:
        while line.recv(1000):
            pass
        line.close()


def test_requests_sent_at_once_on_one_connection_are_each_answered(port: int) -> None:
    request = b"GET / HTTP/1.1\r\nHost: margin\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        line.sendall(3 * request)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 3:
            piece = line.recv(4096)
            assert piece
            received += piece


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("/frames/" + ",".join(map(str, range(1, 10_001))), b"", 414),
        ("/studies?PatientName=" + "A" * 1_000_000, b"", 414),
        ("/", b"X-Long: " + b"a" * 100_000 + b"\r\n", 431),
        ("/", b"X-One: a\r\n" * 1000, 431),
    ],
)
def test_a_request_that_is_too_long_is_answered_in_our_own_shape(
    port: int, request_line: str, headers: bytes, status: int
) -> None:
    sent = f"GET {request_line} HTTP/1.1\r\nHost: margin\r\n".encode() + headers + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        line.sendall(sent)
        answer = http.client.HTTPResponse(line)
        answer.begin()
        assert answer.status == status
        assert answer.headers["Content-Type"] == "application/json"
        error = json.loads(answer.read())["error"]
    assert error["code"] == ("address_too_long" if status == 414 else "headers_too_long")
    assert error["message"]
    assert error["remedy"]


def test_other_requests_that_cannot_be_read_are_still_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost margin\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400")
