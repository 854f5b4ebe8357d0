"""Colorectal metastases: resectable, borderline, unresectable, and ESMO's two axes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from server.annotations.decision import Trust
from server.annotations.organs.liver import LIVER

LOST = {"contact_deg": 300, "invaded": True, "in_remnant": "no"}
NEEDED = {"contact_deg": 300, "invaded": True, "in_remnant": "yes"}


def case(vessels: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    answers = deepcopy(LIVER.examples()["crlm-right-adequate"])
    answers["vessels"].update(vessels or {})
    return {**answers, **more}


def said(ruleset: str, answers: dict[str, Any], **options: str) -> dict[str, Any]:
    return LIVER.ruleset(ruleset).evaluate(answers, options).to_json()


PORTAL = {"right_pv": LOST, "left_pv": LOST}
VEINS = {"rhv": LOST, "mhv": LOST, "lhv": LOST}
OUTSIDE: dict[str, Any] = {"m_status": "m1", "extrahepatic_resectable": "no"}
SEVEN = ["VI", "VII", "VIII", "I", "II", "III", "IV"]


@pytest.mark.parametrize(
    ("answers", "category", "rule"),
    [
        (case(), "resectable", "CRLM-R"),
        (case(liver_involved_percent=70), "resectable", "CRLM-R"),
        (case(liver_involved_percent=70.1), "unresectable", "CRLM-U-1"),
        (case(segments_involved=SEVEN[:6]), "resectable", "CRLM-R"),
        (case(segments_involved=SEVEN), "unresectable", "CRLM-U-2"),
        (case({"left_pv": LOST}), "resectable", "CRLM-R"),
        (case(PORTAL), "unresectable", "CRLM-U-3"),
        (case({"rhv": LOST, "mhv": LOST}), "resectable", "CRLM-R"),
        (case({"main_pv": LOST}), "unresectable", "CRLM-U-9"),
        (case(VEINS), "unresectable", "CRLM-U-4"),
        (case(r0_by="not_possible"), "unresectable", "CRLM-U-5"),
        (case({"lhv": {**NEEDED, "reconstructable": "no"}}), "unresectable", "CRLM-U-6"),
        (case({"lhv": {**NEEDED, "reconstructable": "yes"}}), "borderline", "CRLM-B-7"),
        (case(planned_remnant=["II", "VI"]), "unresectable", "CRLM-U-7"),
        (case(**OUTSIDE), "unresectable", "CRLM-U-8"),
        (case(m_status="m1", extrahepatic_resectable="yes"), "borderline", "CRLM-B-5"),
        (case(metastases={"regional_nodes": "probable"}), "borderline", "CRLM-B-5"),
        (case(r0_by="r1_only"), "borderline", "CRLM-B-1"),
        (case(r0_by="complex_procedure"), "borderline", "CRLM-B-2"),
        (case(lesion_count=5), "borderline", "CRLM-B-3"),
        (case(lesion_count=4), "resectable", "CRLM-R"),
        (case(progression_on_therapy="yes"), "borderline", "CRLM-B-4"),
        (case(flr_ml=300), "borderline", "CRLM-B-6"),
        # 30.9 %, 27.8 to 34.0 with the reader's variability
        (
            case(flr_ml=466, height_cm=170, weight_kg=70, background="steatosis_or_chemotherapy"),
            "borderline",
            "CRLM-B-6",
        ),
    ],
)
def test_one_finding_decides(answers: dict[str, Any], category: str, rule: str) -> None:
    found = said("crlm-resectability", answers)
    assert found["category"] == category
    assert rule in [one["rule"] for one in found["fired"]]


def test_numerous_has_no_published_number() -> None:
    [fired] = LIVER.ruleset("crlm-resectability").evaluate(case(lesion_count=5)).fired
    assert fired.trust == Trust.GENERAL_KNOWLEDGE
    found = said("crlm-resectability", case(lesion_count=5), numerous="not-counted")
    assert found["category"] == "resectable"


def test_the_main_portal_vein_is_no_word_of_the_table() -> None:
    found = said("crlm-resectability", case({"main_pv": LOST}))
    trust = {one["rule"]: one["trust"] for one in found["fired"]}
    assert trust["CRLM-U-9"] == "derived" and "CRLM-U-3" not in trust


# 53 % of the formula's volume, and 41.7 % of the measured liver, 37.5 % with the variability.
BIG = {"flr_ml": 500, "total_liver_ml": 1500, "tumour_ml": 300, "height_cm": 150, "weight_kg": 45}


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [
        (BIG, ["resectable", "borderline"]),
        ({**BIG, "flr_ml": 150}, "borderline"),
        ({**BIG, "flr_ml": 1000}, "resectable"),
    ],
)
def test_without_a_background_the_minima_of_all_backgrounds_are_tried(
    volumes: dict[str, Any], expected: str | list[str]
) -> None:
    found = said("crlm-resectability", case(**volumes, background="not_assessed"))
    assert (found["category"] or found["interval"]) == expected
    pointers = {one["pointer"] for one in found["missing"]}
    assert ("/background" in pointers) == isinstance(expected, list)


@pytest.mark.parametrize(
    ("field", "interval"),
    [
        ("r0_by", ["resectable", "unresectable"]),
        ("planned_remnant", ["resectable", "unresectable"]),
        ("segments_involved", ["resectable", "unresectable"]),
        ("progression_on_therapy", ["resectable", "borderline"]),
        ("lesion_count", ["resectable", "borderline"]),
    ],
)
def test_what_is_left_out_leaves_its_interval(field: str, interval: list[str]) -> None:
    answers = case()
    del answers[field], answers["planned_resection"]
    found = said("crlm-resectability", answers)
    assert found["interval"] == interval
    assert [one["pointer"] for one in found["missing"]] == [f"/{field}"]


def test_segments_that_stay_follow_from_those_that_go() -> None:
    answers = case(planned_resection=["I", "III", "IV", "V", "VII", "VIII"])
    assert said("crlm-resectability", answers)["category"] == "resectable"
    del answers["planned_remnant"]
    [fired] = said("crlm-resectability", answers)["fired"]
    assert fired["rule"] == "CRLM-U-7"


def test_without_m0_every_site_has_to_be_answered() -> None:
    answers = case()
    del answers["m_status"]
    found = said("crlm-resectability", answers)
    pointers = {one["pointer"] for one in found["missing"]}
    assert {"/metastases/bone", "/metastases/other", "/extrahepatic_resectable"} == pointers
    answers["metastases"].update({"bone": "none", "other": "none"})
    assert said("crlm-resectability", answers)["category"] == "resectable"


@pytest.mark.parametrize(
    ("answers", "technical", "oncological"),
    [
        (case(), "none", "none"),
        (case(r0_by="complex_procedure"), "A2", "none"),
        (case(r0_by="r1_only"), "A2", "none"),
        (case(r0_by="not_possible"), "A1", "none"),
        (case(flr_ml=464), "A2", "none"),  # 29.9 % of 1550 mL
        (case(flr_ml=465), "none", "none"),  # 30.0 %
        (case(lesion_count=4), "none", "none"),
        (case(lesion_count=5), "none", "B2"),
        (case(progression_on_therapy="yes"), "none", "B3"),
        (case(lesion_count=5, progression_on_therapy="yes"), "none", "B2"),
        (case(**OUTSIDE), "A1", "B1"),
        (case(m_status="m1", extrahepatic_resectable="yes"), "none", "none"),
    ],
)
def test_the_two_axes_are_judged_apart(
    answers: dict[str, Any], technical: str, oncological: str
) -> None:
    assert said("esmo-technical", answers)["category"] == technical
    assert said("esmo-oncological", answers)["category"] == oncological


def test_the_oncological_axis_tells_every_rule_that_applies() -> None:
    found = said("esmo-oncological", case(lesion_count=5, progression_on_therapy="yes"))
    assert [one["rule"] for one in found["fired"]] == ["ESMO-B2", "ESMO-B3"]


@pytest.mark.parametrize("ruleset", ["crlm-resectability", "esmo-technical", "esmo-oncological"])
def test_the_sets_are_silent_on_other_tumours(ruleset: str) -> None:
    found = said(ruleset, case(entity="hcc"))
    assert found["category"] is None and found["flags"][0]["id"] == "not_addressed"
