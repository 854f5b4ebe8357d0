"""nginx in front: TLS, HTTP/2, prepared files, and nothing let through that it should not."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.processes.health import proxy_problem, web_problem
from server.processes.memory import tree
from server.processes.nginx_configuration import (
    ProxyMissing,
    ProxyPathUnfit,
    configuration,
    nginx_program,
)
from server.processes.proxy import without_identity
from tests.processes.conftest import MakeSettings, settings_for
from tests.processes.proxied import (
    FRAME_HEADERS,
    Proxy,
    running_proxy,
    trusting,
    web_server,
)
from tests.processes.test_up import await_, pid_of, ready, up, was_replaced

FRAME = bytes(range(256)) * 800
AWAY = "the proxy answers 503"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy whose home lies deep and has a space in its name, with one prepared file."""
    deep = tmp_path_factory.mktemp("proxy") / ("d" * 60) / ("e" * 60) / "a home"
    settings = settings_for(deep, MARGIN_PROXY="true", MARGIN_MAXIMUM_UPLOAD_MB="1")
    with web_server(settings.home) as web, running_proxy(settings) as running:
        file = settings.cache_dir / "ab" / "frame.1"
        file.parent.mkdir(parents=True)
        file.write_bytes(FRAME)
        yield replace(running, web=web)


def test_it_speaks_http_2_and_modern_tls(proxy: Proxy) -> None:
    context = trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", proxy.settings.port), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"
        assert secure.version() == "TLSv1.3"


def test_the_application_learns_who_asks_and_what_the_proxy_can_do(proxy: Proxy) -> None:
    _, body = proxy.ask(
        "/echo",
        X_Margin_Accel="from outside",
        X_Forwarded_For="10.9.9.9",
        X_Forwarded_Proto="http",
        X_Forwarded_Host="elsewhere.example",
        X_Forwarded_Prefix="/elsewhere",
        Forwarded="for=10.9.9.9",
    )
    seen = json.loads(body)
    assert seen["X-Margin-Accel"] == "1"
    # The application believes as many entries from the right as there are proxies.
    assert seen["X-Forwarded-For"] == "10.9.9.9, 127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-Host"] == seen["Host"] == f"127.0.0.1:{proxy.settings.port}"
    assert not {"X-Forwarded-Prefix", "Forwarded"} & set(seen)
    assert proxy.settings.proxy_count == 1


def test_a_prepared_file_is_sent_with_the_headers_of_the_application(proxy: Proxy) -> None:
    answer, body = proxy.ask("/file/ab/frame.1")
    assert (answer.status, body) == (200, FRAME)
    for name, value in FRAME_HEADERS.items():
        assert answer.getheader(name) == value, name
    assert answer.getheader("Content-Length") == str(len(FRAME))
    assert answer.getheader("Last-Modified") is None
    assert answer.getheader("X-Accel-Redirect") is None
    state = (proxy.settings.cache_dir / "ab" / "frame.1").stat()
    assert answer.getheader("ETag") == f'"{int(state.st_mtime):x}-{state.st_size:x}"'


def test_parts_of_a_prepared_file_can_be_asked_for(proxy: Proxy) -> None:
    answer, body = proxy.ask("/file/ab/frame.1", Range="bytes=1000-1999")
    assert (answer.status, body) == (206, FRAME[1000:2000])
    assert answer.getheader("Content-Range") == f"bytes 1000-1999/{len(FRAME)}"
    assert answer.getheader("Cache-Control") == FRAME_HEADERS["Cache-Control"]
    answer, _ = proxy.ask("/file/ab/frame.1", Range=f"bytes={len(FRAME)}-")
    assert answer.status == 416
    answer, body = proxy.ask("/file/ab/frame.1", method="HEAD")
    assert (answer.status, body) == (200, b"")
    assert answer.getheader("Content-Length") == str(len(FRAME))


def test_an_unchanged_prepared_file_is_not_sent_again(proxy: Proxy) -> None:
    tag = proxy.ask("/file/ab/frame.1")[0].getheader("ETag")
    assert tag
    answer, body = proxy.ask("/file/ab/frame.1", If_None_Match=tag)
    assert (answer.status, body) == (304, b"")
    answer, body = proxy.ask("/file/ab/frame.1", If_Range='"other"', Range="bytes=0-9")
    assert (answer.status, len(body)) == (200, len(FRAME))


def test_prepared_files_cannot_be_asked_for_past_the_application(proxy: Proxy) -> None:
    for path in ("/prepared/ab/frame.1", "//prepared/ab/frame.1", "/x/../prepared/ab/frame.1"):
        _, body = proxy.ask(path)
        # The application is asked, which knows no such address.
        assert "Host" in json.loads(body), path
    answer, _ = proxy.ask("/file/../proxy.log")
    assert answer.getheader("Content-Type") != FRAME_HEADERS["Content-Type"]


def test_a_file_that_made_room_meanwhile_is_read_by_the_application(proxy: Proxy) -> None:
    answer, body = proxy.ask("/file/ab/gone.1?query=kept")
    assert (answer.status, body) == (200, b"read by the application")


def test_dicom_json_is_compressed_and_pages_are_not(proxy: Proxy) -> None:
    answer, body = proxy.ask("/r/x/dicom-web/studies/1/metadata", Accept_Encoding="gzip")
    assert answer.getheader("Content-Encoding") == "gzip"
    assert len(json.loads(gzip.decompress(body))) == 500
    answer, _ = proxy.ask("/dicom-web/studies/1/metadata")
    assert answer.getheader("Content-Encoding") is None
    answer, _ = proxy.ask("/page", Accept_Encoding="gzip")
    assert answer.getheader("Content-Encoding") is None


def test_what_is_sent_goes_on_while_it_comes(proxy: Proxy) -> None:
    assert proxy.web is not None
    proxy.web.body_began.clear()
    with contextlib.closing(proxy.connect()) as connection:
        connection.putrequest("POST", "/echo")
        connection.putheader("Content-Length", "20000")
        connection.endheaders(b"a" * 10000)
        assert proxy.web.body_began.wait(timeout=10)
        connection.send(b"b" * 10000)
        assert connection.getresponse().read() == b"taken"
    drafts = proxy.settings.run_dir / "nginx" / "body"
    assert list(drafts.rglob("*")) == []


def test_more_than_the_largest_body_is_refused_in_the_shape_of_every_error(proxy: Proxy) -> None:
    with contextlib.closing(proxy.connect()) as connection:
        connection.putrequest("POST", "/echo")
        connection.putheader("Content-Length", str(2 * 1024 * 1024))
        connection.endheaders()
        answer = connection.getresponse()
        error = json.loads(answer.read())["error"]
    assert answer.status == 413
    assert error["code"] == "too_large"
    assert "1 MB" in error["message"]


def test_plain_http_on_its_port_is_led_to_https(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.settings.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/cases?page=2")
        answer = connection.getresponse()
    assert answer.status == 308
    location = answer.getheader("Location")
    assert location == f"https://127.0.0.1:{proxy.settings.port}/cases?page=2"


def test_without_a_web_server_the_answer_says_so_and_the_log_names_nobody(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(MARGIN_PROXY="true")
    with running_proxy(settings, well=AWAY) as proxy:
        answer, body = proxy.ask("/dicom-web/studies?PatientName=Doe", Referer="https://x/?Doe")
        assert answer.status == 503
        assert json.loads(body)["error"]["code"] == "server_away"
        answer, body = proxy.ask("/worklist", Accept="text/html,application/xhtml+xml;q=0.9")
        assert answer.status == 503
        assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
        assert b"<h1>Margin does not answer just now</h1>" in body
    told = proxy.log.read_text()
    assert "web.sock failed" in told
    for identity in ("Doe", "127.0.0.1", "studies"):
        assert identity not in told


def test_a_message_is_cut_before_it_names_somebody() -> None:
    line = (
        b"2026/01/01 10:00:00 [error] 7#7: *5 upstream timed out (110: Connection timed out) while "
        b'reading upstream, client: 10.0.0.1, server: , request: "GET /a?PatientName=X HTTP/2.0", '
        b'upstream: "http://unix:run/web.sock:/a?PatientName=X", host: "h", referrer: "r"\n'
    )
    assert without_identity(line) == (
        b"2026/01/01 10:00:00 [error] 7#7: *5 upstream timed out (110: Connection timed out) while "
        b"reading upstream\n"
    )


def test_only_the_owner_reads_what_it_keeps(proxy: Proxy) -> None:
    folder = proxy.settings.run_dir / "nginx"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "nginx.conf").stat().st_mode) == 0o600


@pytest.mark.parametrize("victim", ["nginx", "parent"])
def test_its_workers_do_not_outlive_it(make_settings: MakeSettings, victim: str) -> None:
    settings = make_settings(MARGIN_PROXY="true")
    with running_proxy(settings, well=AWAY) as proxy:
        family = tree(proxy.process.pid)
        assert len(family) >= 3
        nginx = int((settings.run_dir / "nginx" / "nginx.pid").read_text())
        os.kill(nginx if victim == "nginx" else proxy.process.pid, signal.SIGKILL)
        proxy.process.wait(timeout=20)
        deadline = time.monotonic() + 20
        while any(map(_lives, family)):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_other_port_leads_to_https_and_answers_a_certificate_authority(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(MARGIN_PROXY="true", MARGIN_PUBLIC_URL="https://margin.example.org")
    port = settings.orthanc_port
    with running_proxy(settings, f"--redirect-port={port}", well=AWAY):
        question = settings.home / "acme" / ".well-known" / "acme-challenge" / "token"
        question.parent.mkdir(parents=True)
        question.write_text("answer")
        asked = []
        for path in ("/.well-known/acme-challenge/token", "/open?x=1"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            with contextlib.closing(connection):
                connection.request("GET", path)
                answer = connection.getresponse()
                asked.append((answer.status, answer.getheader("Location"), answer.read()))
    assert asked[0] == (200, None, b"answer")
    assert asked[1][:2] == (308, "https://margin.example.org/open?x=1")


def test_a_path_that_nginx_would_misread_is_refused(make_settings: MakeSettings) -> None:
    with pytest.raises(ProxyPathUnfit, match=r"\$home"):
        configuration(make_settings("a $home", MARGIN_PROXY="true"))


def test_a_missing_nginx_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProxyMissing) as missing:
        nginx_program([])
    assert "make install" in missing.value.remedy


def test_up_with_a_proxy_is_reached_by_tls_only_and_brings_it_back(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(MARGIN_PROXY="true")
    with up(settings) as process:
        assert ready(process).startswith(f"Margin is ready: https://127.0.0.1:{settings.port}/")
        assert proxy_problem(settings) == web_problem(settings) == ""
        socket_file = settings.run_dir / "web.sock"
        assert stat.S_ISSOCK(socket_file.stat().st_mode)
        before = pid_of(settings, "proxy")
        os.kill(int((settings.run_dir / "nginx" / "nginx.pid").read_text()), signal.SIGKILL)
        await_(was_replaced(settings, "proxy", before), "the proxy is back")
        await_(lambda: not proxy_problem(settings), "the proxy is well again")
        family = tree(process.pid)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err in ("", f"proxy was restarted; see {settings.log_dir / 'proxy.log'}\n")
    assert not [pid for pid in family if _lives(pid)]
