"""The international consensus judges the patient too: biology (B) and condition (C)."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Evaluation
from server.annotations.organs.pancreas import PANCREAS
from tests.annotations.pancreas_world import pancreas, touched

R, BR, LA, M = "resectable", "borderline", "locally_advanced", "metastatic"
NOTHING = {"ca19_9_u_ml": 20, "node_proven": False, "ecog": 0}
ANATOMY = {
    R: pancreas(),
    BR: pancreas(sma=touched(90)),
    LA: pancreas(sma=touched(181)),
    M: pancreas(m_status="m1"),
}


def iap(answers: dict[str, Any], **options: str) -> Evaluation:
    return PANCREAS.ruleset("iap-2017").evaluate(answers, options)


def types(said: Evaluation) -> list[str]:
    return [flag.id for flag in said.flags if flag.id.startswith("BR-")]


@pytest.mark.parametrize(
    ("anatomy", "patient", "category", "kind"),
    [
        (R, {}, R, []),
        (BR, {}, BR, ["BR-A"]),
        (R, {"ca19_9_u_ml": 500}, R, []),
        (R, {"ca19_9_u_ml": 501}, BR, ["BR-B"]),
        (R, {"ca19_9_u_ml": 500.5}, BR, ["BR-B"]),
        (BR, {"ca19_9_u_ml": 501}, BR, ["BR-AB"]),
        (R, {"ecog": 1}, R, []),
        (R, {"ecog": 2}, BR, ["BR-C"]),
        (BR, {"ecog": 2}, BR, ["BR-AC"]),
        (R, {"node_proven": True}, BR, ["BR-B"]),
        (R, {"metastases": {"liver": "suspected"}}, BR, ["BR-B"]),
        (R, {"metastases": {"liver": "probable"}, "ecog": 4}, BR, ["BR-BC"]),
        (R, {"metastases": {"liver": "proven"}}, M, []),
        (BR, {"ca19_9_u_ml": 9000, "ecog": 3}, BR, ["BR-ABC"]),
        (LA, {"ca19_9_u_ml": 9000, "ecog": 3}, LA, []),
        (M, {"ca19_9_u_ml": 9000, "ecog": 3}, M, []),
    ],
)
def test_biology_or_condition_makes_a_resectable_anatomy_borderline_and_nothing_worse(
    anatomy: str, patient: dict[str, Any], category: str, kind: list[str]
) -> None:
    said = iap(ANATOMY[anatomy] | NOTHING | patient)
    assert said.to_json()["category"] == category
    assert types(said) == kind


def test_the_type_is_told_in_words_with_the_rules_that_made_it() -> None:
    said = iap(ANATOMY[BR] | NOTHING | {"ca19_9_u_ml": 501, "ecog": 2})
    [text] = [flag.text for flag in said.flags if flag.id == "BR-ABC"]
    assert text == "BR-ABC: borderline by anatomy and biology and condition."
    assert [fired.rule for fired in said.fired] == ["I-BR-1", "I-B-1", "I-C-1"]
    assert said.fired[1].text == "CA 19-9 501 U/mL, more than 500."


def test_a_type_known_only_in_part_says_so() -> None:
    answers = pancreas(sma={"contact_deg": "not_assessed"}) | NOTHING | {"ecog": 2}
    said = iap(answers)
    assert said.to_json()["interval"] == [BR, LA]
    [text] = [flag.text for flag in said.flags if flag.id == "BR-C"]
    assert text.endswith("as far as assessed.")


def test_what_is_not_given_of_the_patient_is_flagged_beside_the_anatomical_category() -> None:
    said = iap(ANATOMY[R])
    assert said.to_json()["category"] == R
    assert [f.id for f in said.flags] == ["biology_not_assessed", "condition_not_assessed"]
    assert iap(ANATOMY[R] | NOTHING).flags == ()
    assert iap(ANATOMY[LA]).flags == ()


@pytest.mark.parametrize("gone", ["ca19_9_u_ml", "node_proven", "ecog"])
def test_the_option_leaves_open_what_is_not_given_of_the_patient(gone: str) -> None:
    answers = {**ANATOMY[R], **NOTHING}
    del answers[gone]
    said = iap(answers, unstated_bc="interval")
    assert said.to_json()["interval"] == [R, BR]
    assert [missing.pointer for missing in said.missing] == [f"/{gone}"]
    assert said.flags == ()


@pytest.mark.parametrize("wrong", ["a lot", True, None, [501], float("nan"), float("inf"), -1])
def test_a_value_that_cannot_be_read_counts_as_not_given(wrong: Any) -> None:
    said = iap(ANATOMY[R] | NOTHING | {"ca19_9_u_ml": wrong, "ecog": wrong})
    assert said.to_json()["category"] == R
    assert [f.id for f in said.flags] == ["biology_not_assessed", "condition_not_assessed"]


def test_no_other_set_judges_the_patient() -> None:
    for said in PANCREAS.evaluate(ANATOMY[R] | {"ca19_9_u_ml": 9000, "ecog": 4}):
        assert said.to_json()["category"] == (BR if said.ruleset == "iap-2017" else R)
