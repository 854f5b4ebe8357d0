"""Minimum remnants for one operation, disease or measurement, and the further ones by background."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Trust
from server.annotations.organs.liver import LIVER
from server.annotations.organs.liver.colorectal import CRLM, ESMO_ONCOLOGICAL, ESMO_TECHNICAL
from server.annotations.organs.liver.growth import Phase
from server.annotations.organs.liver.invasion import HCC_RADICAL
from server.annotations.organs.liver.portal_hypertension import CSPH
from server.annotations.organs.liver.special_thresholds import (
    SPECIAL_FAMILIES,
    WEIGHT_AND_PLATELETS,
)
from server.annotations.organs.liver.staging import BCLC, FOCI, MILAN
from tests.annotations.test_organ_docs import page, quoted

EXACT = {"variability": "none"}
BODY = {"height_cm": 180, "weight_kg": 80}  # 2.00 m2
CIRRHOSIS = {"background": "fibrosis_or_cirrhosis"}
HCC = {"entity": "hcc", "cirrhosis": "no"}
HEMI = {"entity": "hcc", "recommendation": {"operation": "left_hepatectomy"}}


def said(ruleset: str, answers: dict[str, Any], **options: str) -> dict[str, Any]:
    return LIVER.ruleset(ruleset).evaluate(answers, options).to_json()


def share(percent: float) -> dict[str, Any]:
    """A liver of 1000 mL without tumour, so that 10 mL of remnant are one per cent."""
    return {"flr_ml": percent * 10, "total_liver_ml": 1200, "tumour_ml": 200}


@pytest.mark.parametrize(
    ("ruleset", "answers", "options", "passes"),
    [
        ("flr-measured-fibrosis", CIRRHOSIS | share(50), {"fibrosis": "kubota-50"}, True),
        ("flr-measured-fibrosis", CIRRHOSIS | share(49.9), {"fibrosis": "kubota-50"}, False),
        ("flr-measured-fibrosis", CIRRHOSIS | share(50.1), {"fibrosis": "over-50"}, True),
        ("flr-measured-fibrosis", CIRRHOSIS | share(50), {"fibrosis": "over-50"}, False),
        ("flr-measured-fibrosis", CIRRHOSIS | share(30), {"fibrosis": "secondary-30"}, True),
        ("flr-measured-fibrosis", CIRRHOSIS | share(29.9), {"fibrosis": "secondary-30"}, False),
        ("flr-hcc-guidelines", HCC | share(30), {}, True),
        ("flr-hcc-guidelines", HCC | share(29.9), {}, False),
        ("flr-hcc-guidelines", HCC | share(20), {"guideline": "nccn-20"}, True),
        ("flr-hcc-guidelines", HCC | share(19.9), {"guideline": "nccn-20"}, False),
        ("flr-hemihepatectomy-hcc", HEMI | share(42.7), {}, True),
        ("flr-hemihepatectomy-hcc", HEMI | share(42.6), {}, False),
        ("flr-bile-duct", {**BODY, "flr_ml": 600, "bile_duct_resection": "yes"}, {}, True),
        ("flr-bile-duct", {**BODY, "flr_ml": 599, "bile_duct_resection": "yes"}, {}, False),
    ],
)
def test_the_minimum_itself_passes_and_a_hair_below_it_fails(
    ruleset: str, answers: dict[str, Any], options: dict[str, str], passes: bool
) -> None:
    found = said(ruleset, answers, **EXACT, **options)
    assert found["category"] == ("adequate" if passes else "inadequate")


@pytest.mark.parametrize(
    ("background", "cirrhosis", "minimum_ml"),
    [
        ("normal", "no", 406),
        ("fibrosis_or_cirrhosis", "no", 388),
        ("fibrosis_or_cirrhosis", "yes", 448),
    ],
)
def test_body_surface_has_a_minimum_for_each_background(
    background: str, cirrhosis: str, minimum_ml: float
) -> None:
    answers = {**BODY, "background": background, "cirrhosis": cirrhosis}
    ruleset = "flr-body-surface-background"
    assert said(ruleset, {**answers, "flr_ml": minimum_ml}, **EXACT)["category"] == "adequate"
    less = {**answers, "flr_ml": minimum_ml - 0.5}
    assert said(ruleset, less, **EXACT)["category"] == "inadequate"


def test_fibrosis_or_cirrhosis_not_told_apart_leaves_both_minima() -> None:
    answers = {**BODY, **CIRRHOSIS, "flr_ml": 420}
    found = said("flr-body-surface-background", answers, **EXACT)
    assert found["interval"] == ["adequate", "inadequate"]
    assert [one["pointer"] for one in found["missing"]] == ["/cirrhosis"]


@pytest.mark.parametrize(
    ("ruleset", "answers"),
    [
        ("flr-bile-duct", {"bile_duct_resection": "no"}),
        ("flr-bile-duct", {}),
        ("flr-hemihepatectomy-hcc", {"entity": "crlm"}),
        ("flr-hemihepatectomy-hcc", {"entity": "hcc", "recommendation": {"operation": "alpps"}}),
        ("flr-hcc-guidelines", {"entity": "hcc", "cirrhosis": "yes"}),
        ("flr-body-surface-background", {"background": "steatosis_or_chemotherapy"}),
    ],
)
def test_a_family_for_something_else_is_silent(ruleset: str, answers: dict[str, Any]) -> None:
    found = said(ruleset, {**answers, **share(50), **BODY})
    assert (found["category"], found["interval"]) == (None, None)
    assert [flag["id"] for flag in found["flags"]] == ["not_addressed"]


@pytest.mark.parametrize(
    ("planned", "addressed"),
    [
        ({"planned_resection": ["V", "VI", "VII", "VIII"]}, True),
        ({"planned_resection": ["I", "II", "III", "IV"]}, True),
        ({"planned_resection": ["IV", "V", "VI", "VII", "VIII"]}, False),
        ({"planned_resection": ["V", "VI", "VII"]}, False),
        (
            {
                "planned_resection": ["V", "VI", "VII", "VIII"],
                "recommendation": {"operation": "alpps"},
            },
            False,
        ),
    ],
)
def test_without_a_named_operation_its_segments_say_whether_half_the_liver_goes(
    planned: dict[str, Any], addressed: bool
) -> None:
    found = said("flr-hemihepatectomy-hcc", {"entity": "hcc", **share(50), **planned}, **EXACT)
    assert found["category"] == ("adequate" if addressed else None)


def test_a_part_that_loses_inflow_or_drainage_is_told_where_the_rest_is_too_little() -> None:
    normal = {"background": "normal", **share(40)}
    for part_ml, told in ((399, False), (240, True), (400, False)):
        found = said("flr-measured", {**normal, "flr_functional_ml": part_ml}, **EXACT)
        assert found["category"] == "adequate"
        flags = [one["text"] for one in found["flags"] if one["id"] == "functional_remnant"]
        assert bool(flags) == told
        assert all(text.startswith("240 mL of the remnant stay perfused") for text in flags)


@pytest.mark.parametrize(
    ("flr_ml", "platelets", "category"),
    [
        (440, 139, "not_predicted"),  # 0.55 % of 80 kg
        (439, 139, "predicted"),
        (439, 140, "not_predicted"),
        (439, None, ["not_predicted", "predicted"]),
        (440, None, "not_predicted"),
    ],
)
def test_a_small_remnant_with_few_platelets_predicts_failure(
    flr_ml: float, platelets: float | None, category: Any
) -> None:
    answers: dict[str, Any] = {"flr_ml": flr_ml, "weight_kg": 80}
    if platelets is not None:
        answers["platelets_g_l"] = platelets
    found = said("flr-weight-platelets", answers)
    assert category in (found["category"], found["interval"])


def test_function_of_the_remnant_has_its_own_minimum_and_unit() -> None:
    assert said("flr-function", {"hbs_percent_min_m2": 2.7})["category"] == "adequate"
    assert said("flr-function", {"hbs_percent_min_m2": 2.69})["category"] == "inadequate"
    assert said("flr-function", {})["interval"] == ["adequate", "inadequate"]


def test_a_minimum_without_a_stated_denominator_is_derived_and_asks_for_no_reason() -> None:
    fired = LIVER.ruleset("flr-hemihepatectomy-hcc").evaluate(HEMI | share(20)).fired
    assert [one.trust for one in fired] == [Trust.DERIVED]
    answers = LIVER.examples()["hcc-early-single"]
    answers["recommendation"]["operation"] = "left_hepatectomy"
    answers |= {"flr_percent": 41, "verdict": "resectable_with_conditions"}
    for name in ("flr_ml", "total_liver_ml", "tumour_ml"):
        del answers[name]
    assert "/verdict_reason" not in [problem.pointer for problem in LIVER.to_sign(answers)]


def test_the_page_names_every_rule_of_the_tables() -> None:
    tables = (CRLM, ESMO_TECHNICAL, ESMO_ONCOLOGICAL, BCLC, MILAN, FOCI, HCC_RADICAL, CSPH)
    named = quoted(page(LIVER))
    for table in (*tables, WEIGHT_AND_PLATELETS):
        assert {rule.id for rule in table.rules} | {table.otherwise.rule} <= named, table.id
    assert {f"AUG-{phase.value.upper()}" for phase in Phase} <= named
    assert {"CP-SUM", "ALBI-GRADE", "MELD", "MELD-NA", "MAK-TREE", "FLR-F-2.7"} <= named


def test_every_family_names_its_denominator_and_every_rule_its_page() -> None:
    named = quoted(page(LIVER))
    for family in SPECIAL_FAMILIES:
        assert family.denominator
        assert {limit.rule for limit in family.limits} <= named
