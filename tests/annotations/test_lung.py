"""Lung: T, N and stage at their boundaries, the survey's subsets, predicted function."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Evaluation, Trust
from server.annotations.organs.lung import LUNG
from server.annotations.organs.lung.findings import (
    GREAT_VESSELS,
    STATIONS,
    T2_STRUCTURES,
    T3_STRUCTURES,
    T4_STRUCTURES,
    VESSELS,
    n_of,
)
from server.annotations.organs.lung.stage import GROUPS
from tests.annotations.categories import category_of

Answers = dict[str, Any]
SIZES = {"T1a": 8, "T1b": 15, "T1c": 25, "T2a": 35, "T2b": 45, "T3": 60, "T4": 80}

STATIONS_COUNTED = ("suspicious", "proven")


def case(*positive: str, lobe: str = "rul", size: float = 8, **changes: Any) -> Answers:
    """A tumour that touches nothing, with the stations named proven."""
    structures = dict.fromkeys((*T2_STRUCTURES, *T3_STRUCTURES, *T4_STRUCTURES), "clear")
    vessels: Answers = {name: {"contact_deg": 0} for name in VESSELS}
    for name, value in changes.pop("vessels", {}).items():
        vessels[name] = value
    return {
        "lobe": lobe,
        "size_mm": size,
        "separate_nodule": "none",
        "atelectasis": False,
        "structures": {**structures, **changes.pop("structures", {})},
        "vessels": vessels,
        "stations": {name: "proven" if name in positive else "negative" for name in STATIONS},
        "n2_bulky": False,
        "n2_found": "preoperative",
        "m_status": "m0",
        **changes,
    }


def said(ruleset: str, answers: Answers, **options: str) -> Evaluation:
    return LUNG.ruleset(ruleset).evaluate(answers, options)


def code(ruleset: str, answers: Answers, **options: str) -> str:
    return category_of(said(ruleset, answers, **options))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (10, "T1a"),
        (10.1, "T1b"),
        (20, "T1b"),
        (20.1, "T1c"),
        (30, "T1c"),
        (30.1, "T2a"),
        (40, "T2a"),
        (40.1, "T2b"),
        (50, "T2b"),
        (50.1, "T3"),
        (70, "T3"),
        (70.1, "T4"),
    ],
)
def test_the_size_makes_t(size: float, expected: str) -> None:
    assert code("tnm8-t", case(size=size)) == expected


BY_STRUCTURE = {
    **dict.fromkeys(T2_STRUCTURES, "T2a"),
    **dict.fromkeys(T3_STRUCTURES, "T3"),
    **dict.fromkeys(T4_STRUCTURES, "T4"),
}


@pytest.mark.parametrize(("name", "expected"), BY_STRUCTURE.items())
def test_an_invaded_structure_makes_t_and_contact_leaves_it_open(name: str, expected: str) -> None:
    assert code("tnm8-t", case(structures={name: "invaded"})) == expected
    touched = case(structures={name: "contact"})
    assert code("tnm8-t", touched) == f"T1a..{expected}"
    assert code("tnm8-t", touched, contact="not-invaded") == "T1a"


@pytest.mark.parametrize("name", GREAT_VESSELS)
@pytest.mark.parametrize(
    ("vessel", "expected"),
    [
        ({"contact_deg": 90, "invaded": True}, "T4"),
        ({"contact_deg": 90, "invaded": False}, "T1a"),
        ({"contact_deg": 90}, "T1a..T4"),
        ({"contact_deg": 10, "invaded": False, "patency": "occluded"}, "T4"),
        ({"contact_deg": 10, "invaded": False, "thrombus": "tumour"}, "T4"),
        ({"contact_deg": "not_visible"}, "T1a..T4"),
        ({"contact_deg": "not_assessed", "invaded": True}, "T4"),
        ({"contact_deg": "not_assessed", "invaded": False}, "T1a"),
    ],
)
def test_an_invaded_great_vessel_is_t4(name: str, vessel: Answers, expected: str) -> None:
    assert code("tnm8-t", case(vessels={name: vessel})) == expected


@pytest.mark.parametrize("name", ["lobar_pa", "subclavian_artery", "brachiocephalic_vein"])
def test_other_vessels_make_no_t_and_are_flagged_as_not_addressed(name: str) -> None:
    found = said("tnm8-t", case(vessels={name: {"contact_deg": 90, "invaded": True}}))
    assert found.category and found.category.code == "T1a"
    assert "not_addressed" in {flag.id for flag in found.flags}


@pytest.mark.parametrize(
    ("nodule", "t", "stage"),
    [
        ("same_lobe", "T3", "IIB"),
        ("other_ipsilateral_lobe", "T4", "IIIA"),
        ("contralateral", "T1a", "IV"),
        ("not_assessed", "T1a..T4", "IA1..IV"),
    ],
)
def test_a_separate_nodule_makes_t_or_m(nodule: str, t: str, stage: str) -> None:
    answers = case(separate_nodule=nodule)
    assert code("tnm8-t", answers) == t
    assert code("tnm8-stage", answers) == stage


def test_a_nodule_in_the_other_lung_is_told_as_m1a_and_as_no_rule_of_the_same_lung() -> None:
    found = said("tnm8-t", case(separate_nodule="contralateral"))
    assert [fired.rule for fired in found.fired] == ["LT-1A"]
    assert "m1a" in {flag.id for flag in found.flags}


# Station -> N in a tumour of the right and of the left lung (8th edition).
N_MAP = {
    "s1_right": (3, 3),
    "s1_left": (3, 3),
    "s2_right": (2, 3),
    "s2_left": (3, 2),
    "s3a_right": (2, 3),
    "s3a_left": (3, 2),
    "s3p": (2, 2),
    "s4_right": (2, 3),
    "s4_left": (3, 2),
    "s5": (3, 2),
    "s6": (3, 2),
    "s7": (2, 2),
    "s8_right": (2, 3),
    "s8_left": (3, 2),
    "s9_right": (2, 3),
    "s9_left": (3, 2),
    "s10_right": (1, 3),
    "s10_left": (3, 1),
    "s11_right": (1, 3),
    "s11_left": (3, 1),
    "s12_14_right": (1, 3),
    "s12_14_left": (3, 1),
}


def test_the_map_names_every_station() -> None:
    assert set(N_MAP) == set(STATIONS)


@pytest.mark.parametrize(("station", "expected"), N_MAP.items())
def test_a_station_makes_n_by_the_side_of_the_tumour(
    station: str, expected: tuple[int, int]
) -> None:
    right, left = expected
    assert (n_of(station, "right"), n_of(station, "left")) == expected
    assert code("tnm8-n", case(station)) == f"N{right}"
    assert code("tnm8-n", case(station, lobe="lul")) == f"N{left}"
    unknown = case(station)
    del unknown["lobe"]
    low, high = sorted(expected)
    assert code("tnm8-n", unknown) == (f"N{low}" if low == high else f"N{low}..N{high}")


def test_stations_not_assessed_leave_n_open_upwards() -> None:
    answers = case("s10_right")
    answers["stations"]["s7"] = "not_assessed"
    found = said("tnm8-n", answers)
    assert code("tnm8-n", answers) == "N1..N2"
    assert [missing.pointer for missing in found.missing] == ["/stations/s7"]
    answers["stations"]["s7"] = "suspicious"
    assert code("tnm8-n", answers) == "N2"
    assert code("tnm8-n", answers, positive="proven") == "N1"
    answers["stations"]["s7"] = "sampled_negative"
    assert code("tnm8-n", answers) == "N1"


@pytest.mark.parametrize(
    ("t", "n", "expected"),
    [(t, n, GROUPS[n][column]) for n in range(4) for column, t in enumerate(SIZES)],
)
def test_every_group_of_the_stage_table_is_reached(t: str, n: int, expected: str) -> None:
    station = ((), ("s10_right",), ("s7",), ("s1_left",))[n]
    answers = case(*station, size=SIZES[t])
    assert code("tnm8-stage", answers) == expected
    assert code("tnm8-stage", {**answers, "m_status": "m1"}) == "IV"


def test_the_stage_table_is_that_of_the_8th_edition() -> None:
    assert [row[0] for row in GROUPS] == ["IA1", "IIB", "IIIA", "IIIB"]
    assert [row[4] for row in GROUPS] == ["IIA", "IIB", "IIIA", "IIIB"]
    assert [row[5] for row in GROUPS] == ["IIB", "IIIA", "IIIB", "IIIC"]
    assert [row[6] for row in GROUPS] == ["IIIA", "IIIA", "IIIB", "IIIC"]


INVASIVE: Answers = {"structures": {"carina": "invaded"}}
SUBSETS: dict[str, tuple[Answers, str]] = {
    "T3 N0": (case(size=60), "below_stage_iii"),
    "T2 N1": (case("s10_right", size=35), "below_stage_iii"),
    "T3 N1": (case("s10_right", size=60), "potentially_resectable"),
    "T4 by size N0": (case(size=80), "potentially_resectable"),
    "T4 by invasion N0": (case(**INVASIVE), "no_agreement"),
    "T4 by invasion N1": (case("s10_right", **INVASIVE), "no_agreement"),
    "T1 one N2": (case("s7"), "potentially_resectable"),
    "T2b one N2": (case("s7", size=50), "potentially_resectable"),
    "T1 several N2": (case("s7", "s4_right"), "no_agreement"),
    "T3 one N2": (case("s7", size=60), "no_agreement"),
    "T4 by size one N2": (case("s7", size=80), "no_agreement"),
    "T4 by invasion one N2": (case("s7", **INVASIVE), "no_agreement"),
    "T3 several N2": (case("s7", "s4_right", size=60), "unresectable"),
    "T4 by invasion several N2": (case("s7", "s4_right", **INVASIVE), "unresectable"),
    "T1 bulky N2": (case("s7", n2_bulky=True), "unresectable"),
    "T1 N3": (case("s1_right"), "unresectable"),
    "M1": (case(m_status="m1"), "stage_iv"),
}


@pytest.mark.parametrize(("answers", "expected"), SUBSETS.values(), ids=SUBSETS)
def test_the_survey_places_every_subset(answers: Answers, expected: str) -> None:
    found = said("eortc-stage-iii", answers)
    assert found.category and found.category.code == expected
    sourced = expected == "no_agreement"
    assert [rule.trust for rule in found.fired] == [Trust.SOURCED if sourced else Trust.DERIVED]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (case(), "no_n2"),
        (case("s7", n2_found="pathology"), "IIIA1"),
        (case("s7", n2_found="intraoperative"), "IIIA2"),
        (case("s7", "s4_right", n2_found="intraoperative"), "IIIA3"),
        (case("s7"), "IIIA3"),
        (case("s7", n2_bulky=True), "IIIA4"),
        (case("s7", n2_found="not_assessed"), "IIIA1..IIIA3"),
        (case("s1_left"), "n3"),
    ],
)
def test_robinsons_groups_follow_when_and_how_much_was_found(
    answers: Answers, expected: str
) -> None:
    assert code("robinson-n2", answers) == expected


@pytest.mark.parametrize(
    ("fev1", "dlco", "removed", "expected"),
    [
        (60.1, 60.1, 0, "low_risk"),
        (60, 90, 0, "exercise_test"),  # low risk is above 60, the test within 60 and 30
        (76, 76, 4, "exercise_test"),  # 76 x 15 / 19 is 60
        (76.1, 76.1, 4, "low_risk"),
        (38, 90, 4, "exercise_test"),  # 38 x 15 / 19 is 30
        (37.9, 90, 4, "cardiopulmonary_test"),
        (90, 37.9, 4, "cardiopulmonary_test"),
    ],
)
def test_function_is_predicted_by_segments(
    fev1: float, dlco: float, removed: int, expected: str
) -> None:
    answers = {"fev1_percent": fev1, "dlco_percent": dlco, "segments_removed": removed}
    assert code("ppo-function", answers) == expected
    assert said("ppo-function", answers).fired[0].trust == Trust.GENERAL_KNOWLEDGE


def test_the_lobes_planned_stand_in_for_segments_and_all_five_make_nineteen() -> None:
    values = {"fev1_percent": 77, "dlco_percent": 77}
    assert code("ppo-function", {**values, "planned_lobes": ["lll"]}) == "low_risk"
    assert code("ppo-function", {**values, "planned_lobes": ["lul"]}) == "exercise_test"
    everything = ["rul", "rml", "rll", "lul", "lll"]
    found = said("ppo-function", {**values, "planned_lobes": everything})
    assert "Predicted without 19 segments: FEV1 0.0 %" in found.fired[0].text


def test_what_function_lacks_is_named() -> None:
    found = said("ppo-function", {"fev1_percent": 80})
    assert {one.pointer for one in found.missing} == {"/dlco_percent", "/segments_removed"}


def test_a_suspicious_station_that_does_not_count_is_told_by_every_set_of_nodes() -> None:
    answers = case("s10_right")
    answers["stations"]["s4_right"] = "suspicious"
    for ruleset in ("tnm8-n", "tnm8-stage", "robinson-n2", "eortc-stage-iii"):
        counted, proven = (said(ruleset, answers, positive=one) for one in STATIONS_COUNTED)
        assert "unproven" not in {flag.id for flag in counted.flags}
        [told] = [flag.text for flag in proven.flags if flag.id == "unproven"]
        assert told == "Suspicious, not proven, and not counted: 4R (lower paratracheal)."


def test_the_lobe_is_asked_for_only_where_the_side_decides() -> None:
    """Station 7 is N2 of either lung; station 4 of the right lung is N2 or N3."""
    clear = dict.fromkeys(STATIONS, "negative")
    middle = said("tnm8-n", {"stations": {**clear, "s7": "not_assessed"}})
    assert [one.pointer for one in middle.missing] == ["/stations/s7"]
    right = said("tnm8-n", {"stations": {**clear, "s4_right": "proven"}})
    assert [one.pointer for one in right.missing] == ["/lobe"]


def test_a_value_not_given_is_at_most_what_the_form_takes() -> None:
    """200 % x 2 / 19 is 21 %, so that with 17 segments gone nothing can be above 30 %."""
    found = said("ppo-function", {"dlco_percent": 90, "segments_removed": 17})
    assert found.category and found.category.code == "cardiopulmonary_test"
    assert [fired.text for fired in found.fired] == ["Predicted without 17 segments: DLCO 9.5 %."]
    fewer = said("ppo-function", {"segments_removed": 2}).best
    assert fewer and fewer.code == "low_risk"


def test_what_is_invaded_says_what_the_operation_needs() -> None:
    answers = case(
        structures={"main_bronchus": "invaded", "chest_wall": "invaded"},
        vessels={"svc": {"contact_deg": 90, "invaded": True}, "lobar_pa": {"contact_deg": 20}},
    )
    assert set(said("tnm8-t", answers).capabilities) == {
        "sleeve_resection",
        "chest_wall_resection",
        "svc_reconstruction",
        "pulmonary_artery_reconstruction",
    }


def test_signing_asks_for_a_reason_against_the_survey_and_stops_contradictions() -> None:
    signed = LUNG.examples()["rul-t2a-n0"]
    assert LUNG.to_sign(signed) == []
    n3 = {**signed, "stations": {**signed["stations"], "s1_left": "proven"}}
    assert [problem.pointer for problem in LUNG.to_sign(n3)] == ["/verdict_reason"]
    nodule = {**signed, "separate_nodule": "contralateral", "verdict_reason": "text"}
    assert "/m_status" in [problem.pointer for problem in LUNG.to_sign(nodule)]
    aorta = {"contact_deg": 0, "invaded": True}
    wrong = {**signed, "vessels": {**signed["vessels"], "aorta": aorta}, "verdict_reason": "text"}
    assert "/vessels/aorta/invaded" in [problem.pointer for problem in LUNG.to_sign(wrong)]
