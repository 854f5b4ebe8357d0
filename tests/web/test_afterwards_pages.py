"""Reassessment, rounds and the assessment in person, as the people of the case use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.cases import actions as cases
from server.cases.aftercare.queries import standing_plan
from server.cases.records import Case
from server.foundation.clock import utc_now
from server.opinions.queries import opinions_of_case
from server.opinions.stored import from_stored
from server.people.records import Person
from tests.opined import issue, opine, sign, with_sma
from tests.web.conftest import Browser
from tests.world import INSIDE_STUDY, World

SignedIn = Callable[[str], Browser]
Visitor = Callable[[str], tuple[Browser, str]]
Visit = Callable[[str], tuple[FlaskClient, str]]


@pytest.fixture
def opinion(app: Flask, visit: Visit) -> str:
    return opine(app, visit)


def version(app: Flask, world: World) -> int:
    with app.extensions["margin"].db.reading() as session:
        seen: int = session.get_one(Case, world.inside.id).version
        return seen


def test_the_whole_way_from_the_plan_to_the_opinion_of_the_second_round(
    app: Flask, opinion: str, signed_in: SignedIn, visit: Visit, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    page = clara.get(f"/cases/{number}/afterwards").text
    assert "claims, not evidence" in page
    seen = re.search(r'name="version" value="(\d+)"', page)
    assert seen
    day = utc_now().date()
    planned = clara.post(
        f"/cases/{number}/afterwards/plan",
        version=seen[1],
        how="cycles",
        preset="after-4-6",
        cycles="4",
        cycle_days="14",
        starts_on=day.isoformat(),
        remeasure="Contact of the SMA\nCA 19-9",
        remind=["hospital", "surgeon"],
        remind_days="7",
    )
    assert (day + timedelta(days=56)).isoformat() in planned.text
    assert "CA 19-9" in planned.text
    with app.extensions["margin"].db.writing() as session:
        case = session.get_one(Case, small_world.inside.id)
        assert standing_plan(session, case.id) is not None
        cases.attach_study(
            session, case, f"{INSIDE_STUDY}.7", by="feed", reason="matched", now=utc_now()
        )
        cases.declare_records_complete(session, case, case.version, utc_now())
        surgeon = session.get_one(Person, small_world.surgeon.id)
        cases.assign(session, case, surgeon, seen_version=case.version, by="Clara", now=utc_now())
    client, base = visit("surgeon")
    panel = client.get(f"{base}/api/panel").get_json()
    assert panel["annotation"]["signed"] is None
    assert panel["annotation"]["answers"] == {}
    assert panel["prior"]["round"] == 1
    assert panel["prior"]["answers"]["vessels"]["sma"]["contact_deg"] == 200
    sign(visit, with_sma(90))
    second = issue(app)
    assert second == f"{number}-O2"
    with app.extensions["margin"].db.reading() as session:
        newest, first = opinions_of_case(session, small_world.inside.id)
        assert first.number == opinion
        sections = {one.title: one for one in from_stored(newest.content).sections}
        assert all("Compared" not in one.title for one in from_stored(first.content).sections)
    rows = {row.label: row for row in sections["Compared with the time point before"].rows}
    assert rows["Follows"].value_text == f"Opinion {opinion}"
    contact = rows["Superior mesenteric artery: Contact"]
    assert (contact.value_text, contact.note) == ("90°", "before: 200°")
    page = clara.get(f"/cases/{number}/afterwards").text
    assert "Round 2" in page
    assert "<del>200°</del>" in page
    assert opinion in page
    for one in (opinion, second):
        document = clara.client.get(f"/cases/{number}/opinions/{one}", buffered=True)
        assert document.status_code == 200


def test_a_plan_that_is_refused_comes_back_with_what_was_typed(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    clara.get(f"/cases/{number}/afterwards")
    sent = {"version": str(version(app, small_world)), "how": "day", "remind_days": "7"}
    for day in ("tomorrow", "", "2001-01-01"):
        refused = clara.post(
            f"/cases/{number}/afterwards/plan", due_on=day, strategy="FOLFIRINOX, 4 cycles", **sent
        )
        assert refused.status_code == 422
        assert "FOLFIRINOX, 4 cycles" in refused.text
    bad = clara.post(f"/cases/{number}/afterwards/plan", **{**sent, "version": "x"})
    assert bad.status_code == 400


def test_a_planned_reassessment_is_the_next_step_and_the_old_deadline_is_past(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    clara.get(f"/cases/{number}/afterwards")
    clara.post(
        f"/cases/{number}/afterwards/plan",
        version=str(version(app, small_world)),
        how="day",
        due_on=(utc_now().date() + timedelta(days=40)).isoformat(),
        remind_days="7",
    )
    page = clara.get(f"/cases/{number}").text
    main = re.findall(r'class="button button-main"[^>]*>([^<]+)<', page)
    assert "See the plan, or begin the next round" in main and "Close the case" not in main
    assert '<span class="quiet">was <time' in page
    assert '<span class="quiet">was <time' in clara.get("/worklist").text


def test_an_amendment_is_signed_while_the_reassessment_is_waited_for(
    app: Flask, opinion: str, signed_in: SignedIn, visit: Visit, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    clara.get(f"/cases/{number}/afterwards")
    clara.post(
        f"/cases/{number}/afterwards/plan",
        version=str(version(app, small_world)),
        how="day",
        due_on=(utc_now().date() + timedelta(days=40)).isoformat(),
        remind_days="7",
    )
    client, base = visit("surgeon")
    begun = client.post(f"{base}/api/amendment", json={"reason": "The wrong phase."})
    assert begun.status_code == 200
    sign(visit, with_sma(100))
    with app.extensions["margin"].db.reading() as session:
        case = session.get_one(Case, small_world.inside.id)
        assert (case.state, case.round) == ("reassessment", 1)
        assert len(opinions_of_case(session, case.id)) == 2


def test_an_amendment_open_while_the_next_round_begins_is_refused_and_not_lost(
    app: Flask, opinion: str, signed_in: SignedIn, visit: Visit, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    client, base = visit("surgeon")
    client.post(f"{base}/api/amendment", json={"reason": "The wrong phase."})
    seen = client.get(f"{base}/api/panel").get_json()["annotation"]["version"]
    clara.get(f"/cases/{number}/afterwards")
    begun = clara.post(f"/cases/{number}/afterwards/begin", version=str(version(app, small_world)))
    assert "Round 2 is open" in begun.text
    saved = client.put(f"{base}/api/annotation", json={"answers": with_sma(100), "version": seen})
    assert saved.status_code == 409
    assert "amendment being written" in clara.get(f"/cases/{number}").text


def test_an_assessment_in_person_is_asked_for_scheduled_and_done(
    app: Flask, opinion: str, signed_in: SignedIn, visitor: Visitor, small_world: World
) -> None:
    surgeon, base = visitor("surgeon")
    surgeon.get(f"{base}/afterwards")
    asked = surgeon.post(
        f"{base}/afterwards/in-person",
        conditions="No progression on the CT after four cycles.",
        investigations="Staging laparoscopy\nPET-CT",
        needs=["travel", "interpreter"],
        centre="Pancreas Institute",
    )
    assert "Staging laparoscopy" in asked.text
    again = surgeon.post(f"{base}/afterwards/in-person", conditions="Once more")
    assert again.status_code == 409
    clara, number = signed_in("Clara"), small_world.inside.number
    page = clara.get(f"/cases/{number}/afterwards").text
    found = re.search(r"/afterwards/in-person/([0-9a-f]{32})", page)
    assert found
    url, today = f"/cases/{number}/afterwards/in-person/{found[1]}", utc_now().date()
    for day in ("", "2001-01-01", "soon"):
        refused = clara.post(url, version="1", standing="scheduled", on_day=day)
        assert refused.status_code == 422, day
    later = (today + timedelta(days=10)).isoformat()
    scheduled = clara.post(url, version="1", standing="scheduled", on_day=later, place="Ward 4")
    assert later in scheduled.text
    assert clara.post(url, version="1", standing="done", on_day=later).status_code in (409, 422)
    done = clara.post(url, version="2", standing="done", on_day=today.isoformat(), note="Seen.")
    assert "Done" in done.text
    assert clara.post(url, version="3", standing="scheduled", on_day=later).status_code == 409


def test_who_may_plan_and_who_only_reads(
    app: Flask, opinion: str, signed_in: SignedIn, visitor: Visitor, small_world: World
) -> None:
    number = small_world.inside.number
    seen = str(version(app, small_world))
    for who, reads, plans in (
        ("surgeon", 200, 422),
        ("hospital", 200, 403),
        ("viewer", 200, 403),
        ("other_surgeon", 200, 422),
    ):
        other, base = visitor(who)
        page = other.get(f"{base}/afterwards")
        assert page.status_code == reads, who
        assert (number in page.text) == (who != "other_surgeon")
        other.get("/sign-in")  # where a form's token stands for everybody
        sent = other.post_only(f"{base}/afterwards/plan", version=seen, how="day", due_on="")
        assert sent.status_code == plans, who
        begun = other.post_only(f"/cases/{number}/afterwards/begin", version=seen)
        assert begun.status_code in (401, 403), who
    for name in ("Omar", "Otto"):
        other = signed_in(name)
        assert other.client.get(f"/cases/{number}/afterwards").status_code == 404
        sent = other.post_only(f"/cases/{number}/afterwards/begin", version=seen)
        assert sent.status_code in (403, 404), name
    lena = signed_in("Lena")
    lena.get(f"/cases/{number}/afterwards")
    assert lena.post_only(f"/cases/{number}/afterwards/begin", version=seen).status_code == 403
