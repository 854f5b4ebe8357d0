"""Routing a case, centres, surgeons' profiles and the sheet, as people use the pages."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from server.cases.countries import countries_by_name
from server.cases.queries import case_by_id
from server.cases.records import Assignment
from server.dossier.requests import Asked, describe_request
from server.foundation.audit import newest
from server.foundation.db import Database
from server.people.queries import person, person_of_email
from server.routing import actions, queries
from server.routing.checking import CentreSaid, ProfileSaid
from server.web.routes import ROUTES
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
VOLUME = {
    "volume_operation": "pancreatoduodenectomy",
    "volume_year": "2025",
    "volume_count": "94",
    "volume_source": "register",
}


@pytest.fixture
def routed(db: Database, small_world: World, today: datetime) -> World:
    """The inside case: Otto suits it, Nina works where the first verdict was given."""
    world = small_world
    with db.writing() as session:
        case = case_by_id(session, world.inside.id)
        describe_request(session, case, Asked(first_centre="First Centre"), by="test", now=today)
        first = actions.keep_centre(
            session, None, CentreSaid(name="First Centre"), by="test", now=today
        )
        lena, otto = (person(session, one.id) for one in (world.surgeon, world.other_surgeon))
        said = ProfileSaid(organs=("pancreas",), capabilities=("venous_reconstruction",))
        actions.keep_profile(session, otto, said, by="test", now=today)
        first_said = ProfileSaid(organs=("pancreas",), centre_id=first.id)
        actions.keep_profile(session, lena, first_said, by="test", now=today)
        # Lena is taken off, so that only her centre speaks against her.
        for one in list(case.assignments):
            session.delete(one)
    return world


def routing(browser: Browser, world: World) -> str:
    answer = browser.get(f"/cases/{world.inside.number}/routing")
    assert answer.status_code == 200
    return str(answer.text)


def test_a_coordinator_reads_who_suits_the_case_and_why(signed_in: SignedIn, routed: World) -> None:
    text = routing(signed_in("Clara"), routed)
    fit, _, excluded = text.partition("Cannot be asked")
    assert "Otto" in fit
    assert "Lena" not in fit
    assert "Works at First Centre, which gave the first verdict." in excluded
    assert "Operates on the organ in question: pancreas." in fit
    assert "It gave the first verdict." in excluded


def test_assigning_from_the_ranking_gives_the_case(
    signed_in: SignedIn, routed: World, db: Database
) -> None:
    clara = signed_in("Clara")
    text = routing(clara, routed)
    assert 'aria-label="Assign Otto"' in text
    with db.reading() as session:
        version = case_by_id(session, routed.inside.id).version
    clara.post(
        f"/cases/{routed.inside.number}/assign",
        person_id=routed.other_surgeon.id,
        version=version,
    )
    with db.reading() as session:
        case = case_by_id(session, routed.inside.id)
        assert [one.person_id for one in case.assignments] == [routed.other_surgeon.id]


def test_what_the_case_calls_for_is_changed_with_a_reason(
    signed_in: SignedIn, routed: World, db: Database
) -> None:
    clara, base = signed_in("Clara"), f"/cases/{routed.inside.number}/routing"
    routing(clara, routed)
    refused = clara.post(f"{base}/needs", need="capability:arterial_resection", reason="")
    assert refused.status_code == 422
    assert "Say why" in refused.text
    added = clara.post(f"{base}/needs", need="capability:arterial_resection", reason="SMA touched")
    assert "called for by the coordinator: SMA touched" in added.text
    assert "Arterial resection or reconstruction: not offered" in added.text
    aside = clara.post(f"{base}/needs/aside", need="capability:arterial_resection", reason="no")
    assert "Arterial resection or reconstruction: not offered" not in aside.text
    assert "set aside: no" in aside.text
    with db.reading() as session:
        case = case_by_id(session, routed.inside.id)
        line = newest(session, case_number=case.number, limit=1)[0]
        assert (line.action, line.details["need"]) == ("case.route", "arterial_resection")


@pytest.mark.parametrize("need", ["", "capability:", "capability:flying", "x", "language:alpps"])
def test_a_need_that_is_none_is_refused_and_nothing_breaks(
    signed_in: SignedIn, routed: World, need: str
) -> None:
    clara = signed_in("Clara")
    routing(clara, routed)
    answer = clara.post(f"/cases/{routed.inside.number}/routing/needs", need=need, reason="x")
    assert answer.status_code == 422


def test_the_forms_call_for_capabilities_by_the_sets_that_say_so(
    signed_in: SignedIn, routed: World, visit: Callable[[str], tuple[FlaskClient, str]]
) -> None:
    surgeon, base = visit("surgeon")
    answers = {"vessels": {"smv_pv": {"contact_deg": 200, "reconstructable": "yes"}}}
    saved = surgeon.put(f"{base}/api/annotation", json={"answers": answers, "version": 0})
    assert saved.status_code in (200, 201), saved.text
    text = routing(signed_in("Clara"), routed)
    assert "Portal or mesenteric venous reconstruction (called for by" in text
    assert "(draft)" in text


ROUTING_ROUTES = [
    (route.url, method)
    for route in ROUTES
    for method in route.methods
    if route.url.startswith(("/centres", "/surgeons")) or "/routing" in route.url
]


@pytest.mark.parametrize(
    ("url", "method"), ROUTING_ROUTES, ids=[f"{method} {url}" for url, method in ROUTING_ROUTES]
)
def test_a_surgeon_sees_nothing_of_routing(
    signed_in: SignedIn, small_world: World, url: str, method: str
) -> None:
    lena = signed_in("Lena")
    for name, value in {
        "<number>": small_world.inside.number,
        "<person_id>": small_world.other_surgeon.id,
        "<any(csv, xlsx):kind>": "csv",
    }.items():
        url = url.replace(name, value)
    ask = lena.get if method == "GET" else lena.post
    assert ask(url).status_code in (403, 404)


@pytest.mark.parametrize("who", ["surgeon", "hospital", "viewer"])
def test_no_link_reaches_routing(
    visitor: Callable[[str], tuple[Browser, str]], small_world: World, who: str
) -> None:
    browser, base = visitor(who)
    assert browser.get(f"{base}/routing").status_code == 404
    assert browser.get(f"/cases/{small_world.inside.number}/routing").status_code in (401, 200)
    assert (
        "Who suits this case" not in browser.get(f"/cases/{small_world.inside.number}/routing").text
    )
    assert "Routing" not in browser.get(f"{base}/").text


def test_another_coordinator_does_not_learn_of_the_case(
    signed_in: SignedIn, small_world: World
) -> None:
    omar = signed_in("Omar")
    assert omar.get(f"/cases/{small_world.inside.number}/routing").status_code == 404


CHANGING = [
    "/centres/new",
    "/surgeons/{lena}/edit",
    "/surgeons/sheet",
    "/surgeons/sheet/unknown",
]


@pytest.mark.parametrize("url", CHANGING)
def test_a_coordinator_reads_and_does_not_change_centres_and_profiles(
    signed_in: SignedIn, small_world: World, url: str
) -> None:
    clara = signed_in("Clara")
    for seen in ("/centres", "/surgeons", f"/surgeons/{small_world.surgeon.id}"):
        assert clara.get(seen).status_code == 200
    assert clara.post(url.format(lena=small_world.surgeon.id)).status_code == 403


def test_an_administrator_adds_a_centre_and_gives_a_surgeon_a_profile(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    ada = signed_in("Ada")
    ada.get("/centres/new")
    refused = ada.post("/centres/new", name="", country="SWE", **VOLUME)
    assert refused.status_code == 422
    assert "two capital letters" in refused.text
    assert 'value="94"' in refused.text  # what was typed stands there again
    made = ada.post(
        "/centres/new",
        name="Pancreas Institute",
        country="it",
        kinds=["pancreatic"],
        capabilities=["iort"],
        active="yes",
        **{f"hospital_{small_world.hospital.id}": "affiliated"},
        **VOLUME,
    )
    assert "Pancreas Institute is saved." in made.text
    assert "Pancreatoduodenectomy" in made.text
    with db.reading() as session:
        (centre,) = queries.centres(session)
    ada.get(f"/surgeons/{small_world.surgeon.id}/edit")
    saved = ada.post(
        f"/surgeons/{small_world.surgeon.id}/edit",
        centre_id=centre.id,
        organs=["pancreas"],
        countries=["GB", "IN"],
        most_cases="3",
        accepting="yes",
        version="0",
        **VOLUME,
    )
    assert "The profile of Lena is saved." in saved.text
    assert "United Kingdom, India" in saved.text
    form = ada.get(f"/surgeons/{small_world.surgeon.id}/edit").text
    ticked = re.findall(r'name="countries" value="(\w\w)" checked> ([\w ]+)<', form)
    assert ticked == [("IN", "India"), ("GB", "United Kingdom")]
    assert len(re.findall(r'name="countries"', form)) == len(countries_by_name())
    again = ada.post(f"/surgeons/{small_world.surgeon.id}/edit", version="0", most_cases="3")
    assert again.status_code == 409
    assert "Somebody else changed this entry" in again.text
    assert "Pancreas Institute" in ada.get("/people").text


@pytest.mark.parametrize(
    "fields",
    [
        {"most_cases": "many"},
        {"most_cases": "-3"},
        {"volume_operation": "hepatectomy", "volume_year": "last", "volume_count": "9" * 40},
        {"organs": "spleen"},
        {"time_zone": "../../etc/passwd"},
        {"centre_id": "\0"},
        {"version": "x" * 400},
    ],
)
def test_a_bad_profile_comes_back_and_is_never_an_error_of_ours(
    signed_in: SignedIn, small_world: World, fields: dict[str, str]
) -> None:
    ada, url = signed_in("Ada"), f"/surgeons/{small_world.surgeon.id}/edit"
    ada.get(url)
    volume = {name: fields.get(name, "") for name in VOLUME}
    assert ada.post(url, **{**fields, **volume}).status_code in (303, 409, 422, 200)


def test_absences_and_conflicts_are_noted_by_a_coordinator(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    clara, url = signed_in("Clara"), f"/surgeons/{small_world.surgeon.id}"
    clara.get(url)
    refused = clara.post(f"{url}/absences", from_on="soon", until_on="")
    assert refused.status_code == 422
    assert "Enter the first day as" in refused.text
    first = (today + timedelta(days=3)).date().isoformat()
    noted = clara.post(f"{url}/absences", from_on=first, until_on=first, why="leave")
    assert "The absence is noted." in noted.text
    refused = clara.post(f"{url}/conflicts", against="", why="")
    assert refused.status_code == 422
    against = f"hospital:{small_world.hospital.id}"
    assert "Riverside" in clara.post(f"{url}/conflicts", against=against, why="worked there").text
    with db.reading() as session:
        lena = small_world.surgeon.id
        absence = queries.absences(session, today=today.date())[lena][0]
        conflict = queries.conflicts(session, person_id=lena)[0]
    assert "taken out" in clara.post(f"{url}/absences/{absence.id}/remove").text
    assert "taken out" in clara.post(f"{url}/conflicts/{conflict.id}/remove").text


def test_a_surgeon_enters_their_own_absences_and_nobody_elses(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    lena, otto = signed_in("Lena"), signed_in("Otto")
    page = lena.get("/profile")
    assert "Your profile" in page.text
    assert "Conflicts of interest" not in page.text
    day = today.date().isoformat()
    assert "The absence is noted." in lena.post("/profile/absences", from_on=day, until_on=day).text
    with db.reading() as session:
        (absence,) = queries.absences(session, today=today.date())[small_world.surgeon.id]
    otto.get("/profile")
    otto.post(f"/profile/absences/{absence.id}/remove")
    with db.reading() as session:
        assert queries.absences(session, today=today.date())
    lena.post(f"/profile/absences/{absence.id}/remove")
    with db.reading() as session:
        assert not queries.absences(session, today=today.date())


def test_a_coordinator_has_no_profile_of_their_own(signed_in: SignedIn) -> None:
    assert signed_in("Clara").get("/profile").status_code == 403


def test_a_person_who_is_no_surgeon_has_no_profile(signed_in: SignedIn, small_world: World) -> None:
    assert signed_in("Ada").get(f"/surgeons/{small_world.coordinator.id}").status_code == 404


SHEET = "Name,E-mail address,Organs\nDr New,new@x.example,Liver\nDr Bad,bad@x.example,Spleen\n"


def test_a_sheet_is_looked_through_first_and_then_brought_in(
    signed_in: SignedIn, db: Database
) -> None:
    ada = signed_in("Ada")
    ada.get("/surgeons/sheet")
    looked = ada.post("/surgeons/sheet", file=(io.BytesIO(SHEET.encode()), "sheet.csv"))
    assert looked.status_code == 200
    assert "Nothing is changed yet." in looked.text
    assert "C3" in looked.text
    with db.reading() as session:
        assert person_of_email(session, "new@x.example") is None
    address = looked.text.split('action="/surgeons/sheet/')[1].split('"')[0]
    done = ada.post(f"/surgeons/sheet/{address}")
    assert "The sheet is in." in done.text
    assert ada.post(f"/surgeons/sheet/{address}").status_code == 404
    with db.reading() as session:
        assert person_of_email(session, "new@x.example") is not None
        assert person_of_email(session, "bad@x.example") is None
        line = newest(session, limit=2)[1]
        assert line.details == {"new": 1, "changed": 0, "same": 0, "refused": 1}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xff\xfe", b"a,b\n1,2\n"])
def test_a_file_that_is_no_sheet_comes_back_with_the_reason(
    signed_in: SignedIn, content: bytes
) -> None:
    ada = signed_in("Ada")
    ada.get("/surgeons/sheet")
    answer = ada.post("/surgeons/sheet", file=(io.BytesIO(content), "x"))
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text


def test_no_file_at_all_is_no_error_of_ours(signed_in: SignedIn) -> None:
    ada = signed_in("Ada")
    ada.get("/surgeons/sheet")
    assert ada.post("/surgeons/sheet").status_code == 422


@pytest.mark.parametrize("name", ["template.csv", "template.xlsx", "surgeons.csv", "surgeons.xlsx"])
def test_sheets_are_downloaded(signed_in: SignedIn, name: str) -> None:
    answer = signed_in("Ada").client.get(f"/surgeons/sheet/{name}")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    assert ("Lena" in answer.text) if name.endswith("csv") else answer.data.startswith(b"PK")


def test_the_assignment_is_not_changed_by_looking(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    routing(signed_in("Clara"), small_world)
    with db.reading() as session:
        assert session.query(Assignment).count() == 2
