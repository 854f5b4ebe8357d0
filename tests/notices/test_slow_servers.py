"""A server that goes on answering, a byte at a time, is not waited for longer than one that is silent."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage

import pytest

from server.foundation.db import Database
from server.notices import mail, posting
from server.notices.mail import SmtpMailer
from server.notices.outcome import Postponed
from server.notices.patience import at_most
from server.notices.sealing import PREFIX
from tests.notices.conftest import SettingsOf

AT_MOST_S = 0.6
EVENT = posting.Event("notice_1", "mail.test", datetime(2026, 11, 21), None, None, {})


@pytest.fixture
def dripping() -> Iterator[int]:
    """The port of a server that sends a byte every tenth of a second and never ends its line."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                while not over.wait(0.1):
                    connection.sendall(b"2")

        thread = threading.Thread(target=drip)
        thread.start()
        yield listening.getsockname()[1]
        over.set()
        thread.join()


def test_a_mail_server_that_drips_is_left_after_a_while_and_tried_again(
    dripping: int,
    sqlite_database: Database,
    settings_of: SettingsOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail, "LONGEST_S", AT_MOST_S)
    settings = settings_of(sqlite_database, mail="smtp", smtp_port=dripping, smtp_security="none")
    message = EmailMessage()
    begun = time.monotonic()
    outcome = SmtpMailer(settings).send(message)
    assert time.monotonic() - begun < 5
    assert isinstance(outcome, Postponed) and outcome.away


def test_a_webhook_that_drips_is_left_after_a_while_and_tried_again(
    dripping: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TIMEOUT_S", AT_MOST_S)
    begun = time.monotonic()
    url, secret = f"http://127.0.0.1:{dripping}/", PREFIX + "c2VjcmV0"
    outcome = posting.post(url, secret, EVENT, EVENT.at, private=True)
    assert time.monotonic() - begun < 5
    assert isinstance(outcome, Postponed) and outcome.away


def test_what_is_done_in_time_is_not_interrupted_afterwards() -> None:
    with at_most(0.05):
        done = True
    time.sleep(0.1)
    assert done
