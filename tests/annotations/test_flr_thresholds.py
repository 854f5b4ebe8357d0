"""The remnant against the minimum of its background, each with its own denominator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.annotations.decision import Trust, UnknownOption
from server.annotations.organs.liver import LIVER
from server.annotations.organs.liver.remnant import BACKGROUNDS
from server.annotations.organs.liver.thresholds import FAMILIES

NORMAL, FATTY, SEVERE, FIBROTIC = BACKGROUNDS
EXACT = {"variability": "none"}
A, B, I = "adequate", "borderline", "inadequate"  # noqa: E741


def said(ruleset: str, answers: dict[str, Any], options: dict[str, str]) -> dict[str, Any]:
    return LIVER.ruleset(ruleset).evaluate(answers, options).to_json()


def measured(background: str, percent: float) -> dict[str, Any]:
    """A liver of 1000 mL without tumour, so that 10 mL of remnant are one per cent."""
    return {
        "background": background,
        "flr_ml": percent * 10,
        "total_liver_ml": 1200,
        "tumour_ml": 200,
    }


def standardised(background: str, percent: float) -> dict[str, Any]:
    """A body whose Vauthey volume is 1509.7 mL (170 cm, 70 kg)."""
    stlv_ml = -794.41 + 1267.28 * (170 * 70 / 3600) ** 0.5
    return {
        "background": background,
        "flr_ml": percent * stlv_ml / 100,
        "height_cm": 170,
        "weight_kg": 70,
    }


@pytest.mark.parametrize(
    ("ruleset", "answers", "more", "category"),
    [
        ("flr-standardised", standardised(NORMAL, 20.0), {}, A),
        ("flr-standardised", standardised(NORMAL, 19.9), {}, I),
        ("flr-standardised", standardised(NORMAL, 24.9), {"normal": "vauthey-25"}, I),
        ("flr-standardised", standardised(NORMAL, 25.0), {"normal": "vauthey-25"}, A),
        ("flr-standardised", standardised(FATTY, 30.0), {}, A),
        ("flr-standardised", standardised(FATTY, 29.9), {}, I),
        ("flr-standardised", standardised(SEVERE, 40.0), {}, A),
        ("flr-standardised", standardised(SEVERE, 39.9), {}, I),
        ("flr-measured", measured(NORMAL, 25.0), {}, A),
        ("flr-measured", measured(NORMAL, 24.9), {}, I),
        ("flr-measured", measured(NORMAL, 26.5), {"normal": "schindl-26.6"}, I),
        ("flr-measured", measured(NORMAL, 26.6), {"normal": "schindl-26.6"}, A),
        ("flr-measured", measured(SEVERE, 40.0), {}, A),
        ("flr-measured", measured(SEVERE, 39.9), {}, I),
        ("flr-measured", measured(FIBROTIC, 40.0), {}, A),
        ("flr-measured", measured(FIBROTIC, 39.9), {}, I),
        ("flr-body-weight", {"background": NORMAL, "flr_ml": 350, "weight_kg": 70}, {}, A),
        ("flr-body-weight", {"background": NORMAL, "flr_ml": 349, "weight_kg": 70}, {}, I),
        ("flr-body-weight", {"background": FIBROTIC, "flr_ml": 560, "weight_kg": 70}, {}, A),
        ("flr-body-weight", {"background": FIBROTIC, "flr_ml": 559, "weight_kg": 70}, {}, I),
        (
            "flr-body-surface",
            {"background": FIBROTIC, "flr_ml": 500, "height_cm": 180, "weight_kg": 80},
            {},
            A,
        ),
        (
            "flr-body-surface",
            {"background": FIBROTIC, "flr_ml": 499.9, "height_cm": 180, "weight_kg": 80},
            {},
            I,
        ),
    ],
)
def test_the_threshold_itself_passes_and_a_hair_below_it_fails(
    ruleset: str, answers: dict[str, Any], more: dict[str, str], category: str
) -> None:
    assert said(ruleset, answers, EXACT | more)["category"] == category


@pytest.mark.parametrize(
    ("percent", "category"),
    [(44.5, A), (44.4, B), (40.0, B), (36.4, B), (36.3, I), (20, I), (80, A)],
)
def test_a_threshold_within_the_variability_asks_for_a_second_volumetry(
    percent: float, category: str
) -> None:
    found = said("flr-measured", measured(FIBROTIC, percent), {})
    assert found["category"] == category
    assert "variability" in found["fired"][0]["text"]


def test_the_denominators_are_kept_apart() -> None:
    answers = {
        "background": NORMAL,
        "flr_ml": 420,
        "total_liver_ml": 1650,
        "tumour_ml": 150,
        "height_cm": 170,
        "weight_kg": 70,
    }
    texts = {e.ruleset: e.fired[0].text for e in LIVER.evaluate(answers) if e.fired}
    assert "27.8 %" in texts["flr-standardised"] and "Vauthey" in texts["flr-standardised"]
    assert "28.0 %" in texts["flr-measured"] and "without tumour" in texts["flr-measured"]
    assert "0.60 %" in texts["flr-body-weight"] and "body weight" in texts["flr-body-weight"]


@pytest.mark.parametrize(
    ("ruleset", "background"),
    [
        ("flr-standardised", FIBROTIC),
        ("flr-measured", FATTY),
        ("flr-body-surface", NORMAL),
        ("flr-body-surface", FATTY),
    ],
)
def test_a_background_without_a_published_minimum_is_not_addressed(
    ruleset: str, background: str
) -> None:
    found = said(ruleset, {"background": background, "flr_ml": 500}, {})
    assert (found["category"], found["interval"]) == (None, None)
    assert [flag["id"] for flag in found["flags"]] == ["not_addressed"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.id)
def test_without_volumes_everything_is_open_and_named(family: Any) -> None:
    found = said(family.id, {"background": family.limits[-1].background}, {})
    assert found["interval"] == [A, I]
    assert "/flr_ml" in [missing["pointer"] for missing in found["missing"]]


def test_an_unknown_background_gives_the_range_over_all_backgrounds() -> None:
    found = said("flr-measured", measured("not_assessed", 31), {})
    assert found["interval"] == [A, I]
    assert [missing["pointer"] for missing in found["missing"]] == ["/background"]
    assert said("flr-measured", measured("not_assessed", 60), {})["category"] == A
    assert said("flr-measured", measured("not_assessed", 10), {})["category"] == I


def test_only_what_would_narrow_the_range_is_asked_for() -> None:
    """Without the weight no background helps, and a remnant beyond every minimum asks for none."""
    found = said("flr-body-weight", {"flr_ml": 420}, {})
    assert [missing["pointer"] for missing in found["missing"]] == ["/weight_kg"]
    found = said("flr-body-weight", {"flr_ml": 420, "weight_kg": 70}, {})
    assert [missing["pointer"] for missing in found["missing"]] == ["/background"]
    found = said("flr-body-weight", {"flr_ml": 700, "weight_kg": 70}, {})
    assert (found["category"], found["missing"]) == (A, [])


def test_a_tumour_not_measured_leaves_the_least_the_remnant_can_be() -> None:
    answers = {"background": NORMAL, "flr_ml": 300, "total_liver_ml": 1500}
    assert said("flr-measured", answers, {})["interval"] == [A, I]
    assert said("flr-measured", answers | {"flr_ml": 600}, {})["category"] == A


def test_a_typed_percentage_stands_in_for_missing_volumes() -> None:
    answers = {"background": NORMAL, "flr_percent": 40}
    assert said("flr-measured", answers, {})["category"] == A
    assert said("flr-standardised", answers, {})["interval"] == [A, I]


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"flr_ml": 1500, "total_liver_ml": 1600, "tumour_ml": 200}, "/flr_ml"),
        ({"total_liver_ml": 1600, "tumour_ml": 1600}, "/tumour_ml"),
        (
            {"flr_ml": 400, "total_liver_ml": 1600, "tumour_ml": 0, "flr_percent": 40},
            "/flr_percent",
        ),
        ({"flr_ml": 400, "flr_functional_ml": 401}, "/flr_functional_ml"),
        ({"flr_ml": 400, "height_cm": 67, "weight_kg": 154}, "/height_cm"),  # inches and pounds
        ({"flr_ml": 0.4, "total_liver_ml": 1600}, "/flr_ml"),  # litres
        ({"flr_ml": 400, "total_liver_ml": 1.6}, "/total_liver_ml"),
    ],
)
def test_volumes_that_cannot_all_be_true_are_flagged_and_stop_the_signature(
    answers: dict[str, Any], pointer: str
) -> None:
    flags = {flag.id for flag in LIVER.ruleset("flr-measured").evaluate(answers).flags}
    assert "contradiction" in flags
    assert pointer in [problem.pointer for problem in LIVER.to_sign(answers)]


@pytest.mark.parametrize("body", [(50, 3.2), (185, 442), (157, 28), (170, 70)])
def test_no_body_that_was_ever_measured_is_a_contradiction(body: tuple[float, float]) -> None:
    answers = {"height_cm": body[0], "weight_kg": body[1]}
    assert "/height_cm" not in [problem.pointer for problem in LIVER.to_sign(answers)]


def test_an_unverified_minimum_says_so() -> None:
    answers = {"background": FIBROTIC, "flr_ml": 700, "weight_kg": 70}
    fired = LIVER.ruleset("flr-body-weight").evaluate(answers).fired
    assert [f.trust for f in fired] == [Trust.GENERAL_KNOWLEDGE]


@pytest.mark.parametrize("options", [{"normal": "kishi"}, {"formula": "urata"}])
def test_an_option_that_does_not_exist_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(UnknownOption):
        LIVER.ruleset("flr-standardised").evaluate({}, options)


VOLUMES = st.fixed_dictionaries(
    {"background": st.sampled_from([*BACKGROUNDS, "not_assessed"])},
    optional={
        "flr_ml": st.floats(1, 3000),
        "total_liver_ml": st.floats(200, 4000),
        "tumour_ml": st.floats(0, 3000),
        "height_cm": st.floats(50, 250),
        "weight_kg": st.floats(10, 350),
        "flr_percent": st.floats(0, 100),
    },
)


@given(VOLUMES, st.floats(0, 500), st.sampled_from([family.id for family in FAMILIES]))
@settings(max_examples=300, deadline=None)
def test_a_smaller_remnant_never_improves_the_category(
    answers: dict[str, Any], less_ml: float, ruleset: str
) -> None:
    if "flr_ml" not in answers:
        answers = answers | {"flr_ml": 500.0}
    smaller = answers | {"flr_ml": max(answers["flr_ml"] - less_ml, 0.5)}
    before = LIVER.ruleset(ruleset).evaluate(answers)
    after = LIVER.ruleset(ruleset).evaluate(smaller)
    if before.best is None or before.worst is None:
        assert after.best is None
        return
    assert after.best is not None and after.worst is not None
    assert after.best >= before.best and after.worst >= before.worst


@given(VOLUMES, st.sampled_from([family.id for family in FAMILIES]))
@settings(max_examples=300, deadline=None)
def test_leaving_out_an_answer_never_narrows_the_result(
    answers: dict[str, Any], ruleset: str
) -> None:
    assume(answers.get("tumour_ml", 0) < answers.get("total_liver_ml", 4000))
    full = LIVER.ruleset(ruleset).evaluate(answers)
    for name in ("height_cm", "weight_kg", "tumour_ml"):
        fewer = {key: value for key, value in answers.items() if key != name}
        less = LIVER.ruleset(ruleset).evaluate(fewer)
        if full.best is None or full.worst is None:
            assert less.best is None
        else:
            assert less.best is not None and less.worst is not None
            assert less.best <= full.best and less.worst >= full.worst
