"""The whole signed annotation as JSON: complete, the same every time, and nobody's identity."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from server.annotations.organs import ORGANS
from server.opinions.export import (
    ExportBreaksItsSchema,
    ExportedSeries,
    assessment_json,
    assessment_text,
    export_schema,
)
from tests.opinions import samples
from tests.opinions.assessments import REVISION, assessment, example

EXAMPLES = [(organ.id, name) for organ in ORGANS.values() for name in organ.examples()]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(export_schema())
    assert export_schema()["$id"] == "margin:assessment/1"


@pytest.mark.parametrize(("organ", "name"), EXAMPLES, ids=["-".join(one) for one in EXAMPLES])
def test_every_example_of_every_organ_follows_the_schema(organ: str, name: str) -> None:
    signed = example(organ, name)
    document = json.loads(assessment_text(signed))
    assert not list(Draft202012Validator(export_schema()).iter_errors(document))
    assert document["answers"] == signed.answers
    assert [one["ruleset"] for one in document["evaluations"]] == [
        one.id for one in ORGANS[organ].rulesets
    ]


def test_the_same_assessment_gives_the_same_text_whatever_the_order_of_its_answers() -> None:
    answers = ORGANS["pancreas"].examples()["head-borderline-sma"]
    turned = dict(reversed(answers.items()))
    assert assessment_text(assessment("pancreas", answers)) == assessment_text(
        assessment("pancreas", turned)
    )


def test_it_says_who_signed_what_when_and_under_which_form() -> None:
    document = assessment_json(example("pancreas", "head-borderline-sma"))
    assert document["form"] == {
        "id": "margin:organs/pancreas",
        "schema_version": ORGANS["pancreas"].schema["x-margin"]["schema_version"],
    }
    provenance = document["provenance"]
    assert provenance["reviewer"]["name"] == samples.PANCREAS.signer.name
    assert provenance["signed_at"] == "2026-11-21T08:30:15.250000+00:00"
    assert (provenance["revision"], provenance["answers_sha256"]) == (3, samples.SHA256)
    assert provenance["report_instance_uid"].startswith("2.25.")
    assert REVISION not in json.dumps(document)


def test_an_evaluation_carries_its_source_its_options_and_its_interval() -> None:
    document = assessment_json(example("pancreas", "draft-first-minute"))
    nccn = document["evaluations"][0]
    assert nccn["interval"] == ["borderline", "locally_advanced"]
    assert nccn["source"] == ORGANS["pancreas"].ruleset("nccn-2022").source
    assert nccn["options"] == ORGANS["pancreas"].ruleset("nccn-2022").chosen({})
    assert nccn["missing"][0]["pointer"].startswith("/vessels/")


def test_a_structure_that_nobody_answered_is_listed_as_not_answered() -> None:
    document = assessment_json(assessment("pancreas", {"vessels": {"sma": {"contact_deg": 90}}}))
    answered = {one["pointer"]: one["answered"] for one in document["codes"]}
    assert answered["/vessels/sma"] is True
    assert answered["/vessels/ca"] is False
    codes = {one["pointer"]: one["codes"] for one in document["codes"]}
    assert codes["/vessels/sma"][0]["value"] == "42258001"
    assert len(codes["/vessels/smv_pv"]) == 2


def test_the_imaging_is_named_and_a_study_that_changed_since_is_marked() -> None:
    signed = example("pancreas", "head-resectable")
    first, second = signed.opinion.imaging
    series = {
        first.StudyInstanceUID: [
            ExportedSeries("1.2.3.4", "CT", first.instance_count - 3),
            *(ExportedSeries(f"1.2.3.{n}", "CT", 1) for n in range(1, 4)),
        ],
        second.StudyInstanceUID: [ExportedSeries("1.2.9", "MR", 7)],
    }
    one, other = assessment_json(signed, series)["imaging"]
    assert one["StudyInstanceUID"] == first.StudyInstanceUID
    assert one["series"][0]["SeriesInstanceUID"] == "1.2.3.1"
    assert one["changed_since"] is False
    assert other["changed_since"] is True


def test_neither_patient_nor_hospital_nor_accession_number_is_in_it() -> None:
    signed = example("pancreas", "head-resectable")
    signed = replace(signed, opinion=replace(signed.opinion, patient="Maria Musterfrau"))
    text = assessment_text(signed)
    for identity in ("Musterfrau", samples.PANCREAS.hospital_name, "ACC-884213"):
        assert identity not in text
    assert f'"number": "{samples.PANCREAS.case_number}"' in text


def test_volumes_and_verdict_stand_apart_from_what_was_computed() -> None:
    signed = example("liver", "crlm-right-adequate")
    signed = replace(
        signed,
        opinion=replace(signed.opinion, volumes=samples.LIVER.volumes),
        volume_notes={"": ("not shown",)},
    )
    document = assessment_json(signed)
    measured, refused = document["volumes"]
    assert (measured["flr_percent"], measured["flr_percent_range"]) == (28.0, [25.2, 30.8])
    assert refused["state"] == "refused"
    assert refused["refusal"]
    assert document["opinion"]["verdict"]["code"] == signed.answers["verdict"]
    assert "category" not in json.dumps(document["opinion"])


def test_a_document_that_breaks_its_schema_is_not_given_out() -> None:
    signed = example("pancreas", "head-resectable")
    broken = replace(signed, opinion=replace(signed.opinion, revision=0))
    with pytest.raises(ExportBreaksItsSchema, match="/provenance/revision"):
        assessment_json(broken)
