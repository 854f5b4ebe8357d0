"""The imaging of a case on its pages: coordinator, hospital and surgeon, each in their words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy.orm import Session

from server.cases.actions import attach_study
from server.cases.queries import case_by_id
from server.dossier.queries import values_of
from server.foundation import audit
from server.imaging import actions
from server.imaging.actions import Assessed
from server.imaging.facts import SeriesFacts
from server.imaging.phase import Phase, PhaseReading
from server.imaging.records import HospitalReturn, ImagingAssessment
from server.imaging.sequences import Kind
from server.people.records import Hospital
from tests.imaging.made_series import liver, series
from tests.web.conftest import Browser
from tests.world import World


def assessed(world: World, now: datetime, found: list[SeriesFacts]) -> None:
    """The first case, as the worker leaves it after an arrival."""
    with world.db.writing() as session:
        case = case_by_id(session, world.inside.id)
        fresh = [replace(one, made_on=now.date()) for one in found]
        kept = [Assessed(one, "mark", looked_at=True) for one in fresh]
        actions.note_assessment(session, case, kept, whole=True, now=now)


def disagreeing() -> list[SeriesFacts]:
    """A late arterial series that calls itself portal venous, and no portal venous one."""
    lies = PhaseReading(Phase.PORTAL_VENOUS, 0.4, ("SeriesDescription says so.",))
    sees = PhaseReading(Phase.ARTERIAL_LATE, 0.9, ("Aorta 320 HU.",))
    return [
        series(
            Phase.ARTERIAL_LATE,
            description="<b>portal</b>",
            slice_thickness_mm=1.0,
            header_phase=lies,
            pixel_phase=sees,
        )
    ]


@pytest.fixture
def clara(signed_in: Callable[[str], Browser]) -> Browser:
    return signed_in("Clara")


def lines(session: Session, action: str) -> list[audit.AuditLine]:
    return [one for one in audit.newest(session) if one.action == action]


def test_the_coordinator_sees_series_findings_and_the_disagreement(
    small_world: World, today: datetime, clara: Browser
) -> None:
    assessed(small_world, today, disagreeing())
    text = clara.get(f"/cases/{small_world.inside.number}").get_data(as_text=True)
    assert "Headers and pixels disagree" in text
    assert "Missing: portal venous phase." in text
    assert "Aorta 320 HU." in text
    assert "<b>portal</b>" not in text
    assert ">inadequate<" in text


def test_of_a_weighted_mr_the_kind_is_said_and_no_phase(
    small_world: World, today: datetime, clara: Browser
) -> None:
    sequence = series(
        Phase.NATIVE,
        modality="MR",
        kind=Kind.DIFFUSION,
        kind_evidence="b-values 50, 800 s/mm².",
        b_values=(50, 800),
        pixel_phase=None,
    )
    assessed(small_world, today, [sequence])
    text = clara.get(f"/cases/{small_world.inside.number}").get_data(as_text=True)
    (row,) = text.split('class="image-row')[2:]
    assert "diffusion</span> · b 50, 800" in row
    assert "headers: without contrast" not in row


def test_in_a_second_round_every_series_says_of_which_round_it_is(
    small_world: World, today: datetime, clara: Browser
) -> None:
    assessed(small_world, today, disagreeing())
    address = f"/cases/{small_world.inside.number}"
    rows = clara.get(address).get_data(as_text=True).split('class="image-rows"')[1]
    assert "round 1" not in rows
    with small_world.db.writing() as session:
        case = case_by_id(session, small_world.inside.id)
        case.round = 2
        uid = disagreeing()[0].StudyInstanceUID
        if uid not in {one.StudyInstanceUID for one in case.studies}:
            attach_study(session, case, uid, by="test", reason="test", now=today)
        next(one for one in case.studies if one.StudyInstanceUID == uid).round = 1
    rows = clara.get(address).get_data(as_text=True).split('class="image-rows"')[1]
    assert "round 1</span>" in rows


def test_a_phase_is_set_by_a_person_and_the_trail_says_so(
    small_world: World, today: datetime, clara: Browser
) -> None:
    assessed(small_world, today, disagreeing())
    address = f"/cases/{small_world.inside.number}"
    page = clara.get(address).get_data(as_text=True)
    row = page.split("/imaging/series/")[1].split("/")[0]
    answer = clara.post(f"{address}/imaging/series/{row}/phase", phase="portal_venous")
    text = answer.get_data(as_text=True)
    assert "set by coordinator Clara" in text
    assert "Headers and pixels disagree" not in text
    with small_world.db.reading() as session:
        (line,) = lines(session, "imaging.judge")
    assert (line.actor, line.details["phase"]) == ("coordinator Clara", "portal_venous")
    assert clara.post(f"{address}/imaging/series/{row}/phase", phase="noon").status_code == 400
    assert clara.post(f"{address}/imaging/series/{'0' * 32}/phase", phase="").status_code == 404


def test_a_finding_is_waived_with_a_reason_only(
    small_world: World, today: datetime, clara: Browser
) -> None:
    assessed(small_world, today, disagreeing())
    address = f"/cases/{small_world.inside.number}"
    clara.get(address)
    key = "missing_portal_venous"
    refused = clara.post(f"{address}/imaging/waive", key=key, reason=" ")
    assert refused.status_code == 422
    assert "Say why this finding does not count" in refused.get_data(as_text=True)
    waived = clara.post(f"{address}/imaging/waive", key=key, reason="Seen on MRI.")
    text = waived.get_data(as_text=True)
    assert "Seen on MRI." in text and "Let it count again" in text
    clara.post(f"{address}/imaging/count", key=key)
    with small_world.db.reading() as session:
        assert len(lines(session, "imaging.judge")) == 3


def test_the_case_goes_back_in_the_hospitals_language_and_is_ticked_off(
    small_world: World,
    today: datetime,
    clara: Browser,
    visitor: Callable[[str], tuple[Browser, str]],
) -> None:
    assessed(small_world, today, disagreeing())
    with small_world.db.writing() as session:
        session.get_one(Hospital, small_world.hospital.id).language = "de"
    address = f"/cases/{small_world.inside.number}"
    offered = clara.get(f"{address}/imaging/return").get_data(as_text=True)
    assert "Es fehlt: portalvenöse Phase." in offered
    version = offered.split('name="version" value="')[1].split('"')[0]
    wanted = {"version": version, "findings": "missing_portal_venous", "language": "es"}
    preview = clara.post(f"{address}/imaging/return", **wanted, step="preview")
    assert "Falta: fase venosa portal." in preview.get_data(as_text=True)
    sent = clara.post(f"{address}/imaging/return", **{**wanted, "language": "de"}, step="send")
    assert "On hold" in sent.get_data(as_text=True)

    hospital, base = visitor("hospital")
    text = hospital.get(f"{base}/").get_data(as_text=True)
    assert 'lang="de"' in text
    assert "Die Bilder erlauben noch keine Antwort" in text
    assert "Es fehlt: portalvenöse Phase." in text

    assessed(small_world, today, [*disagreeing(), series(Phase.PORTAL_VENOUS)])
    assert "The hospital has settled every point." in clara.get(address).get_data(as_text=True)


def test_the_hospital_says_what_it_cannot_send(
    small_world: World,
    today: datetime,
    visitor: Callable[[str], tuple[Browser, str]],
) -> None:
    assessed(small_world, today, disagreeing())
    with small_world.db.writing() as session:
        case = case_by_id(session, small_world.inside.id)
        sent = actions.return_to_hospital(
            session, case, ["missing_portal_venous"], language="en", note="", by="Clara",
            seen_version=case.version, now=today,
        )  # fmt: skip
    hospital, base = visitor("hospital")
    hospital.get(f"{base}/")
    answer = {"key": "missing_portal_venous", "answer": "It was not <made>."}
    address = f"{base}/imaging/returns/{sent.id}/answer"
    assert hospital.post(address, **answer).status_code == 200
    with small_world.db.reading() as session:
        kept = session.get_one(type(sent), sent.id)
    assert kept.items[0]["answer"] == "It was not <made>."
    assert kept.answered_at is not None
    other, elsewhere = visitor("other_surgeon")
    assert other.post(f"{elsewhere}/imaging/returns/{sent.id}/answer", **answer).status_code == 403


def test_the_surgeon_reads_the_verdict_and_its_limits_beside_the_images(
    small_world: World, today: datetime, visitor: Callable[[str], tuple[Browser, str]]
) -> None:
    found = [replace(one, slice_thickness_mm=4.0) for one in liver()]
    assessed(small_world, today, found)
    surgeon, base = visitor("surgeon")
    text = surgeon.get(f"{base}/").get_data(as_text=True)
    assert ">limited<" in text
    assert "Slices are 4 mm thick" in text
    assert "Phases at hand:" in text


def test_the_protocol_sheet_is_one_page_in_the_language_asked_for(
    small_world: World, today: datetime, clara: Browser
) -> None:
    assessed(small_world, today, disagreeing())
    address = f"/cases/{small_world.inside.number}/imaging/protocol.pdf"
    answer = clara.client.get(f"{address}?language=de")
    assert answer.mimetype == "application/pdf"
    pages = PdfReader(BytesIO(answer.get_data())).pages
    assert len(pages) == 1
    assert "CT des Pankreas" in pages[0].extract_text()
    assert clara.get(address, language="xx").status_code == 404
    assert clara.get(address, protocol="spleen").status_code == 404


def test_a_hospitals_language_is_changed_by_an_administrator(
    small_world: World, signed_in: Callable[[str], Browser]
) -> None:
    ada = signed_in("Ada")
    address = f"/hospitals/{small_world.hospital.id}"
    assert "हिन्दी" in ada.get(address).get_data(as_text=True)
    assert "written to in 中文" in ada.post(f"{address}/language", language="zh").get_data(
        as_text=True
    )
    assert ada.post(f"{address}/language", language="xx").status_code == 404


def test_an_outsider_changes_nothing(
    small_world: World, today: datetime, signed_in: Callable[[str], Browser]
) -> None:
    assessed(small_world, today, disagreeing())
    omar = signed_in("Omar")
    address = f"/cases/{small_world.inside.number}/imaging"
    assert omar.get(f"{address}/return").status_code == 404
    assert omar.post(f"{address}/waive", key="missing_portal_venous", reason="x").status_code == 404


def test_height_and_weight_typed_into_the_records_settle_what_the_images_do_not_say(
    small_world: World, today: datetime, clara: Browser
) -> None:
    assessed(
        small_world,
        today,
        [replace(one, patient_size_m=None, patient_weight_kg=None) for one in liver()],
    )
    address = f"/cases/{small_world.inside.number}"
    missing = "Height or weight of the patient is not in the images"
    assert missing in clara.get(address).text
    with small_world.db.writing() as session:
        case = case_by_id(session, small_world.inside.id)
        found = actions.judge(session, case, today)
        (key,) = [one.key for one in found.open_findings if one.id == "body_size_missing"]
        version = case.version
        sent = actions.return_to_hospital(
            session,
            case,
            [key],
            language="en",
            note="",
            by="Clara",
            seen_version=version,
            now=today,
        )
        sent_id = sent.id
    typed = {"taken_on": today.date().isoformat(), "height_unit": "m", "weight_unit": "kg"}
    clara.get(f"{address}/records/values")
    assert "2 values kept." in clara.post(
        f"{address}/records/values", height="1.70", weight="70", **typed
    ).get_data(as_text=True)
    with small_world.db.reading() as session:
        kept = session.get_one(ImagingAssessment, small_world.inside.id)
        assert "body_size_missing" not in [one["id"] for one in kept.findings]
        (item,) = session.get_one(HospitalReturn, sent_id).items
        assert item["done_at"], "what the hospital was asked for is ticked off"
        weight = next(one for one in values_of(session, case.id) if one.quantity == "weight")
    assert f"{missing}</" not in clara.get(address).text
    clara.post(f"{address}/records/values/{weight.id}/withdraw")
    with small_world.db.reading() as session:
        kept = session.get_one(ImagingAssessment, small_world.inside.id)
        assert "body_size_missing" in [one["id"] for one in kept.findings]
