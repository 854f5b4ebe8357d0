"""The panel's JSON: saved as it is filled in, refused at the field, final once signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server.annotations.organs import ORGANS
from server.foundation import audit, jobs
from server.imaging.records import AssessedSeries
from server.imaging.stored import to_json
from server.opinions.records import IssuedOpinion
from tests.imaging.made_series import series, spacing
from tests.world import INSIDE_STUDY, OUTSIDE_STUDY, World

Visit = Callable[[str], tuple[FlaskClient, str]]
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]


@pytest.fixture
def panel(visit: Visit) -> tuple[FlaskClient, str]:
    client, base = visit("surgeon")
    return client, f"{base}/api"


def save(panel: tuple[FlaskClient, str], answers: Any, version: int) -> Any:
    client, api = panel
    return client.put(f"{api}/annotation", json={"answers": answers, "version": version})


def test_an_annotation_survives_a_reload(panel: tuple[FlaskClient, str]) -> None:
    client, api = panel
    assert client.get(f"{api}/panel").get_json()["annotation"]["version"] == 0
    saved = save(panel, {"site": "head", "vessels": {"sma": {"contact_deg": 120}}}, 0)
    assert saved.status_code == 200
    read = client.get(f"{api}/panel").get_json()
    assert read["annotation"]["answers"]["vessels"]["sma"] == {"contact_deg": 120}
    assert read["annotation"]["saved_at"] == saved.get_json()["saved_at"]
    assert read["case"]["state"] == "in_review"


def test_what_the_criteria_say_comes_back_with_the_rule_and_its_source(
    panel: tuple[FlaskClient, str],
) -> None:
    answers = {**COMPLETE, "vessels": {**COMPLETE["vessels"], "sma": {"contact_deg": 181}}}
    evaluation = save(panel, answers, 0).get_json()["evaluations"][0]
    assert evaluation["ruleset"] == "nccn-2022"
    assert evaluation["category"] == "locally_advanced"
    assert evaluation["fired"][0]["rule"] == "N-LA-1"
    assert evaluation["fired"][0]["source"]


def test_a_vessel_that_was_not_assessed_gives_an_interval(panel: tuple[FlaskClient, str]) -> None:
    vessels = {**COMPLETE["vessels"], "sma": {"contact_deg": "not_assessed"}}
    evaluation = save(panel, {**COMPLETE, "vessels": vessels}, 0).get_json()["evaluations"][0]
    assert evaluation["category"] is None
    assert len(evaluation["interval"]) == 2
    assert any("sma" in missing["pointer"] for missing in evaluation["missing"])


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"vessels": {"sma": {"contact_deg": 400}}}, "/vessels/sma/contact_deg"),
        ({"vessels": {"sma": {"contact_deg": "120 deg"}}}, "/vessels/sma/contact_deg"),
        ({"vessels": {"sma": {"contact_deg": -1}}}, "/vessels/sma/contact_deg"),
        ({"ecog": 7}, "/ecog"),
        ({"verdict": "maybe"}, "/verdict"),
    ],
)
def test_an_impossible_answer_is_refused_at_its_field_and_nothing_is_kept(
    panel: tuple[FlaskClient, str], answers: Any, pointer: str
) -> None:
    refused = save(panel, answers, 0)
    assert refused.status_code == 422
    assert [problem["pointer"] for problem in refused.get_json()["error"]["problems"]] == [pointer]
    client, api = panel
    assert client.get(f"{api}/panel").get_json()["annotation"]["answers"] == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"answers": [], "version": 0}', b"\xff"])
def test_a_body_that_is_not_understood_is_refused(
    panel: tuple[FlaskClient, str], body: bytes
) -> None:
    client, api = panel
    answer = client.put(f"{api}/annotation", data=body, content_type="application/json")
    assert answer.status_code == 400


def test_two_windows_do_not_overwrite_each_other(panel: tuple[FlaskClient, str]) -> None:
    save(panel, {"site": "head"}, 0)
    clash = save(panel, {"site": "tail"}, 0)
    assert clash.status_code == 409
    error = clash.get_json()["error"]
    assert error["code"] == "annotation_changed_elsewhere"
    assert error["current"] == {
        "answers": {"site": "head"},
        "version": 1,
        "options": {},
    }


def sign(panel: tuple[FlaskClient, str], version: int, verdict: str) -> Any:
    client, api = panel
    return client.post(f"{api}/sign", json={"version": version, "verdict": verdict})


def test_signing_makes_the_revision_final_and_asks_for_the_opinion(
    panel: tuple[FlaskClient, str], app: Flask, small_world: World
) -> None:
    save(panel, COMPLETE, 0)
    signed = sign(panel, 1, COMPLETE["verdict"])
    assert signed.status_code == 200, signed.text
    assert signed.get_json()["opinion"]["status"] == "issuing"
    assert sign(panel, 1, COMPLETE["verdict"]).get_json()["error"]["code"] == (
        "signed_revision_is_final"
    )
    changed = save(panel, {**COMPLETE, "ecog": 1}, 1)
    assert changed.status_code == 409
    assert changed.get_json()["error"]["code"] == "signed_revision_is_final"
    db = app.extensions["margin"].db
    with db.reading() as session:
        opinion = session.query(IssuedOpinion).one()
        assert opinion.content["opinion"]["case_number"] == small_world.inside.number
        assert session.query(jobs.Job).one().name == "issue_opinion"
        line = audit.newest(session)[0]
        assert line.outcome == "refused"
    client, api = panel
    read = client.get(f"{api}/panel").get_json()
    assert read["annotation"]["signed"]["verdict"] == COMPLETE["verdict"]
    assert read["case"]["state"] == "opined"


def test_a_signed_revision_is_final_in_the_database_too(
    panel: tuple[FlaskClient, str], app: Flask
) -> None:
    save(panel, COMPLETE, 0)
    sign(panel, 1, COMPLETE["verdict"])
    db = app.extensions["margin"].db
    for deed in ("UPDATE revision SET verdict = 'x'", "DELETE FROM revision"):
        with pytest.raises(DBAPIError, match="a signed revision is final"), db.writing() as session:
            session.execute(text(deed))


def test_another_verdict_than_the_one_in_the_form_is_not_signed(
    panel: tuple[FlaskClient, str],
) -> None:
    save(panel, COMPLETE, 0)
    refused = sign(panel, 1, "metastatic_no_surgery")
    assert refused.status_code == 422
    assert refused.get_json()["error"]["code"] == "verdict_not_restated"


def test_an_incomplete_annotation_is_not_signed_and_says_what_is_missing(
    panel: tuple[FlaskClient, str],
) -> None:
    save(panel, {"site": "head", "verdict": "resectable_now"}, 0)
    refused = sign(panel, 1, "resectable_now")
    assert refused.status_code == 422
    pointers = {problem["pointer"] for problem in refused.get_json()["error"]["problems"]}
    assert "/confidence" in pointers
    assert any(pointer.startswith("/vessels/sma") for pointer in pointers)


def test_what_was_previewed_is_what_is_signed(panel: tuple[FlaskClient, str]) -> None:
    client, api = panel
    save(panel, COMPLETE, 0)
    preview = client.get(f"{api}/preview")
    assert preview.status_code == 200
    assert COMPLETE["recommendation"]["text"] in preview.text
    assert "sandbox" in preview.headers["Content-Security-Policy"]
    save(panel, {**COMPLETE, "ecog": 1}, 1)
    assert sign(panel, 1, COMPLETE["verdict"]).status_code == 409


def test_the_opinion_cannot_be_read_before_it_is_made(visit: Visit) -> None:
    client, base = visit("hospital")
    answer = client.get(f"{base}/opinion.pdf", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "opinion_not_issued"


def test_pancreas_sets_that_disagree_are_shown_and_liver_indices_are_not_set_against_each_other(
    panel: tuple[FlaskClient, str], visit: Visit
) -> None:
    assert save(panel, COMPLETE, 0).get_json()["differences"]
    client, base = visit("other_surgeon")
    answers = ORGANS["liver"].examples()["hcc-cirrhosis-inadequate"]
    saved = save((client, f"{base}/api"), answers, 0)
    assert saved.status_code == 200
    assert saved.get_json()["differences"] == []


def test_while_the_archive_is_away_a_value_is_bound_to_a_study_of_the_case_and_to_no_other(
    panel: tuple[FlaskClient, str],
) -> None:
    def answers(study: str) -> dict[str, Any]:
        image = {"StudyInstanceUID": study, "SeriesInstanceUID": "1.2", "SOPInstanceUID": "1.3"}
        seen = {"kind": "key_image", "state": "supported", "image": image}
        return {"site": "head", "evidence": {"/site": seen}}

    refused = save(panel, answers(OUTSIDE_STUDY), 0)
    assert refused.status_code == 422
    [problem] = refused.get_json()["error"]["problems"]
    assert problem["pointer"] == "/evidence/~1site"
    assert "lies in no study of this case" in problem["message"]
    assert save(panel, answers(INSIDE_STUDY), 0).status_code == 200


def test_targets_are_held_against_the_slices_of_the_image_they_were_measured_on(
    panel: tuple[FlaskClient, str], app: Flask, small_world: World
) -> None:
    thin, thick = f"{INSIDE_STUDY}.1", f"{INSIDE_STUDY}.2"
    with app.extensions["margin"].db.writing() as session:
        for uid, step in ((thin, 1.0), (thick, 7.0)):
            facts = series(uid=uid, slice_thickness_mm=step, spacing=spacing(spacing_mm=step))
            session.add(
                AssessedSeries(
                    case_id=small_world.inside.id,
                    StudyInstanceUID=INSIDE_STUDY,
                    SeriesInstanceUID=uid,
                    mark="1",
                    facts=to_json(facts),
                )
            )

    def notes(bound_to: str, version: int) -> Any:
        image = {"StudyInstanceUID": INSIDE_STUDY, "SOPInstanceUID": "1.2.3"}
        seen = {
            "kind": "length",
            "state": "supported",
            "image": {**image, "SeriesInstanceUID": bound_to},
        }
        answers: dict[str, Any] = {"target_1": {"site": "liver", "diameter_mm": 13}}
        if bound_to:
            answers["evidence"] = {"/target_1/diameter_mm": seen}
        return save(panel, answers, version).get_json()["response"][0]["notes"]

    assert notes(thin, 0) == []
    assert notes(thick, 1) == [
        "A target has a longest diameter of 14 mm or more at baseline, on slices of 7 mm."
    ]
    assert "1 to 7 mm thick" in notes("", 2)[0]
