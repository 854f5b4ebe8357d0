"""The checklist on the pages: what is missing, what is said of it, and the step that starts the clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask

from server.cases.actions import happen, keep_document
from server.cases.lifecycle import Event
from server.cases.queries import case_by_number
from server.dossier.queries import completeness_of, facts_of_document, overrides_of
from server.foundation import audit
from server.foundation.db import Database
from server.opinions.pdf import pdf_of_html
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
Visitor = Callable[[str], tuple[Browser, str]]
LETTER = "<html lang=en><head><title>Letter</title></head><body><p>A letter</p></body></html>"


@pytest.fixture
def awaiting(small_world: World, db: Database) -> str:
    """The address of the inside case, which waits for its records."""
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        happen(session, case, Event.RECORDS_WANTED, now=case.opened_at)
    return f"/cases/{small_world.inside.number}"


@pytest.fixture
def letter_arrives(app: Flask, small_world: World, today: datetime) -> Callable[..., str]:
    """A letter that the hospital sent; its id."""
    services = app.extensions["margin"]

    def arrive(name: str = "letter.pdf") -> str:
        body = pdf_of_html(LETTER.replace("A letter", f"A letter called {name}"))
        with services.db.writing() as session:
            return keep_document(
                session,
                case_by_number(session, small_world.inside.number),
                title=name,
                media_type="application/pdf",
                size_bytes=len(body),
                sha256=services.files.put(body),
                received_from="Riverside",
                now=today,
            ).id

    return arrive


def test_the_case_page_says_first_what_is_missing(signed_in: SignedIn, awaiting: str) -> None:
    page = signed_in("Clara").get(awaiting).text
    assert page.index("Blood tests as values") < page.index('id="h-question"')
    assert "consent is not recorded" in page
    assert "Start the clock without" in page
    assert "Records are complete: start the clock" not in page


def test_the_clock_starts_only_with_a_reason_while_something_is_missing(
    signed_in: SignedIn, awaiting: str, db: Database, small_world: World
) -> None:
    clara = signed_in("Clara")
    clara.get(awaiting)
    with db.reading() as session:
        version = case_by_number(session, small_world.inside.number).version
    refused = clara.post(f"{awaiting}/advance", event="records_complete", version=version)
    assert refused.status_code == 409
    assert "Blood tests as values" in refused.text
    clara.get(awaiting)
    clara.post(
        f"{awaiting}/advance",
        event="records_complete",
        version=version,
        reason="Urgent: jaundice is rising.",
    )
    with db.reading() as session:
        case = case_by_number(session, small_world.inside.number)
        assert case.state in ("ready", "assigned")
        assert overrides_of(session, case)[0].why == "Urgent: jaundice is rising."
        line = audit.newest(session, case_number=case.number)[0]
        assert "CT, MRI or PET-CT as DICOM" not in line.details["missing"]
        assert line.details["why"] == "Urgent: jaundice is rising."
    assert "Urgent: jaundice is rising." in clara.get(f"{awaiting}/records").text


def test_an_unclassified_document_stands_on_top_until_somebody_says_what_it_is(
    signed_in: SignedIn,
    awaiting: str,
    letter_arrives: Callable[..., str],
) -> None:
    clara = signed_in("Clara")
    document = letter_arrives()
    page = clara.get(f"{awaiting}/records").text
    assert page.index("1 document nobody has classified") < page.index('id="h-list"')
    refused = clara.post(f"{awaiting}/records/documents/{document}", kind="")
    assert refused.status_code == 422
    assert "Choose what kind of document it is." in refused.text
    kept = clara.post(
        f"{awaiting}/records/documents/{document}",
        kind="pathology_report",
        language="de",
        dated_on="2026-05",
    )
    assert "Kept as: Pathology report." in kept.text
    assert "nobody has classified" not in kept.text
    assert "Pathology report, German, 2026-05" in kept.text


def test_a_document_is_read_in_the_page_as_pictures_beside_its_original(
    signed_in: SignedIn,
    awaiting: str,
    letter_arrives: Callable[..., str],
) -> None:
    clara = signed_in("Clara")
    original, translated = letter_arrives("original.pdf"), letter_arrives("translation.pdf")
    clara.get(f"{awaiting}/records")
    clara.post(
        f"{awaiting}/records/documents/{translated}",
        kind="clinic_letter",
        language="en",
        translation_of=original,
        back="document",
    )
    page = clara.get(f"{awaiting}/records/documents/{translated}").text
    assert "Beside its original" in page
    both = clara.get(f"{awaiting}/records/documents/{translated}", beside=original).text
    pictures = re.findall(r'<img src="([^"]+)"', both.replace("&amp;", "&"))
    shown = [one for one in pictures if "/picture?" in one]
    assert [one.split("/documents/")[1][:32] for one in shown] == [translated, original]
    answer = clara.client.get(shown[0])
    assert answer.status_code == 200
    assert answer.mimetype in ("image/png", "image/jpeg")
    again = clara.client.get(shown[0], headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("query", ["&zoom=9&turn=45", "&zoom=-1", "&zoom=x&turn=", "&beside=1"])
def test_a_document_asked_for_in_a_strange_way_is_shown_as_usual(
    signed_in: SignedIn,
    awaiting: str,
    query: str,
    letter_arrives: Callable[..., str],
) -> None:
    clara = signed_in("Clara")
    document = letter_arrives()
    for path in ("?page=1", "/picture?page=1"):
        answer = clara.client.get(f"{awaiting}/records/documents/{document}{path}{query}")
        assert answer.status_code == 200


def test_pages_that_are_not_there_and_documents_of_others_are_not_found(
    signed_in: SignedIn,
    awaiting: str,
    small_world: World,
    letter_arrives: Callable[..., str],
) -> None:
    clara = signed_in("Clara")
    document = letter_arrives()
    picture = f"{awaiting}/records/documents/{document}/picture"
    for page in ("2", "0", "-1", "999999999", "x", ""):
        assert clara.get(picture, page=page).status_code == 404
    for path in ("0" * 32, f"{'0' * 32}/picture"):
        assert clara.get(f"{awaiting}/records/documents/{path}").status_code == 404
    omar = signed_in("Omar")
    foreign = f"/cases/{small_world.outside.number}/records/documents/{document}"
    assert omar.get(foreign).status_code == 404
    assert omar.get(f"{awaiting}/records/documents/{document}").status_code == 404


def test_a_hospital_says_what_cannot_be_had_and_the_coordinator_waives_it(
    visitor: Visitor, signed_in: SignedIn, awaiting: str, db: Database, small_world: World
) -> None:
    hospital, base = visitor("hospital")
    page = hospital.get(f"{base}/").text
    assert page.index("Still missing") < page.index("What was received")
    assert "Blood tests as values" in page
    item = "/records/items/blood_tests"
    assert hospital.post(f"{base}{item}/not-available", reason="").status_code == 422
    said = hospital.post(f"{base}{item}/not-available", reason="The laboratory burned down")
    assert "The coordinator decides" in said.text
    assert hospital.post_only(f"{base}{item}/waive", reason="x").status_code in (404, 405)
    clara = signed_in("Clara")
    assert "The laboratory burned down" in clara.get(f"{awaiting}/records").text
    waived = clara.post(f"{awaiting}{item}/waive", reason="Repeated at the centre")
    assert "The item is waived." in waived.text
    with db.reading() as session:
        case = case_by_number(session, small_world.inside.number)
        lacks = completeness_of(session, case).blocking
        assert lacks == ("The patient's consent is not recorded.",)
    clara.post(f"{awaiting}{item}/wanted")
    with db.reading() as session:
        assert len(completeness_of(session, case).blocking) == 2


def test_a_hospital_knows_whom_to_ask(visitor: Visitor) -> None:
    hospital, base = visitor("hospital")
    page = hospital.get(f"{base}/").text
    assert "Your contact" in page
    assert "clara@margin.example" in page
    assert "omar@margin.example" not in page


def test_an_item_that_is_not_on_the_list_cannot_be_decided(
    signed_in: SignedIn, awaiting: str
) -> None:
    clara = signed_in("Clara")
    clara.get(awaiting)
    answer = clara.post(f"{awaiting}/records/items/moon/waive", reason="x")
    assert answer.status_code == 404


def test_whoever_may_only_look_sees_the_records_and_no_form(
    visitor: Visitor, awaiting: str, db: Database, small_world: World
) -> None:
    viewer, base = visitor("viewer")
    for path in ("", "/values", "/request", "/specimens"):
        page = viewer.get(f"{base}/records{path}")
        assert page.status_code == 200
        main = page.text.split("<main", 1)[1]
        assert 'method="post"' not in main
    for path in ("/values", "/request", "/consent", "/specimens", "/lines/question"):
        assert viewer.post_only(f"{base}/records{path}", text="x").status_code == 403


def test_a_hospital_classifies_what_it_sent(
    visitor: Visitor,
    db: Database,
    small_world: World,
    letter_arrives: Callable[..., str],
) -> None:
    hospital, base = visitor("hospital")
    document = letter_arrives()
    hospital.get(f"{base}/records")
    hospital.post(f"{base}/records/documents/{document}", kind="operative_report")
    with db.reading() as session:
        facts = facts_of_document(session, small_world.inside.id)[document]
        assert facts.kind == "operative_report"
        assert "somebody" in facts.set_by


@pytest.mark.parametrize("who", ["Omar", "Otto"])
def test_foreign_records_are_not_found(signed_in: SignedIn, small_world: World, who: str) -> None:
    browser = signed_in(who)
    for path in ("", "/values", "/request", "/specimens", "/specimens/custody-a4.pdf"):
        answer = browser.get(f"/cases/{small_world.inside.number}/records{path}")
        assert answer.status_code == 404


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"kind": ["x"]}', b"\xff\xfe"])
def test_a_body_that_is_no_form_breaks_nothing(
    signed_in: SignedIn, awaiting: str, body: bytes
) -> None:
    clara = signed_in("Clara")
    for path in (
        "/values",
        "/lines/question",
        "/lines/moon",
        "/request",
        "/consent",
        "/consent/revoke",
        "/specimens",
        "/specimens/0/events",
        "/tasks",
        "/tasks/0",
        "/items/blood_tests/waive",
        "/documents/0",
        "/values/0/withdraw",
        "/lines/0/withdraw",
    ):
        answer = clara.client.post(
            f"{awaiting}/records{path}", data=body, content_type="application/json"
        )
        assert 400 <= answer.status_code < 500, path
