"""Mails through a real mail server, which refuses, puts off, drops the line, and asks for TLS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from server.notices.actions import post
from server.notices.delivering import BeingSent, Outbox
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to
from server.notices.records import Delivery
from server.notices.schedule import CLAIM
from tests.archive.orthanc_process import free_port
from tests.notices.conftest import Certificate, Clock, MailServer, SettingsOf
from tests.world import World

SECRETS = ("Jane", "Roe", "ACC-Riverside", "Can it be resected", "1.2.826", "resected?")


@pytest.fixture
def delivery_id(sqlite_world: World, clock: Clock) -> str:
    """A mail to the surgeon that waits."""
    with sqlite_world.db.writing() as session:
        case = session.merge(sqlite_world.inside)
        case.question = "Jane Roe, born 1961: can it be resected?"
        kind, whom = NoticeKind.ASSIGNED, to(Part.HOLDER)
        post(session, kind=kind, case=case, to=whom, facts={"count": 1}, now=clock(), key="k")
        return session.scalars(select(Delivery.id).where(Delivery.channel == "email")).one()


@pytest.fixture
def outbox(
    sqlite_world: World, clock: Clock, settings_of: SettingsOf, mail_server: MailServer
) -> Outbox:
    settings = settings_of(
        sqlite_world.db, mail="smtp", smtp_port=mail_server.port, smtp_security="none"
    )
    return Outbox(sqlite_world.db, settings, clock=clock)


def kept(world: World, delivery_id: str) -> Delivery:
    with world.db.reading() as session:
        return session.get_one(Delivery, delivery_id)


def test_a_mail_arrives_whole_and_names_nobody(
    sqlite_world: World, mail_server: MailServer, outbox: Outbox, delivery_id: str
) -> None:
    outbox.deliver(delivery_id)
    [message] = mail_server.received
    assert str(message["To"]) == "lena@margin.example"
    assert str(message["Subject"]) == "Case M-2026-00001: assigned to you"
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None and html is not None
    assert "https://margin.example/cases/M-2026-00001" in str(plain.get_content())
    everything = message.as_string() + str(plain.get_content()) + str(html.get_content())
    assert [secret for secret in SECRETS if secret in everything] == []
    assert kept(sqlite_world, delivery_id).state == "sent"


@pytest.mark.parametrize(
    ("rcpt", "data", "state"),
    [
        (["450 4.2.0 greylisted, come back"], [], "waiting"),
        (["550 5.1.1 no such user"], [], "given_up"),
        ([], ["451 4.3.0 busy"], "waiting"),
        ([], ["554 5.7.1 refused"], "given_up"),
    ],
)
def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    sqlite_world: World,
    clock: Clock,
    mail_server: MailServer,
    outbox: Outbox,
    delivery_id: str,
    rcpt: list[str],
    data: list[str],
    state: str,
) -> None:
    mail_server.to_rcpt, mail_server.to_data = rcpt, data
    outbox.deliver(delivery_id)
    found = kept(sqlite_world, delivery_id)
    assert found.state == state and "mail server refused" in found.last_error
    clock.go(seconds=30)
    outbox.deliver(delivery_id)
    assert len(mail_server.received) == (state == "waiting")


def test_a_line_that_drops_in_the_middle_loses_nothing(
    sqlite_world: World, clock: Clock, mail_server: MailServer, outbox: Outbox, delivery_id: str
) -> None:
    mail_server.drops = 1
    outbox.deliver(delivery_id)
    assert "broke off" in kept(sqlite_world, delivery_id).last_error
    clock.go(seconds=30)
    outbox.deliver(delivery_id)
    assert len(mail_server.received) == 1
    assert kept(sqlite_world, delivery_id).state == "sent"


def test_a_mail_server_that_does_not_answer_is_not_waited_for_by_every_mail(
    sqlite_world: World, clock: Clock, settings_of: SettingsOf, delivery_id: str
) -> None:
    with sqlite_world.db.writing() as session:
        case = session.merge(sqlite_world.inside)
        kind, whom = NoticeKind.OVERDUE, to(Part.HOLDER)
        post(session, kind=kind, case=case, to=whom, facts={}, now=clock(), key="second")
        ids = session.scalars(select(Delivery.id).where(Delivery.channel == "email")).all()
    other = next(one for one in ids if one != delivery_id)
    settings = settings_of(
        sqlite_world.db, mail="smtp", smtp_port=free_port(), smtp_security="none"
    )
    outbox = Outbox(sqlite_world.db, settings, clock=clock)
    outbox.deliver(delivery_id)
    outbox.deliver(other)
    first, second = kept(sqlite_world, delivery_id), kept(sqlite_world, other)
    assert "does not answer" in first.last_error and "Not tried" in second.last_error
    assert {first.state, second.state} == {"waiting"}


def test_over_starttls_the_certificate_is_verified(
    sqlite_world: World,
    clock: Clock,
    settings_of: SettingsOf,
    tls_mail_server: MailServer,
    certificate: Certificate,
    delivery_id: str,
) -> None:
    db = sqlite_world.db
    given = {"mail": "smtp", "smtp_host": "localhost", "smtp_port": tls_mail_server.port}
    Outbox(db, settings_of(db, **given), clock=clock).deliver(delivery_id)
    assert "CERTIFICATE_VERIFY_FAILED" in kept(sqlite_world, delivery_id).last_error
    assert tls_mail_server.received == []
    clock.go(minutes=1)
    trusting = settings_of(db, **given, smtp_ca=certificate.path)
    Outbox(db, trusting, clock=clock).deliver(delivery_id)
    assert len(tls_mail_server.received) == 1 and tls_mail_server.hello == [True]


def test_a_server_without_tls_is_not_spoken_to_when_tls_is_asked_for(
    sqlite_world: World,
    clock: Clock,
    settings_of: SettingsOf,
    mail_server: MailServer,
    delivery_id: str,
) -> None:
    settings = settings_of(sqlite_world.db, mail="smtp", smtp_port=mail_server.port)
    Outbox(sqlite_world.db, settings, clock=clock).deliver(delivery_id)
    assert mail_server.received == []
    assert kept(sqlite_world, delivery_id).state == "waiting"


DYING = """
import os, signal, sys
from datetime import datetime
from server.foundation.db import Database
from server.foundation.settings import Settings
from server.notices.delivering import Outbox
from server.notices.mail import SmtpMailer

settings = Settings.from_environ(os.environ)

class Dies(SmtpMailer):
    def send(self, message):
        outcome = super().send(message) if sys.argv[2] == "after" else None
        os.kill(os.getpid(), signal.SIGKILL)

now = datetime.fromisoformat(sys.argv[3])
Outbox(Database(settings.database_url), settings, Dies(settings), clock=lambda: now).deliver(sys.argv[1])
"""


@pytest.mark.parametrize(("moment", "arrived"), [("before", 1), ("after", 2)])
def test_a_sender_that_is_killed_loses_nothing_and_repeats_under_the_same_id(
    sqlite_world: World,
    clock: Clock,
    settings_of: SettingsOf,
    mail_server: MailServer,
    outbox: Outbox,
    delivery_id: str,
    moment: str,
    arrived: int,
) -> None:
    settings = settings_of(
        sqlite_world.db, mail="smtp", smtp_port=mail_server.port, smtp_security="none"
    )
    died = subprocess.run(
        [sys.executable, "-c", DYING, delivery_id, moment, clock().isoformat()],
        env={**os.environ, **settings.to_environ()},
    )
    assert died.returncode == -signal.SIGKILL
    assert kept(sqlite_world, delivery_id).state == "sending"
    with pytest.raises(BeingSent):
        outbox.deliver(delivery_id)
    assert len(mail_server.received) == arrived - 1
    clock.now += CLAIM
    for _ in range(3):
        outbox.deliver(delivery_id)
    assert len(mail_server.received) == arrived
    assert len({str(one["Message-ID"]) for one in mail_server.received}) == 1


def test_a_mail_server_that_is_down_for_a_day_loses_no_mail(
    sqlite_world: World, clock: Clock, settings_of: SettingsOf, delivery_id: str
) -> None:
    port, begun, tries = free_port(), clock(), 0
    settings = settings_of(sqlite_world.db, mail="smtp", smtp_port=port, smtp_security="none")
    while clock() < begun + timedelta(days=1):
        # A process of its own for each try: what one of them knew of the server, none after it does.
        Outbox(sqlite_world.db, settings, clock=clock).deliver(delivery_id)
        found = kept(sqlite_world, delivery_id)
        assert found.state == "waiting" and "does not answer" in found.last_error
        clock.now, tries = found.due_at, tries + 1
    assert 8 <= tries <= 12
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        Outbox(sqlite_world.db, settings, clock=clock).deliver(delivery_id)
    finally:
        controller.stop()
    assert len(server.received) == 1
    assert kept(sqlite_world, delivery_id).state == "sent"
