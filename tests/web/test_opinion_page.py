"""The page on which an opinion is written: texts over the generated ones, kinds, signing, who may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.annotations.organs import ORGANS
from server.cases.queries import case_by_id
from server.imaging import actions as imaging
from server.imaging.actions import Assessed
from server.imaging.assessing import TOO_OLD
from server.imaging.phase import Phase
from server.imaging.queries import imaging_of
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.opinions.stored import content_sha256, from_stored
from server.opinions.words import ENGLISH
from tests.imaging.made_series import series
from tests.web.conftest import Browser
from tests.world import World

ANSWERS = ORGANS["pancreas"].examples()["head-borderline-sma"]
VERDICT = ANSWERS["verdict"]
Writer = tuple[FlaskClient, str]


@pytest.fixture
def writer(visit: Callable[[str], Writer]) -> Writer:
    """The surgeon, with the form filled in."""
    client, base = visit("surgeon")
    body = {"answers": ANSWERS, "version": 0}
    assert client.put(f"{base}/api/annotation", json=body).status_code == 200
    return client, base


def save(writer: Writer, version: int, **sent: Any) -> Any:
    client, base = writer
    return client.put(f"{base}/opinion/draft", json={"version": version, **sent})


def sign(writer: Writer, annotation: int = 1) -> Any:
    """Sign in the panel of the viewer, which knows nothing of the texts."""
    client, base = writer
    return client.post(f"{base}/api/sign", json={"version": annotation, "verdict": VERDICT})


def newest(world: World) -> IssuedOpinion:
    with world.db.reading() as session:
        return opinions_of_case(session, world.inside.id)[0]


def test_what_is_written_is_what_is_signed_also_from_the_viewer(
    writer: Writer, small_world: World
) -> None:
    said = save(writer, 0, texts={"answer": "Not before four cycles."}, categories=["convertible"])
    assert said.get_json()["version"] == 1
    assert said.get_json()["parts"]["answer"] == {
        "text": "Not before four cycles.",
        "own": True,
        "stale": False,
    }
    assert sign(writer).status_code == 200
    kept = newest(small_world)
    opinion = from_stored(kept.content)
    assert opinion.answer == "Not before four cycles."
    assert [one.code for one in opinion.categories] == ["convertible"]
    assert opinion.recommendation == ANSWERS["recommendation"]["text"]
    assert kept.content_sha256 == content_sha256(kept.content)
    assert opinion.verification is not None
    assert opinion.verification.code == kept.verify_code


def test_signing_in_the_viewer_without_any_text_uses_the_generated_ones(
    writer: Writer, small_world: World
) -> None:
    assert sign(writer).status_code == 200
    opinion = from_stored(newest(small_world).content)
    assert opinion.answer == ANSWERS["answer_to_question"]
    assert opinion.status == "preliminary"


def test_the_second_window_is_told_and_its_words_are_not_kept(writer: Writer) -> None:
    assert save(writer, 0, texts={"answer": "one"}).status_code == 200
    refused = save(writer, 0, texts={"answer": "two"})
    assert refused.status_code == 409
    error = refused.get_json()["error"]
    assert error["code"] == "opinion_draft_changed_elsewhere"
    assert error["current"]["version"] == 1
    assert error["current"]["texts"]["answer"]["text"] == "one"
    assert save(writer, 1, texts={"answer": "two"}).status_code == 200


def test_a_changed_annotation_is_told_beside_the_text_that_was_written_over_it(
    writer: Writer,
) -> None:
    client, base = writer
    save(writer, 0, texts={"answer": "mine"})
    answers = {**ANSWERS, "answer_to_question": "Generated otherwise."}
    client.put(f"{base}/api/annotation", json={"answers": answers, "version": 1})
    said = save(writer, 1, categories=[]).get_json()["parts"]["answer"]
    assert said == {"text": "mine", "own": True, "stale": True}
    again = save(writer, 2, texts={"answer": None}).get_json()["parts"]["answer"]
    assert again == {"text": "Generated otherwise.", "own": False, "stale": False}


def test_the_form_works_without_scripts(writer: Writer, app: Flask) -> None:
    client, base = writer
    browser = Browser(client)
    page = browser.get(f"{base}/opinion").get_data(as_text=True)
    assert ANSWERS["answer_to_question"] in page
    saved = browser.post(
        f"{base}/opinion/draft", **{"version": "0", "text-answer": "typed", "status": "final"}
    )
    assert "The opinion’s draft is saved." in saved.get_data(as_text=True)
    taken = browser.post(
        f"{base}/opinion/draft", **{"version": "1", "text-answer": "typed", "take": "answer"}
    ).get_data(as_text=True)
    assert ">typed<" not in taken


def test_the_page_signs_what_it_showed_and_nothing_newer(
    writer: Writer, small_world: World
) -> None:
    client, base = writer
    browser = Browser(client)
    browser.get(f"{base}/opinion")
    save(writer, 0, texts={"answer": "written after the page was opened"})
    refused = browser.post(f"{base}/opinion/sign", version="1", draft_version="0", verdict=VERDICT)
    assert refused.status_code == 409
    done = browser.post(f"{base}/opinion/sign", version="1", draft_version="1", verdict=VERDICT)
    assert "Signed: M-2026-00001-O1" in done.get_data(as_text=True).replace(
        newest(small_world).number, "M-2026-00001-O1"
    )
    late = save(writer, 1, texts={"answer": "too late"})
    assert late.status_code == 409
    assert late.get_json()["error"]["code"] == "opinion_signed"


def test_a_final_opinion_needs_its_ground_and_then_follows_the_preliminary_one(
    writer: Writer, small_world: World
) -> None:
    client, base = writer
    assert sign(writer).status_code == 200
    first = newest(small_world)
    browser = Browser(client)
    browser.get(f"{base}/opinion")
    begun = browser.post(f"{base}/opinion/begin", reason="The patient was assessed in person.")
    assert "A new revision is open" in begun.get_data(as_text=True)
    version = client.get(f"{base}/api/panel").get_json()["annotation"]["version"]
    save(writer, 0, status="final")
    refused = sign(writer, version)
    assert refused.get_json()["error"]["code"] == "final_without_ground"
    save(writer, 1, basis="in_person", assessed_on="2026-01-02")
    assert sign(writer, version).status_code == 200
    kept = newest(small_world)
    opinion = from_stored(kept.content)
    assert (kept.status, kept.replaces) == ("final", first.number)
    assert opinion.precedent is not None
    assert opinion.precedent.number == first.number
    assert opinion.basis == "The patient was assessed in person"


def test_an_amendment_that_changes_only_a_text_is_an_amendment(
    writer: Writer, small_world: World
) -> None:
    client, base = writer
    sign(writer)
    client.post(f"{base}/api/amendment", json={"reason": "Said more clearly."})
    version = client.get(f"{base}/api/panel").get_json()["annotation"]["version"]
    assert sign(writer, version).get_json()["error"]["code"] == "amendment_changes_nothing"
    save(writer, 0, texts={"alternatives": "None that I would offer."})
    assert sign(writer, version).status_code == 200
    amendment = from_stored(newest(small_world).content).amendment
    assert amendment is not None
    [change] = amendment.changes
    assert (change.label, change.after) == ("Alternatives", "None that I would offer.")


def test_images_too_old_refuse_a_final_opinion_until_somebody_records_why_they_count(
    writer: Writer, small_world: World, today: datetime
) -> None:
    old = replace(series(Phase.PORTAL_VENOUS), made_on=today.date() - timedelta(days=200))
    with small_world.db.writing() as session:
        case = case_by_id(session, small_world.inside.id)
        imaging.note_assessment(
            session, case, [Assessed(old, "mark", looked_at=True)], whole=True, now=today
        )
    save(writer, 0, status="final", basis="records_suffice")
    refused = sign(writer)
    assert refused.get_json()["error"]["code"] == "images_too_old_for_final"
    with small_world.db.writing() as session:
        found = imaging_of(session, small_world.inside.id, "pancreas", today.date())
        assert found is not None
        [finding] = [one for one in found.assessment.findings if one.id in TOO_OLD]
        imaging.waive(
            session,
            case_by_id(session, small_world.inside.id),
            finding.key,
            reason="The newer CT shows the same.",
            by="coordinator Clara",
            now=today,
        )
    assert sign(writer).status_code == 200
    opinion = from_stored(newest(small_world).content)
    assert opinion.status == "final"
    assert "The newer CT shows the same." in opinion.age_override
    assert opinion.imaging_limits


@pytest.mark.parametrize("way", ["", "/preview", "/preview.pdf"])
def test_only_who_may_sign_this_case_sees_the_draft(
    writer: Writer,
    small_world: World,
    way: str,
    visit: Callable[[str], Writer],
    signed_in: Callable[[str], Browser],
) -> None:
    save(writer, 0, texts={"answer": "a secret so far"})
    number = small_world.inside.number
    for who, status in (("Clara", 403), ("Omar", 404), ("Otto", 404), ("Ada", 403)):
        answer = signed_in(who).get(f"/cases/{number}/opinion{way}")
        assert answer.status_code == status
        assert "a secret so far" not in answer.get_data(as_text=True)
    for who in ("hospital", "viewer"):
        client, base = visit(who)
        assert client.get(f"{base}/opinion{way}").status_code == 403
        assert client.put(f"{base}/opinion/draft", json={"version": 0}).status_code == 403
    lena = signed_in("Lena").client.get(f"/cases/{number}/opinion{way}")
    assert lena.status_code == 200


def test_the_preview_as_pdf_is_made_in_a_process_of_its_own(writer: Writer) -> None:
    client, base = writer
    answer = client.get(f"{base}/opinion/preview.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.get_data().startswith(b"%PDF-")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_beside_a_signed_opinion_stands_what_was_issued(writer: Writer, small_world: World) -> None:
    client, base = writer
    before = client.get(f"{base}/opinion/preview").get_data(as_text=True)
    assert ENGLISH["draft_number"] in before
    assert sign(writer).status_code == 200
    after = client.get(f"{base}/opinion/preview").get_data(as_text=True)
    assert newest(small_world).number in after
    assert newest(small_world).verify_code in after
    assert ENGLISH["draft_number"] not in after
    assert ENGLISH["banner_draft"] not in after


@pytest.mark.parametrize("body", [[], {}, {"version": "1"}, {"version": True}, "text"])
def test_what_is_no_draft_is_refused(writer: Writer, body: Any) -> None:
    client, base = writer
    assert client.put(f"{base}/opinion/draft", json=body).status_code == 400


def test_a_refused_text_keeps_nothing_and_names_the_part(writer: Writer) -> None:
    refused = save(writer, 0, texts={"answer": "fine", "verdict": "not a part"})
    assert refused.status_code == 422
    assert refused.get_json()["error"]["problems"][0]["pointer"] == "/texts/verdict"
    client, base = writer
    assert "fine" not in client.get(f"{base}/opinion/preview").get_data(as_text=True)
