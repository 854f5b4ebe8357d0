"""Who asks, why, and with whose consent; specimens and tasks; and what a link without names shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from server.access.action import Permit
from server.access.actions import issue_grant
from server.cases.queries import case_by_number
from server.dossier import actions, requests
from server.dossier.completeness import Standing
from server.dossier.entries import EntryKind
from server.dossier.queries import completeness_of, request_of, specimens_of, tasks_of
from server.foundation.db import Database
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
Visitor = Callable[[str], tuple[Browser, str]]


@pytest.fixture
def clara(signed_in: SignedIn, small_world: World) -> tuple[Browser, str]:
    browser, base = signed_in("Clara"), f"/cases/{small_world.inside.number}"
    browser.get(f"{base}/records/request")
    return browser, base


def test_a_daughter_asks_and_the_consent_is_noted_and_revoked(
    clara: tuple[Browser, str], db: Database, small_world: World
) -> None:
    browser, base = clara
    fields = {"asker": "relative", "asker_name": "Anna", "reasons": ["unresectable", "borderline"]}
    refused = browser.post(f"{base}/records/request", **fields)
    assert refused.status_code == 422
    assert "such as daughter" in refused.text
    kept = browser.post(
        f"{base}/records/request",
        **fields,
        asker_relation="daughter",
        first_centre="City Hospital",
        circumstance_operation_abandoned="yes",
        circumstance_treated_before="",
    )
    assert "A relative asks: the case cannot go on" in kept.text
    undated = browser.post(f"{base}/records/consent", given_on="", how="written")
    assert "Enter the date on which the consent was given." in undated.text
    noted = browser.post(f"{base}/records/consent", given_on="2026-11-01", how="written")
    assert "Signed on paper" in noted.text
    with db.reading() as session:
        case = case_by_number(session, small_world.inside.number)
        assert completeness_of(session, case).consent.problem == ""
        request = request_of(session, case)
        assert request.circumstances == {"operation_abandoned": True}
        assert request.reasons == ["unresectable", "borderline"]
        assert "Operative report" in completeness_of(session, case).blocking
    assert browser.post(f"{base}/records/consent/revoke", why="").status_code == 422
    revoked = browser.post(f"{base}/records/consent/revoke", why="She called on Monday")
    assert "Nothing may be shared any more" in revoked.text
    assert "She called on Monday" in revoked.text
    assert "The patient has revoked the consent." in browser.get(base).text


def test_what_was_ticked_stays_ticked_when_the_form_comes_back(clara: tuple[Browser, str]) -> None:
    browser, base = clara
    page = browser.post(
        f"{base}/records/request",
        asker="friend",
        reasons=["no_options"],
        first_verdict_on="soon",
        circumstance_treated_before="no",
    ).text
    assert 'value="no_options" checked' in page
    assert 'name="circumstance_treated_before" value="no" checked' in page
    assert 'value="soon"' in page


def test_a_specimen_travels_and_every_hand_is_noted(
    clara: tuple[Browser, str], db: Database, small_world: World, today: datetime
) -> None:
    browser, base = clara
    url = f"{base}/records/specimens"
    assert "Give the pathology number." in browser.post(url, label="A1").text
    due = (today - timedelta(days=2)).date().isoformat()
    browser.post(
        url, pathology_number="H26-7", label="A1", kind="ffpe_block", count="1", due_back_on=due
    )
    with db.reading() as session:
        case = case_by_number(session, small_world.inside.number)
        (seen,) = specimens_of(session, case, today.date())
    events = f"{url}/{seen.specimen.id}/events"
    at = (today - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    refused = browser.post(events, step="in_transit", at=at, courier="MedExpress")
    assert refused.status_code == 422
    assert "Give the tracking number." in refused.text
    page = browser.post(events, step="in_transit", at=at, courier="MedExpress", tracking="MX 1")
    assert "In transit" in page.text
    assert "return 2 days overdue" in page.text
    assert "1 specimen overdue" in browser.get(base).text
    form = browser.client.get(f"{url}/custody-a4.pdf")
    assert form.mimetype == "application/pdf"
    assert form.data.startswith(b"%PDF-")
    assert small_world.inside.number in form.headers["Content-Disposition"]
    assert browser.get(f"{url}/custody-a0.pdf").status_code == 404


def test_a_reconstruction_is_asked_for_and_declined(
    clara: tuple[Browser, str], db: Database, small_world: World, today: datetime
) -> None:
    browser, base = clara
    browser.post(f"{base}/records/tasks", kind="reconstruction_3d", asked_of="Northern Centre")
    with db.reading() as session:
        case = case_by_number(session, small_world.inside.number)
        (task,) = tasks_of(session, case)
    assert "1 task open" in browser.get(base).text
    url = f"{base}/records/tasks/{task.id}"
    refused = browser.post(url, state="declined")
    assert "Say why it was declined." in refused.text
    browser.post(url, state="declined", outcome="Slices are too thick")
    assert browser.post(url, state="done").status_code == 409
    page = browser.get(f"{base}/records/specimens").text
    assert "Slices are too thick" in page
    assert "1 task open" not in browser.get(base).text


@pytest.fixture
def nameless(app: Flask, db: Database, small_world: World, today: datetime) -> tuple[Browser, str]:
    """A reviewer whose link hides who the patient is, on a case whose records are full of names."""
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        by = "grant 1234 Riverside desk"
        line = {"text": "Will Riverside operate again? Anna asked City Clinic, too."}
        actions.add_entry(session, case, EntryKind.QUESTION, line, by, today)
        actions.record_values(
            session, case, {"inr": ("1.1", "ratio")}, taken_on="2026-11-01", by=by, now=today
        )
        actions.decide(
            session,
            case,
            "medication",
            standing=Standing.NOT_AVAILABLE,
            reason="Riverside keeps no list",
            by=by,
            now=today,
        )
        asked = requests.Asked(
            asker="relative",
            asker_name="Anna Quill",
            asker_relation="daughter",
            first_centre="City Clinic",
        )
        requests.describe_request(session, case, asked, by=by, now=today)
        token = issue_grant(
            session,
            case=case,
            for_whom="Lena",
            permits=frozenset({Permit.VIEW, Permit.ANNOTATE}),
            days=3,
            issued_by="test",
            now=today,
            pseudonymised=True,
            person=session.merge(small_world.surgeon),
        ).token
    client = app.test_client()
    base = client.post("/open", json={"token": token}).get_json()["location"].rstrip("/")
    return Browser(client), base


def test_a_link_without_names_shows_values_and_no_hospital(nameless: tuple[Browser, str]) -> None:
    browser, base = nameless
    for path in ("", "/values", "/request"):
        page = browser.get(f"{base}/records{path}")
        assert page.status_code == 200
        assert "Riverside" not in page.text
        assert "Anna" not in page.text
        assert "City Clinic" not in page.text
    assert "Will … operate again?" in browser.get(f"{base}/records/values").text
    recorded = browser.get(f"{base}/api/recorded")
    assert "Riverside" not in recorded.text


def test_a_link_without_names_reaches_no_document_and_no_specimen(
    nameless: tuple[Browser, str],
) -> None:
    browser, base = nameless
    for path in ("/specimens", "/specimens/custody-a4.pdf", "/documents/0", "/documents/0/picture"):
        assert browser.get(f"{base}/records{path}").status_code == 403
