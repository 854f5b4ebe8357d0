"""Where published sets disagree, the sentence says on what, who says which, and why."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from server.annotations.comparison import differences
from server.annotations.decision import Category, Evaluation, in_sentence
from server.annotations.organs import ORGANS
from server.annotations.organs.pancreas import PANCREAS
from server.annotations.organs.pancreas.findings import CONTOURS, SITES, THROMBI, VESSELS
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
                "At 200 degrees of the SMV/PV, beyond the inferior border of the duodenum, "
                "IAP (2017) says locally advanced where NCCN (v1.2022) says borderline resectable.",
                "At 200 degrees of the SMV/PV, IAP (2017) says locally advanced and "
                "NCCN (v1.2022) says borderline resectable where MD Anderson (2006) says resectable.",
            ],
        ),
        (
            pancreas(ca=touched(90), ivc=touched(10)),
            ("nccn-2022", "ahpba-2009"),
            [
                "At 90 degrees of the coeliac axis, AHPBA/SSAT/SSO (2009) says locally "
                "advanced where NCCN (v1.2022) says borderline resectable."
            ],
        ),
        (
            pancreas(sma=touched(180)),
            ("nccn-2022", "alliance-a021101", "dpcg-2012"),
            [
                "At exactly 180 degrees of the SMA, Alliance A021101 says locally advanced "
                "where NCCN (v1.2022) says borderline resectable.",
                "At 180 degrees of the SMA, DPCG (2012) says locally advanced "
                "where NCCN (v1.2022) says borderline resectable.",
            ],
        ),
        (
            pancreas(sma=touched(120, contour="deformed")),
            ("nccn-2022", "iap-2017"),
            [
                "At 120 degrees of the SMA, deformed, IAP (2017) says locally advanced "
                "where NCCN (v1.2022) says borderline resectable."
            ],
        ),
        (
            pancreas(smv_pv=touched(60, contour="irregular", thrombus="tumour")),
            ("nccn-2022", "dpcg-2012"),
            [
                "At 60 degrees of the SMV/PV, with an irregular contour, with tumour thrombus, "
                "NCCN (v1.2022) says borderline resectable where DPCG (2012) says resectable."
            ],
        ),
        (
            pancreas(smv_pv=touched(0, contour="occluded"), sma=touched(40)),
            ("nccn-2022", "dpcg-2012"),
            [
                "With the SMV/PV occluded, DPCG (2012) says locally advanced "
                "where NCCN (v1.2022) says borderline resectable."
            ],
        ),
        (
            pancreas(cha=touched(60, extends_to=["ca", "hepatic_bifurcation"])),
            ("iap-2017", "mdacc-2006"),
            [
                "At 60 degrees of the CHA, extending to the coeliac axis and hepatic bifurcation, "
                "IAP (2017) says locally advanced where MD Anderson (2006) says borderline "
                "resectable."
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


def test_a_difference_carries_the_rules_that_made_it_and_no_other() -> None:
    bystanders: dict[str, Any] = {
        "cha": touched(40),
        "smv_pv": touched(200),
        "first_jejunal_vein": touched(10),
    }
    said = [
        PANCREAS.ruleset(one).evaluate(pancreas(sma=touched(180), **bystanders))
        for one in ("nccn-2022", "alliance-a021101", "iap-2017")
    ]
    [difference] = differences(PANCREAS, said)
    assert difference.to_json() == {
        "text": "At exactly 180 degrees of the SMA, Alliance A021101 says locally advanced where "
        "NCCN (v1.2022) and IAP (2017) say borderline resectable.",
        "rulesets": ["alliance-a021101"],
        "because": [
            "Alliance A021101: SMA contact 180°, 180° or more (A-LA-1).",
            "NCCN (v1.2022): SMA contact 180°, 180° or less (N-BR-1).",
            "IAP (2017): SMA contact 180°, 180° or less, without stenosis or deformity (I-BR-1).",
        ],
    }


def test_a_set_that_does_not_follow_says_what_it_makes_of_the_finding_alone() -> None:
    answers = pancreas(aorta=touched(30), sma=touched(60), smv_pv=touched(190))
    of_aorta = _found(answers, "alliance-a021101", "dpcg-2012")
    assert of_aorta.because == (
        "Alliance A021101: Aorta contact 30°, any contact (A-LA-5).",
        "DPCG (2012): Aorta not addressed.",
    )
    answers = pancreas(sma=touched(60), smv_pv=touched(200, beyond_inferior_duodenum=True))
    of_vein = _found(answers, "iap-2017", "mdacc-2006")
    assert of_vein.because == (
        "IAP (2017): SMV/PV contact 200°, beyond the inferior border of the duodenum (I-LA-4).",
        "MD Anderson (2006): at 200 degrees of the SMV/PV, beyond the inferior border of the "
        "duodenum, and nothing else, resectable.",
    )


def _found(answers: dict[str, Any], *rulesets: str) -> Any:
    said = [PANCREAS.ruleset(ruleset).evaluate(answers) for ruleset in rulesets]
    [found] = differences(PANCREAS, said)
    return found


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


def _without(answers: dict[str, Any], findings: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """The answers with these findings set back: read from the answers, not from the rules."""
    least = {"contact_deg": 0, "contour": "regular", "thrombus": "none", "reconstructable": "yes"}
    least |= {"extends_to": [], "beyond_inferior_duodenum": False, "short_segment": True}
    changed = deepcopy(answers)
    for part, attribute in findings:
        if attribute:
            changed["vessels"][part][attribute] = least[attribute]
        elif part == "suspected":
            changed.pop("metastases")
        else:
            changed.pop(part)
    return changed


def _hold_the_reasons(answers: dict[str, Any]) -> int:
    """Every pair of sets that differ is told with findings that make it, of which none is idle."""
    said = [one for one in PANCREAS.evaluate(answers) if one.category]
    told = differences(PANCREAS, said)
    pairs = [(w, b) for w in said for b in said if w.category > b.category]  # type: ignore[operator]
    assert bool(told) == bool(pairs)
    for worse, better in pairs:
        assert worse.grounds and worse.category and better.grounds and better.category
        held, ruleset = worse.grounds.held_above(better.category), PANCREAS.ruleset(worse.ruleset)
        sentences = [one for one in told if one.text.lower().startswith(f"{held.words},".lower())]
        [one] = [s for s in sentences if worse.ruleset in s.rulesets and better.title in s.text]
        assert held.findings and held.lines and better.grounds.alone(held)
        assert any(line.endswith(of) for line in one.because for of in held.lines)
        now = ruleset.evaluate(_without(answers, held.findings)).best
        assert now and now <= better.category
        for idle in held.findings:
            rest = tuple(finding for finding in held.findings if finding != idle)
            still = ruleset.evaluate(_without(answers, rest)).best
            assert still and still > better.category
    return len(pairs)


@pytest.mark.parametrize("row", TABLE, ids=[row.case for row in TABLE])
def test_every_disagreement_of_the_boundary_table_is_told_with_what_makes_it(row: Any) -> None:
    codes = {one.category.code for one in PANCREAS.evaluate(row.answers) if one.category}
    assert bool(_hold_the_reasons(row.answers)) == (len(codes) > 1)


def test_the_reasons_hold_where_many_vessels_are_touched_at_once() -> None:
    chance, told = Random(3), 0
    for _ in range(150):
        named = chance.sample([name for name in VESSELS if name != "pha"], chance.randint(1, 4))
        vessels: dict[str, Any] = {name: _by_chance(chance) for name in named}
        answers = pancreas(chance.choice(SITES), **vessels)
        if chance.random() < 0.3:
            answers |= {"ca19_9_u_ml": chance.choice((500, 501)), "ecog": chance.choice((1, 2))}
            answers |= {"metastases": {"liver": "suspected"}}
        told += _hold_the_reasons(answers)
    assert told > 100


def _by_chance(chance: Random) -> dict[str, Any]:
    return touched(
        chance.choice((0, 1, 90, 91, 179, 180, 181, 270, 271, 360)),
        contour=chance.choice(("regular", "regular", *CONTOURS)),
        thrombus=chance.choice(("none", "none", *THROMBI)),
        reconstructable=chance.choice(("yes", "yes", "no")),
        beyond_inferior_duodenum=chance.random() < 0.2,
        short_segment=chance.random() < 0.7,
    )


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_the_examples_of_every_organ_can_be_compared(organ: Any) -> None:
    for answers in organ.examples().values():
        for difference in differences(organ, organ.evaluate(answers)):
            assert difference.text.endswith(".")
