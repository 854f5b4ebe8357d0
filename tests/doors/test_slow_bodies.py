"""What somebody sends slowly, or too much of, stands in nobody's way."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterator
from selectors import EVENT_READ, DefaultSelector

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.serving import make_server
from werkzeug.test import TestResponse, encode_multipart

from server.access.actions import revoke_grant
from server.access.queries import grants_of_case
from server.foundation import audit
from server.foundation.places import NoPlaceFree, Places
from server.intake.uploads.records import Upload
from server.web import tus
from tests.world import World

Visit = Callable[[str], tuple[FlaskClient, str]]


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


def test_nobody_gets_more_than_a_share_and_the_last_places_are_for_others() -> None:
    places = Places(6, 3)
    with contextlib.ExitStack() as held:
        for by in ("a", "a", "a", "b"):
            held.enter_context(places.taken(by))
        for by in ("a", "b"):
            with pytest.raises(NoPlaceFree) as refused, places.taken(by):
                pass
            assert refused.value.facts["retry_after_s"]
        for by in ("c", "d"):
            held.enter_context(places.taken(by))
        with pytest.raises(NoPlaceFree), places.taken("e"):
            pass
    for _ in range(10):
        with places.taken("e"):
            pass


def test_slow_uploads_of_one_case_leave_room_for_others_and_are_told_when_to_come_again(
    app: Flask, small_world: World, port: int
) -> None:
    many = 20
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as hospital:
        base = opened(hospital, small_world.tokens["hospital"])
        begun = [begin(hospital, base) for _ in range(many)]
        cookie = "; ".join(f"{name}={value}" for name, value in hospital.cookies.items())
        with contextlib.ExitStack() as held:
            slow = [held.enter_context(half_a_piece(port, at, cookie)) for at in begun]
            share = app.extensions["margin"].settings.web_threads // 2
            refused = list(answers(slow, many - share))
            assert {one.status for one in refused} == {503}
            assert {one.headers["Retry-After"] for one in refused} == {"5"}
            assert all(b"no_place_free" in one.read() for one in refused)
            with httpx.Client(base_url=hospital.base_url, timeout=20) as surgeon:
                place = opened(surgeon, small_world.tokens["surgeon"])
                assert surgeon.get(place).status_code == 200
                saved = surgeon.put(
                    f"{place}api/annotation",
                    json={"answers": {}, "version": 0},
                    headers={"X-Margin-Panel": "1"},
                )
                assert saved.status_code == 200
            with httpx.Client(base_url=hospital.base_url, timeout=20) as other:
                place = opened(other, small_world.tokens["other_surgeon"])
                assert other.get(place).status_code == 200


def opened(client: httpx.Client, token: str) -> str:
    return str(client.post("/open", json={"token": token}).json()["location"])


def begin(client: httpx.Client, base: str) -> str:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1000"}
    return client.post(f"{base}uploads", headers=headers).headers["Location"]


def half_a_piece(port: int, at: str, cookie: str) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = (
        f"PATCH {at} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
        "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Length: 1000\r\n"
        "Content-Type: application/offset+octet-stream\r\n\r\n"
    )
    line.sendall(head.encode() + b"x")
    return line


def answers(lines: list[socket.socket], count: int) -> Iterator[http.client.HTTPResponse]:
    """The first so many answers, whoever gets them."""
    with DefaultSelector() as waiting:
        for line in lines:
            waiting.register(line, EVENT_READ)
        while count:
            ready = waiting.select(20)
            assert ready, f"{count} more were to be answered"
            for key, _ in ready:
                waiting.unregister(key.fileobj)
                answer = http.client.HTTPResponse(key.fileobj)  # type: ignore[arg-type]
                answer.begin()
                yield answer
                count -= 1


class Interrupted:
    """A body on its way; before its first byte something happens."""

    def __init__(self, content: bytes, before: Callable[[], None]) -> None:
        self._content, self._before = io.BytesIO(content), before

    def read(self, size: int = -1) -> bytes:
        if not self._content.tell():
            self._before()
        return self._content.read(size)


@pytest.mark.parametrize("address", ["files", "uploads/glance", "uploads"])
def test_a_link_withdrawn_while_a_body_is_on_its_way_stops_what_it_would_have_done(
    app: Flask,
    small_world: World,
    visit: Visit,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    monkeypatch.setattr(tus, "READMITTED_EVERY_S", 0.0)
    client, base = visit("hospital")
    db = app.extensions["margin"].db
    form, body = encode_multipart({"files": (io.BytesIO(b"%PDF-1.4 %%EOF"), "letter.pdf")})
    kind = f"multipart/form-data; boundary={form}"
    headers = {"X-Margin-Panel": "1", "Accept": "application/json"}
    if address == "uploads/glance":
        body, kind = b'{"files": []}', "application/json"
    elif address == "uploads":
        kind = "application/offset+octet-stream"
        headers |= {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(body))}

    def withdraw() -> None:
        with db.writing() as session:
            for grant in grants_of_case(session, small_world.inside.id):
                revoke_grant(session, grant, by="test", why="test", now=_now(app))

    def sent() -> TestResponse:
        sending = {
            "wsgi.input": Interrupted(body, withdraw),
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": kind,
        }
        return client.post(f"{base}/{address}", headers=headers, environ_overrides=sending)

    answer = sent()
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "grant_revoked"
    with db.reading() as session:
        assert session.scalar(select(func.count(Upload.id))) == 0
