"""Entering what became of the patient: by whom, how quickly, with which history; and who may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from server.access.action import Action, Permit
from server.access.actions import issue_grant
from server.access.permissions import Allowed, CaseFacts, Denied, Holder, may
from server.cases.local_category import local_category_entries
from server.cases.records import Case
from server.foundation.db import Database
from server.outcomes.queries import finding_entries, outcome_entries, outcome_of
from tests.browser import sign_in
from tests.figures.lives import Lived, live
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]


@pytest.fixture
def liver(small_world: World, today: datetime) -> Case:
    """A case of the inside hospital whose opinion is out."""
    with small_world.db.writing() as session:
        life = Lived(
            organ="liver",
            example="crlm-right-adequate",
            local_category="",
            opened_at=today - timedelta(days=90),
        )
        return live(session, small_world.hospital, small_world.surgeon, life)


def fields(today: datetime, **more: str) -> dict[str, str]:
    return {
        "seen": "0",
        "course": "operated",
        "operated_on": (today - timedelta(days=40)).date().isoformat(),
        "operation": "right_hepatectomy",
        "resection_margin": "R0",
        "complication_grade": "II",
        **more,
    }


def with_entries(db: Database, case: Case) -> list[Any]:
    with db.reading() as session:
        return outcome_entries(session, case.id)


def test_a_coordinator_enters_corrects_and_sees_who_changed_what(
    signed_in: SignedIn, liver: Case, small_world: World, today: datetime
) -> None:
    clara, page = signed_in("Clara"), f"/cases/{liver.number}/outcome"
    assert "Was the patient operated on?" in clara.get(page).get_data(as_text=True)
    kept = clara.post(page, **fields(today))
    assert "The outcome is kept." in kept.get_data(as_text=True)
    again = clara.post(page, **fields(today, seen="1", resection_margin="R1", note="pathology"))
    text = again.get_data(as_text=True)
    assert "The correction is kept" in text
    assert "<del>R0, no residual tumour</del>" in text
    assert "<ins>R1, microscopic</ins>" in text
    assert [one.entered_as for one in with_entries(small_world.db, liver)] == ["coordinator"] * 2


def test_what_cannot_be_comes_back_with_what_was_typed(
    signed_in: SignedIn, liver: Case, small_world: World, today: datetime
) -> None:
    clara, page = signed_in("Clara"), f"/cases/{liver.number}/outcome"
    clara.get(page)
    answer = clara.post(page, **fields(today, operated_on="2099-01-01", note="kept in the form"))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "This day lies in the future." in text
    assert "kept in the form" in text
    assert with_entries(small_world.db, liver) == []
    assert clara.post(page, course="operated").status_code == 422
    assert clara.post(page, **fields(today, seen="-1")).status_code == 422


def test_of_two_who_enter_at_once_the_second_keeps_what_they_wrote(
    signed_in: SignedIn, liver: Case, today: datetime
) -> None:
    clara, ada, page = signed_in("Clara"), signed_in("Ada"), f"/cases/{liver.number}/outcome"
    clara.get(page)
    ada.get(page)
    assert clara.post(page, **fields(today)).status_code == 200
    answer = ada.post(page, **fields(today, resection_margin="R2", note="from the surgeon"))
    assert answer.status_code == 409
    text = answer.get_data(as_text=True)
    assert "Somebody else entered an outcome" in text
    assert "from the surgeon" in text
    # The form that came back has seen the first entry: kept again, it is a correction.
    assert 'name="seen" value="1"' in text
    again = ada.post(page, **fields(today, seen="1", resection_margin="R2"))
    assert "The correction is kept" in again.get_data(as_text=True)


def test_a_hospital_enters_the_outcome_with_its_link(
    app: Flask, liver: Case, small_world: World, today: datetime
) -> None:
    hospital = link(app, small_world, liver, "upload download", today)
    page = f"{hospital.base}/outcome"
    text = hospital.get(page).get_data(as_text=True)
    assert "Was the patient operated on?" in text
    assert "What kind of finding" not in text
    assert "The two verdicts" not in text
    answer = hospital.post(page, **fields(today))
    assert "The outcome is kept." in answer.get_data(as_text=True)
    # A link is told by whom it is for, and on paper, where the form is not, stands what was kept.
    page_kept = answer.get_data(as_text=True)
    assert "by somebody" in page_kept and "grant" not in page_kept.split("</header>")[-1]
    assert '<dl class="facts print-only">' in page_kept
    [entry] = with_entries(small_world.db, liver)
    assert entry.entered_as == "hospital"
    refused = hospital.post(f"/cases/{liver.number}/outcome/verdicts", local_category="resectable")
    assert refused.status_code == 401


class Linked(Browser):
    """Who came by a link, and where."""

    base: str = ""


def link(
    app: Flask,
    world: World,
    case: Case,
    permits: str,
    now: datetime,
    *,
    pseudonymised: bool = False,
) -> Linked:
    with world.db.writing() as session:
        issued = issue_grant(
            session,
            case=session.get_one(Case, case.id),
            for_whom="somebody",
            permits=frozenset(Permit(one) for one in permits.split()),
            days=7,
            issued_by="test",
            now=now,
            pseudonymised=pseudonymised,
        )
    browser = Linked(app.test_client())
    opened = browser.client.post("/open", json={"token": issued.token})
    browser.base = opened.get_json()["location"].rstrip("/")
    return browser


@pytest.mark.parametrize(
    ("permits", "pseudonymised"),
    [("view annotate sign", False), ("view annotate sign", True), ("download", False)],
)
def test_links_that_do_not_send_neither_see_nor_enter_an_outcome(
    app: Flask, liver: Case, small_world: World, today: datetime, permits: str, pseudonymised: bool
) -> None:
    visitor = link(app, small_world, liver, permits, today, pseudonymised=pseudonymised)
    assert visitor.get(f"{visitor.base}/outcome").status_code == 403
    assert visitor.post(f"{visitor.base}/outcome", **fields(today)).status_code == 403
    assert with_entries(small_world.db, liver) == []
    assert "/outcome" not in visitor.get(f"{visitor.base}/").get_data(as_text=True)


def test_who_sees_no_names_does_not_learn_where_it_was_operated() -> None:
    facts = CaseFacts("case", "hospital")
    for hides in (True, False):
        holder = Holder("g", "x", "case", frozenset({Permit.UPLOAD}), None, hides)
        for action in (Action.OUTCOME_READ, Action.OUTCOME_ENTER):
            assert isinstance(may(holder, action, facts), Denied if hides else Allowed)


def test_another_coordinator_and_a_surgeon_who_has_it_not_find_no_such_case(
    signed_in: SignedIn, liver: Case, today: datetime
) -> None:
    for name in ("Omar", "Otto", "Lena"):
        somebody = signed_in(name)
        assert somebody.get(f"/cases/{liver.number}/outcome").status_code == 404
        somebody.get("/worklist")
        answer = somebody.post(f"/cases/{liver.number}/outcome", **fields(today))
        assert answer.status_code == 404


def test_the_surgeon_of_the_case_reads_what_became_of_it_and_enters_nothing(
    signed_in: SignedIn, small_world: World, today: datetime
) -> None:
    case = f"/cases/{small_world.inside.number}"
    page, afterwards = f"{case}/outcome", f"{case}/afterwards"
    clara, lena = signed_in("Clara"), signed_in("Lena")
    assert "Enter what became of it" in clara.get(afterwards).text
    assert f'href="{page}">Look' not in lena.get(afterwards).text
    assert "are asked for it" in lena.get(page).text
    clara.get(page)
    planned = {"course": "pending", "note": "only for the coordinators", "seen": "0"}
    assert clara.post(page, **planned).status_code == 200
    assert f'href="{page}">Look' in lena.get(afterwards).text
    text = lena.get(page).get_data(as_text=True)
    assert "Not decided yet" in text
    assert "only for the coordinators" not in text
    assert '<form method="post" action="/cases' not in text
    assert lena.post(page, **planned).status_code == 403


def test_verdicts_and_findings_are_chosen_by_a_person_and_suggested_meanwhile(
    signed_in: SignedIn, liver: Case, small_world: World
) -> None:
    clara, page = signed_in("Clara"), f"/cases/{liver.number}/outcome"
    clara.get(page)
    to = f"{page}/verdicts"
    text = clara.post(to, local_category="unresectable", seen="0").get_data(as_text=True)
    assert "<strong>Changed</strong>" in text
    assert 'value="resectable" checked' in text
    with small_world.db.reading() as session:
        assert local_category_entries(session, liver.id)[-1].category == "unresectable"
        assert finding_entries(session, liver.id) == []
    asked = {"local_category": "unresectable", "findings_asked": "yes", "findings": "trial"}
    clara.post(to, **asked, seen="0")
    with small_world.db.reading() as session:
        assert finding_entries(session, liver.id)[0].categories == ["trial"]
    assert clara.post(to, **{**asked, "findings": "x"}, seen="1").status_code == 422
    assert (
        clara.post(to, **{**asked, "local_category": "Unresectable"}, seen="1").status_code == 422
    )
    assert clara.post(to, **asked, seen="0").status_code == 409


def test_the_category_is_asked_when_a_case_is_opened(
    signed_in: SignedIn, small_world: World
) -> None:
    clara = signed_in("Clara")
    assert "Local verdict in one word" in clara.get("/cases/new").get_data(as_text=True)
    clara.post(
        "/cases/new",
        organ="lung",
        hospital_id=small_world.hospital.id,
        question="Can it be resected?",
        local_verdict="They say borderline",
        local_category="borderline",
        tier="report",
    )
    with small_world.db.reading() as session:
        case = newest_case(session)
        assert local_category_entries(session, case.id)[-1].category == "borderline"


def newest_case(session: Session) -> Case:
    return session.query(Case).order_by(Case.number.desc()).limit(1).one()


@pytest.mark.e2e
def test_an_outcome_takes_fifteen_touches_in_a_browser(
    address: str, page: Page, liver: Case, small_world: World, today: datetime
) -> None:
    sign_in(page, address, "clara")
    page.goto(f"{address}/cases/{liver.number}/outcome")

    def day(before: int) -> str:
        return (today - timedelta(days=before)).date().isoformat()

    form = page.locator("form.outcome-form")
    expect(form.get_by_text("Resection margin")).to_be_hidden()
    touches: list[Callable[[], object]] = [
        lambda: form.get_by_label("Operated", exact=True).check(),
        lambda: form.get_by_label("On", exact=True).fill(day(40)),
        lambda: form.get_by_label("Operation (optional)").select_option("right_hepatectomy"),
        lambda: form.get_by_label("Where (optional)").select_option("reviewing_centre"),
        lambda: form.get_by_label("R0, no residual tumour").check(),
        lambda: form.get_by_label("II", exact=True).check(),
        lambda: form.get_by_label("Remnant after resection, mL").fill("640"),
        lambda: form.get_by_label("Measured by").select_option("ct_volumetry"),
        lambda: form.get_by_label("Did treatment make it resectable?").select_option("yes"),
        lambda: form.get_by_label("Which treatment").select_option("chemotherapy"),
        lambda: form.get_by_label("alive").check(),
        lambda: form.get_by_label("Last known on, or died on").fill(day(2)),
        lambda: form.get_by_label("Next update due").fill(day(-180)),
        lambda: form.get_by_role("button", name="Keep the outcome").click(),
    ]
    for touch in touches:
        touch()
        expect(form.get_by_text("Why not?")).to_be_hidden()
    expect(page.get_by_text("The outcome is kept.")).to_be_visible()
    with small_world.db.reading() as session:
        kept = outcome_of(outcome_entries(session, liver.id))
    assert (kept.resection_margin, kept.flr_after_ml, kept.converted) == ("R0", 640.0, "yes")
    assert len(touches) <= 15
    print(f"an outcome with every field: {len(touches)} touches")


def test_the_outcome_stands_beside_the_reassessments(
    signed_in: SignedIn, liver: Case, today: datetime
) -> None:
    clara, page = signed_in("Clara"), f"/cases/{liver.number}/afterwards"
    before = clara.get(page).text
    assert "Nobody has entered what became of the patient yet" in before
    assert f'href="/cases/{liver.number}/outcome"' in before
    due = (today + timedelta(days=30)).date().isoformat()
    clara.post(f"/cases/{liver.number}/outcome", **fields(today, next_update_on=due, note="secret"))
    after = clara.get(page).text
    assert "R0, no residual tumour" in after and "Bring it up to date" in after
    assert due in after and "by the coordinator" in after and "secret" not in after
