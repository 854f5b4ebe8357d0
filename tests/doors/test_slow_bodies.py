"""What somebody sends slowly, or too much of, stands in nobody's way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from server.foundation import audit
from tests.world import World


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server.server_port
    server.shutdown()
    serving.join()
    server.server_close()


def test_a_stranger_who_sends_slowly_keeps_nobody_from_writing(
    app: Flask, small_world: World, port: int
) -> None:
    head = (
        "POST /open HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 20\r\nConnection: close\r\n\r\n"
    )
    db = app.extensions["margin"].db
    with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
        slow.sendall(head.encode() + b'{"token":')
        # The server has begun with it: it answers others on the same address meanwhile.
        with socket.create_connection(("127.0.0.1", port), timeout=20) as other:
            other.sendall(head.encode() + b'{"token": "unknown"}')
            assert b" 401 " in other.recv(100)
        with db.writing() as session:
            audit.append(session, actor="a", action="b", object_="c", outcome="done", now=_now(app))
        slow.sendall(b' "xyz"}    ')
        assert b" 401 " in slow.recv(100)


def _now(app: Flask):  # type: ignore[no-untyped-def]
    return app.extensions["margin"].clock()


@pytest.mark.parametrize(
    ("url", "status"),
    [("/sign-in", 413), ("/open", 413), ("/cases/M-2026-00001/files", 401), ("/people", 401)],
)
def test_of_a_stranger_no_large_body_is_read(client: FlaskClient, url: str, status: int) -> None:
    class Endless:
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            self.read_bytes += max(size, 0)
            return b"x" * max(size, 0)

        def readline(self, size: int = -1) -> bytes:
            return self.read(max(size, 1))

    sent = Endless()
    answer = client.post(
        url,
        environ_overrides={
            "wsgi.input": sent,
            "CONTENT_LENGTH": "3000000000",
            "CONTENT_TYPE": "multipart/form-data; boundary=x",
        },
    )
    assert answer.status_code == status
    assert sent.read_bytes < 2_000_000
