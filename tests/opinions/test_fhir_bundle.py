"""The FHIR R4 bundle of an opinion: R4 reads it, every reference stays inside, no code is made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fhirclient.models.bundle import Bundle  # type: ignore[import-untyped]
from highdicom.sr import CodedConcept
from pydantic import BaseModel

from server.annotations.organs import ORGANS
from server.opinions import coding
from server.opinions.assessment import Assessment
from server.opinions.document import Amendment
from server.opinions.fhir import fhir_bundle, fhir_text
from server.opinions.fhir_parts import MARGIN, VERDICT_CODES
from server.opinions.standing import Precedent
from tests.opinions import samples
from tests.opinions.assessments import assessment, example

EXAMPLES = [(organ.id, name) for organ in ORGANS.values() for name in organ.examples()]


def entries(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


@pytest.fixture(scope="module")
def r4b() -> type[BaseModel]:
    """The Bundle of R4B (4.3.0), which has the same shape for every resource used here."""
    from fhir.resources.R4B.bundle import Bundle as R4BBundle

    return R4BBundle


@pytest.mark.parametrize(("organ", "name"), EXAMPLES)
def test_every_organs_opinion_is_a_valid_bundle(
    organ: str, name: str, r4b: type[BaseModel]
) -> None:
    bundle = json.loads(fhir_text(example(organ, name), b"%PDF-1.7"))
    # fhirclient's models are of R4 (4.0.1): unknown, missing and mistyped elements raise.
    assert Bundle(bundle, strict=True).as_json() == bundle
    r4b.model_validate(bundle)


@pytest.mark.parametrize(("organ", "name"), EXAMPLES)
def test_every_reference_is_to_an_entry_of_the_bundle(organ: str, name: str) -> None:
    bundle = fhir_bundle(example(organ, name))
    there = [one["fullUrl"] for one in bundle["entry"]]
    assert len(there) == len(set(there))
    assert set(references(bundle)) <= set(there)


def test_the_report_says_verdict_answer_and_what_it_rests_on() -> None:
    bundle = fhir_bundle(example("pancreas", "head-borderline-sma"))
    [report] = entries(bundle, "DiagnosticReport")
    assert report["status"] == "preliminary"
    assert report["conclusionCode"][0]["coding"][0]["code"] == "V_CONVERSION"
    assert report["conclusion"] == "Not now; reassess after chemotherapy."
    assert len(report["imagingStudy"]) == 2
    assert len(report["result"]) == len(entries(bundle, "Observation"))
    [request] = entries(bundle, "ServiceRequest")
    assert request["identifier"][0]["value"] == "ACC-884213"
    assert request["reasonCode"][0]["text"] == samples.PANCREAS.question


def test_a_contact_has_its_angle_and_one_not_assessed_has_none() -> None:
    bundle = fhir_bundle(example("pancreas", "neck-stent-limits"))
    contacts = [
        one
        for one in entries(bundle, "Observation")
        if one["code"]["coding"][0]["code"] == "CONTACT_ANGLE"
    ]
    assert all(("valueQuantity" in one) != ("dataAbsentReason" in one) for one in contacts)
    assert any("dataAbsentReason" in one for one in contacts)
    measured = [one["valueQuantity"] for one in contacts if "valueQuantity" in one]
    assert {one["code"] for one in measured} == {"deg"}


def test_the_remnant_stands_with_its_denominator_and_band() -> None:
    made = example("liver", "crlm-right-adequate")
    signed = replace(made, opinion=replace(made.opinion, volumes=samples.LIVER.volumes))
    found = entries(fhir_bundle(signed), "Observation")
    counted, refused = [one for one in found if one["code"]["coding"][0]["code"] == "FLR_PERCENT"]
    assert counted["valueQuantity"]["value"] == 28.0
    assert counted["method"]["text"] == "Percentage of measured TLV - tumour"
    assert "dataAbsentReason" in refused


def test_the_patient_is_known_by_the_case_alone_unless_the_opinion_prints_a_name() -> None:
    [patient] = entries(fhir_bundle(example("pancreas", "head-resectable")), "Patient")
    assert set(patient) == {"resourceType", "id", "identifier"}
    named = example("pancreas", "head-resectable", patient="M. Example")
    assert entries(fhir_bundle(named), "Patient")[0]["name"] == [{"text": "M. Example"}]


def test_a_final_opinion_and_an_amendment_say_what_they_follow() -> None:
    at = datetime(2026, 11, 1, 9, tzinfo=UTC)
    amendment = Amendment(1, at, "Dr A", "Measured on the wrong phase.", "M-1-O1")
    precedent = Precedent("M-1-O1", at, "Dr A")
    final = example("pancreas", "head-resectable", status="final", precedent=precedent)
    amended = example("pancreas", "head-resectable", status="final", amendment=amendment)
    for signed, status in ((final, "final"), (amended, "amended")):
        bundle = fhir_bundle(signed)
        assert entries(bundle, "DiagnosticReport")[0]["status"] == status
        [provenance] = entries(bundle, "Provenance")
        assert ("revision", "M-1-O1") in [
            (one["role"], one["what"]["identifier"]["value"]) for one in provenance["entity"]
        ]


def test_the_same_opinion_is_the_same_bundle() -> None:
    signed = example("rectum", next(iter(ORGANS["rectum"].examples())))
    assert fhir_text(signed) == fhir_text(signed)


def test_our_own_codes_are_those_of_the_structured_report() -> None:
    assert {code: said[0] for code, said in VERDICT_CODES.items()} == {
        code: concept.value for code, concept in coding.VERDICTS.items()
    }
    known = {
        one.value
        for one in (
            *vars(coding).values(),
            *coding.SPOKEN.values(),
            *(one.name for one in coding.CONCEPTS.values()),
        )
        if isinstance(one, CodedConcept) and one.scheme_designator == coding.SCHEME
    }
    used = set(own_codes(fhir_bundle(example("pancreas", "head-borderline-sma"))))
    assert {one for one in used if "/" not in one and not one.startswith("V_")} <= known


def own_codes(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("system") == MARGIN:
            yield value["code"]
        for one in value.values():
            yield from own_codes(one)
    elif isinstance(value, list):
        for one in value:
            yield from own_codes(one)


def test_hostile_text_stays_text() -> None:
    hostile = replace(example("pancreas", "head-resectable"))
    signed: Assessment = assessment(
        "pancreas", hostile.answers, answer="</div><script>alert(1)</script>\x00"
    )
    [report] = entries(fhir_bundle(signed), "DiagnosticReport")
    assert "&lt;/div&gt;&lt;script&gt;alert(1)" in report["text"]["div"]
    assert "<script>" not in report["text"]["div"]
    assert "\x00" not in json.dumps(report)
