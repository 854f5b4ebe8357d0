"""What must hold for every set of the liver: worse never reads better, gaps hold the truth."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.annotations.organs.liver import LIVER
from server.annotations.organs.liver.findings import VESSELS
from server.annotations.organs.liver.invasion import TREES, extent
from server.annotations.organs.liver.remnant import BACKGROUNDS

Answers = dict[str, Any]
# Every answer from its best value to its worst.
SCALES: dict[str, list[Any]] = {
    "lesion_count": [1, 2, 3, 4, 5, 8],
    "largest_mm": [10, 20, 20.1, 30, 30.1, 50, 50.1, 120],
    "vp": ["vp0", "vp1", "vp2", "vp3", "vp4"],
    "vv": ["vv0", "vv1", "vv2", "vv3"],
    "b": ["b0", "b1", "b2", "b3", "b4"],
    "liver_involved_percent": [5, 70, 70.1, 95],
    "segments_involved": [
        ["V"],
        ["II", "III", "IV", "V", "VI", "VII"],
        ["I", "II", "III", "IV", "V", "VI", "VII"],
    ],
    "r0_by": ["one_step", "complex_procedure", "r1_only", "not_possible"],
    "planned_remnant": [["I", "II", "III", "IV"], ["II", "III"], ["II", "VI"], ["II"]],
    "flr_ml": [1400, 700, 500, 420, 300, 150],
    "total_liver_ml": [1600, 2000],
    "extrahepatic_resectable": ["yes", "no"],
    "progression_on_therapy": ["no", "yes"],
    "ecog": [0, 1, 2, 3, 4],
    "bilirubin_umol_l": [5, 17, 18.8, 33.9, 34, 51, 51.1, 300],
    "albumin_g_l": [50, 40, 35.1, 35, 28, 27.9, 20],
    "inr": [0.9, 1.0, 1.69, 1.7, 2.3, 2.31, 4],
    "creatinine_umol_l": [60, 90, 200, 360, 800],
    "dialysis": ["no", "yes"],
    "sodium_mmol_l": [145, 137, 130, 125, 110],
    "platelets_g_l": [300, 140, 139, 100, 99, 20],
    "ascites": ["none", "mild", "moderate_severe"],
    "encephalopathy": ["none", "grade_1_2", "grade_3_4"],
    "icg_r15_percent": [3, 9.9, 10, 20, 30, 40, 70],
    "varices_or_splenomegaly": ["no", "yes"],
    "hvpg_mmhg": [4, 9.9, 10, 20],
    "hbs_percent_min_m2": [5, 2.7, 2.69, 1],
}
VESSEL_STEPS = (
    {"contact_deg": 0, "invaded": False, "in_remnant": "yes", "reconstructable": "yes"},
    {"contact_deg": 90, "invaded": False, "in_remnant": "yes", "reconstructable": "yes"},
    {"contact_deg": 90, "invaded": True, "in_remnant": "yes", "reconstructable": "yes"},
    {"contact_deg": 300, "invaded": True, "in_remnant": "yes", "reconstructable": "no"},
    {
        "contact_deg": 300,
        "invaded": True,
        "patency": "occluded",
        "thrombus": "tumour",
        "in_remnant": "yes",
        "reconstructable": "no",
    },
)
SITES = ("lung", "peritoneum", "regional_nodes", "nonregional_nodes", "bone", "other")
CERTAINTIES = ("none", "suspected", "probable", "proven")
# What decides whether a set speaks at all is no finding that could be better or worse.
FIXED = {
    "height_cm": 172,
    "weight_kg": 74,
    "tumour_ml": 100,
    "hvpg_measured": "yes",
    "bile_duct_resection": "yes",
    "recommendation": {"operation": "right_hepatectomy"},
}
# A remnant that was measured before it was made to grow, and again when the window closes.
GROWING = {
    "augmentation": "pve",
    "flr_earlier_on": "2026-02-20",
    "augmentation_on": "2026-03-02",
    "flr_on": "2026-04-13",
}


@st.composite
def complete_case(draw: st.DrawFn) -> Answers:
    """Everything said; most vessels clear, so that single findings decide."""
    busy = draw(st.lists(st.sampled_from(sorted(VESSELS)), unique=True, max_size=3))
    best = draw(st.booleans())
    case: Answers = {
        **FIXED,
        "entity": draw(st.sampled_from(("hcc", "crlm", "icca", "other"))),
        "background": draw(st.sampled_from(tuple(BACKGROUNDS))),
        "cirrhosis": draw(st.sampled_from(("yes", "no"))),
        **{
            field: draw(st.sampled_from(values[:2] if best else values))
            for field, values in SCALES.items()
        },
        "vessels": {
            name: dict(draw(st.sampled_from(VESSEL_STEPS)) if name in busy else VESSEL_STEPS[0])
            for name in VESSELS
        },
        "metastases": {
            site: draw(st.sampled_from(("none", "none", "none", *CERTAINTIES))) for site in SITES
        },
    }
    # A code that the vessel table does not allow is a contradiction, not a truth to be hidden.
    for tree in TREES:
        allowed = extent(tree, {**case, tree.field: None})
        step = min(max(int(case[tree.field][-1]), allowed.least), allowed.most)
        case[tree.field] = f"{tree.field}{step}"
    return case


@st.composite
def a_step_for_the_worse(draw: st.DrawFn) -> tuple[Answers, Answers, str]:
    case = draw(complete_case())
    if draw(st.booleans()):
        case |= {**GROWING, "flr_earlier_ml": draw(st.sampled_from((250, 350, 600)))}
    worse = deepcopy(case)
    kind = draw(st.sampled_from(("field", "field", "field", "vessel", "site")))
    if kind == "field":
        field = draw(st.sampled_from(sorted(SCALES)))
        values = SCALES[field]
        later = values[values.index(case[field]) :]
        worse[field] = draw(st.sampled_from(later))
        return case, worse, field
    if kind == "vessel":
        name = draw(st.sampled_from(sorted(VESSELS)))
        place = VESSEL_STEPS.index(case["vessels"][name])
        worse["vessels"][name] = dict(draw(st.sampled_from(VESSEL_STEPS[place:])))
        return case, worse, f"vessels/{name}"
    site = draw(st.sampled_from(SITES))
    place = CERTAINTIES.index(case["metastases"][site])
    worse["metastases"][site] = draw(st.sampled_from(CERTAINTIES[place:]))
    return case, worse, f"metastases/{site}"


@st.composite
def chosen_options(draw: st.DrawFn) -> dict[str, dict[str, str]]:
    """Any value of every option of every set."""
    return {
        ruleset.id: {one.name: draw(st.sampled_from(one.values)) for one in ruleset.options}
        for ruleset in LIVER.rulesets
        if ruleset.options
    }


@given(a_step_for_the_worse(), chosen_options())
@settings(max_examples=300, deadline=None)
def test_a_worse_finding_never_improves_the_category_of_any_set(
    step: tuple[Answers, Answers, str], options: dict[str, dict[str, str]]
) -> None:
    case, worse, what = step
    judged = (LIVER.evaluate(answers, options) for answers in (case, worse))
    for before, after in zip(*judged, strict=True):
        if before.best is None or before.worst is None:
            assert after.best is None, before.ruleset
            continue
        assert after.best is not None and after.worst is not None
        assert after.best >= before.best and after.worst >= before.worst, (before.ruleset, what)


def test_each_set_of_the_liver_speaks_of_some_of_these_cases() -> None:
    best = {field: values[0] for field, values in SCALES.items()} | FIXED
    kinds = product(("hcc", "crlm", "icca"), BACKGROUNDS, ("yes", "no"))
    speaking = {
        said.ruleset
        for entity, background, cirrhosis in kinds
        for said in LIVER.evaluate(
            best | {"entity": entity, "background": background, "cirrhosis": cirrhosis}
        )
        if said.best is not None
    }
    assert speaking == {ruleset.id for ruleset in LIVER.rulesets}


@st.composite
def a_case_with_gaps(draw: st.DrawFn) -> tuple[Answers, Answers]:
    case = draw(complete_case())
    hidden = deepcopy(case)
    for field in draw(st.lists(st.sampled_from(sorted(SCALES)), unique=True, max_size=4)):
        del hidden[field]
    for name in draw(st.lists(st.sampled_from(sorted(VESSELS)), unique=True, max_size=2)):
        gap = draw(st.sampled_from(("contact_deg", "in_remnant", "reconstructable", "all")))
        if gap == "all":
            del hidden["vessels"][name]
        elif gap == "contact_deg":
            hidden["vessels"][name] = {"contact_deg": "not_assessed"}
        else:
            hidden["vessels"][name][gap] = "not_stated"
    for site in draw(st.lists(st.sampled_from(SITES), unique=True, max_size=2)):
        hidden["metastases"][site] = "not_assessed"
    if draw(st.booleans()):
        hidden["background"] = "not_assessed"
    if draw(st.booleans()):
        del hidden["hvpg_measured"]
    return case, hidden


@given(a_case_with_gaps())
@settings(max_examples=300, deadline=None)
def test_the_truth_lies_within_the_interval_of_every_set(gaps: tuple[Answers, Answers]) -> None:
    case, hidden = gaps
    for truth, said in zip(LIVER.evaluate(case), LIVER.evaluate(hidden), strict=True):
        if truth.best is None or truth.worst is None:
            continue
        assert said.best is not None and said.worst is not None, said.ruleset
        assert said.best <= truth.best and truth.worst <= said.worst, said.ruleset


@given(complete_case())
@settings(max_examples=100, deadline=None)
def test_a_complete_case_has_one_category_in_every_set_that_speaks_of_it(case: Answers) -> None:
    silent = ("flr-augmentation",)
    for said in LIVER.evaluate(case):
        if said.best is None or said.ruleset in silent:
            continue
        assert said.category and not said.missing, said.ruleset
        assert said.fired, said.ruleset


def test_without_any_answer_no_set_of_the_liver_settles_anything() -> None:
    for said in LIVER.evaluate({}):
        assert said.category is None, said.ruleset
        if said.interval:
            assert said.missing, said.ruleset


@pytest.mark.parametrize("answers", [5, None, "x", [], {"a": 1}])
def test_answers_of_any_shape_never_raise(answers: Any) -> None:
    others = ("entity", "background", "cirrhosis", "planned_resection", "flr_functional_ml")
    for name in (*SCALES, *FIXED, *others, "vessels", "metastases", "lesion_1"):
        LIVER.evaluate({name: answers})
