"""The issued opinion as JSON and as a DICOM structured report: who gets which file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.access.records import Grant
from server.annotations.organs import ORGANS
from server.foundation import audit
from server.opinions import actions as opinions
from server.opinions.records import IssuedOpinion
from tests.world import World

Visit = Callable[[str], tuple[FlaskClient, str]]
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]
ASKS_JSON = {"Accept": "application/json"}


@pytest.fixture
def signed(app: Flask, visit: Visit, today: datetime) -> tuple[FlaskClient, str]:
    """A surgeon who has signed, and whose document is made."""
    client, base = visit("surgeon")
    client.put(f"{base}/api/annotation", json={"answers": COMPLETE, "version": 0})
    answer = client.post(f"{base}/api/sign", json={"version": 1, "verdict": COMPLETE["verdict"]})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    with app.extensions["margin"].db.writing() as session:
        kept = session.query(IssuedOpinion).one()
        opinions.note_document(session, kept.id, "0" * 64, today)
    return client, base


def test_whoever_signed_gets_the_whole_annotation_as_json(
    signed: tuple[FlaskClient, str], small_world: World
) -> None:
    client, base = signed
    answer = client.get(f"{base}/opinion.json")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    number = small_world.inside.number
    assert f"opinion-{number}-O1.json" in answer.headers["Content-Disposition"]
    document = answer.get_json()
    assert document["case"]["number"] == number
    assert document["answers"] == COMPLETE
    assert document["opinion"]["verdict"]["code"] == COMPLETE["verdict"]
    assert document["provenance"]["reviewer"]["name"] == "Lena"
    assert answer.data == client.get(f"{base}/opinion.json").data


def test_reading_the_data_is_a_line_in_the_audit_trail(
    app: Flask, signed: tuple[FlaskClient, str]
) -> None:
    client, base = signed
    client.get(f"{base}/opinion.json")
    with app.extensions["margin"].db.reading() as session:
        read = [one for one in session.query(audit.AuditLine) if one.action == "opinion.read"]
    assert [one.details["file"].endswith(".json") for one in read] == [True]


@pytest.mark.parametrize("form", ["json", "dcm"])
def test_nothing_can_be_read_before_it_is_issued(visit: Visit, form: str) -> None:
    client, base = visit("surgeon")
    answer = client.get(f"{base}/opinion.{form}", headers=ASKS_JSON)
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "opinion_not_issued"


@pytest.mark.parametrize("form", ["json", "dcm"])
def test_a_link_that_hides_the_patient_gets_no_file_of_the_opinion(
    app: Flask, signed: tuple[FlaskClient, str], small_world: World, form: str
) -> None:
    client, base = signed
    with app.extensions["margin"].db.writing() as session:
        session.query(Grant).filter(Grant.case_id == small_world.inside.id).update(
            {"pseudonymised": True}
        )
    answer = client.get(f"{base}/opinion.{form}", headers=ASKS_JSON)
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "not_permitted"


def test_the_report_waits_for_an_archive_that_does_not_answer(
    app: Flask, signed: tuple[FlaskClient, str]
) -> None:
    client, base = signed
    with app.extensions["margin"].db.writing() as session:
        session.query(IssuedOpinion).one().StudyInstanceUID = "1.2.3.4"
    answer = client.get(f"{base}/opinion.dcm", headers=ASKS_JSON)
    assert answer.status_code == 503


def test_a_report_that_is_not_stored_yet_is_not_there(signed: tuple[FlaskClient, str]) -> None:
    client, base = signed
    answer = client.get(f"{base}/opinion.dcm", headers=ASKS_JSON)
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "report_not_stored"


def test_another_case_is_as_if_it_were_not_there(
    signed: tuple[FlaskClient, str], visit: Visit
) -> None:
    _, base = signed
    stranger, elsewhere = visit("other_surgeon")
    assert stranger.get(f"{base}/opinion.json", headers=ASKS_JSON).status_code in (401, 403, 404)
    assert stranger.get(f"{elsewhere}/opinion.json", headers=ASKS_JSON).status_code == 404
