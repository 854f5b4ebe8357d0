"""What is around the cases, by the API: own notices, hospitals' addresses, research, figures, webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from server.cases.queries import case_by_number
from server.imaging import actions as imaging
from server.imaging.actions import Assessed
from server.imaging.phase import Phase
from server.notices.posting import Event
from server.web.api.description import document
from server.web.api.events import EXAMPLE
from tests.api.conftest import Caller
from tests.api.test_description import fits
from tests.imaging.made_series import series
from tests.world import World

Of = Callable[[str], Caller]


def test_people_choose_how_they_are_told_and_programs_do_not(account: Of, service: Caller) -> None:
    clara = account("Clara")
    kinds = {one["kind"]: one for one in clara.get("/notices/preferences").get_json()["kinds"]}
    free = next(kind for kind, one in kinds.items() if not one["must"])
    must = next(kind for kind, one in kinds.items() if one["must"])
    chosen = clara.put("/notices/preferences", {"language": "de", "choices": {free: "never"}})
    told = chosen.get_json()
    assert told["language"] == "de", chosen.text
    assert next(one for one in told["kinds"] if one["kind"] == free)["choice"] == "never"
    refused = clara.put("/notices/preferences", {"choices": {must: "never"}})
    assert refused.status_code == 422
    assert clara.get("/notices").get_json()["unread"] == 0
    assert service.get("/notices").status_code == 403


def test_a_hospitals_addresses_are_kept_by_its_coordinators(
    account: Of, service: Caller, theirs: Caller, small_world: World
) -> None:
    at = f"/hospitals/{small_world.hospital.id}/contacts"
    added = account("Clara").post(at, {"name": "Board", "email": "board@riverside.example"})
    assert added.status_code == 201, added.text
    listed = service.get(at).get_json()["contacts"]
    assert [one["email"] for one in listed] == ["board@riverside.example"]
    assert account("Omar").get(at).status_code == 404
    assert theirs.get(at).status_code == 403
    assert service.ask("DELETE", f"{at}/{added.get_json()['id']}").status_code == 204
    assert service.get(at).get_json()["contacts"] == []


def test_a_research_export_is_asked_for_by_who_may(
    program: Callable[..., Caller], account: Of
) -> None:
    research = program("service", ("research",))
    made = research.post("/research/exports", {"cancer": "pancreas", "k": 5})
    assert made.status_code == 201, made.text
    one = made.get_json()
    assert research.get(one["href"]).get_json() == one
    assert research.get(one["file"]).get_json()["error"]["code"] == "export_not_found"
    wrong = research.post("/research/exports", {"cancer": "soul"})
    assert [p["pointer"] for p in wrong.get_json()["error"]["problems"]] == ["/cancer"]
    assert program("service", ("figures",)).get("/research/exports").status_code == 403
    assert account("Clara").get("/research/exports").status_code == 403
    assert len(account("Ada").get("/research/exports").get_json()["exports"]) == 1


def test_every_figure_that_is_listed_can_be_read(service: Caller) -> None:
    figures = service.get("/figures").get_json()["figures"]
    assert "agreement" in [one["id"] for one in figures]
    for one in figures:
        assert service.get(one["href"]).status_code == 200, one


def test_what_is_posted_fits_its_description(today: datetime) -> None:
    facts: dict[str, str | int] = {"on": "2026-11-20", "number": 3}
    for case in (None, EXAMPLE.data.case):
        number, address = (case.number, case.address) if case else (None, None)
        posted = Event("id", "opinion.issued", today, number, address, facts)
        content = document()["webhooks"]["event"]["post"]["requestBody"]["content"]
        assert fits(content["application/json"]["schema"], json.loads(posted.body())) == []


def test_images_are_returned_to_the_hospital_and_a_waiver_is_taken_back(
    service: Caller, theirs: Caller, small_world: World, today: datetime
) -> None:
    number = small_world.inside.number
    with small_world.db.writing() as session:
        made_on = today.date() - timedelta(days=3)
        thick = replace(series(Phase.PORTAL_VENOUS, slice_thickness_mm=5.0), made_on=made_on)
        case = case_by_number(session, number)
        looked = [Assessed(thick, "mark", looked_at=True)]
        imaging.note_assessment(session, case, looked, whole=True, now=today)
    at = f"/cases/{number}/imaging"
    findings = service.get(at).get_json()["findings"]
    first = next(one["key"] for one in findings if one["severity"] in ("limiting", "blocking"))
    service.post(f"{at}/waivers", {"key": first, "reason": "It is judged well enough."})
    again = service.ask("DELETE", f"{at}/waivers/{first}").get_json()["findings"]
    assert next(one for one in again if one["key"] == first)["waived"] is None
    version = service.get(f"/cases/{number}").get_json()["version"]
    sent = service.post(f"{at}/returns", {"findings": [first], "version": version})
    assert sent.status_code == 201, sent.text
    assert theirs.get(f"/cases/{number}").get_json()["state"] == "on_hold"
    (asked,) = theirs.get(at).get_json()["returns"][0]["points"]
    assert asked["key"] == first
    unknown = service.post(f"{at}/returns", {"findings": ["none"], "version": version + 1})
    assert unknown.get_json()["error"]["code"] == "finding_not_there"
