"""What the surgeon advises, as data: the structured report and the FHIR bundle say the same of it."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pydicom
import pytest
from fhirclient.models.bundle import Bundle  # type: ignore[import-untyped]

from server.opinions.assessment import Assessment
from server.opinions.document import Conversion
from server.opinions.fhir import fhir_bundle
from server.opinions.panel_part import Dissent, PanelMember, PanelPart, PanelVote
from server.opinions.spoken import CODES, DATES, spoken, spoken_days
from server.opinions.standing import Precedent, finding_categories
from server.opinions.structured_report import structured_report
from tests.opinions import samples
from tests.opinions.assessments import example, imaging, report, section, told, value_of

DCIODVFY = shutil.which("dciodvfy")
PANEL = PanelPart(
    rule="Two vote.",
    members=(PanelMember("A"), PanelMember("B")),
    votes=(PanelVote("A", "resectable_now", "Resectable now"), PanelVote("B", "x", "Not here")),
    majority="Resectable now",
    chair="A",
    conclusion="Operate.",
    dissent=(Dissent("B", "The vein."),),
)


@pytest.fixture(scope="module")
def signed() -> Assessment:
    """A panel's final opinion in which everything is said that can be said."""
    found = example("pancreas", "head-borderline-sma")
    opinion = replace(
        found.opinion,
        status="final",
        basis="The patient was assessed in person",
        assessed_on=date(2026, 11, 20),
        precedent=Precedent("M-2026-0042-O1", samples.SIGNED_AT, "A"),
        operation="Pancreatoduodenectomy",
        approach="Artery first",
        alternatives="Go on with chemotherapy",
        conditions=("No growth",),
        capabilities=("venous reconstruction",),
        conversion=Conversion("FOLFIRINOX", "after cycle 4, 2027-01-22", ("SMA", "CA 19-9")),
        investigations=("Laparoscopy", "CT of the chest"),
        trial_eligibility="None was looked for",
        categories=finding_categories(["convertible", "trial"]),
        panel=PANEL,
        imaging_limits=("Slices are 3 mm thick.",),
        age_override="The scan of today is on its way.",
    )
    answers = {**found.answers, "reassess_after": {"date": "2027-01-22"}}
    return replace(found, opinion=opinion, answers=answers)


def components(signed: Assessment) -> list[tuple[str, Any]]:
    bundle = fhir_bundle(signed)
    assert Bundle(bundle, strict=True).as_json() == bundle
    [verdict] = [
        one["resource"]
        for one in bundle["entry"]
        if (one["resource"].get("code") or {}).get("coding", [{}])[0].get("code") == "VERDICT"
    ]
    return [
        (one["code"]["coding"][0]["code"], one.get("valueString") or one["valueDateTime"])
        for one in verdict["component"]
    ]


def test_both_forms_carry_the_recommendation_in_the_words_that_were_signed(
    signed: Assessment,
) -> None:
    text = signed.opinion.recommendation
    judged = section(report(signed), "SURGEON_OPINION")
    assert text
    assert told(judged, "121075") == [text]
    assert [one for code, one in components(signed) if code == "121075"] == [text]
    [narrative] = [
        one["resource"]["text"]["div"]
        for one in fhir_bundle(signed)["entry"]
        if one["resource"]["resourceType"] == "DiagnosticReport"
    ]
    assert "No growth" in narrative and text in html.unescape(narrative)


def test_both_forms_carry_all_that_the_surgeon_says(signed: Assessment) -> None:
    judged = section(report(signed), "SURGEON_OPINION")
    in_bundle = components(signed)
    said = dict.fromkeys(code for code, _ in spoken(signed.opinion))
    assert set(said) == set(CODES)
    for code in said:
        texts = [text for one, text in spoken(signed.opinion) if one == code]
        assert told(judged, code) == texts, code
        assert [text for one, text in in_bundle if one == code] == texts, code


def test_days_stand_as_dates(signed: Assessment) -> None:
    judged = section(report(signed), "SURGEON_OPINION")
    dates = {
        value_of(one.ConceptNameCodeSequence[0]): str(one.Date)
        for one in judged
        if one.ValueType == "DATE"
    }
    assert dates == {"REASSESS_ON": "20270122", "ASSESSED_ON": "20261120"}
    in_bundle = {code: value for code, value in components(signed) if code in DATES}
    assert in_bundle == {"REASSESS_ON": "2027-01-22", "ASSESSED_ON": "2026-11-20"}


@pytest.mark.parametrize("form", [{}, {"date": None}, {"date": "soon"}, {"date": "2027-03-01"}])
def test_a_day_that_the_surgeon_did_not_write_is_not_given_as_one(form: dict[str, Any]) -> None:
    opinion = replace(
        samples.PANCREAS, conversion=Conversion("FOLFIRINOX", "after cycle 4, 2027-01-22")
    )
    assert spoken_days(opinion, {"reassess_after": form}) == []


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (Debian: dicom3tools) is not installed")
def test_dciodvfy_finds_no_error_in_all_that_was_said(signed: Assessment, tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(structured_report(signed, imaging()))
    assert pydicom.dcmread(io.BytesIO(path.read_bytes())).PreliminaryFlag == "FINAL"
    assert DCIODVFY is not None
    done = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def test_the_attached_pdf_says_its_size_and_hash(signed: Assessment) -> None:
    pdf = b"%PDF-1.7 of a test"
    bundle = fhir_bundle(signed, pdf)
    [form] = bundle["entry"][0]["resource"]["presentedForm"]
    assert base64.b64decode(form["data"]) == pdf
    assert form["size"] == len(pdf)
    assert base64.b64decode(form["hash"]) == hashlib.sha1(pdf, usedforsecurity=False).digest()
