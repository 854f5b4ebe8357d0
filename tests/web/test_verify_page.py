"""The public page that says whether an opinion is genuine: four answers, no enumeration, no identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.annotations import actions as recording
from server.annotations.organs import ORGANS
from server.foundation.clock import utc_now
from server.opinions import actions as opinions
from server.opinions.document import Amendment
from server.opinions.records import IssuedOpinion
from server.opinions.verifying import (
    FAILURES_BEFORE_WAITING,
    FAILURES_COUNT_FOR,
    Asked,
    Outcome,
    TooManyVerifications,
    read_code,
    verify,
)
from tests.opinions import samples
from tests.web.conftest import Browser
from tests.world import World

ANSWERS = ORGANS["pancreas"].examples()["head-borderline-sma"]
PDF = b"%PDF-1.7 the sealed opinion /Location (margin\\055opinion {number} {code})"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def issued(world: World, number: str, replaces: str = "", sma: int = 170) -> IssuedOpinion:
    """An opinion of the inside case with a document of its own."""
    now = utc_now()
    with world.db.writing() as session:
        who = {"reviewer_id": world.surgeon.id, "reviewer_name": "Lena"}
        if replaces:
            recording.begin_amendment(
                session, world.inside.id, world.surgeon.id, reason="test", now=now
            )
        draft = recording.draft_of(session, world.inside.id, "pancreas", **who)
        vessels = {**ANSWERS["vessels"], "sma": {**ANSWERS["vessels"]["sma"], "contact_deg": sma}}
        answers = {**ANSWERS, "vessels": vessels}
        saved = recording.save(session, draft, answers, seen_version=draft.version, now=now)
        signed = recording.sign(
            session,
            saved,
            seen_version=saved.version,
            restated_verdict=ANSWERS["verdict"],
            signed_by="Lena",
            now=now,
        )
        amendment = Amendment(1, now, "Lena", "test", replaces) if replaces else None
        opinion = replace(samples.PANCREAS, number=number, amendment=amendment)
        kept = opinions.issue(
            session,
            opinion,
            case_id=world.inside.id,
            revision_id=signed.id,
            StudyInstanceUID="",
            now=now,
            verify_at="https://margin.example/verify",
        )
        document = pdf(kept)
        opinions.note_document(session, kept.id, sha256(document).hexdigest(), now, sealed=True)
        return kept


def pdf(kept: IssuedOpinion) -> bytes:
    text = PDF.replace(b"{number}", kept.number.replace("-", "\\055").encode())
    return text.replace(b"{code}", kept.verify_code.replace("-", "\\055").encode())


def ask(client: FlaskClient, **question: str) -> Any:
    return client.post("/verify", json=question)


def test_number_and_code_from_the_paper_are_enough(small_world: World, client: FlaskClient) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    answer = ask(client, number=kept.number, code=kept.verify_code).get_json()
    assert answer == {
        "outcome": "genuine",
        "number": "M-2026-00001-O1",
        "status": "preliminary",
        "signed_on": kept.requested_at.date().isoformat(),
        "superseded_by": None,
        "superseded_on": None,
    }
    misread = kept.verify_code.lower().replace("0", "O").replace("1", "l").replace("-", " ")
    assert ask(client, number="m-2026-00001-o1", code=misread).get_json() == answer


def test_the_file_itself_is_enough(small_world: World, client: FlaskClient) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    said = ask(client, sha256=sha256(pdf(kept)).hexdigest()).get_json()
    assert said["outcome"] == "genuine"


def test_an_altered_file_that_names_an_opinion_of_ours_is_told(
    small_world: World, client: FlaskClient
) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    other = sha256(pdf(kept) + b"resectable").hexdigest()
    said = ask(client, sha256=other, number=kept.number, code=kept.verify_code).get_json()
    assert said["outcome"] == "altered"
    assert ask(client, sha256=other).get_json()["outcome"] == "unknown"


def test_an_amended_opinion_is_genuine_but_replaced(
    small_world: World, client: FlaskClient
) -> None:
    first = issued(small_world, "M-2026-00001-O1")
    second = issued(small_world, "M-2026-00001-O2", replaces=first.number, sma=120)
    said = ask(client, number=first.number, code=first.verify_code).get_json()
    assert (said["outcome"], said["superseded_by"]) == ("superseded", second.number)
    said = ask(client, number=second.number, code=second.verify_code).get_json()
    assert said["outcome"] == "genuine"


def test_a_wrong_code_and_a_number_that_is_not_there_are_the_same_answer(
    small_world: World, client: FlaskClient
) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    wrong = ask(client, number=kept.number, code="AAAAA-AAAAA")
    nobody = ask(client, number="M-2026-00099-O1", code="AAAAA-AAAAA")
    empty = ask(client, number="M-2026-00001-O1", code="")
    assert wrong.get_json() == nobody.get_json() == empty.get_json()
    assert wrong.get_json()["outcome"] == "unknown"
    assert wrong.get_json()["number"] is None


def test_guessing_is_slowed_down_and_a_right_answer_costs_nothing(
    small_world: World, today: datetime
) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    right, wrong = Asked("", kept.number, kept.verify_code), Asked("", kept.number, "x")
    with small_world.db.writing() as session:
        for _ in range(30):
            assert verify(session, right, source="a", now=today).outcome is Outcome.GENUINE
        for _ in range(FAILURES_BEFORE_WAITING):
            assert verify(session, wrong, source="a", now=today).outcome is Outcome.UNKNOWN
        with pytest.raises(TooManyVerifications):
            verify(session, right, source="a", now=today)
        later = today + FAILURES_COUNT_FOR
        assert verify(session, right, source="a", now=later).outcome is Outcome.GENUINE
        assert verify(session, right, source="b", now=today).outcome is Outcome.GENUINE


def test_the_addresses_of_one_ipv6_network_count_as_one(
    small_world: World, today: datetime
) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    right, wrong = Asked("", kept.number, kept.verify_code), Asked("", kept.number, "x")
    with small_world.db.writing() as session:
        for host in range(FAILURES_BEFORE_WAITING):
            verify(session, wrong, source=f"2001:db8:1:2::{host}", now=today)
        with pytest.raises(TooManyVerifications):
            verify(session, right, source="2001:db8:1:2:ffff::1", now=today)
        beside = verify(session, right, source="2001:db8:1:3::1", now=today)
        assert beside.outcome is Outcome.GENUINE
        for host in range(FAILURES_BEFORE_WAITING):
            verify(session, wrong, source=f"::ffff:192.0.2.{host}", now=today)
        mapped = verify(session, right, source="::ffff:192.0.2.99", now=today)
        assert mapped.outcome is Outcome.GENUINE


def test_too_many_wrong_questions_are_refused_by_the_page(
    small_world: World, client: FlaskClient
) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    for _ in range(FAILURES_BEFORE_WAITING):
        assert ask(client, number=kept.number, code="AAAAA-AAAAA").status_code == 200
    refused = ask(client, number=kept.number, code=kept.verify_code)
    assert refused.status_code == 429
    assert refused.get_json()["error"]["code"] == "too_many_verifications"


def test_without_scripts_the_form_takes_the_file_and_keeps_nothing(
    small_world: World, app: Flask
) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    browser = Browser(app.test_client())
    browser.get("/verify")
    text = browser.post("/verify", document=(BytesIO(pdf(kept)), "opinion.pdf")).get_data(True)
    assert "<h2>Genuine</h2>" in text.split("<template")[0]
    altered = (BytesIO(pdf(kept) + b" "), "opinion.pdf")
    text = browser.post("/verify", document=altered).get_data(as_text=True)
    assert "<h2>Altered</h2>" in text.split("<template")[0]
    folder = app.extensions["margin"].settings.files_dir
    assert not list(folder.rglob("*")) if folder.exists() else True


def test_the_page_names_neither_patient_nor_hospital(
    small_world: World, client: FlaskClient
) -> None:
    kept = issued(small_world, "M-2026-00001-O1")
    said = ask(client, number=kept.number, code=kept.verify_code).get_data(as_text=True)
    page = client.get("/verify").get_data(as_text=True)
    for word in ("Northfield", "ACC-", "Riverside", "resect", "Lindqvist"):
        assert word not in said
        assert word not in page or word == "resect"


@pytest.mark.parametrize("body", [[], {"number": 5}, {"sha256": "x" * 300}, {"code": None}, "text"])
def test_what_is_no_question_is_refused(client: FlaskClient, body: Any) -> None:
    assert client.post("/verify", json=body).status_code == 400


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("7k3qx 90mzd", "7K3QX-90MZD"), ("7K3QX90MZD", "7K3QX-90MZD"), ("oil", "011-")],
)
def test_a_code_is_read_as_it_was_meant(typed: str, kept: str) -> None:
    assert read_code(typed) == kept


def test_every_asking_is_in_the_trail_without_what_was_asked(
    small_world: World, client: FlaskClient, signed_in: Callable[[str], Browser]
) -> None:
    ask(client, number="M-2026-00099-O1", code="SECRE-TCODE")
    text = signed_in("Ada").get("/audit").get_data(as_text=True)
    assert "/verify" in text
    assert "SECRE-TCODE" not in text
