"""Questions on their pages: three sides, two of every kind, names hidden where they must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import select

from server.access.action import Permit
from server.access.actions import issue_grant
from server.cases.records import Case, CaseDocument
from server.conversation.records import KeyImage, Message, Question
from server.foundation.db import Database, new_id
from server.intake.records import Arrival
from server.notices.kinds import NoticeKind
from server.notices.records import Notice
from tests.web.conftest import Browser
from tests.world import INSIDE_STUDY, OUTSIDE_STUDY, World

SignIn = Callable[[str], Browser]
Come = Callable[[str], tuple[Browser, str]]
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
TEXT = "Is there an arterial phase of July?"


def database(app: Flask) -> Database:
    found: Database = app.extensions["margin"].db
    return found


def ask(browser: Browser, base: str, **fields: object) -> str:
    browser.get(f"{base}/questions")
    sent = {"key": new_id(), "text": TEXT, "audience": "hospital", **fields}
    return browser.post(f"{base}/questions", **sent).get_data(as_text=True)


def answer(browser: Browser, base: str, number: int = 1, **fields: object) -> str:
    browser.get(f"{base}/questions")
    sent = {"key": new_id(), "text": "Yes, it is on its way.", **fields}
    return browser.post(f"{base}/questions/{number}/answers", **sent).get_data(as_text=True)


def kinds_told(app: Flask) -> list[str]:
    with database(app).reading() as session:
        return list(session.scalars(select(Notice.kind).order_by(Notice.created_at)))


def test_a_question_goes_to_the_hospital_and_its_answer_comes_back(
    app: Flask, small_world: World, visitor: Come, signed_in: SignIn
) -> None:
    surgeon, at_surgeon = visitor("surgeon")
    assert "The question is asked." in ask(surgeon, at_surgeon)
    hospital, at_hospital = visitor("hospital")
    home = hospital.get(f"{at_hospital}/").get_data(as_text=True)
    assert "You are asked" in home and "1 new" in home
    page = hospital.get(f"{at_hospital}/questions").get_data(as_text=True)
    assert TEXT in page and "The reviewing surgeon" in page and "Lena" not in page
    answer(hospital, at_hospital)
    assert "it is on its way" in surgeon.get(f"{at_surgeon}/questions").get_data(as_text=True)
    clara = signed_in("Clara")
    page = clara.get(f"/cases/{small_world.inside.number}/questions").get_data(as_text=True)
    assert TEXT in page and "Lena" in page and "it is on its way" in page
    assert kinds_told(app) == [NoticeKind.QUESTION_ASKED, NoticeKind.QUESTION_ANSWERED]


def test_what_is_internal_is_no_hospitals_business(
    app: Flask, small_world: World, visitor: Come
) -> None:
    surgeon, at_surgeon = visitor("surgeon")
    ask(surgeon, at_surgeon, audience="internal")
    hospital, at_hospital = visitor("hospital")
    assert TEXT not in hospital.get(f"{at_hospital}/questions").get_data(as_text=True)
    assert "You are asked" not in hospital.get(f"{at_hospital}/").get_data(as_text=True)
    hospital.get(f"{at_hospital}/questions")
    for verb in ("answers", "close"):
        refused = hospital.post_only(f"{at_hospital}/questions/1/{verb}", key=new_id(), text="x")
        assert refused.status_code == 404


def test_more_imaging_pauses_the_clock_and_stands_on_the_hospitals_page(
    app: Flask, small_world: World, visitor: Come, signed_in: SignIn
) -> None:
    surgeon, at_surgeon = visitor("surgeon")
    said = ask(surgeon, at_surgeon, text="CT of the chest, 1 mm, please.", wants_imaging="yes")
    assert "the clock is paused" in said
    hospital, at_hospital = visitor("hospital")
    home = hospital.get(f"{at_hospital}/").get_data(as_text=True)
    assert "More imaging is needed" in home and "CT of the chest, 1 mm, please." in home
    assert "The clock is paused until then." in home
    assert kinds_told(app) == [NoticeKind.IMAGING_REQUESTED]
    clara, at = signed_in("Clara"), f"/cases/{small_world.inside.number}"
    page = clara.get(f"{at}/questions").get_data(as_text=True)
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None and "Let the clock run again" in page
    clara.post(f"{at}/advance", version=version.group(1), event="resume", reason="")
    home = hospital.get(f"{at_hospital}/").get_data(as_text=True)
    assert "More imaging is needed" in home and "The clock is paused" not in home
    clara.post(f"{at}/questions/1/close")
    with database(app).reading() as session:
        case = session.get_one(Case, small_world.inside.id)
        assert case.state == "assigned" and session.scalars(select(Question)).one().closed_at


def test_only_a_question_that_waits_for_the_hospital_asks_it_for_an_answer(
    small_world: World, visitor: Come
) -> None:
    hospital, at_hospital = visitor("hospital")
    ask(hospital, at_hospital)
    assert "You are asked" not in hospital.get(f"{at_hospital}/").get_data(as_text=True)
    surgeon, at_surgeon = visitor("surgeon")
    ask(surgeon, at_surgeon)
    asked = hospital.get(f"{at_hospital}/").get_data(as_text=True)
    assert "You are asked" in asked and "1 question on this case" in asked
    surgeon.post(f"{at_surgeon}/questions/2/close")
    news = hospital.get(f"{at_hospital}/").get_data(as_text=True)
    assert "1 new" in news and "You are asked" not in news and "Read and answer" not in news


def test_others_have_no_part_in_it(small_world: World, visitor: Come, signed_in: SignIn) -> None:
    surgeon, at_surgeon = visitor("surgeon")
    ask(surgeon, at_surgeon)
    at = f"/cases/{small_world.inside.number}/questions"
    for outsider in ("Omar", "Otto"):
        browser = signed_in(outsider)
        browser.get("/worklist")
        assert browser.get(at).status_code == 404
        for url in (at, f"{at}/1/answers", f"{at}/1/close", f"{at}/seen"):
            assert browser.post_only(url, key=new_id(), text="x").status_code == 404
    lena = signed_in("Lena")
    lena.get(at)
    assert lena.post_only(f"{at}/1/show").status_code == 403


def test_a_refused_message_comes_back_with_what_was_typed(visitor: Come) -> None:
    surgeon, base = visitor("surgeon")
    surgeon.get(f"{base}/questions")
    long = "word " * 1700
    refused = surgeon.post_only(f"{base}/questions", key=new_id(), text=long, subject="Chest")
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422 and "At most 8000 characters" in page
    assert 'value="Chest"' in page and page.count("word ") >= 1700


def test_a_document_joins_the_case_and_nothing_but_a_document_is_taken(
    app: Flask, small_world: World, visitor: Come
) -> None:
    surgeon, at_surgeon = visitor("surgeon")
    ask(surgeon, at_surgeon)
    hospital, at = visitor("hospital")
    page = answer(hospital, at, files=(BytesIO(PDF), "letter.pdf"))
    assert "letter.pdf" in page
    with database(app).reading() as session:
        [kept] = session.scalars(select(CaseDocument))
        assert [one.id for one in session.scalars(select(Message)).all()[1].documents] == [kept.id]
    hospital.get(f"{at}/questions")
    refused = hospital.post_only(
        f"{at}/questions/1/answers",
        key=new_id(),
        text="See this.",
        files=(BytesIO(b"MZ\x90" + b"\0" * 200), "letter.pdf.exe"),
    )
    assert refused.status_code == 422 and "neither PDF nor JPEG" in refused.get_data(as_text=True)
    surgeon.get(f"{at_surgeon}/questions")
    refused = surgeon.post_only(
        f"{at_surgeon}/questions/1/answers",
        key=new_id(),
        text="See this.",
        files=(BytesIO(PDF), "x.pdf"),
    )
    assert refused.status_code == 422


@pytest.mark.parametrize(("study", "kept"), [(INSIDE_STUDY, 1), (OUTSIDE_STUDY, 0), ("../x", 0)])
def test_an_image_of_the_case_is_kept_with_the_question_and_no_other(
    app: Flask, visitor: Come, study: str, kept: int
) -> None:
    surgeon, base = visitor("surgeon")
    image = {"study": study, "series": "1.2.3", "instance": "1.2.3.4", "frame": "2"}
    offered = surgeon.get(f"{base}/questions", **image, label="Series 4, image 57")
    assert ("Series 4, image 57" in offered.get_data(as_text=True)) == bool(kept)
    page = ask(surgeon, base, **image, label="Series 4, image 57", with_image="yes")
    with database(app).reading() as session:
        images = session.scalars(select(KeyImage)).all()
    assert len(images) == kept
    if kept:
        assert f"{base}/questions/images/{images[0].id}" in page
        opened = surgeon.client.get(f"{base}/questions/images/{images[0].id}")
        assert opened.status_code == 303
        assert opened.location.endswith(
            f"/view/margin?StudyInstanceUIDs={INSIDE_STUDY}&initialSeriesInstanceUID=1.2.3"
            "&initialSOPInstanceUID=1.2.3.4"
        )


def test_a_coordinator_opens_the_viewer_at_the_image(
    app: Flask, small_world: World, visitor: Come, signed_in: SignIn
) -> None:
    surgeon, base = visitor("surgeon")
    image = {"study": INSIDE_STUDY, "series": "1.2.3", "instance": "1.2.3.4"}
    ask(surgeon, base, **image, with_image="yes")
    with database(app).reading() as session:
        [kept] = session.scalars(select(KeyImage))
    clara, at = signed_in("Clara"), f"/cases/{small_world.inside.number}/questions"
    clara.get(at)
    opened = clara.post_only(f"{at}/images/{kept.id}")
    assert opened.status_code == 303 and "initialSOPInstanceUID=1.2.3.4" in opened.location
    omar = signed_in("Omar")
    omar.get("/worklist")
    assert omar.post_only(f"{at}/images/{kept.id}").status_code == 404


def test_before_whoever_may_not_know_the_patient_nothing_names_them(
    app: Flask, small_world: World, today: datetime, signed_in: SignIn
) -> None:
    with database(app).writing() as session:
        session.add(
            Arrival(
                StudyInstanceUID=INSIDE_STUDY,
                orthanc_id="a",
                case_id=small_world.inside.id,
                state="matched",
                PatientName="ROE^JANE",
                PatientID="RIV-778812",
                first_seen_at=today,
                changed_at=today,
            )
        )
        case, person = session.merge(small_world.inside), session.merge(small_world.surgeon)
        token = issue_grant(
            session,
            case=case,
            for_whom=person.name,
            permits=frozenset({Permit.VIEW, Permit.ANNOTATE}),
            days=2,
            issued_by="test",
            now=today,
            person=person,
            pseudonymised=True,
        ).token
    clara, at = signed_in("Clara"), f"/cases/{small_world.inside.number}"
    ask(
        clara,
        at,
        audience="internal",
        text="Jane Roe (RIV-778812) of Riverside waits: any news?",
        subject="Roe, J.",
    )
    client = app.test_client()
    base = client.post("/open", json={"token": token}).get_json()["location"].rstrip("/")
    page = Browser(client).get(f"{base}/questions").get_data(as_text=True)
    assert "waits: any news?" in page
    for secret in ("Jane", "Roe", "RIV-778812", "Riverside"):
        assert secret not in page, secret
    answer(Browser(client), base, text="Soon.")
    assert "Soon." in clara.get(f"{at}/questions").get_data(as_text=True)


def test_what_was_seen_is_noted_for_each_reader(visitor: Come) -> None:
    surgeon, at_surgeon = visitor("surgeon")
    ask(surgeon, at_surgeon)
    hospital, at = visitor("hospital")
    page = hospital.get(f"{at}/questions").get_data(as_text=True)
    ids = re.findall(r'name="message" value="(\w+)"', page)
    assert len(ids) == 1
    assert "1 new" not in hospital.post(f"{at}/questions/seen", message=ids).get_data(as_text=True)
    assert "Read by the hospital" in surgeon.get(f"{at_surgeon}/questions").get_data(as_text=True)


def test_a_number_that_is_none_is_no_question(visitor: Come) -> None:
    surgeon, base = visitor("surgeon")
    surgeon.get(f"{base}/questions")
    for number in ("0", "99", "-1", "x", "²", "9" * 40):
        refused = surgeon.post_only(f"{base}/questions/{number}/answers", key=new_id(), text="x")
        assert refused.status_code == 404, number
