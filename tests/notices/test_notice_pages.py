"""The pages about notices: one's own, the outbox, what one is sent, addresses and webhooks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.notices import preferences
from server.notices.actions import post
from server.notices.delivering import Outbox
from server.notices.kinds import Choice, NoticeKind
from server.notices.outcome import Postponed, Undeliverable
from server.notices.recipients import Part, Recipients, to
from server.notices.records import Contact, Delivery, Webhook
from server.people.records import Person
from tests.doors.conftest import app, settings, small_world, today, visit
from tests.web.conftest import Browser, signed_in, visitor
from tests.world import World

__all__ = ["app", "settings", "signed_in", "small_world", "today", "visit", "visitor"]
SignIn = Callable[[str], Browser]
Come = Callable[[str], tuple[Browser, str]]
CASE = "M-2026-00001"


def tell(app: Flask, world: World, kind: NoticeKind, whom: Recipients, now: datetime) -> str:
    """Tell of something on the inside case; its number is that of this year."""
    with app.extensions["margin"].db.writing() as session:
        case = session.merge(world.inside)
        post(session, kind=kind, case=case, to=whom, facts={"count": 2}, now=now, key=f"{kind}")
        return str(case.number)


def text_of(browser: Browser, url: str, **query: str) -> str:
    return browser.get(url, **query).get_data(as_text=True)


def database(app: Flask) -> Database:
    found: Database = app.extensions["margin"].db
    return found


def add_webhook(browser: Browser, hospital_id: str) -> TestResponse:
    typed = {"hospital_id": hospital_id, "url": "https://hospital.example/margin"}
    return browser.client.post("/notices/webhooks", data={"csrf_token": browser.token, **typed})


class Refusing:
    def send(self, message: object) -> Undeliverable:
        return Undeliverable("The mail server refused the recipient: 550 no such user")


def test_everybody_reads_their_own_and_marks_it_as_read(
    app: Flask, small_world: World, today: datetime, signed_in: SignIn
) -> None:
    number = tell(app, small_world, NoticeKind.DECLINED, to(Part.COORDINATOR), today)
    clara, omar = signed_in("Clara"), signed_in("Omar")
    told = text_of(clara, "/notices")
    assert f"Case {number}: declined" in told and "1 new" in told and "Images: 2" in told
    assert number not in text_of(omar, "/notices")
    until = re.search(r'name="until" value="([^"]+)"', told)
    assert until is not None
    assert "1 new" not in clara.post("/notices/read", until=until.group(1)).get_data(as_text=True)


def test_a_coordinator_sees_the_outbox_of_their_hospitals_and_sends_again(
    app: Flask, small_world: World, today: datetime, signed_in: SignIn
) -> None:
    number = tell(app, small_world, NoticeKind.ASSIGNED, to(Part.HOLDER), today)
    db = database(app)
    with db.reading() as session:
        mail = session.scalars(select(Delivery.id).where(Delivery.channel == "email")).one()
    settings = app.extensions["margin"].settings
    Outbox(db, settings, Refusing(), clock=utc_now).deliver(mail)
    clara, omar = signed_in("Clara"), signed_in("Omar")
    shown = text_of(clara, "/notices/outbox", state="given_up")
    assert "550 no such user" in shown and "lena@margin.example" in shown and number in shown
    assert "Nothing here" in text_of(omar, "/notices/outbox")
    omar.get("/notices/outbox")
    assert omar.post_only(f"/notices/outbox/{mail}/again").status_code == 404
    again = clara.post(f"/notices/outbox/{mail}/again").get_data(as_text=True)
    assert "It is tried again now" in again
    with db.reading() as session:
        assert session.get_one(Delivery, mail).state == "waiting"


def test_surgeons_have_their_list_and_no_outbox(signed_in: SignIn) -> None:
    lena = signed_in("Lena")
    assert lena.get("/notices").status_code == 200
    for closed in ("/notices/outbox", "/notices/webhooks", "/notices/contacts", "/notices/mails"):
        assert lena.get(closed).status_code == 403


def test_what_one_is_sent_is_kept_and_what_must_be_sent_has_no_switch(
    app: Flask, small_world: World, signed_in: SignIn
) -> None:
    lena = signed_in("Lena")
    page = text_of(lena, "/notices/preferences")
    assert 'name="choice_clock.due_soon" value="never"' in page
    assert 'name="choice_assignment.assigned" value="never"' not in page
    lena.post(
        "/notices/preferences", **{"language": "de", "choice_clock.due_soon": Choice.NEVER.value}
    )
    with database(app).reading() as session:
        chosen = preferences.chosen_by(session, small_world.surgeon.id)
        assert chosen == {NoticeKind.DUE_SOON: Choice.NEVER}
        assert session.get_one(Person, small_world.surgeon.id).language == "de"
    forged = lena.post_only(
        "/notices/preferences", **{"language": "de", "choice_assignment.assigned": "never"}
    )
    assert forged.status_code == 422 and "cannot be switched off" in forged.get_data(as_text=True)
    assert lena.post_only("/notices/preferences", language="tlh").status_code == 422


def test_a_hospital_enters_its_addresses_behind_its_link_and_takes_them_out(
    app: Flask, small_world: World, visitor: Come
) -> None:
    browser, base = visitor("hospital")
    assert "Nobody yet." in text_of(browser, f"{base}/notices")
    refused = browser.post_only(
        f"{base}/notices/contacts", name="Office", email="no address", language="en"
    )
    assert refused.status_code == 422 and "Enter an e-mail address" in refused.text
    added = browser.post(
        f"{base}/notices/contacts", name="Office", email="office@riverside.example", language="zh"
    )
    assert "office@riverside.example" in added.get_data(as_text=True)
    with database(app).reading() as session:
        [kept] = session.scalars(select(Contact))
    assert (kept.case_id, kept.language) == (small_world.inside.id, "zh")
    browser.post(f"{base}/notices/{kept.id}", **{"choice_case.opened": "never"})
    with database(app).reading() as session:
        assert preferences.chosen_by(session, kept.id) == {NoticeKind.CASE_OPENED: Choice.NEVER}
    assert "Nobody yet." in browser.post(f"{base}/notices/contacts/{kept.id}/remove").text


def test_a_surgeons_link_changes_the_surgeons_own_choice_and_no_hospitals_address(
    app: Flask, small_world: World, today: datetime, visitor: Come
) -> None:
    with database(app).writing() as session:
        office = preferences.add_contact(
            session,
            session.merge(small_world.hospital),
            case=session.merge(small_world.inside),
            name="Office",
            email="office@riverside.example",
            language="en",
            by="test",
            now=today,
        )
    browser, base = visitor("surgeon")
    page = text_of(browser, f"{base}/notices")
    assert "lena@margin.example" in page and "office@riverside.example" not in page
    browser.post(f"{base}/notices/me", **{"language": "hi", "choice_clock.due_soon": "daily"})
    with database(app).reading() as session:
        assert session.get_one(Person, small_world.surgeon.id).language == "hi"
    for closed in (f"/notices/{office.id}", f"/notices/contacts/{office.id}/remove"):
        assert browser.post_only(base + closed).status_code == 404
    answer = browser.post_only(f"{base}/notices/contacts", name="x", email="a@b.example")
    assert answer.status_code == 404


def test_a_link_that_only_looks_has_no_notices(visitor: Come) -> None:
    browser, base = visitor("viewer")
    assert browser.get(f"{base}/notices").status_code == 403
    assert browser.get(f"{base}/questions").status_code == 403


def test_a_coordinator_keeps_the_addresses_of_their_hospitals_only(
    small_world: World, signed_in: SignIn
) -> None:
    clara = signed_in("Clara")
    page = text_of(clara, "/notices/contacts")
    assert "Riverside" in page and "Hillcrest" not in page
    theirs = small_world.hospital.id
    added = clara.post(
        f"/notices/contacts/{theirs}", name="Board", email="board@riverside.example", language="de"
    )
    assert "board@riverside.example" in added.get_data(as_text=True)
    others = small_world.other_hospital.id
    answer = clara.post_only(
        f"/notices/contacts/{others}", name="x", email="x@y.example", language="en"
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("who", "whose", "status"),
    [
        ("Clara", "hospital", 200),
        ("Clara", "other_hospital", 422),
        ("Clara", "service", 422),
        ("Ada", "service", 200),
    ],
)
def test_webhooks_belong_to_ones_own_hospitals_and_the_services_to_administrators(
    app: Flask, small_world: World, signed_in: SignIn, who: str, whose: str, status: int
) -> None:
    browser = signed_in(who)
    browser.get("/notices/webhooks")
    hospital_id = whose if whose == "service" else getattr(small_world, whose).id
    answer = add_webhook(browser, hospital_id)
    assert answer.status_code == status
    assert ("whsec_" in answer.get_data(as_text=True)) == (status == 200)
    with database(app).reading() as session:
        assert len(session.scalars(select(Webhook)).all()) == (status == 200)


def test_a_webhook_is_tested_and_removed_by_its_own_coordinator_only(
    app: Flask, small_world: World, signed_in: SignIn
) -> None:
    clara, omar = signed_in("Clara"), signed_in("Omar")
    clara.get("/notices/webhooks")
    add_webhook(clara, small_world.hospital.id)
    with database(app).reading() as session:
        hook = session.scalars(select(Webhook.id)).one()
    omar.get("/notices/webhooks")
    for verb in ("test", "on", "remove"):
        assert omar.post_only(f"/notices/webhooks/{hook}/{verb}").status_code == 404
    assert "A test is on its way" in clara.post(f"/notices/webhooks/{hook}/test").text
    assert "whsec_" not in text_of(clara, "/notices/webhooks")
    assert "No webhook yet" in clara.post(f"/notices/webhooks/{hook}/remove").text


def test_mails_in_files_are_read_by_administrators_only(
    app: Flask, small_world: World, today: datetime, signed_in: SignIn
) -> None:
    number = tell(app, small_world, NoticeKind.ASSIGNED, to(Part.HOLDER), today)
    db, settings = database(app), app.extensions["margin"].settings
    with db.reading() as session:
        mail = session.scalars(select(Delivery.id).where(Delivery.channel == "email")).one()
    Outbox(db, settings, clock=utc_now).deliver(mail)
    [written] = settings.mail_dir.glob("*.eml")
    ada, clara = signed_in("Ada"), signed_in("Clara")
    assert f"Case {number}: assigned to you" in text_of(ada, "/notices/mails")
    assert f"/cases/{number}" in text_of(ada, f"/notices/mails/{written.stem}")
    assert clara.get(f"/notices/mails/{written.stem}").status_code == 404
    assert ada.get("/notices/mails/..%2Fsecrets").status_code == 404


def test_a_mail_that_cannot_be_written_waits(
    app: Flask, small_world: World, today: datetime
) -> None:
    tell(app, small_world, NoticeKind.ASSIGNED, to(Part.HOLDER), today)

    class Full:
        def send(self, message: object) -> Postponed:
            return Postponed("The mail could not be written: No space left on device.")

    db = database(app)
    with db.reading() as session:
        mail = session.scalars(select(Delivery.id).where(Delivery.channel == "email")).one()
    Outbox(db, app.extensions["margin"].settings, Full(), clock=utc_now).deliver(mail)
    with db.reading() as session:
        assert session.get_one(Delivery, mail).state == "waiting"
