"""A case's life told from its doors, and not one mail of it that names the patient."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from server.cases.records import Case
from server.conversation.visibility import Audience
from server.foundation import jobs
from server.foundation.clock import utc_now
from server.foundation.db import Database, new_id
from server.foundation.settings import Settings
from server.intake.records import Arrival, ReceivedInstance
from server.intake.telling import tell_of_images
from server.notices import preferences
from server.notices.actions import DELIVER_NOTICE, post
from server.notices.delivering import Outbox
from server.notices.kinds import Choice, Group, NoticeKind, kinds_for
from server.notices.recipients import Part, to
from server.notices.records import Delivery, Notice
from server.people.records import Hospital
from tests.doors.conftest import app, settings, small_world, today, visit
from tests.web.conftest import Browser, signed_in, visitor
from tests.world import World

__all__ = ["app", "settings", "signed_in", "small_world", "today", "visit", "visitor"]
SignIn = Callable[[str], Browser]
PLANTED = ("Quentin", "Featherstone", "QF-55417", "1957", "Featherstonehaugh")


def database(app: Flask) -> Database:
    found: Database = app.extensions["margin"].db
    return found


def told(app: Flask) -> list[str]:
    with database(app).reading() as session:
        return list(session.scalars(select(Notice.kind).order_by(Notice.created_at)))


def version_of(browser: Browser, number: str) -> str:
    page = browser.get(f"/cases/{number}").get_data(as_text=True)
    found = re.search(r'name="version"[^>]*value="(\d+)"', page)
    assert found is not None
    return found.group(1)


@pytest.fixture
def everything_at_once(app: Flask, small_world: World, today: datetime) -> None:
    """Everybody wants every mail at once, and the hospital has an address."""
    with database(app).writing() as session:
        office = preferences.add_contact(
            session,
            session.get_one(Hospital, small_world.hospital.id),
            case=None,
            name="Office",
            email="office@riverside.example",
            language="en",
            by="test",
            now=today,
        )
        for owner, group in (
            (small_world.coordinator.id, Group.COORDINATOR),
            (small_world.surgeon.id, Group.SURGEON),
            (office.id, Group.HOSPITAL),
        ):
            chosen = dict.fromkeys(kinds_for(group), Choice.NOW)
            preferences.choose(session, owner, group, chosen)


def mails(app: Flask) -> str:
    """Every mail of the outbox as its reader sees it, and as it went over the wire."""
    db, settings = database(app), app.extensions["margin"].settings
    outbox = Outbox(db, settings, clock=utc_now)
    with db.reading() as session:
        waiting = session.scalars(select(Delivery.id).where(Delivery.state == "waiting")).all()
    for delivery_id in waiting:
        outbox.deliver(delivery_id)
    read = []
    for path in sorted(settings.mail_dir.glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=default)
        read.append(path.name + path.read_text() + str(message["Subject"]))
        read += [str(part.get_content()) for part in message.walk() if not part.is_multipart()]
    return "\n".join(read)


@pytest.mark.usefixtures("everything_at_once")
def test_a_whole_case_is_told_and_no_mail_names_the_patient(
    app: Flask, small_world: World, signed_in: SignIn
) -> None:
    clara = signed_in("Clara")
    clara.get("/cases/new")
    opened = clara.post(
        "/cases/new",
        organ="pancreas",
        hospital_id=small_world.hospital.id,
        question="Quentin Featherstone, born 1957, QF-55417: can it be resected?",
        local_verdict="Featherstonehaugh said no",
        accession_number="QF-55417",
    )
    assert "is open" in opened.get_data(as_text=True)
    number = small_world.inside.number
    at = f"/cases/{number}"
    for event, reason in (("hold", "Quentin Featherstone is away"), ("resume", "")):
        clara.post(f"{at}/advance", version=version_of(clara, number), event=event, reason=reason)
    clara.get(f"{at}/questions")
    clara.post(
        f"{at}/questions",
        key=new_id(),
        subject="Featherstone",
        text="Did Quentin come? QF-55417",
        audience=Audience.HOSPITAL,
        shown="yes",
    )
    clara.post(
        f"{at}/advance", version=version_of(clara, number), event="withdraw", reason="Quentin died"
    )
    kinds = told(app)
    assert kinds[0] == NoticeKind.CASE_OPENED
    wanted = {NoticeKind.CASE_PAUSED, NoticeKind.CASE_RESUMED, NoticeKind.QUESTION_ASKED}
    assert {*wanted, NoticeKind.CASE_WITHDRAWN} <= set(kinds)
    text = mails(app)
    assert "lena@margin.example" in text and "office@riverside.example" in text
    assert [secret for secret in PLANTED if secret.lower() in text.lower()] == []
    assert re.search(r"[?#]token|open#|/r/\w", text) is None


def test_the_surgeon_who_loses_a_case_is_told_and_so_is_the_one_who_gets_it(
    app: Flask, small_world: World, signed_in: SignIn
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    clara.post(
        f"/cases/{number}/assign",
        version=version_of(clara, number),
        person_id=small_world.other_surgeon.id,
    )
    with database(app).reading() as session:
        shown = select(Notice.kind, Delivery.person_id).join(Delivery.notice)
        rows = session.execute(shown.where(Delivery.channel == "page"))
        found = {(kind, person_id) for kind, person_id in rows}
    assert (NoticeKind.ASSIGNED.value, small_world.other_surgeon.id) in found
    assert (NoticeKind.UNASSIGNED.value, small_world.surgeon.id) in found


@pytest.mark.parametrize(
    ("sop_class", "count"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", 1),  # CT Image Storage
        ("1.2.840.10008.5.1.4.1.1.66.4", 0),  # Segmentation Storage
        ("1.2.840.10008.5.1.4.1.1.88.33", 0),  # Comprehensive SR
        ("1.2.840.10008.5.1.4.1.1.104.1", 0),  # Encapsulated PDF
    ],
)
def test_images_that_arrive_are_told_and_what_reviewers_made_is_not(
    sqlite_world: World, now: datetime, sop_class: str, count: int
) -> None:
    with sqlite_world.db.writing() as session:
        arrival = Arrival(
            orthanc_id="a", StudyInstanceUID="1.2.3", first_seen_at=now, changed_at=now
        )
        session.add(arrival)
        session.flush()
        fresh = [
            ReceivedInstance(
                orthanc_id="b",
                arrival_id=arrival.id,
                SOPInstanceUID="1.2.3.4",
                SOPClassUID=sop_class,
                received_at=now,
            )
        ]
        case = session.get_one(Case, sqlite_world.inside.id)
        for _ in range(2):
            tell_of_images(session, arrival, case, fresh, now)
        assert len(session.scalars(select(Notice)).all()) == count


def test_the_worker_has_a_mail_sent_in_a_process_of_its_own(
    app: Flask, small_world: World, today: datetime
) -> None:
    db = database(app)
    settings: Settings = app.extensions["margin"].settings
    with db.writing() as session:
        case = session.get_one(Case, small_world.inside.id)
        kind, whom = NoticeKind.ASSIGNED, to(Part.HOLDER)
        post(session, kind=kind, case=case, to=whom, facts={}, now=today, key="key")
        job = jobs.claim(session, today, only=(DELIVER_NOTICE,))
        assert job is not None
    subprocess.run(
        [sys.executable, "-m", "server.errand", job.id],
        env={**os.environ, **settings.to_environ()},
        cwd=Path(__file__).resolve().parents[2],
        check=True,
    )
    assert len(list(settings.mail_dir.glob("*.eml"))) == 1
    with db.reading() as session:
        assert session.get_one(jobs.Job, job.id).state == "done"
