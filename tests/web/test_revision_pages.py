"""Signed revisions on the case's page, and the earlier case of the same patient."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.annotations import actions as annotations
from server.annotations.actions import EarlierCaseRefused
from server.annotations.organs import ORGANS
from server.cases import actions as cases
from server.cases.records import Case
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]


def with_sma(degrees: int, **more: Any) -> dict[str, Any]:
    vessels = COMPLETE["vessels"]
    sma = {**vessels["sma"], "contact_deg": degrees}
    return {**COMPLETE, "vessels": {**vessels, "sma": sma}, **more}


def sign(world: World, case: Case, answers: dict[str, Any], now: datetime) -> None:
    with world.db.writing() as session:
        draft = annotations.draft_of(
            session, case.id, "pancreas", reviewer_id=world.surgeon.id, reviewer_name="Lena"
        )
        _sign_draft(session, draft, answers, now)


def _sign_draft(session: Any, draft: Any, answers: dict[str, Any], now: datetime) -> None:
    annotations.save(session, draft, answers, seen_version=draft.version, now=now)
    annotations.sign(
        session,
        draft,
        seen_version=draft.version,
        restated_verdict=answers["verdict"],
        signed_by="Lena",
        now=now,
    )


@pytest.fixture
def earlier(small_world: World, today: datetime) -> Case:
    """A case of the same hospital with a signed revision: SMA 200 degrees, one target of 50 mm."""
    with small_world.db.writing() as session:
        case = cases.open_case(
            session,
            organ="pancreas",
            hospital=session.merge(small_world.hospital),
            question="And now?",
            opened_by="test",
            now=today,
        )
    target = {"target_1": {"site": "liver", "diameter_mm": 50}}
    sign(small_world, case, with_sma(200, verdict="not_resectable_here", **target), today)
    return case


def panel_of(app: Flask, world: World) -> tuple[FlaskClient, str]:
    client = app.test_client()
    answer = client.post("/open", json={"token": world.tokens["surgeon"]})
    return client, f"{answer.get_json()['location'].rstrip('/')}/api"


def test_what_was_signed_on_a_linked_case_stands_beside_the_values(
    app: Flask, signed_in: SignedIn, small_world: World, earlier: Case
) -> None:
    url = f"/cases/{small_world.inside.number}"
    clara = signed_in("Clara")
    linked = clara.post(f"{url}/earlier", earlier=earlier.number)
    assert linked.status_code == 200
    assert earlier.number in clara.get(url).text
    client, api = panel_of(app, small_world)
    prior = client.get(f"{api}/panel").get_json()["prior"]
    assert (prior["case"], prior["revision"]) == (earlier.number, 1)
    assert prior["answers"]["vessels"]["sma"]["contact_deg"] == 200
    assert "evidence" not in prior["answers"]
    assert prior["results"]["nccn-2022"] == "Locally advanced"


def test_targets_of_a_linked_case_are_the_baseline_of_the_response(
    app: Flask, signed_in: SignedIn, small_world: World, earlier: Case
) -> None:
    signed_in("Clara").post(f"/cases/{small_world.inside.number}/earlier", earlier=earlier.number)
    client, api = panel_of(app, small_world)
    beside = {"non_target": "none", "new_lesion": False}
    answers = {"target_1": {"site": "liver", "diameter_mm": 30}, "response": beside}
    saved = client.put(f"{api}/annotation", json={"answers": answers, "version": 0}).get_json()
    [response] = saved["response"]
    assert (response["criteria"], response["label"]) == ("RECIST 1.1", "Partial response")
    assert response["assessment"]["baseline_mm"] == 50
    assert "Sum 30 mm; baseline 50 mm" in client.get(f"{api}/preview").text


def test_a_case_of_another_hospital_is_as_good_as_none(
    signed_in: SignedIn, small_world: World
) -> None:
    url = f"/cases/{small_world.inside.number}/earlier"
    clara = signed_in("Clara")
    for number in (small_world.outside.number, "M-1999-00001", ""):
        refused = clara.post(url, earlier=number)
        assert refused.status_code == 422
        assert "of this hospital" in refused.text


def test_a_case_is_not_earlier_than_itself(
    small_world: World, earlier: Case, today: datetime
) -> None:
    inside = small_world.inside.id
    with small_world.db.writing() as session:
        annotations.link_earlier_case(session, inside, earlier.id, by="test", now=today)
    for later, before in ((inside, inside), (earlier.id, inside)):
        with pytest.raises(EarlierCaseRefused), small_world.db.writing() as session:
            annotations.link_earlier_case(session, later, before, by="test", now=today)


def test_the_next_annotation_counts_its_time_point_along_the_linked_cases(
    small_world: World, earlier: Case, today: datetime
) -> None:
    with small_world.db.writing() as session:
        inside = small_world.inside.id
        annotations.link_earlier_case(session, inside, earlier.id, by="test", now=today)
        draft = annotations.draft_of(
            session, inside, "pancreas", reviewer_id="lena", reviewer_name="Lena"
        )
        assert draft.annotation.time_point == 2


def test_an_amendment_is_told_on_the_case_page_value_by_value(
    app: Flask, signed_in: SignedIn, small_world: World
) -> None:
    client, api = panel_of(app, small_world)
    client.put(f"{api}/annotation", json={"answers": with_sma(170), "version": 0})
    signing = {"version": 1, "verdict": COMPLETE["verdict"]}
    assert client.post(f"{api}/sign", json=signing).status_code == 200
    begun = client.post(f"{api}/amendment", json={"reason": "Wrong phase."}).get_json()
    version = begun["annotation"]["version"]
    client.put(f"{api}/annotation", json={"answers": with_sma(120), "version": version})
    clara, url = signed_in("Clara"), f"/cases/{small_world.inside.number}"
    assert "amendment being written" in clara.get(url).text
    client.post(f"{api}/sign", json={**signing, "version": version + 1})
    page = clara.get(url).text
    assert "Amended, replaces revision 1 because:" in page
    assert "Wrong phase." in page
    assert "<del>170°</del>" in page and "<ins>120°</ins>" in page
    assert "What is kept is not what was signed" not in page
