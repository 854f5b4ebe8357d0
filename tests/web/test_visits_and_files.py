"""What whoever came by a link sees, sends and reads; and never a patient's name."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from server.access.permissions import Account
from server.cases import actions as cases
from server.cases.lifecycle import Event, State
from server.cases.queries import case_by_number
from server.cases.records import Case, CaseDocument
from server.dossier.actions import classify
from server.foundation.db import Database
from server.intake.records import Arrival, ArrivalSender
from server.intake.uploads.records import Upload
from server.web.pages.visits import what_happens_next
from tests.opined import opine
from tests.web.conftest import Browser
from tests.web.studies import PATIENT, arrival
from tests.world import INSIDE_STUDY, World

SignedIn = Callable[[str], Browser]
Visit = Callable[[str], tuple[FlaskClient, str]]
Visitor = Callable[[str], tuple[Browser, str]]
PDF = b"%PDF-1.7\n%%EOF\n"


@pytest.fixture
def received(db: Database, small_world: World, today: datetime) -> Arrival:
    """The first case's study, as it arrived: it bears the patient's name."""
    with db.writing() as session:
        return arrival(
            session,
            small_world,
            today,
            StudyInstanceUID=INSIDE_STUDY,
            state="matched",
            case_id=small_world.inside.id,
            guesses=[],
        )


def test_an_opinion_or_an_upload_beside_the_images_is_no_second_sender(
    db: Database, received: Arrival, visitor: Visitor, today: datetime
) -> None:
    def sent_by(title: str) -> None:
        with db.writing() as session:
            session.add(
                ArrivalSender(
                    arrival_id=received.id,
                    calling_aet=title,
                    remote_address="127.0.0.1",
                    first_seen_at=today,
                )
            )

    browser, base = visitor("hospital")
    sent_by("RIVERSIDE")
    sent_by("")
    assert "2 senders" not in browser.get(f"{base}/").text
    sent_by("HILLCREST")
    assert "2 senders" in browser.get(f"{base}/").text


def keep(
    app: Flask,
    case: Case,
    title: str,
    content: bytes,
    today: datetime,
    media_type: str = "application/pdf",
) -> CaseDocument:
    services = app.extensions["margin"]
    with services.db.writing() as session:
        return cases.keep_document(
            session,
            case_by_number(session, case.number),
            title=title,
            media_type=media_type,
            size_bytes=len(content),
            sha256=services.files.put(content),
            received_from="Riverside",
            now=today,
        )


def test_a_surgeon_with_a_link_reaches_the_images_in_one_click(
    visitor: Visitor, received: Arrival
) -> None:
    browser, base = visitor("surgeon")
    page = browser.get(f"{base}/").text
    assert page.index("Can it be resected?") < page.index("Open images and form")
    assert f'href="{base}/view/margin?StudyInstanceUIDs={INSIDE_STUDY}"' in page
    assert "Portal venous" in page


@pytest.mark.parametrize("who", ["surgeon", "viewer", "hospital"])
def test_no_visitor_sees_a_patients_name(visitor: Visitor, received: Arrival, who: str) -> None:
    browser, base = visitor(who)
    page = browser.get(f"{base}/").text
    assert "Can it be resected?" in page
    for part in (*PATIENT.split("^"), "PID-1"):
        assert part not in page


def test_a_surgeon_sees_documents_without_the_senders_file_names(
    visitor: Visitor, app: Flask, small_world: World, today: datetime
) -> None:
    document = keep(app, small_world.inside, "Lefebvre Camille letter.pdf", PDF, today)
    browser, base = visitor("surgeon")
    page = browser.get(f"{base}/").text
    assert "Lefebvre" not in page
    answer = browser.get(f"{base}/documents/{document.id}")
    assert answer.data == PDF
    answer.close()
    assert answer.headers["Content-Disposition"].endswith(
        f"{small_world.inside.number}-document-1.pdf"
    )


def test_a_surgeon_sees_what_a_document_is_before_opening_it(
    visitor: Visitor, app: Flask, small_world: World, today: datetime
) -> None:
    report = keep(app, small_world.inside, "scan-0007.pdf", PDF, today)
    keep(app, small_world.inside, "scan-0008.pdf", PDF + b"\n", today)
    with small_world.db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        classify(session, case, report.id, kind="pathology_report", by="Riverside", now=today)
    browser, base = visitor("surgeon")
    page = browser.get(f"{base}/").text
    assert ">Pathology report</a>" in page
    assert len(re.findall(r">Document \d</a>", page)) == 1 and "nobody has said what it is" in page


def test_a_document_may_not_run_anything(
    visitor: Visitor, app: Flask, small_world: World, today: datetime
) -> None:
    real = keep(app, small_world.inside, "letter.pdf", PDF, today)
    fake = keep(app, small_world.inside, "fake.pdf", b"<script>alert(1)</script>", today)
    browser, base = visitor("surgeon")
    for document, shown in ((real, "inline"), (fake, "attachment")):
        answer = browser.get(f"{base}/documents/{document.id}")
        assert answer.headers["Content-Disposition"].startswith(shown)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
        answer.close()
    assert answer.mimetype == "application/octet-stream"


@pytest.mark.parametrize("title", ["liver.stl", "vessels", "._vessels"])
def test_a_model_is_known_by_what_it_was_taken_for_and_is_only_saved(
    visitor: Visitor, app: Flask, small_world: World, today: datetime, title: str
) -> None:
    binary = bytes(80) + (1).to_bytes(4, "little") + bytes(50)
    model = keep(app, small_world.inside, title, binary, today, media_type="model/stl")
    browser, base = visitor("surgeon")
    answer = browser.get(f"{base}/documents/{model.id}")
    assert answer.mimetype == "model/stl"
    said = answer.headers["Content-Disposition"]
    assert said.startswith("attachment") and said.endswith("-document-1.stl")
    answer.close()


def test_a_document_of_another_case_is_not_found(
    visitor: Visitor, app: Flask, small_world: World, today: datetime
) -> None:
    foreign = keep(app, small_world.outside, "letter.pdf", PDF, today)
    browser, base = visitor("surgeon")
    assert browser.get(f"{base}/documents/{foreign.id}").status_code == 404


def test_a_hospital_sees_what_was_received_what_follows_and_how_to_send(
    visitor: Visitor, received: Arrival, small_world: World
) -> None:
    browser, base = visitor("hospital")
    page = browser.get(f"{base}/").text
    for said in (
        "What happens next",
        "A surgeon was asked to review the case.",
        "CT abdomen",
        "margin push FOLDER --to localhost:4243 --calling-aet RIVERSIDE --called-aet MARGIN",
        "storescu -v +sd +r -aet RIVERSIDE -aec MARGIN localhost 4243 FOLDER",
    ):
        assert said in page
    assert f'action="{base}/files"' in page
    assert f"{base}/view/" not in page


@pytest.mark.parametrize("state", [state.value for state in State])
def test_every_state_tells_the_hospital_what_comes_next(state: str) -> None:
    said = what_happens_next(Case(state=state, held_reason="MRI is missing"))
    assert said.endswith((".", "MRI is missing"))


def test_without_script_files_are_kept_and_looked_through_later(
    visitor: Visitor, small_world: World, db: Database
) -> None:
    browser, base = visitor("hospital")
    browser.get(f"{base}/")
    answer = browser.post_only(
        f"{base}/files",
        files=[(io.BytesIO(b"x"), "<b>.dcm"), (io.BytesIO(PDF), "../../etc/letter.pdf")],
    )
    assert (answer.status_code, answer.location) == (303, f"{base}/uploads")
    page = browser.get(answer.location).text
    assert "2 files are here and will be looked through within a minute." in page
    assert "&lt;b&gt;.dcm" in page
    assert ">etc/letter.pdf<" in page
    with db.reading() as session:
        found = session.scalars(select(Upload).where(Upload.case_id == small_world.inside.id))
        assert {one.state for one in found} == {"complete"}
        assert case_by_number(session, small_world.inside.number).documents == []


def test_a_program_that_sends_a_form_hears_that_its_files_are_here(visitor: Visitor) -> None:
    browser, base = visitor("hospital")
    browser.get(f"{base}/")
    answer = browser.client.post(
        f"{base}/files",
        data={"csrf_token": browser.token, "files": [(io.BytesIO(PDF), "letter.pdf")]},
        headers={"Accept": "application/json"},
    )
    assert answer.get_json() == {"files": [{"name": "letter.pdf", "outcome": "received"}]}


def test_sending_nothing_is_refused(visitor: Visitor) -> None:
    browser, base = visitor("hospital")
    browser.get(f"{base}/")
    assert browser.post(f"{base}/files").status_code == 400


@pytest.mark.parametrize("who", ["surgeon", "viewer"])
def test_whoever_only_looks_cannot_send(visitor: Visitor, who: str) -> None:
    browser, base = visitor(who)
    browser.get(f"{base}/")
    assert "Send from this computer" not in browser.get(f"{base}/").text
    answer = browser.client.post(
        f"{base}/files",
        data={"files": [(io.BytesIO(PDF), "a.pdf")]},
        headers={"X-Margin-Panel": "1"},
    )
    assert answer.status_code == 403


def test_one_visit_does_not_open_another(visitor: Visitor, small_world: World) -> None:
    _, base = visitor("hospital")
    stranger, _ = visitor("other_surgeon")
    answer = stranger.get(f"{base}/")
    assert answer.status_code == 401
    assert small_world.inside.number not in answer.text


def test_a_coordinators_visit_leads_back_to_the_case(
    signed_in: SignedIn, small_world: World
) -> None:
    clara = signed_in("Clara")
    url = f"/cases/{small_world.inside.number}"
    clara.get(url)
    launched = clara.post_only(f"{url}/launch").location.split("/view")[0]
    assert clara.client.get(f"{launched}/").location == url


def test_when_the_question_is_answered_nothing_more_is_asked_for(
    visitor: Visitor, small_world: World, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        cases.happen(session, case, Event.WITHDRAW, now=today)
    browser, base = visitor("hospital")
    page = browser.get(f"{base}/").text
    assert "Nothing more will happen." in page
    assert "Send from this computer" not in page


def test_an_account_sees_its_own_name_on_every_page(signed_in: SignedIn) -> None:
    assert Account("1", "Clara", "coordinator").name in signed_in("Clara").get("/worklist").text


def test_the_case_says_when_the_hospital_first_read_the_opinion_and_not_when_others_did(
    app: Flask, visit: Visit, visitor: Visitor, signed_in: SignedIn, small_world: World
) -> None:
    def reads(browser: Browser, place: str) -> None:
        with browser.get(f"{place}/opinion.pdf") as document:
            assert document.status_code == 200

    opine(app, visit)
    clara, case = signed_in("Clara"), f"/cases/{small_world.inside.number}"
    reads(clara, case)
    reads(*visitor("viewer"))
    assert "The hospital has not read it yet." in clara.get(case).text
    reads(*visitor("hospital"))
    read = clara.get(case).text
    assert "First read" in read
    assert "The hospital has not read it yet." not in read
