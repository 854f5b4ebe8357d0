"""nginx as `margin up --proxy` runs it, before a web server that tells what reached it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from server.foundation.settings import Settings
from server.processes.health import proxy_problem
from server.processes.nginx_configuration import WEB_SOCKET

START_LIMIT_S = 60.0
FRAME_HEADERS = {
    "Content-Type": 'multipart/related; type="application/octet-stream"; boundary=x',
    "Cache-Control": "private, max-age=31536000, immutable",
    "Vary": "Accept, Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Upstream(BaseHTTPRequestHandler):
    """/echo tells the request's headers; /file/NAME names a prepared file, if the proxy can send it."""

    protocol_version = "HTTP/1.1"
    server: WebServer

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        if self.path.startswith("/file/"):
            self._name_file()
        elif "/metadata" in self.path:
            body = json.dumps([{"00080018": {"vr": "UI"}}] * 500).encode()
            self._answer(body, {"Content-Type": "application/dicom+json"})
        elif self.path == "/page":
            self._answer(b"<p>page</p>" * 500, {"Content-Type": "text/html"})
        else:
            self._answer(json.dumps(dict(self.headers.items())).encode())

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.server.seen.append(self.rfile.read1(65536))
        self.server.body_began.set()
        waiting = int(self.headers["Content-Length"]) - len(self.server.seen[-1])
        self.rfile.read(waiting)
        self._answer(b"taken")

    def _name_file(self) -> None:
        if self.headers.get("X-Margin-Accel"):
            name = self.path.removeprefix("/file/")
            self._answer(b"", {**FRAME_HEADERS, "X-Accel-Redirect": f"/prepared/{name}"})
        else:
            self._answer(b"read by the application", FRAME_HEADERS)

    def _answer(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class WebServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Upstream on a Unix socket."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        self.seen: list[bytes] = []
        self.body_began = threading.Event()
        super().__init__(path, Upstream)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, _ = super().get_request()
        return connection, ("unix", 0)


@dataclass
class Proxy:
    """A running proxy, its settings, and the web server behind it when there is one."""

    settings: Settings
    process: subprocess.Popen[bytes]
    log: Path
    web: WebServer | None = field(default=None)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One request over TLS; underscores in the names of headers stand for hyphens."""
        with contextlib.closing(self.connect()) as connection:
            spelled = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=spelled)
            answer = connection.getresponse()
            return answer, answer.read()

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "127.0.0.1", self.settings.port, timeout=20, context=trusting()
        )


def trusting() -> ssl.SSLContext:
    """Takes whatever certificate it is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def web_server(home: Path) -> Iterator[WebServer]:
    """The web server's stand-in on the home's Unix socket."""
    (home / WEB_SOCKET).parent.mkdir(parents=True, exist_ok=True)
    folder = os.open((home / WEB_SOCKET).parent, os.O_RDONLY)
    try:
        server = WebServer(f"/proc/self/fd/{folder}/{WEB_SOCKET.name}")
    finally:
        os.close(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        (home / WEB_SOCKET).unlink()


@contextlib.contextmanager
def running_proxy(settings: Settings, *arguments: str, well: str = "") -> Iterator[Proxy]:
    """nginx with our configuration, up when its health check answers `well`."""
    settings.home.mkdir(parents=True, exist_ok=True)
    log = settings.home / "proxy.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "server.processes.proxy", *arguments],
            env={**os.environ, **settings.to_environ()},
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while (problem := proxy_problem(settings)) != well:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, problem + log.read_text()
            time.sleep(0.05)
        yield Proxy(settings, process, log)
    finally:
        process.terminate()
        process.wait(timeout=30)
