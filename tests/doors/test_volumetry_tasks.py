"""Asking for a resection or a region in the viewer: taken on at once, refused at the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from server.foundation import audit, jobs
from server.volumetry import orders
from server.volumetry.actions import Segmentation, keep
from server.volumetry.records import VolumeMeasurement
from tests.conftest import NOW
from tests.world import INSIDE_STUDY, OUTSIDE_STUDY, World

Visit = Callable[[str], tuple[FlaskClient, str]]
PLANE = {
    "kind": "plane",
    "points_mm": [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
    "remains_mm": [0, 0, 5],
}
REGION = {
    "organ": "liver",
    "StudyInstanceUID": INSIDE_STUDY,
    "SeriesInstanceUID": "1.2.3",
    "seed_mm": [1, 2, 3.5],
}


def measured(app_world: World, case_id: str, uid: str) -> str:
    with app_world.db.writing() as session:
        kept = VolumeMeasurement(
            case_id=case_id,
            SOPInstanceUID=uid,
            StudyInstanceUID=INSIDE_STUDY,
            state="measured",
            label="Liver",
            result={"liver_ml": 1500.0},
            noticed_at=NOW,
        )
        session.add(kept)
        session.flush()
        return kept.id


@pytest.fixture
def own(small_world: World) -> str:
    """A measured segmentation of the visitor's case."""
    return measured(small_world, small_world.inside.id, "1.2.3.4")


@pytest.fixture
def ask(visit: Visit) -> Callable[[str, Any], Any]:
    client, base = visit("surgeon")
    return lambda name, body: client.post(f"{base}/api/{name}", json=body)


def test_a_cut_is_taken_on_and_stands_among_the_volumes_with_its_progress(
    ask: Callable[[str, Any], Any], own: str, small_world: World
) -> None:
    answer = ask("resections", {"volume": own, "cut": PLANE})
    assert answer.status_code == 202
    (task,) = answer.get_json()["volumes"]
    assert task["state"] == "measuring"
    assert task["progress"] == {"doing": "Waiting to begin", "percent": 0}
    assert task["label"] == "Resection: plane"
    with small_world.db.writing() as session:
        (job,) = session.scalars(select(jobs.Job).where(jobs.Job.name == orders.WORK_ON_VOLUME))
        assert job.payload["source"]["SOPInstanceUID"] == "1.2.3.4"
        assert job.payload["SOPInstanceUID"] == task["SOPInstanceUID"]
        orders.note_progress(session, task["id"], "Cutting the liver", 35)
        kept = session.get_one(VolumeMeasurement, task["id"])
        assert kept.result["progress"]["percent"] == 35
        assert kept.result["made"]["by"] == "resection"
        lines = list(session.scalars(select(audit.AuditLine)))
    assert any(line.action == "images.write" and line.outcome == "done" for line in lines)


def test_how_it_was_made_stays_when_the_segmentation_is_measured_once_more(
    ask: Callable[[str, Any], Any], own: str, small_world: World
) -> None:
    (task,) = ask("resections", {"volume": own, "cut": PLANE}).get_json()["volumes"]
    found = Segmentation("", task["SOPInstanceUID"], INSIDE_STUDY)
    with small_world.db.writing() as session:
        keep(session, small_world.inside.id, found, "It is not there.", NOW, made={"resection": {}})
        kept = keep(session, small_world.inside.id, found, "It is not there.", NOW)
        assert kept.result["made"]["cut"] == {**PLANE}
        assert kept.result["made"]["resection"] == {}
        assert "progress" not in kept.result


@pytest.mark.parametrize(
    ("cut", "pointer"),
    [
        ({}, "/kind"),
        ({**PLANE, "points_mm": PLANE["points_mm"][:2]}, "/points_mm"),
        ({**PLANE, "points_mm": "here"}, "/points_mm"),
        ({**PLANE, "remains_mm": [0, 0]}, "/remains_mm"),
        ({**PLANE, "remains_mm": [0, 0, "x"]}, "/remains_mm"),
        ({"kind": "surface", "lines_mm": [], "remains_mm": [0, 0, 0]}, "/lines_mm"),
        ({"kind": "surface", "lines_mm": [[[0, 0]]], "remains_mm": [0, 0, 0]}, "/lines_mm/0/0"),
        ({"kind": "segments", "remove": []}, "/remove"),
        ({"kind": "segments", "remove": ["IX"]}, "/remove"),
    ],
)
def test_a_cut_that_is_none_is_refused_at_its_field_and_nothing_is_kept(
    ask: Callable[[str, Any], Any], own: str, small_world: World, cut: Any, pointer: str
) -> None:
    refused = ask("resections", {"volume": own, "cut": cut})
    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.get_json()["error"]["problems"]] == [pointer]
    with small_world.db.reading() as session:
        assert len(list(session.scalars(select(VolumeMeasurement)))) == 1


def test_a_segmentation_of_another_case_is_not_there(
    ask: Callable[[str, Any], Any], small_world: World
) -> None:
    other = measured(small_world, small_world.outside.id, "1.2.3.9")
    refused = ask("resections", {"volume": other, "cut": PLANE})
    assert refused.status_code == 404
    assert refused.get_json()["error"]["code"] == "volume_not_found"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"organ": "spleen"}, "/organ"),
        ({"StudyInstanceUID": OUTSIDE_STUDY}, "/StudyInstanceUID"),
        ({"seed_mm": [1, 2]}, "/seed_mm"),
        ({"seed_mm": None}, "/seed_mm"),
        ({"seed_mm": [1, 2, True]}, "/seed_mm"),
    ],
)
def test_a_region_that_cannot_be_grown_is_refused_at_its_field(
    ask: Callable[[str, Any], Any], changes: dict[str, Any], pointer: str
) -> None:
    refused = ask("regions", {**REGION, **changes})
    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.get_json()["error"]["problems"]] == [pointer]


def test_a_region_is_taken_on_and_a_fourth_at_once_is_not(ask: Callable[[str, Any], Any]) -> None:
    for _ in range(3):
        assert ask("regions", REGION).status_code == 202
    refused = ask("regions", REGION)
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "too_much_under_way"


@pytest.mark.parametrize("body", ["text", [], {"volume": 3, "cut": {}}])
def test_a_body_that_is_not_understood_is_refused(
    ask: Callable[[str, Any], Any], body: Any
) -> None:
    assert ask("resections", body).status_code == 400


def test_whoever_may_only_look_asks_for_nothing(visit: Visit, app: Flask) -> None:
    client, base = visit("viewer")
    assert client.post(f"{base}/api/regions", json=REGION).status_code == 403
