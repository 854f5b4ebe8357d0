"""Where published sets disagree, the sentence says on what, who says which, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.annotations.comparison import differences
from server.annotations.decision import Category, Evaluation, in_sentence
from server.annotations.organs import ORGANS
from server.annotations.organs.pancreas import PANCREAS
from tests.annotations.boundary_table import TABLE
from tests.annotations.pancreas_world import pancreas, touched


def of(answers: dict[str, Any], *rulesets: str) -> list[str]:
    said = [PANCREAS.ruleset(ruleset).evaluate(answers) for ruleset in rulesets]
    return [difference.text for difference in differences(PANCREAS, said)]


@pytest.mark.parametrize(
    ("answers", "rulesets", "sentences"),
    [
        (
            pancreas(sma=touched(180)),
            ("nccn-2022", "alliance-a021101"),
            [
                "At exactly 180 degrees of the SMA, Alliance A021101 says locally advanced "
                "where NCCN (v1.2022) says borderline resectable."
            ],
        ),
        (
            pancreas(sma=touched(180)),
            ("iap-2017", "alliance-a021101", "jps-7"),
            [
                "At exactly 180 degrees of the SMA, Alliance A021101 and JPS (7th edition) say "
                "locally advanced where IAP (2017) says borderline resectable."
            ],
        ),
        (
            pancreas("body", ca=touched(181)),
            ("nccn-2022", "mdacc-2006"),
            [
                "At 181 degrees of the coeliac axis, MD Anderson (2006) says locally advanced "
                "where NCCN (v1.2022) says borderline resectable."
            ],
        ),
        (
            pancreas(smv_pv=touched(200, beyond_inferior_duodenum=True)),
            ("nccn-2022", "mdacc-2006", "iap-2017"),
            [
                "At 200 degrees of the SMV/PV, IAP (2017) says locally advanced where "
                "NCCN (v1.2022) says borderline resectable and MD Anderson (2006) says resectable.",
                "At 200 degrees of the SMV/PV, NCCN (v1.2022) says borderline resectable where "
                "MD Anderson (2006) says resectable.",
            ],
        ),
        (
            pancreas(ca=touched(90), ivc=touched(10)),
            ("nccn-2022", "ahpba-2009"),
            [
                "At exactly 90 degrees of the coeliac axis, AHPBA/SSAT/SSO (2009) says locally "
                "advanced where NCCN (v1.2022) says borderline resectable."
            ],
        ),
        (
            pancreas() | {"ca19_9_u_ml": 501, "ecog": 2},
            ("nccn-2022", "iap-2017"),
            [
                "With CA 19-9 501 U/mL and with ECOG 2, IAP (2017) says borderline resectable "
                "where NCCN (v1.2022) says resectable."
            ],
        ),
    ],
)
def test_a_difference_is_told_in_one_sentence(
    answers: dict[str, Any], rulesets: tuple[str, ...], sentences: list[str]
) -> None:
    assert of(answers, *rulesets) == sentences


def test_a_difference_carries_the_rules_that_made_it() -> None:
    said = [
        PANCREAS.ruleset(one).evaluate(pancreas(sma=touched(180)))
        for one in ("nccn-2022", "alliance-a021101")
    ]
    [difference] = differences(PANCREAS, said)
    assert difference.to_json() == {
        "text": difference.text,
        "rulesets": ["alliance-a021101"],
        "because": [
            "Alliance A021101, A-LA-1: SMA contact 180°, 180° or more.",
            "NCCN (v1.2022), N-BR-1: SMA contact 180°, 180° or less.",
        ],
    }


def test_sets_that_agree_have_no_differences() -> None:
    assert differences(PANCREAS, []) == []
    for answers in (pancreas(), pancreas(m_status="m1"), pancreas(sma=touched(200))):
        assert differences(PANCREAS, PANCREAS.evaluate(answers)) == []


def test_an_interval_contradicts_nothing() -> None:
    open_case = pancreas(smv_pv=touched(60, reconstructable="not_stated"))
    assert of(open_case, "nccn-2022", "dpcg-2012") == []


def test_sets_that_answer_different_questions_are_not_compared() -> None:
    said = PANCREAS.evaluate(pancreas(sma=touched(180)))
    assert differences(PANCREAS, said)
    assert differences(replace(PANCREAS, one_scale=False), said) == []


@pytest.mark.parametrize(
    ("label", "inside"),
    [
        ("Locally advanced", "locally advanced"),
        ("R0 expected", "R0 expected"),
        ("T4b", "T4b"),
        ("Type IV", "type IV"),
        ("Milan criteria met", "Milan criteria met"),
        ("Child-Pugh B", "Child-Pugh B"),
        ("BCLC C", "BCLC C"),
        ("", ""),
    ],
)
def test_names_keep_their_capital_inside_a_sentence(label: str, inside: str) -> None:
    assert in_sentence(label) == inside
    if label:
        best, worst = Category(0, "a", "Resectable"), Category(1, "b", label)
        interval = Evaluation("set", "Set", "1", interval=(best, worst)).interval_label
        assert interval == f"Resectable to {inside}"


@pytest.mark.parametrize("row", TABLE, ids=[row.case for row in TABLE])
def test_every_disagreement_of_the_boundary_table_is_told(row: Any) -> None:
    said = PANCREAS.evaluate(row.answers)
    codes = {one.category.code for one in said if one.category}
    found = differences(PANCREAS, said)
    assert len(found) >= len(codes) - 1
    assert bool(found) == (len(codes) > 1)
    for difference in found:
        assert difference.text[0].isupper() and difference.text.endswith(".")
        assert " where " in difference.text and difference.because


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_the_examples_of_every_organ_can_be_compared(organ: Any) -> None:
    for answers in organ.examples().values():
        for difference in differences(organ, organ.evaluate(answers)):
            assert difference.text.endswith(".")
