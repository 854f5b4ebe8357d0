"""Opening a case, moving it on, assigning, issuing and withdrawing links."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask

from server.access.queries import grants_of_case
from server.cases.queries import case_by_number, holder
from server.foundation import audit
from server.foundation.db import Database
from server.people.records import Person
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]


def version(db: Database, number: str) -> int:
    with db.reading() as session:
        return case_by_number(session, number).version


def test_a_case_is_opened_with_the_next_number(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    clara.get("/cases/new")
    answer = clara.post(
        "/cases/new",
        organ="liver",
        hospital_id=small_world.hospital.id,
        question="Is a right hepatectomy possible?",
        accession_number="ACC-1, ACC-2",
    )
    assert "Is a right hepatectomy possible?" in answer.text
    number = re.search(r"Case (M-\d{4}-00003) is open", answer.text)
    assert number is not None
    with db.reading() as session:
        assert case_by_number(session, number.group(1)).accession_number == "ACC-1, ACC-2"
        opened = next(line for line in audit.newest(session) if line.action == "case.open")
        assert opened.case_number == number.group(1)


def test_what_is_missing_is_said_at_the_fields_and_nothing_is_lost(
    signed_in: SignedIn, small_world: World
) -> None:
    clara = signed_in("Clara")
    clara.get("/cases/new")
    answer = clara.post("/cases/new", organ="liver", local_verdict="Unresectable <here>")
    assert answer.status_code == 422
    assert "Choose the hospital that asks." in answer.text
    assert "Write the question the surgeon is to answer." in answer.text
    assert "Unresectable &lt;here&gt;" in answer.text


def test_a_question_that_is_too_long_is_refused_and_never_cut(
    signed_in: SignedIn, small_world: World
) -> None:
    clara = signed_in("Clara")
    assert not re.search(r"<textarea[^>]*maxlength", clara.get("/cases/new").text)
    question = "Can it be removed? " * 500
    answer = clara.post(
        "/cases/new", organ="liver", hospital_id=small_world.hospital.id, question=question
    )
    assert answer.status_code == 422
    assert "The question is longer than 8000 characters." in answer.text
    assert question in answer.text


def test_the_first_link_of_a_hospital_is_one_button(
    signed_in: SignedIn, small_world: World
) -> None:
    clara = signed_in("Clara")
    clara.get("/cases/new")
    page = clara.post(
        "/cases/new", organ="liver", hospital_id=small_world.hospital.id, question="Removable?"
    ).text
    form = re.search(
        r'<form[^>]*action="([^"]+)"[^>]*>(?:(?!</form>).)*id="first-link"', page, re.S
    )
    assert form is not None
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    permits = re.findall(r'name="permits" value="(\w+)"', form[0])
    issued = clara.post(form[1], **{**sent, "permits": permits})
    assert f"The link for {small_world.hospital.name} is ready." in issued.text
    assert 'aria-describedby="first-link"' not in issued.text


def test_a_case_cannot_be_opened_for_another_coordinators_hospital(
    signed_in: SignedIn, small_world: World
) -> None:
    clara = signed_in("Clara")
    clara.get("/cases/new")
    answer = clara.post(
        "/cases/new", organ="liver", hospital_id=small_world.other_hospital.id, question="?"
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("body", [b"[]", b'{"organ": ["liver"]}', b"{", b'"x"', b"null"])
def test_a_body_that_is_no_form_is_refused_without_breaking(
    signed_in: SignedIn, small_world: World, body: bytes
) -> None:
    clara = signed_in("Clara")
    base = f"/cases/{small_world.inside.number}"
    for url in ("/cases/new", f"{base}/advance", f"{base}/assign", f"{base}/grants", "/sign-in"):
        answer = clara.client.post(url, data=body, content_type="application/json")
        assert 400 <= answer.status_code < 500, f"{url}: {answer.status_code}"


def test_the_case_page_shows_everything_of_the_case(
    signed_in: SignedIn, small_world: World
) -> None:
    page = signed_in("Clara").get(f"/cases/{small_world.inside.number}").text
    for said in ("Can it be resected?", "Riverside", "ACC-Riverside", "Lena", "Access links"):
        assert said in page


@pytest.mark.parametrize("who", ["Omar", "Otto"])
def test_a_foreign_case_is_not_found_rather_than_forbidden(
    signed_in: SignedIn, small_world: World, who: str
) -> None:
    answer = signed_in(who).get(f"/cases/{small_world.inside.number}")
    assert answer.status_code == 404
    assert "Can it be resected?" not in answer.text


def test_a_surgeon_with_an_account_gets_the_surgeons_page(
    signed_in: SignedIn, small_world: World
) -> None:
    page = signed_in("Lena").get(f"/cases/{small_world.inside.number}").text
    assert "You are asked" in page
    assert "Access links" not in page


def test_two_coordinators_assigning_at_once_one_wins_and_the_other_is_told(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara, ada = signed_in("Clara"), signed_in("Ada")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    ada.get(url)
    seen = version(db, small_world.inside.number)
    first = clara.post(f"{url}/assign", version=seen, person_id=small_world.other_surgeon.id)
    second = ada.post(f"{url}/assign", version=seen, person_id=small_world.surgeon.id)
    assert "Otto was asked" in first.text
    assert second.status_code == 409
    assert "was changed by somebody else while you were looking at it" in second.text
    assert f'href="{url}"' in second.text
    with db.reading() as session:
        held = holder(case_by_number(session, small_world.inside.number))
        assert held is not None
        assert held.person.name == "Otto"


def test_only_a_surgeon_can_be_assigned(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    answer = clara.post(
        f"{url}/assign",
        version=version(db, small_world.inside.number),
        person_id=small_world.coordinator.id,
    )
    assert answer.status_code == 422


def test_holding_asks_for_a_reason_and_shows_it(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    seen = version(db, small_world.inside.number)
    refused = clara.post(f"{url}/advance", version=seen, event="hold", reason=" ")
    assert refused.status_code == 422
    assert "Say why the case is held" in refused.text
    held = clara.post(f"{url}/advance", version=seen, event="hold", reason="MRI is missing")
    assert "MRI is missing" in held.text
    assert "On hold" in held.text


def test_an_old_button_is_refused_with_what_to_do(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    seen = version(db, small_world.inside.number)
    answer = clara.post(f"{url}/advance", version=seen, event="close")
    assert answer.status_code == 409
    assert "What to do:" in answer.text


@pytest.mark.parametrize("event", ["opinion_signed", "study_attached", "nonsense", ""])
def test_what_only_the_program_may_say_cannot_be_said_by_a_form(
    signed_in: SignedIn, small_world: World, db: Database, event: str
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    seen = version(db, small_world.inside.number)
    assert clara.post(f"{url}/advance", version=seen, event=event).status_code == 400
    assert version(db, small_world.inside.number) == seen


def test_a_link_is_shown_once_and_opens_the_case(
    signed_in: SignedIn, small_world: World, app: Flask
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    answer = clara.post(
        f"{url}/grants",
        kind="surgeon",
        person_id=small_world.surgeon.id,
        permits=["view", "annotate", "sign"],
        days="14",
    )
    link = re.search(r"http://localhost/open#(mgn_[\w-]{43})", answer.text)
    assert link is not None
    assert link.group(1) not in clara.get(url).text
    opened = app.test_client().post("/open", json={"token": link.group(1)})
    assert opened.status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"kind": "surgeon", "person_id": "", "permits": ["view"], "days": "14"},
            "Choose the surgeon",
        ),
        (
            {"kind": "hospital", "for_whom": " ", "permits": ["upload"], "days": "14"},
            "Say for whom the link is.",
        ),
        ({"kind": "hospital", "for_whom": "Desk", "days": "14"}, "Choose at least one thing"),
        (
            {"kind": "hospital", "for_whom": "Desk", "permits": ["upload"], "days": "0"},
            "A link is valid for 1 to 366 days.",
        ),
        (
            {"kind": "hospital", "for_whom": "Desk", "permits": ["upload"], "days": "soon"},
            "Enter a whole number, in digits.",
        ),
    ],
)
def test_a_link_that_cannot_be_issued_says_why_at_the_field(
    signed_in: SignedIn,
    small_world: World,
    db: Database,
    fields: dict[str, object],
    message: str,
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    with db.reading() as session:
        before = len(grants_of_case(session, small_world.inside.id))
    answer = clara.post(f"{url}/grants", **fields)
    assert answer.status_code == 422
    assert message in answer.text
    with db.reading() as session:
        assert len(grants_of_case(session, small_world.inside.id)) == before


def test_a_withdrawn_link_stops_working_and_says_why_on_the_page(
    signed_in: SignedIn, small_world: World, db: Database, app: Flask
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    with db.reading() as session:
        grant = next(one for one in grants_of_case(session, small_world.inside.id) if one.person_id)
        grant_id = grant.id
    refused = clara.post(f"{url}/grants/{grant_id}/revoke", why="")
    assert refused.status_code == 422
    assert "Say why the link is withdrawn." in refused.text
    page = clara.post(f"{url}/grants/{grant_id}/revoke", why="Sent to the wrong address").text
    assert "Sent to the wrong address" in page
    opened = app.test_client().post("/open", json={"token": small_world.tokens["surgeon"]})
    assert opened.status_code == 401


def test_a_surgeon_who_has_the_case_and_no_way_in_is_pointed_out(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    assert "can come in by a link only" not in clara.get(url).text
    with db.writing() as session:
        surgeon = session.get_one(Person, small_world.surgeon.id)
        surgeon.password_hash = None
        for grant in grants_of_case(session, small_world.inside.id):
            grant.revoked_at = today
    assert f"{small_world.surgeon.name} has no account and can come in by a link only." in (
        clara.get(url).text
    )
    issued = clara.post(
        f"{url}/grants", kind="surgeon", person_id=small_world.surgeon.id, permits="view", days="3"
    )
    assert "is ready. It is shown this once." in issued.text
    assert "can come in by a link only" not in issued.text


def test_a_grant_of_another_case_cannot_be_withdrawn_from_here(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    with db.reading() as session:
        foreign = grants_of_case(session, small_world.outside.id)[0].id
    assert clara.post(f"{url}/grants/{foreign}/revoke", why="x").status_code == 404


def test_the_viewer_is_opened_with_exactly_the_cases_studies(
    signed_in: SignedIn, small_world: World
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    answer = clara.post_only(f"{url}/launch")
    assert answer.status_code == 303
    assert re.fullmatch(
        r"/r/[0-9a-f]{20}/view/margin\?StudyInstanceUIDs=1\.2\.826\.0\.1\.3680043\.8\.498\.1",
        answer.location,
    )
    assert clara.client.get(answer.location.split("/view")[0] + "/").location == url
