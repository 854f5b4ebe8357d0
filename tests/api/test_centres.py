"""Centres, surgeons and routing by the API, and lists of them a page at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from server.routing import actions
from server.routing.checking import CentreSaid, ProfileSaid
from server.routing.values import Volume
from tests.api.conftest import Caller
from tests.world import World


@pytest.fixture
def centre_id(small_world: World, today: datetime) -> str:
    """A centre whose one surgeon is not on the case."""
    said = CentreSaid(
        "Northern Centre",
        country="SE",
        capabilities=("venous_reconstruction",),
        hospitals=((small_world.other_hospital.id, "part_of"),),
        volumes=(Volume("pancreatoduodenectomy", 2025, 94, "register"),),
    )
    with small_world.db.writing() as session:
        kept = actions.keep_centre(session, None, said, by="Ada", now=today)
        profile = ProfileSaid(
            centre_id=kept.id,
            organs=("pancreas",),
            capabilities=("venous_reconstruction",),
            languages=("en",),
        )
        otto = small_world.other_surgeon
        actions.keep_profile(session, otto, profile, by="Ada", now=today, seen_version=0)
        return kept.id


def test_centres_and_surgeons_are_read_with_what_they_can_do(
    service: Caller, theirs: Caller, small_world: World, centre_id: str, today: datetime
) -> None:
    (listed,) = service.get("/centres").get_json()["centres"]
    one = service.get(f"/centres/{centre_id}").get_json()
    assert (listed["name"], one["surgeons"]) == ("Northern Centre", [small_world.other_surgeon.id])
    assert [(tie["name"], tie["how"]) for tie in one["hospitals"]] == [("Hillcrest", "part_of")]
    assert one["volumes"][0]["count"] == 94
    assert service.get("/centres/none").get_json()["error"]["code"] == "centre_not_found"
    found = service.get("/surgeons?organ=pancreas&capability=venous_reconstruction").get_json()
    assert [one["name"] for one in found["surgeons"]] == ["Otto"]
    at = found["surgeons"][0]["href"]
    day = today.date()
    away = {"from_on": day.isoformat(), "until_on": (day + timedelta(days=2)).isoformat()}
    noted = service.post(f"{at}/absences", away)
    assert noted.status_code == 201, noted.text
    assert noted.get_json()["away_until"] == away["until_on"]
    backwards = {"from_on": away["until_on"], "until_on": away["from_on"]}
    assert service.post(f"{at}/absences", backwards).status_code == 422
    absence = noted.get_json()["absences"][0]["id"]
    gone = service.ask("DELETE", f"{at}/absences/{absence}").get_json()
    assert (gone["absences"], gone["away_until"]) == ([], None)
    assert theirs.get("/surgeons").status_code == 403
    assert service.get(f"/surgeons/{small_world.admin.id}").status_code == 404


def test_surgeons_come_a_page_at_a_time(service: Caller, small_world: World) -> None:
    first = service.get("/surgeons?limit=1").get_json()
    second = service.get(f"/surgeons?limit=1&after={first['next']}").get_json()
    names = [one["name"] for found in (first, second) for one in found["surgeons"]]
    assert (names, second["next"]) == (["Lena", "Otto"], None)
    for nonsense in ("x", "W10", "WyJhIl0", "WzEsMl0"):
        refused = service.get(f"/surgeons?after={nonsense}")
        assert [one["pointer"] for one in refused.get_json()["error"]["problems"]] == ["/after"]


def test_surgeons_and_centres_are_ranked_by_what_the_case_calls_for(
    service: Caller, small_world: World, centre_id: str
) -> None:
    at = f"/cases/{small_world.inside.number}/ranking"
    need = {
        "kind": "capability",
        "code": "venous_reconstruction",
        "wanted": True,
        "reason": "The portal vein is narrowed.",
    }
    ranked = service.post(f"{at}/needs", need).get_json()
    (called,) = ranked["calls_for"]
    assert called["called_by"] == ["the coordinator"]
    best = ranked["surgeons"][0]
    assert (best["name"], best["place"]) == ("Otto", 1)
    assert [one["name"] for one in ranked["centres"] if one["place"] == 1] == ["Northern Centre"]
    assert any("portal" in one["text"].lower() or "venous" in one["text"].lower()
               for one in best["reasons"])  # fmt: skip
    lena = next(one for one in ranked["surgeons"] if one["name"] == "Lena")
    assert lena["place"] is None
    assert "excluded" in {one["kind"] for one in lena["reasons"]}
    unknown = service.post(f"{at}/needs", {**need, "code": "flying"})
    assert [one["pointer"] for one in unknown.get_json()["error"]["problems"]] == ["/code"]
    undone = service.ask("DELETE", f"{at}/needs/{called['decision_id']}")
    assert undone.get_json()["calls_for"] == []
