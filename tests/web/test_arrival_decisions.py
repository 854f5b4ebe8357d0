"""A coordinator decides about arrivals that are held, refuses, takes back, and looks at a line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from server.cases.queries import case_of_study
from server.foundation.db import Database
from server.foundation.jobs import Job
from server.intake.records import Arrival, LineState, RefusedAssociation
from server.people.queries import lines
from tests.web.conftest import Browser
from tests.web.studies import arrival
from tests.world import World

SignedIn = Callable[[str], Browser]
DOUBT = {
    "code": "mixed_senders",
    "about": "one,other",
    "text": "Two senders put images into this one study.",
    "advice": "Ask both hospitals.",
}
REASON = "This is a study of the knee. Send the liver CT."


def one_series(number: int) -> dict[str, object]:
    return {
        "SeriesInstanceUID": f"1.2.3.{number}",
        "Modality": "CT",
        "SeriesNumber": str(number),
        "SeriesDescription": "Portal venous",
        "instances": 10,
        "patients": [[f"Patient{number}^X", "19610412", "F"]],
        "senders": {"RIVERSIDE": 10},
    }


@pytest.fixture
def held(db: Database, small_world: World, today: datetime) -> Arrival:
    with db.writing() as session:
        return arrival(
            session,
            small_world,
            today,
            state="held",
            held_for=[DOUBT],
            series=[one_series(1), one_series(2)],
        )


def state_of(db: Database, found: Arrival) -> str:
    with db.reading() as session:
        return session.get_one(Arrival, found.id).state


def test_a_held_study_is_explained_and_not_offered_for_attaching(
    signed_in: SignedIn, held: Arrival, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    page = clara.get("/arrivals").text
    for said in (DOUBT["text"], DOUBT["advice"], "PATIENT1, X", "PATIENT2, X"):
        assert said.lower() in page.lower()
    answer = clara.post(f"/arrivals/{held.id}/attach", case_number=small_world.inside.number)
    assert answer.status_code == 409
    assert "is held because of a doubt" in answer.text
    assert state_of(db, held) == "held"
    clara.post(f"/arrivals/{held.id}/set-aside")
    aside = clara.post(f"/arrivals/{held.id}/attach", other_number=small_world.inside.number)
    assert aside.status_code == 409
    assert state_of(db, held) == "set_aside"


def test_a_doubt_that_was_looked_at_lets_the_study_go_on(
    signed_in: SignedIn, held: Arrival, db: Database
) -> None:
    clara = signed_in("Clara")
    clara.get("/arrivals")
    assert "no longer held" in clara.post(f"/arrivals/{held.id}/let-pass").text
    assert state_of(db, held) == "unmatched"
    assert clara.post(f"/arrivals/{held.id}/let-pass").status_code == 409


def test_chosen_series_become_a_study_of_their_own(
    signed_in: SignedIn, held: Arrival, db: Database
) -> None:
    clara = signed_in("Clara")
    clara.get("/arrivals")
    for wrong in ([], ["1.2.3.1", "1.2.3.2"], ["9.9"]):
        answer = clara.post(f"/arrivals/{held.id}/take-apart", series=wrong)
        assert answer.status_code == 422
        assert "Choose some of the series, not all of them." in answer.text
    page = clara.post(f"/arrivals/{held.id}/take-apart", series=["1.2.3.2"]).text
    assert "become a study of their own" in page
    assert "is a study of its own now" in page
    with db.reading() as session:
        part = session.scalars(select(Arrival).where(Arrival.split_from == held.id)).one()
        assert session.scalars(select(Job).where(Job.name == "split_arrival")).one()
    assert part.StudyInstanceUID != held.StudyInstanceUID


def test_a_refused_study_is_told_on_the_page_of_the_case_and_can_be_taken_back(
    signed_in: SignedIn,
    visitor: Callable[[str], tuple[Browser, str]],
    held: Arrival,
    small_world: World,
    db: Database,
) -> None:
    clara = signed_in("Clara")
    clara.get("/arrivals")
    short = clara.post(f"/arrivals/{held.id}/refuse", reason="no")
    assert short.status_code == 422
    assert "Say in a sentence why" in short.text
    number = small_world.inside.number
    done = clara.post(f"/arrivals/{held.id}/refuse", reason=REASON, refuse_number=number)
    assert "kept for 30 days" in done.text
    assert "Delete it from the archive" not in done.text
    hospital, base = visitor("hospital")
    assert REASON in hospital.get(base).text
    assert clara.post(f"/arrivals/{held.id}/delete").status_code == 409
    assert "was taken back" in clara.post(f"/arrivals/{held.id}/undo").text
    assert state_of(db, held) == "held"
    assert REASON not in hospital.get(base).text


def test_what_was_refused_long_ago_may_be_deleted_by_a_person(
    signed_in: SignedIn, held: Arrival, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        long_ago = today - timedelta(days=31)
        session.execute(
            update(Arrival)
            .where(Arrival.id == held.id)
            .values(state="refused", refusal=REASON, decided_at=long_ago, decided_by="Clara")
        )
    clara = signed_in("Clara")
    assert "Delete it from the archive for good" in clara.get("/arrivals").text
    assert "is being deleted" in clara.post(f"/arrivals/{held.id}/delete").text
    with db.reading() as session:
        assert session.scalars(select(Job).where(Job.name == "delete_refused")).one()


def test_an_attached_study_can_be_taken_out_of_its_case_again(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        waiting = arrival(session, small_world, today)
    clara = signed_in("Clara")
    clara.get("/arrivals")
    clara.post(f"/arrivals/{waiting.id}/attach", case_number=small_world.inside.number)
    answer = clara.post(f"/arrivals/{waiting.id}/undo")
    assert f"no longer part of case {small_world.inside.number}" in answer.text
    with db.reading() as session:
        assert case_of_study(session, waiting.StudyInstanceUID) is None
    assert state_of(db, waiting) == "unmatched"


def test_an_uploaded_study_that_was_taken_out_of_its_case_waits_with_its_coordinator(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        uploaded = arrival(
            session,
            small_world,
            today,
            state="matched",
            case_id=small_world.inside.id,
            calling_aet="",
            remote_address="",
        )
    clara, omar = signed_in("Clara"), signed_in("Omar")
    clara.get("/arrivals")
    omar.get("/arrivals")
    assert clara.post(f"/arrivals/{uploaded.id}/undo").status_code == 200
    assert uploaded.StudyDescription in clara.get("/arrivals").text
    assert uploaded.StudyDescription not in omar.get("/arrivals").text
    number = small_world.inside.number
    attached = clara.post(f"/arrivals/{uploaded.id}/attach", other_number=number)
    assert attached.status_code == 200
    assert state_of(db, uploaded) == "matched"


@pytest.mark.parametrize("verb", ["let-pass", "take-apart", "refuse", "undo", "delete"])
def test_another_coordinator_cannot_decide(signed_in: SignedIn, held: Arrival, verb: str) -> None:
    omar = signed_in("Omar")
    omar.get("/arrivals")
    assert omar.post(f"/arrivals/{held.id}/{verb}", reason=REASON).status_code == 404


def test_a_hospitals_page_shows_its_line_and_who_was_refused(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        session.add(
            LineState(
                ae_title="RIVERSIDE",
                associated_at=today,
                associated_from="10.0.0.7",
                associations=3,
                echoed_at=today,
                tested_at=today,
                test_passed=False,
                test_detail="Nothing at 127.0.0.1:104 answers as RIVERSIDE.",
            )
        )
        for calling, reason in (("RIVERSIDE", "wrong_called"), ("<i>X", "unknown_caller")):
            session.add(
                RefusedAssociation(
                    reason=reason,
                    calling_aet=calling,
                    called_aet="ELSEWHERE" if reason == "wrong_called" else "",
                    times=7,
                    first_at=today,
                    last_at=today,
                )
            )
    clara = signed_in("Clara")
    page = clara.get(f"/hospitals/{small_world.hospital.id}").text
    for said in (
        "It did not answer our C-ECHO.",
        "Nothing at 127.0.0.1:104 answers as RIVERSIDE.",
        "3 associations in all",
        "Called AE title is not ours",
        "ELSEWHERE",
    ):
        assert said in page
    strangers = clara.get("/hospitals").text
    assert "&lt;i&gt;X" in strangers
    assert "Calling AE title is not registered" in strangers


def test_a_coordinator_has_their_own_lines_tested_and_no_others(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    with db.reading() as session:
        by_title = {line.ae_title: line.id for line in lines(session)}
    clara = signed_in("Clara")
    clara.get("/hospitals")
    asked = clara.post(f"/hospitals/lines/{by_title['RIVERSIDE']}/test")
    assert "RIVERSIDE is being called." in asked.text
    assert "Calling it" in asked.text
    assert clara.post(f"/hospitals/lines/{by_title['HILLCREST']}/test").status_code == 404
    assert clara.get(f"/hospitals/{small_world.other_hospital.id}").status_code == 404
    with db.reading() as session:
        job = session.scalars(select(Job).where(Job.name == "test_line")).one()
        assert job.payload == {"line_id": by_title["RIVERSIDE"]}


def test_an_administrator_changes_where_a_line_is_called(
    signed_in: SignedIn, small_world: World, db: Database
) -> None:
    with db.reading() as session:
        line_id = next(line.id for line in lines(session) if line.ae_title == "RIVERSIDE")
    ada = signed_in("Ada")
    ada.get(f"/hospitals/{small_world.hospital.id}")
    wrong = ada.post(f"/hospitals/lines/{line_id}", host="", port="x")
    assert wrong.status_code == 422
    assert "Enter a whole number" in wrong.text
    ada.post(f"/hospitals/lines/{line_id}", host="pacs.example", port="11112", use_tls="y")
    with db.reading() as session:
        line = next(one for one in lines(session) if one.ae_title == "RIVERSIDE")
    assert (line.host, line.port, line.use_tls) == ("pacs.example", 11112, True)
    assert signed_in("Clara").post(f"/hospitals/lines/{line_id}", host="x").status_code == 403
