"""Hospitals, people, the audit trail and jobs: who may look, who may change, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import update

from server.access.actions import set_password
from server.foundation import jobs
from server.foundation.audit import AuditLine
from server.foundation.db import Database
from server.people import actions as people
from server.people import queries
from tests.web.conftest import Browser
from tests.world import PASSWORD, World

SignedIn = Callable[[str], Browser]


@pytest.mark.parametrize(
    "url", ["/hospitals", "/hospitals/x/lines", "/hospitals/lines/x/remove", "/people"]
)
def test_a_coordinator_may_look_and_not_change(signed_in: SignedIn, url: str) -> None:
    clara = signed_in("Clara")
    assert clara.get("/hospitals").status_code == 200
    assert clara.get("/people").status_code == 200
    assert clara.post(url).status_code == 403


@pytest.mark.parametrize(
    "url", ["/arrivals", "/hospitals", "/people", "/jobs", "/audit", "/cases/new"]
)
def test_a_surgeon_has_no_business_there(signed_in: SignedIn, url: str) -> None:
    assert signed_in("Lena").get(url).status_code in (403, 404)


def test_an_administrator_registers_a_hospital_and_its_line(
    signed_in: SignedIn, db: Database
) -> None:
    ada = signed_in("Ada")
    ada.get("/hospitals")
    registered = ada.post("/hospitals", name="Lakeside", country="DE", language="de").text
    assert "Lakeside is registered" in registered
    assert "Nobody sees its cases." in registered
    with db.reading() as session:
        made = next(one for one in queries.hospitals(session) if one.name == "Lakeside")
    assert (made.country, made.language) == ("DE", "de")
    added = ada.post(f"/hospitals/{made.id}/lines", ae_title="LAKE", host="10.1.1.1", port="11112")
    assert "Studies from LAKE are taken" in added.text
    with db.reading() as session:
        line = next(one for one in queries.lines(session) if one.ae_title == "LAKE")
    assert "no longer taken" in ada.post(f"/hospitals/lines/{line.id}/remove").text


@pytest.mark.parametrize("country", ["Germany", "XX", "12"])
def test_a_country_is_chosen_from_the_list(signed_in: SignedIn, db: Database, country: str) -> None:
    ada = signed_in("Ada")
    ada.get("/hospitals")
    answer = ada.post("/hospitals", name="Lakeside", country=country)
    assert answer.status_code == 422
    assert "Choose one from the list." in answer.text
    with db.reading() as session:
        assert "Lakeside" not in [one.name for one in queries.hospitals(session)]


def test_a_line_is_pasted_with_spaces_and_its_address_is_one(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    ada = signed_in("Ada")
    ada.get("/hospitals")
    url = f"/hospitals/{small_world.hospital.id}/lines"
    refused = ada.post(url, ae_title="LAKE", host="http://10.1.1.1/", port="104")
    assert refused.status_code == 422
    assert "without a port or a path" in refused.text
    taken = ada.post(url, ae_title=" LAKE ", host=" 10.1.1.1 ", port=" 104 ")
    assert "Studies from LAKE are taken" in taken.text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ae_title": "", "host": "h", "port": "104"}, "Enter the AE title"),
        ({"ae_title": "A" * 17, "host": "h", "port": "104"}, "at most 16 characters"),
        ({"ae_title": "A\\B", "host": "h", "port": "104"}, "no backslash"),
        ({"ae_title": "GOOD", "host": "h", "port": "70000"}, "A port is a number from 1 to 65535"),
        ({"ae_title": "GOOD", "host": "h", "port": "abc"}, "Enter a whole number"),
        ({"ae_title": "HILLCREST", "host": "h", "port": "104"}, "is registered already"),
    ],
)
def test_a_line_that_cannot_be_registered_says_why(
    signed_in: SignedIn, small_world: World, fields: dict[str, str], message: str
) -> None:
    ada = signed_in("Ada")
    ada.get("/hospitals")
    answer = ada.post(f"/hospitals/{small_world.hospital.id}/lines", **fields)
    assert answer.status_code in (409, 422)
    assert message in answer.text


def test_the_same_hospital_is_not_registered_twice(signed_in: SignedIn) -> None:
    ada = signed_in("Ada")
    ada.get("/hospitals")
    answer = ada.post("/hospitals", name="riverside")
    assert answer.status_code == 409
    assert "is registered already" in answer.text


def test_a_new_coordinator_signs_in_and_sees_the_hospitals_in_their_care(
    signed_in: SignedIn, app: Flask, db: Database, small_world: World
) -> None:
    ada = signed_in("Ada")
    ada.get("/people")
    ada.post(
        "/people", name="Nora", email="Nora@margin.example", role="coordinator", password=PASSWORD
    )
    with db.reading() as session:
        nora = queries.person_of_email(session, "nora@margin.example")
        assert nora is not None
    ada.post(f"/people/{nora.id}/hospitals", hospital_ids=[small_world.hospital.id])
    seen = signed_in("Nora").get("/worklist").text
    assert small_world.inside.number in seen
    assert small_world.outside.number not in seen
    ada.post(f"/people/{nora.id}/hospitals")
    assert small_world.inside.number not in signed_in("Nora").get("/worklist").text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "X", "email": "no address", "role": "surgeon"}, "Enter an e-mail address"),
        ({"name": "X", "email": "x@y.z", "role": "king"}, "Choose one from the list"),
        ({"name": "X", "email": "lena@margin.example", "role": "surgeon"}, "belongs to somebody"),
        (
            {"name": "X", "email": "x@y.z", "role": "surgeon", "password": "short"},
            "at least 12 characters",
        ),
    ],
)
def test_a_person_who_cannot_be_added_is_refused_at_the_field(
    signed_in: SignedIn, db: Database, fields: dict[str, str], message: str
) -> None:
    ada = signed_in("Ada")
    ada.get("/people")
    with db.reading() as session:
        before = len(queries.people(session))
    answer = ada.post("/people", **fields)
    assert answer.status_code in (409, 422)
    assert message in answer.text
    with db.reading() as session:
        assert len(queries.people(session)) == before


def test_whoever_lost_their_access_is_out_at_once(signed_in: SignedIn, small_world: World) -> None:
    ada, clara = signed_in("Ada"), signed_in("Clara")
    ada.get(f"/people/{small_world.coordinator.id}")
    ada.post(f"/people/{small_world.coordinator.id}/active")
    assert clara.get("/worklist").status_code == 401


def test_an_administrator_cannot_shut_themselves_out(
    signed_in: SignedIn, small_world: World
) -> None:
    ada = signed_in("Ada")
    ada.get(f"/people/{small_world.admin.id}")
    assert ada.post(f"/people/{small_world.admin.id}/active").status_code == 409
    assert ada.get("/worklist").status_code == 200


def test_a_new_password_replaces_the_old_one(signed_in: SignedIn, small_world: World) -> None:
    ada = signed_in("Ada")
    ada.get(f"/people/{small_world.coordinator.id}")
    url = f"/people/{small_world.coordinator.id}/password"
    assert ada.post(url, password="short").status_code == 422
    assert "is set" in ada.post(url, password="another long password").text
    with pytest.raises(AssertionError):
        signed_in("Clara")


def test_the_audit_page_says_that_the_chain_is_whole_with_its_head(
    signed_in: SignedIn, small_world: World
) -> None:
    ada = signed_in("Ada")
    ada.get(f"/cases/{small_world.inside.number}")
    page = ada.get("/audit", case=small_world.inside.number.lower()).text
    assert "The chain is whole" in page
    assert "case.read" in page


def test_the_audit_page_says_where_the_chain_is_broken(signed_in: SignedIn, db: Database) -> None:
    ada = signed_in("Ada")
    ada.get("/audit")
    with db.writing() as session:
        session.execute(update(AuditLine).where(AuditLine.sequence == 1).values(actor="somebody"))
    page = ada.get("/audit").text
    assert "The chain is broken at line 1" in page


@pytest.mark.parametrize("query", [{"lines": "-1"}, {"lines": "²"}, {"lines": "99999"}])
def test_nonsense_in_the_audit_pages_address_does_no_harm(
    signed_in: SignedIn, query: dict[str, str]
) -> None:
    assert signed_in("Ada").get("/audit", **query).status_code == 200


def test_an_auditor_reads_the_trail_and_no_case(
    signed_in: SignedIn, db: Database, small_world: World, today: datetime
) -> None:
    with db.writing() as session:
        ines = people.add_person(
            session, name="Ines", email="ines@margin.example", role="auditor", now=today
        )
        set_password(ines, PASSWORD)
    browser = signed_in("Ines")
    assert "Audit trail" in browser.get("/").text
    assert browser.get(f"/cases/{small_world.inside.number}").status_code in (403, 404)
    assert browser.get("/worklist").status_code in (403, 404)


def test_a_job_that_was_given_up_is_shown_with_its_reason_and_sent_round_again(
    signed_in: SignedIn, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        job = jobs.enqueue(session, "issue_opinion", {}, now=today)
        job.state, job.last_error = "dead", "the archive did not answer"
    clara = signed_in("Clara")
    page = clara.get("/jobs").text
    assert "the archive did not answer" in page
    clara.post(f"/jobs/{job.id}/retry")
    with db.reading() as session:
        assert session.get_one(jobs.Job, job.id).state == "waiting"


def test_retrying_an_unknown_job_is_not_found(signed_in: SignedIn) -> None:
    clara = signed_in("Clara")
    clara.get("/jobs")
    assert clara.post("/jobs/unknown/retry").status_code == 404
