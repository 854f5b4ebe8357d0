"""Offers and panels by the API: who answers what, and what nobody is shown while votes are under way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from tests.api.conftest import Caller
from tests.panel.panel_world import (
    LATER,
    MEMBERS,
    NOT_HERE,
    RESECTABLE,
    PanelWorld,
    add_people,
    convene,
    vote,
)
from tests.world import World

Of = Callable[[str], Caller]


@pytest.fixture
def panel(small_world: World, today: datetime) -> PanelWorld:
    return add_people(small_world, today)


@pytest.fixture
def of(app: Flask, panel: PanelWorld) -> Of:
    """A surgeon by the token of their link."""
    return lambda name: Caller(app.test_client(), panel.tokens[name])


def test_an_offer_is_made_to_several_and_the_first_to_accept_has_the_case(
    service: Caller, panel: PanelWorld, of: Of, account: Of
) -> None:
    at = f"/cases/{panel.number}"
    step = {"step": "surgeon_withdrawn", "version": service.get(at).get_json()["version"]}
    version = service.post(f"{at}/steps", step).get_json()["version"]
    asked = {"person_ids": panel.ids(["Mara", "Nils", "Olga"]), "version": version}
    assert service.post(f"{at}/assignment/offers", asked).status_code == 201
    (offer,) = account("Olga").get("/reviews").get_json()["offers"]
    assert (offer["number"], offer["first_takes"]) == (panel.number, True)
    olga = of("Olga")
    unsaid = olga.post(f"{at}/offer/refusal", {"reason": " "})
    assert [one["pointer"] for one in unsaid.get_json()["error"]["problems"]] == ["/reason"]
    assert (
        olga.post(f"{at}/offer/refusal", {"reason": "On leave."}).get_json()["state"] == "declined"
    )
    once = {"headers": {"Idempotency-Key": "one"}}
    first, again = (of("Nils").post(f"{at}/offer/acceptance", **once) for _ in range(2))
    assert first.get_json()["state"] == "active"
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")
    late = of("Mara").post(f"{at}/offer/acceptance")
    assert (late.status_code, late.get_json()["error"]["code"]) == (409, "offer_not_open")
    reviews = account("Nils").get("/reviews").get_json()["reviews"]
    assert [one["number"] for one in reviews] == [panel.number]
    assert service.get("/reviews").get_json()["error"]["code"] == "for_reviewers"
    states = {
        one["name"]: one["state"] for one in service.get(f"{at}/assignment").get_json()["parts"]
    }
    assert (states["Nils"], states["Olga"], states["Mara"]) == ("active", "declined", "withdrawn")


def told(caller: Caller, at: str) -> dict[str, Any]:
    found = caller.get(f"{at}/panel").get_json()
    assert isinstance(found, dict)
    return found


def test_nobody_is_told_a_vote_before_all_are_in(
    service: Caller, panel: PanelWorld, of: Of, account: Of, today: datetime
) -> None:
    convene(panel, today)
    at = f"/cases/{panel.number}"
    vote(panel, "Mara", RESECTABLE, today)
    vote(panel, "Nils", NOT_HERE, today)
    verdicts = (RESECTABLE["verdict"], NOT_HERE["verdict"])
    for caller in (service, account("Clara"), of("Olga"), of("Carl")):
        said = caller.get(f"{at}/panel")
        assert said.get_json()["opened"] is None
        assert (said.get_json()["votes_in"], said.get_json()["votes_wanted"]) == (2, 3)
        assert not any(verdict in said.text for verdict in verdicts)
    assert told(of("Mara"), at)["mine"]["verdict"] == RESECTABLE["verdict"]
    assert told(of("Olga"), at)["mine"] == {"wanted": True, "verdict": None, "cast_at": None}
    assert told(of("Carl"), at)["mine"] is None
    early = of("Olga").post(f"{at}/panel/discussion", {"text": "I think …"})
    assert early.get_json()["error"]["code"] == "votes_not_in"
    concluding = {"text": "Resectable.", "verdict": verdicts[0], "version": 1}
    assert of("Carl").post(f"{at}/panel/conclusion", concluding).status_code == 409
    assert of("Pia").get(f"{at}/panel").get_json()["error"]["code"] == "not_of_the_panel"

    # The third vote makes no majority: two more are called, and the votes stay shut.
    vote(panel, "Olga", LATER, today)
    assert told(service, at)["opened"] is None
    assert told(service, at)["votes_wanted"] == 5


def test_the_chair_concludes_and_the_opinion_is_issued(
    service: Caller, panel: PanelWorld, of: Of, today: datetime
) -> None:
    convene(panel, today)
    at = f"/cases/{panel.number}"
    for name, answers in zip(MEMBERS, (RESECTABLE, RESECTABLE, NOT_HERE), strict=True):
        vote(panel, name, answers, today)
    said = of("Mara").post(f"{at}/panel/discussion", {"text": "The fat plane is kept."})
    assert said.status_code == 201, said.text
    opened = told(of("Carl"), at)["opened"]
    assert opened["majority"] == RESECTABLE["verdict"]
    assert [one["name"] for one in opened["votes"]] == list(MEMBERS)
    assert opened["discussion"][0]["text"] == "The fat plane is kept."
    assert any(one["agreeing"] < one["of"] for one in opened["agreement"])
    assert told(of("Mara"), at)["opened"]["conclusion"] is None
    draft = opened["conclusion"]
    sent = {"text": "Resectable.", "verdict": draft["verdict"], "version": draft["version"]}
    assert of("Mara").post(f"{at}/panel/conclusion", sent).status_code == 403
    stale = of("Carl").post(f"{at}/panel/conclusion", {**sent, "version": draft["version"] + 7})
    assert stale.status_code == 409
    concluded = of("Carl").post(f"{at}/panel/conclusion", sent)
    assert concluded.status_code == 201, concluded.text
    votes = concluded.get_json()["opened"]["votes"]
    assert [one["dissents"] for one in votes] == [False, False, True]
    assert service.get(f"{at}/opinions").get_json()["opinions"][0]["number"] == f"{panel.number}-O1"
    over = of("Carl").post(f"{at}/panel/conclusion", sent)
    assert over.get_json()["error"]["code"] == "panel_concluded"


def test_a_panel_is_dissolved_and_a_seat_is_filled_only_where_one_is_free(
    service: Caller, panel: PanelWorld, today: datetime
) -> None:
    convene(panel, today)
    at = f"/cases/{panel.number}/assignment"
    version = service.get(at).get_json()["version"]
    seat = {"person_id": panel.people["Pia"].id, "version": version}
    full = service.post(f"{at}/panel/seats", seat)
    assert [one["pointer"] for one in full.get_json()["error"]["problems"]] == ["/person_id"]
    gone = service.post(f"{at}/panel/dissolution", {"version": version})
    assert (gone.status_code, gone.get_json()["state"]) == (200, "ready"), gone.text
    assert service.get(at).get_json()["panel"] is None
