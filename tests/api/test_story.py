"""A hospital that knows nothing but the API: from the question to the opinion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from server.access.action import Permit
from server.access.actions import issue_grant
from server.annotations.organs import ORGANS
from server.cases.actions import attach_study
from server.cases.queries import case_by_number
from server.foundation import audit
from server.imaging import actions as imaging
from server.imaging.actions import Assessed
from server.imaging.phase import Phase
from server.opinions import actions as opinions
from server.opinions.records import IssuedOpinion
from tests.api.conftest import Caller
from tests.imaging.made_series import series
from tests.world import World

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]


def document(name: str, **parts: str) -> dict[str, Any]:
    return {
        "data": {"file": (BytesIO(PDF + name.encode()), name), **parts},
        "content_type": "multipart/form-data",
    }


def file_of(caller: Caller, path: str) -> bytes:
    with caller.get(path) as answer:
        assert answer.status_code == 200
        return bytes(answer.data)


class House:
    """What happens inside meanwhile: images arrive, a coordinator acts, a surgeon signs."""

    def __init__(self, app: Flask, world: World, now: datetime) -> None:
        self.app, self.world, self.now = app, world, now

    def images_arrive(self, number: str) -> None:
        with self.world.db.writing() as session:
            case = case_by_number(session, number)
            imaging_day = self.now.date() - timedelta(days=3)
            thick = replace(
                series(Phase.PORTAL_VENOUS, slice_thickness_mm=5.0), made_on=imaging_day
            )
            imaging.note_assessment(
                session, case, [Assessed(thick, "mark", looked_at=True)], whole=True, now=self.now
            )
            attach_study(session, case, "1.2.3.4711", by="intake", reason="accession", now=self.now)

    def a_surgeon_signs(self, number: str) -> None:
        with self.world.db.writing() as session:
            token = issue_grant(
                session,
                case=case_by_number(session, number),
                for_whom="Lena",
                permits=frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.SIGN}),
                days=3,
                issued_by="test",
                now=self.now,
                person=self.world.surgeon,
            ).token
        client = self.app.test_client()
        base = client.post("/open", json={"token": token}).get_json()["location"].rstrip("/")
        client.put(f"{base}/api/annotation", json={"answers": COMPLETE, "version": 0})
        signed = client.post(
            f"{base}/api/sign", json={"version": 1, "verdict": COMPLETE["verdict"]}
        )
        assert signed.status_code == 200, signed.text
        services = self.app.extensions["margin"]
        sha256 = services.files.put(PDF)
        with services.db.writing() as session:
            kept = session.query(IssuedOpinion).one()
            opinions.note_document(session, kept.id, sha256, self.now)


@pytest.fixture
def house(app: Flask, small_world: World, today: datetime) -> House:
    return House(app, small_world, today)


def test_from_the_question_to_the_opinion(
    program: Callable[..., Caller], house: House, small_world: World
) -> None:
    his, coordinator = program("hospital"), program("service")

    words = his.get("/vocabulary").get_json()
    assert "pancreas" in [one["value"] for one in words["organs"]]
    opened = his.post(
        "/cases",
        {
            "organ": "pancreas",
            "question": "Can it be resected after chemotherapy?",
            "local_verdict": "Unresectable",
            "accession_numbers": ["CT2026-1187"],
        },
        headers={"Idempotency-Key": "order-4711"},
    )
    assert opened.status_code == 201
    case = opened.location.removeprefix("/api/v1")
    number = opened.get_json()["number"]

    sending = his.get(f"{case}/sending").get_json()
    assert sending["dicom"]["ae_title"] == "MARGIN"
    assert sending["accession_numbers"] == ["CT2026-1187"]

    report = his.ask(
        "POST",
        f"{case}/documents",
        **document("report.pdf", kind="radiology_report", language="en"),
    )
    assert report.status_code == 201, report.text
    again = his.ask("POST", f"{case}/documents", **document("report.pdf"))
    assert again.get_json()["id"] == report.get_json()["id"]
    assert file_of(his, again.location) == PDF + b"report.pdf"
    picture = his.ask(
        "POST",
        f"{case}/documents",
        data={"file": (BytesIO(b"\x89PNG\r\n\x1a\n"), "x.png")},
        content_type="multipart/form-data",
    )
    assert picture.status_code == 415

    values = {"taken_on": house.now.date().isoformat()}
    kept = his.post(
        f"{case}/records/values",
        {**values, "values": [{"quantity": "ca19_9", "value": 412.125, "unit": "U/mL"}]},
    )
    assert kept.status_code == 201, kept.text
    assert kept.get_json()["values"][0]["value"] == 412.125

    missing = his.get(f"{case}/records").get_json()
    assert not missing["complete"]
    standings = {one["id"]: one["standing"] for one in missing["items"]}
    assert "received" in standings.values()
    assert his.get(f"{case}/imaging").get_json()["error"]["code"] == "not_assessed_yet"

    house.images_arrive(number)
    findings = his.get(f"{case}/imaging").get_json()
    assert findings["verdict"] in ("limited", "inadequate")
    assert any("thick" in one["text"].lower() for one in findings["findings"])
    assert his.get(f"{case}/studies").get_json()["studies"][0]["StudyInstanceUID"] == "1.2.3.4711"

    asked = his.post(f"{case}/questions", {"text": "Is a new CT needed?", "subject": "CT"})
    assert asked.status_code == 201, asked.text
    assert asked.get_json()["waits_for"] == "coordinator"
    answered = coordinator.post(f"{case}/questions/1/answers", {"text": "No, it will do."})
    assert answered.status_code == 201, answered.text
    thread = his.get(f"{case}/questions/1").get_json()
    assert [one["text"] for one in thread["messages"]] == ["Is a new CT needed?", "No, it will do."]
    assert thread["waits_for"] == "hospital"

    version = his.get(case).get_json()["version"]
    complete = {"step": "records_complete", "version": version}
    assert his.post(f"{case}/steps", complete).status_code == 403
    refused = coordinator.post(f"{case}/steps", complete)
    assert refused.get_json()["error"]["code"] == "records_not_complete"
    started = coordinator.post(f"{case}/steps", {**complete, "reason": "The rest is on its way."})
    assert started.get_json()["state"] == "ready", started.text
    assert his.get(f"{case}/clock").get_json()["standing"] == "running"
    given = coordinator.put(
        f"{case}/assignment",
        {"person_id": small_world.surgeon.id, "version": started.get_json()["version"]},
    )
    assert given.status_code == 200, given.text

    assert his.get(f"{case}/opinion.pdf").get_json()["error"]["code"] == "opinion_not_issued"
    house.a_surgeon_signs(number)
    (opinion,) = his.get(f"{case}/opinions").get_json()["opinions"]
    assert opinion["number"] == f"{number}-O1"
    assert file_of(his, opinion["document"]) == PDF
    assert file_of(his, f"{case}/opinion.pdf") == PDF
    assert his.get(f"{case}/opinion.json").get_json()["case"]["number"] == number
    bundle = his.get(f"{case}/opinion.fhir.json").get_json()
    assert "DiagnosticReport" in [one["resource"]["resourceType"] for one in bundle["entry"]]
    assert his.get(case).get_json()["state"] == "opined"

    outcome = his.put(
        f"{case}/outcome",
        {"entry": 0, "course": "not_operated", "not_operated_reason": "patients_wish"},
    )
    assert outcome.status_code == 200, outcome.text
    stale = his.put(f"{case}/outcome", {"entry": 0, "course": "pending"})
    assert stale.get_json()["error"]["code"] == "outcome_changed_meanwhile"

    with small_world.db.reading() as session:
        assert audit.verify(session).whole
        lines = audit.newest(session, case_number=number, actor="program")
        assert {"case.open", "document.send", "opinion.read"} <= {one.action for one in lines}


def test_nothing_of_it_is_there_for_another_hospital(
    program: Callable[..., Caller], house: House
) -> None:
    his, other = program("hospital"), program("other_hospital")
    case = his.post("/cases", {"organ": "liver", "question": "?"}).location
    for path in ("", "/questions", "/records/values", "/sharing", "/outcome", "/clock"):
        assert other.get(case + path).status_code == 404, path
    sent = other.ask("POST", f"{case}/documents", **document("x.pdf"))
    assert sent.status_code == 404


def test_what_a_coordinators_step_needs_is_said_before_it_is_done(
    service: Caller, small_world: World
) -> None:
    case = f"/cases/{small_world.inside.number}"
    version = small_world.inside.version
    held = service.post(f"{case}/steps", {"step": "hold", "version": version})
    assert [one["pointer"] for one in held.get_json()["error"]["problems"]] == ["/reason"]
    wrong = service.post(
        f"{case}/steps", {"step": "hold", "version": version, "reason": "x", "waits_for": "nobody"}
    )
    assert [one["pointer"] for one in wrong.get_json()["error"]["problems"]] == ["/waits_for"]
    assert service.get(case).get_json()["version"] == version
