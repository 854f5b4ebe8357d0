"""BCLC, Milan, the Japanese invasion codes, foci of cholangiocarcinoma, portal hypertension."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.organs.liver import LIVER
from server.annotations.organs.liver.findings import VESSELS

CLEAR = {"contact_deg": 0, "invaded": False}
TUMOUR = {"contact_deg": 360, "invaded": True, "thrombus": "tumour"}
FUNCTION = {
    "bilirubin_umol_l": 12,
    "albumin_g_l": 42,
    "inr": 1.0,
    "ascites": "none",
    "encephalopathy": "none",
}


def hcc(count: int, largest_mm: float, **more: Any) -> dict[str, Any]:
    return {
        "entity": "hcc",
        "lesion_count": count,
        "largest_mm": largest_mm,
        "vp": "vp0",
        "vv": "vv0",
        "ecog": 0,
        "m_status": "m0",
        "metastases": {"regional_nodes": "none"},
        **FUNCTION,
        **more,
    }


def said(ruleset: str, answers: dict[str, Any], **options: str) -> dict[str, Any]:
    return LIVER.ruleset(ruleset).evaluate(answers, options).to_json()


@pytest.mark.parametrize(
    ("answers", "stage"),
    [
        (hcc(1, 20), "0"),
        (hcc(1, 20.1), "A"),
        (hcc(1, 50), "A"),
        (hcc(1, 120), "A"),
        (hcc(2, 15), "A"),
        (hcc(3, 30), "A"),
        (hcc(3, 30.1), "B"),
        (hcc(4, 10), "B"),
        (hcc(1, 15, ecog=1), "C"),
        (hcc(1, 15, ecog=2), "C"),
        (hcc(1, 15, vp="vp1"), "C"),
        (hcc(1, 15, vv="vv2"), "C"),
        (hcc(1, 15, m_status="m1"), "C"),
        (hcc(1, 15, metastases={"regional_nodes": "proven"}), "C"),
        (hcc(1, 15, ecog=3), "D"),
        (hcc(1, 15, ascites="moderate_severe", bilirubin_umol_l=60, albumin_g_l=25), "D"),
    ],
)
def test_bclc_stages_a_complete_case(answers: dict[str, Any], stage: str) -> None:
    found = said("bclc-2022", answers)
    assert found["category"] == stage
    assert found["fired"] and found["missing"] == []


def test_the_older_text_calls_a_single_tumour_over_5_cm_intermediate() -> None:
    assert said("bclc-2022", hcc(1, 51), single_over_5_cm="B")["category"] == "B"
    assert said("bclc-2022", hcc(1, 50), single_over_5_cm="B")["category"] == "A"
    trusts = {one["rule"]: one["trust"] for one in said("bclc-2022", hcc(1, 51))["fired"]}
    assert trusts["BCLC-A-2"] == "general_knowledge"


def test_unknown_function_leaves_the_terminal_stage_open() -> None:
    answers = {name: value for name, value in hcc(1, 15).items() if name not in FUNCTION}
    assert said("bclc-2022", answers)["interval"] == ["0", "D"]
    assert said("bclc-2022", answers, end_stage="not-counted")["category"] == "0"


@pytest.mark.parametrize(
    ("answers", "category"),
    [
        (hcc(1, 50), "within"),
        (hcc(1, 50.1), "beyond"),
        (hcc(3, 30), "within"),
        (hcc(2, 30.1), "beyond"),
        (hcc(4, 10), "beyond"),
        (hcc(1, 20, vp="vp1"), "beyond"),
        (hcc(1, 20, metastases={"regional_nodes": "proven"}), "beyond"),
        (hcc(1, 20, metastases={"regional_nodes": "suspected"}), "within"),
    ],
)
def test_milan_on_a_complete_case(answers: dict[str, Any], category: str) -> None:
    assert said("milan", answers)["category"] == category


def test_milan_names_what_it_does_not_know() -> None:
    found = said("milan", {"entity": "hcc", "lesion_count": 2})
    assert found["interval"] == ["within", "beyond"]
    pointers = {one["pointer"] for one in found["missing"]}
    assert {"/largest_mm", "/vp", "/vv", "/metastases/lung"} <= pointers


def test_lesions_described_one_by_one_bound_number_and_size() -> None:
    answers = {name: hcc(1, 1)[name] for name in hcc(1, 1) if not name.startswith("l")}
    answers |= {f"lesion_{index}": {"size_mm": 12} for index in (1, 2, 3, 4)}
    assert said("milan", answers)["category"] == "beyond"
    answers = hcc(2, 1)
    del answers["largest_mm"]
    answers |= {"lesion_1": {"size_mm": 12}, "lesion_2": {"size_mm": 30}}
    assert said("milan", answers)["category"] == "within"
    answers["lesion_2"] = {"size_mm": 31}
    assert said("milan", answers)["category"] == "beyond"


@pytest.mark.parametrize("ruleset", ["bclc-2022", "milan", "hcc-radical-china"])
def test_a_set_for_hcc_is_silent_on_metastases(ruleset: str) -> None:
    found = said(ruleset, hcc(1, 20) | {"entity": "crlm"})
    assert (found["category"], found["interval"]) == (None, None)
    assert found["flags"][0]["id"] == "not_addressed"


def test_without_an_entity_the_set_judges_and_says_so() -> None:
    answers = hcc(1, 15)
    del answers["entity"]
    found = said("bclc-2022", answers)
    assert found["category"] == "0"
    assert [flag["id"] for flag in found["flags"]] == ["entity_not_stated"]


@pytest.mark.parametrize("code", ["vp0", "vp1", "vp2", "vp3", "vp4"])
def test_a_code_given_is_its_category(code: str) -> None:
    found = said("japan-vp", {"vp": code})
    assert found["category"] == code
    cheng = [flag["text"] for flag in found["flags"] if flag["id"] == "cheng_type"]
    assert bool(cheng) == (code in ("vp2", "vp3", "vp4"))


@pytest.mark.parametrize(
    ("ruleset", "vessel", "least"),
    [
        ("japan-vp", "main_pv", "vp4"),
        ("japan-vp", "left_pv", "vp3"),
        ("japan-vp", "right_anterior_pv", "vp2"),
        ("japan-vv", "ivc", "vv3"),
        ("japan-vv", "mhv", "vv2"),
        ("japan-b", "common_duct", "b4"),
        ("japan-b", "right_duct", "b3"),
        ("japan-b", "left_second_order_ducts", "b2"),
    ],
)
def test_the_vessel_table_raises_the_least_a_code_can_be(
    ruleset: str, vessel: str, least: str
) -> None:
    vessels = dict.fromkeys(VESSELS, CLEAR) | {vessel: TUMOUR}
    found = LIVER.ruleset(ruleset).evaluate({"vessels": vessels})
    assert found.best is not None and found.best.code == least
    field = ruleset.removeprefix("japan-")
    lower = {"vessels": vessels, field: f"{field}0"}
    flags = LIVER.ruleset(ruleset).evaluate(lower).flags
    assert "contradiction" in [flag.id for flag in flags]
    assert f"/{field}" in [problem.pointer for problem in LIVER.to_sign(lower)]


def test_clear_named_branches_leave_only_small_ones_open() -> None:
    found = said("japan-vp", {"vessels": dict.fromkeys(VESSELS, CLEAR)})
    assert found["interval"] == ["vp0", "vp2"]
    some = dict.fromkeys(VESSELS, CLEAR) | {"left_pv": {"contact_deg": "not_visible"}}
    assert said("japan-vp", {"vessels": some})["interval"] == ["vp0", "vp3"]


def test_a_code_for_vessels_that_are_clear_is_a_contradiction() -> None:
    answers = {"vessels": dict.fromkeys(VESSELS, CLEAR), "vp": "vp3"}
    found = said("japan-vp", answers)
    assert found["category"] == "vp3"
    assert "contradiction" in [flag["id"] for flag in found["flags"]]
    assert said("japan-vp", {**answers, "vp": "vp2"})["category"] == "vp2"


@pytest.mark.parametrize(
    ("codes", "category"),
    [
        (("vp2", "b2", "vv1"), "radical_possible"),
        (("vp3", "b0", "vv0"), "not_radical"),
        (("vp0", "b3", "vv0"), "not_radical"),
        (("vp0", "b0", "vv2"), "not_radical"),
    ],
)
def test_radical_resection_asks_for_free_trunks(codes: tuple[str, ...], category: str) -> None:
    vp, b, vv = codes
    answers = {"entity": "hcc", "vp": vp, "b": b, "vv": vv}
    assert said("hcc-radical-china", answers)["category"] == category


@pytest.mark.parametrize(
    ("count", "category"), [(1, "solitary"), (2, "two"), (3, "three_or_more"), (9, "three_or_more")]
)
def test_foci_of_cholangiocarcinoma_fall_in_three_bands(count: int, category: str) -> None:
    answers = {"entity": "icca", "lesion_count": count}
    assert said("icca-foci", answers)["category"] == category


@pytest.mark.parametrize(
    ("answers", "category"),
    [
        ({"hvpg_mmhg": 10}, "present"),
        ({"hvpg_mmhg": 9.5, "varices_or_splenomegaly": "no"}, "absent"),
        (
            {"hvpg_measured": "no", "varices_or_splenomegaly": "yes", "platelets_g_l": 99},
            "present",
        ),
        (
            {"hvpg_measured": "no", "varices_or_splenomegaly": "yes", "platelets_g_l": 100},
            "absent",
        ),
        ({"hvpg_measured": "no", "varices_or_splenomegaly": "no"}, "absent"),
    ],
)
def test_portal_hypertension_by_pressure_or_by_signs(
    answers: dict[str, Any], category: str
) -> None:
    assert said("portal-hypertension", answers)["category"] == category


def test_a_pressure_nobody_spoke_of_stays_open() -> None:
    found = said("portal-hypertension", {"varices_or_splenomegaly": "no"})
    assert found["interval"] == ["absent", "present"]
    assert [one["pointer"] for one in found["missing"]] == ["/hvpg_measured"]


def test_a_pressure_said_to_be_measured_is_asked_for_itself() -> None:
    found = said("portal-hypertension", {"hvpg_measured": "yes", "varices_or_splenomegaly": "no"})
    assert found["interval"] == ["absent", "present"]
    assert [one["pointer"] for one in found["missing"]] == ["/hvpg_mmhg"]


def test_portal_hypertension_speaks_against_two_segments() -> None:
    answers = {"hvpg_mmhg": 12, "planned_resection": ["V", "VI"]}
    flags = said("portal-hypertension", answers)["flags"]
    assert [flag["id"] for flag in flags] == ["resection_limit"]
    assert said("portal-hypertension", answers | {"planned_resection": ["V"]})["flags"] == []


@pytest.mark.parametrize(
    ("ruleset", "answers"),
    [
        ("milan", {"m_status": "m0", "metastases": {"lung": "proven"}}),
        ("bclc-2022", {"lesion_count": 1, "lesion_1": {"size_mm": 9}, "lesion_2": {"size_mm": 8}}),
        ("crlm-resectability", {"largest_mm": 10, "lesion_1": {"size_mm": 20}}),
    ],
)
def test_what_cannot_both_be_true_of_the_tumour_is_told_beside_the_category(
    ruleset: str, answers: dict[str, Any]
) -> None:
    assert "contradiction" in [flag["id"] for flag in said(ruleset, answers)["flags"]]


def test_what_bclc_lacks_of_the_liver_is_named_one_by_one() -> None:
    answers = {one: value for one, value in hcc(1, 30).items() if one not in FUNCTION}
    words = [one["text"] for one in said("bclc-2022", answers)["missing"]]
    assert len(words) == len(set(words)) == len(FUNCTION)
    assert any(one.startswith("Bilirubin not entered") for one in words)
