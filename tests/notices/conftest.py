"""Real servers to deliver to: a mail server that can be made difficult, and a receiver of webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from server.foundation.db import Database
from server.foundation.settings import Settings
from tests.archive.orthanc_process import free_port


@dataclass
class MailServer:
    """What a mail server received, and what it answers: `answers` are used up one by one for RCPT and
    for DATA; `drops` lets it cut the line in the middle of a message."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    to_rcpt: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)
    drops: int = 0
    hello: list[bool] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_rcpt:
            return self.to_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.hello.append(session.ssl is not None)
        if self.drops:
            self.drops -= 1
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            return "451 gone"
        if self.to_data:
            return self.to_data.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.received.append(message_from_bytes(content, policy=default))
        return "250 OK"


@dataclass
class Certificate:
    """A certificate for localhost that nobody but itself has signed."""

    path: Path
    key: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-out", str(made.path), "-keyout", str(made.key)),
        ],
        check=True,
        capture_output=True,
    )
    return made


def run(server: MailServer, **more: Any) -> Controller:
    server.port = free_port(18400, 18499)
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **more)
    controller.start()
    return controller


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    controller = run(server)
    yield server
    controller.stop()


@pytest.fixture
def tls_mail_server(certificate: Certificate) -> Iterator[MailServer]:
    """One that takes nothing before STARTTLS."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key)
    server = MailServer()
    controller = run(server, tls_context=context, require_starttls=True)
    yield server
    controller.stop()


@dataclass
class Receiver:
    """What was posted to a webhook, and what it answers, used up one by one."""

    url: str = ""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    body: bytes = b""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.calls.append((headers, self.rfile.read(length)))
            status = kept.answers.pop(0) if kept.answers else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{kept.url}/elsewhere")
            self.send_header("Content-Length", str(len(kept.body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever has read enough hangs up
                self.wfile.write(kept.body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_address[1]}/margin"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def go(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


SettingsOf = Callable[..., Settings]


@pytest.fixture
def settings_of(tmp_path: Path) -> SettingsOf:
    """Settings of an outbox: `settings_of(db, mail="smtp", smtp_port=...)`."""

    def make(db: Database, **given: object) -> Settings:
        return Settings.from_environ(
            {
                "MARGIN_HOME": str(tmp_path),
                "MARGIN_DATABASE_URL": db.url,
                "MARGIN_SECRET_KEY": "a key for tests only, nothing else",
                "MARGIN_ORTHANC_PASSWORD": "a password for tests",
                "MARGIN_PUBLIC_URL": "https://margin.example",
                "MARGIN_MAIL_FROM": "Margin <margin@margin.example>",
                "MARGIN_WEBHOOK_PRIVATE": "true",
                **{f"MARGIN_{name.upper()}": str(value) for name, value in given.items()},
            }
        )

    return make
