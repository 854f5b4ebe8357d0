"""What came for which round of a case, as coordinator, hospital and a hospital's program see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from flask import Flask
from flask.testing import FlaskClient

from server.cases import actions as cases
from server.cases.aftercare import actions as aftercare
from server.cases.aftercare.actions import Planned
from server.cases.queries import case_by_id
from server.foundation.clock import utc_now
from tests.opined import opine
from tests.web.conftest import Browser
from tests.world import World

NEW = "new since the opinion"


def _came(app: Flask, world: World, name: str) -> None:
    with app.extensions["margin"].db.writing() as session:
        cases.keep_document(
            session,
            case_by_id(session, world.inside.id),
            title=name,
            media_type="application/pdf",
            size_bytes=10,
            sha256=name.rjust(64, "0"),
            received_from="Riverside",
            now=utc_now(),
        )


def _waited_for(app: Flask, world: World) -> None:
    with app.extensions["margin"].db.writing() as session:
        case = case_by_id(session, world.inside.id)
        day: date = utc_now().date() + timedelta(days=60)
        aftercare.plan_reassessment(
            session, case, Planned(due_on=day), seen_version=case.version, by="test", now=utc_now()
        )


def test_what_came_since_the_opinion_stands_out_until_the_round_has_its_own(
    app: Flask,
    visit: Callable[[str], tuple[FlaskClient, str]],
    visitor: Callable[[str], tuple[Browser, str]],
    signed_in: Callable[[str], Browser],
    small_world: World,
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    _came(app, small_world, "first.pdf")
    pages = (f"/cases/{number}", f"/cases/{number}/records")
    assert all(NEW not in clara.get(page).text for page in pages)
    opine(app, visit)
    _waited_for(app, small_world)
    hospital, base = visitor("hospital")
    # The hospital's page says that new images begin the round, and takes them.
    hospital.get(f"{base}/")
    sent = hospital.client.post(
        f"{base}/uploads",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "12",
            "Upload-Metadata": "filename c2Nhbi5wZGY=",
            "X-CSRFToken": hospital.token,
        },
    )
    assert sent.status_code == 201, sent.text
    _came(app, small_world, "second.pdf")
    for page in pages:
        assert clara.get(page).text.count(NEW) == 1, page
    assert "round 1</span>" in clara.get(pages[1]).text
    assert hospital.get(f"{base}/").text.count(NEW) == 1
    afterwards = clara.get(f"/cases/{number}/afterwards").text
    assert "Not begun" in afterwards
    documents = clara.client.get(f"/api/v1/cases/{number}/documents").get_json()["documents"]
    assert [(one["title"], one["round"]) for one in documents] == [
        ("first.pdf", 1),
        ("second.pdf", 2),
    ]
    opinions = clara.client.get(f"/api/v1/cases/{number}/opinions").get_json()["opinions"]
    assert [one["round"] for one in opinions] == [1]
    studies = clara.client.get(f"/api/v1/cases/{number}/studies").get_json()["studies"]
    assert [one["round"] for one in studies] == [1]
