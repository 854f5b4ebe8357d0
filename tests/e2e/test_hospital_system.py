"""A hospital's system that knows only the API, against a whole running Margin with its archive."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.access.programs import issue_key
from server.access.scopes import OF_HOSPITALS, Scope
from server.annotations.organs import ORGANS
from server.demo import cast
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.people.queries import hospitals, people
from server.people.records import Hospital
from tests.e2e.conftest import RunningMargin
from tests.e2e.test_from_outside import push

pytestmark = pytest.mark.e2e
PATIENCE_S = 240.0
ANSWERS = ORGANS["pancreas"].examples()["head-borderline-sma"]


def program(margin: RunningMargin, hospital: Hospital | None) -> httpx.Client:
    db = Database(margin.settings.database_url)
    with db.writing() as session:
        key = issue_key(
            session,
            hospital=hospital,
            name="a test",
            scopes=OF_HOSPITALS if hospital is not None else tuple(Scope),
            days=1,
            issued_by="test",
            now=utc_now(),
        ).key
    db.dispose()
    address = f"http://127.0.0.1:{margin.settings.port}/api/v1"
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30.0)


def awaited(ask: Callable[[], httpx.Response], enough: Callable[[Any], bool]) -> Any:
    """Ask until the answer is enough; what it was at last when it never is."""
    until = time.monotonic() + PATIENCE_S
    while True:
        answer = ask()
        if answer.is_success and enough(answer.json()):
            return answer.json()
        assert time.monotonic() < until, answer.text
        time.sleep(0.5)


def test_a_case_is_opened_filled_and_answered_by_requests_alone(
    margin: RunningMargin, tmp_path: Path
) -> None:
    db = Database(margin.settings.database_url)
    with db.reading() as session:
        riverside = next(one for one in hospitals(session) if one.name == cast.RIVERSIDE.name)
        surgeon = next(one for one in people(session, "surgeon") if one.active)
    db.dispose()
    with program(margin, riverside) as his, program(margin, None) as coordinator:
        accession = f"API{uuid.uuid4().hex[:8]}".upper()
        opened = his.post(
            "/cases",
            json={"organ": "pancreas", "question": "Resectable?", "accession_numbers": [accession]},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        assert opened.status_code == 201, opened.text
        case = opened.json()["href"].removeprefix("/api/v1")

        Phantom(
            "api", organ="pancreas", slices=3, rows=64, phases=PHASES[:1], PatientID="API",
            AccessionNumber=accession,
        ).write(tmp_path)  # fmt: skip
        assert push(margin, tmp_path, cast.RIVERSIDE.ae_title).returncode == 0
        studies = awaited(lambda: his.get(f"{case}/studies"), lambda said: bool(said["studies"]))
        assert studies["studies"][0]["AccessionNumber"] == accession
        assert his.get(f"{case}/records").json()["blocking"]

        version = awaited(lambda: his.get(case), lambda said: said["state"] != "open")["version"]
        step = {"step": "records_complete", "version": version, "reason": "It is a test."}
        ready = coordinator.post(f"{case}/steps", json=step)
        assert ready.status_code == 200, ready.text
        given = {"person_id": surgeon.id, "version": ready.json()["version"]}
        assert coordinator.put(f"{case}/assignment", json=given).status_code == 200
        link = coordinator.post(
            f"{case}/links",
            json={"person_id": surgeon.id, "permits": ["view", "annotate", "sign"]},
        ).json()
        _sign(margin, link["token"])

        opinion = awaited(
            lambda: his.get(f"{case}/opinions"), lambda said: said["opinions"][0]["sha256"] != ""
        )["opinions"][0]
        document = his.get(opinion["document"].removeprefix("/api/v1"))
        assert document.content.startswith(b"%PDF-")
        bundle = his.get(f"{case}/opinion.fhir.json").json()
        assert bundle["resourceType"] == "Bundle"
        found = awaited(lambda: his.get(f"{case}/imaging"), lambda said: bool(said["findings"]))
        assert found["verdict"] in ("limited", "inadequate")


def _sign(margin: RunningMargin, token: str) -> None:
    """What the surgeon does in the viewer."""
    with httpx.Client(base_url=f"http://127.0.0.1:{margin.settings.port}", timeout=30.0) as visit:
        base = visit.post("/open", json={"token": token}).json()["location"].rstrip("/")
        saved = visit.put(f"{base}/api/annotation", json={"answers": ANSWERS, "version": 0})
        assert saved.status_code == 200, saved.text
        signed = visit.post(f"{base}/api/sign", json={"version": 1, "verdict": ANSWERS["verdict"]})
        assert signed.status_code == 200, signed.text
