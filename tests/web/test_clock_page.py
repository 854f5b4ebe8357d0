"""The page of a case's clock, changing what is promised, and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from server.cases import actions
from server.cases.clocks.queries import open_pause, steps_of
from server.cases.queries import case_by_number
from server.foundation.db import Database
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
Visitor = Callable[[str], tuple[Browser, str]]


@pytest.fixture
def clock(small_world: World) -> str:
    return f"/cases/{small_world.inside.number}/clock"


def version(db: Database, world: World) -> int:
    with db.reading() as session:
        return case_by_number(session, world.inside.number).version


def test_the_page_says_what_is_promised_and_how_it_was_counted(
    signed_in: SignedIn, clock: str, today: datetime
) -> None:
    page = signed_in("Clara").get(clock).text
    due = (today + timedelta(days=7)).date()
    assert "7 calendar days from" in page
    assert f"due {due:%a %Y-%m-%d}" in page
    assert "What was promised, and what happened" in page
    assert "A surgeon was asked" in page
    assert "The clock never stood still." in page
    # The surgeon was asked in the moment in which the records were complete.
    assert "took no time" in page


def test_a_pause_shows_who_must_act(
    signed_in: SignedIn, small_world: World, db: Database, clock: str, today: datetime
) -> None:
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        actions.hold(
            session,
            case,
            reason="MRI <b>wanted</b>",
            seen_version=case.version,
            now=today,
            waits_for="hospital",
        )
    page = signed_in("Clara").get(clock).text
    assert "the hospital must act" in page
    assert "MRI &lt;b&gt;wanted&lt;/b&gt;" in page
    row = signed_in("Clara").get("/worklist", due="paused").text
    assert small_world.inside.number in row
    assert "the hospital to act" in row


def test_holding_by_hand_says_who_must_act(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara, address = signed_in("Clara"), f"/cases/{small_world.inside.number}"
    clara.get(address)
    fields = {"version": version(db, small_world), "event": "hold", "reason": "away"}
    assert clara.post_only(f"{address}/advance", **fields, waits_for="nonsense").status_code >= 400
    assert clara.post_only(f"{address}/advance", **fields, waits_for="patient").status_code == 303
    with db.reading() as session:
        pause = open_pause(session, small_world.inside.id)
        assert pause is not None
        assert (pause.waits_for, pause.by) == ("patient", "coordinator Clara")


def test_another_promise_is_chosen_with_a_reason(
    signed_in: SignedIn, small_world: World, db: Database, clock: str
) -> None:
    clara = signed_in("Clara")
    clara.get(clock)
    seen = version(db, small_world)
    refused = clara.post(clock, tier="video", calendar="DE", reason="", version=seen)
    assert refused.status_code == 422
    assert "Say why the promise changes." in refused.text
    page = clara.post(clock, tier="video", calendar="DE", reason="Agreed.", version=seen).text
    assert "7 business days from" in page
    assert "working days of Germany" in page
    with db.reading() as session:
        assert steps_of(session, small_world.inside.id)[-1].by == "coordinator Clara"


def test_of_two_who_change_it_at_once_the_second_is_told(
    signed_in: SignedIn, small_world: World, db: Database, clock: str
) -> None:
    clara = signed_in("Clara")
    clara.get(clock)
    seen = version(db, small_world)
    first = clara.post_only(clock, tier="video", calendar="", reason="one", version=seen)
    second = clara.post_only(clock, tier="in_person", calendar="", reason="two", version=seen)
    assert (first.status_code, second.status_code) == (303, 409)
    with db.reading() as session:
        assert case_by_number(session, small_world.inside.number).tier == "video"


@pytest.mark.parametrize("fields", [{"tier": "gold"}, {"calendar": "XX"}, {"version": "x"}])
def test_what_the_form_does_not_offer_is_refused(
    signed_in: SignedIn,
    small_world: World,
    db: Database,
    clock: str,
    fields: dict[str, str],
) -> None:
    clara = signed_in("Clara")
    clara.get(clock)
    sent = {"tier": "video", "calendar": "", "reason": "why", "version": version(db, small_world)}
    assert clara.post_only(clock, **{**sent, **fields}).status_code in (400, 409, 422)


def test_once_the_opinion_is_given_nothing_is_offered(
    signed_in: SignedIn, small_world: World, db: Database, clock: str, today: datetime
) -> None:
    with db.writing() as session:
        actions.complete(session, case_by_number(session, small_world.inside.number), today)
    clara = signed_in("Clara")
    page = clara.get(clock).text
    assert "done in time" in page
    assert "Change the promise" not in page
    sent = {"tier": "video", "calendar": "", "reason": "why", "version": version(db, small_world)}
    assert clara.post_only(clock, **sent).status_code == 409


@pytest.mark.parametrize(
    ("who", "status"), [("Omar", 404), ("Lena", 403), ("Otto", 404), ("Ada", 200)]
)
def test_the_clock_is_for_who_coordinates_the_case(
    signed_in: SignedIn, clock: str, who: str, status: int
) -> None:
    client = signed_in(who).client
    assert client.get(clock).status_code == status


@pytest.mark.parametrize("who", ["surgeon", "hospital", "viewer"])
def test_a_link_does_not_reach_the_clock(visitor: Visitor, clock: str, who: str) -> None:
    browser, base = visitor(who)
    assert browser.client.get(f"{base}/clock").status_code == 404
    assert browser.client.get(clock).status_code in (401, 302, 303)


def test_a_case_is_opened_with_a_tier(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    page = clara.get("/cases/new").text
    assert "With video consultation" in page
    opened = clara.post_only(
        "/cases/new",
        organ="liver",
        hospital_id=small_world.hospital.id,
        question="Resectable?",
        tier="video",
    )
    with db.reading() as session:
        assert case_by_number(session, opened.location.split("/")[-1]).tier == "video"


def test_the_hospital_reads_what_is_promised_for_its_tier(
    visitor: Visitor, small_world: World, db: Database
) -> None:
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        case.state, case.tier = "open", "video"
        case.records_complete_at = case.due_on = None
    browser, base = visitor("hospital")
    assert "within 7 business days, 10 at most" in browser.get(f"{base}/").text
