"""Perihilar cholangiocarcinoma: the tables of its sets, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Evaluation, Trust
from server.annotations.organs.perihilar import PERIHILAR
from server.annotations.organs.perihilar.findings import DUCTS, VESSELS
from tests.annotations.categories import category_of

Answers = dict[str, Any]


def case(*ducts: str, atrophy: str = "none", **vessels: Any) -> Answers:
    """Everything free and fit but the ducts and vessels named; a vessel by degrees or in full."""
    stated = {
        name: {"contact_deg": value, "invaded": value > 180} if isinstance(value, int) else value
        for name, value in {**dict.fromkeys(VESSELS, 0), **vessels}.items()
    }
    return {
        "ducts": {name: "involved" if name in ducts else "free" for name in DUCTS},
        "vessels": stated,
        "atrophy": atrophy,
        "multifocal": False,
        "cirrhosis": False,
        "fit_for_resection": True,
        "n2_nodes": "none",
        "m_status": "m0",
    }


def said(ruleset: str, answers: Answers, **options: str) -> Evaluation:
    return PERIHILAR.ruleset(ruleset).evaluate(answers, options)


def code(ruleset: str, answers: Answers, **options: str) -> str:
    return category_of(said(ruleset, answers, **options))


CONFLUENCE, RIGHT, LEFT = "confluence", "right_second_order", "left_second_order"
ENCASED = 270
T, U = "mskcc-t-stage", "mskcc-unresectability"


@pytest.mark.parametrize(
    ("ducts", "expected"),
    [
        ((), "I"),
        (("common_hepatic_duct",), "I"),
        (("right_duct",), "I"),
        ((CONFLUENCE,), "II"),
        ((RIGHT,), "IIIa"),
        ((CONFLUENCE, RIGHT), "IIIa"),
        ((LEFT,), "IIIb"),
        ((RIGHT, LEFT), "IV"),
    ],
)
def test_the_type_follows_the_ducts(ducts: tuple[str, ...], expected: str) -> None:
    assert code("bismuth-corlette", case(*ducts)) == expected


def test_a_multifocal_tumour_is_type_four() -> None:
    assert code("bismuth-corlette", case() | {"multifocal": True}) == "IV"


@pytest.mark.parametrize(
    ("hidden", "involved", "expected"),
    [
        (CONFLUENCE, (), "I..II"),
        (CONFLUENCE, (RIGHT,), "IIIa"),
        (LEFT, (RIGHT,), "IIIa..IV"),
        (RIGHT, (LEFT,), "IIIb..IV"),
        (RIGHT, (), "I..IIIa"),
        (LEFT, (CONFLUENCE,), "II..IIIb"),
    ],
)
def test_a_duct_not_assessed_leaves_the_type_open(
    hidden: str, involved: tuple[str, ...], expected: str
) -> None:
    answers = case(*involved)
    answers["ducts"][hidden] = "not_assessed"
    assert code("bismuth-corlette", answers) == expected


# (case, T stage, predicate): the examples of the fact sheet, then each line of both tables.
TABLE = {
    "right ducts": (case(RIGHT), "T1", "no_criterion"),
    "right ducts, right vein": (case(RIGHT, right_pv=ENCASED), "T2", "no_criterion"),
    "right ducts, left vein": (case(RIGHT, left_pv=ENCASED), "T3", "unresectable"),
    "left atrophy, right ducts": (case(RIGHT, atrophy="left"), "T3", "unresectable"),
    "right atrophy, right vein": (
        case(atrophy="right", right_pv=ENCASED),
        "T2",
        "no_criterion",
    ),
    "both ducts": (case(RIGHT, LEFT), "T3", "unresectable"),
    "main vein": (case(main_pv=ENCASED), "T3", "unresectable"),
    "nothing": (case(), "T1", "no_criterion"),
    "left ducts, right vein": (case(LEFT, right_pv=ENCASED), "T3", "unresectable"),
    "right atrophy, left ducts": (case(LEFT, atrophy="right"), "T3", "unresectable"),
    "right atrophy, right ducts": (case(RIGHT, atrophy="right"), "T2", "no_criterion"),
    "left atrophy, right vein": (
        case(atrophy="left", right_pv=ENCASED),
        "T2",
        "unresectable",
    ),
    "both veins": (case(right_pv=ENCASED, left_pv=ENCASED), "T3", "no_criterion"),
    "main vein touched": (case(main_pv=180), "T3", "no_criterion"),
    "main vein at 181": (case(main_pv=181), "T3", "unresectable"),
    "left vein touched, right ducts": (case(RIGHT, left_pv=180), "T3", "no_criterion"),
    "main vein occluded": (
        case(main_pv={"contact_deg": 10, "invaded": False, "patency": "occluded"}),
        "T3",
        "unresectable",
    ),
    "main vein with tumour thrombus": (
        case(main_pv={"contact_deg": 10, "invaded": False, "thrombus": "tumour"}),
        "T3",
        "unresectable",
    ),
    "right artery": (case(right_ha=ENCASED), "T1", "no_criterion"),
    "cirrhosis": (case() | {"cirrhosis": True}, "T1", "unresectable"),
    "unfit": (case() | {"fit_for_resection": False}, "T1", "unresectable"),
    "proven N2": (case() | {"n2_nodes": "proven"}, "T1", "unresectable"),
    "probable N2": (case() | {"n2_nodes": "probable"}, "T1", "no_criterion"),
    "M1": (case() | {"m_status": "m1"}, "T1", "unresectable"),
    "proven liver metastasis beside M0": (
        case() | {"metastases": {"liver": "proven"}},
        "T1",
        "unresectable",
    ),
}


@pytest.mark.parametrize(("answers", "t", "u"), TABLE.values(), ids=TABLE)
def test_stage_and_predicate_follow_their_tables(answers: Answers, t: str, u: str) -> None:
    assert code(T, answers) == t
    assert code(U, answers) == u


def test_the_options_decide_where_the_sources_differ() -> None:
    main = case(main_pv=ENCASED)
    assert code(U, main, main_portal_vein="relative") == "relative"
    assert code(U, case(main_pv=1), portal_vein="any-contact") == "unresectable"
    assert code(T, case(main_pv=180), portal_vein="encasement") == "T1"
    assert code(U, case(right_ha=1), hepatic_artery="criterion") == "relative"


def test_a_hepatic_artery_is_a_question_of_reconstruction_on_the_side_that_stays() -> None:
    for side, flagged in (("right", True), ("left", False), (None, True)):
        answers = case(right_ha=90) | ({"remnant_side": side} if side else {})
        flags = [flag.id for flag in said(U, answers).flags]
        assert ("hepatic_artery" in flags) == flagged
    assert "arterial_resection" in said(U, case(right_ha=90)).capabilities
    variant = case(variant_ha=90) | {"remnant_side": "left"}
    assert "hepatic_artery" in {flag.id for flag in said(U, variant).flags}


def test_contact_of_a_vein_without_a_word_on_its_wall_is_open() -> None:
    answers = case(main_pv={"contact_deg": 90})
    assert code(U, answers) == "no_criterion..unresectable"
    [missing] = said(U, answers).missing
    assert missing.pointer == "/vessels/main_pv/invaded"
    assert "default_taken" in {flag.id for flag in said(U, answers).flags}


def test_a_stage_that_the_text_does_not_name_is_shown_as_derived() -> None:
    [beside] = said(T, case(right_pv=ENCASED)).fired
    [written] = said(T, case(RIGHT, right_pv=ENCASED)).fired
    assert (beside.trust, written.trust) == (Trust.DERIVED, Trust.SOURCED)


def test_below_the_confluence_t1_is_derived() -> None:
    for answers, derived in ((case(), True), (case(CONFLUENCE), False), (case(RIGHT), False)):
        assert ("derived" in {flag.id for flag in said(T, answers).flags}) == derived


BODY = {"height_cm": 170, "weight_kg": 70}  # 1.8181 m2 (Mosteller): 300 mL/m2 are 545.4 mL


@pytest.mark.parametrize(
    ("flr_ml", "variability", "expected"),
    [
        (545.0, "none", "inadequate"),
        (546.0, "none", "adequate"),
        (546.0, "10_percent", "borderline"),
        (496.0, "10_percent", "borderline"),
        (495.0, "10_percent", "inadequate"),
        (606.0, "10_percent", "borderline"),
        (607.0, "10_percent", "adequate"),
    ],
)
def test_the_remnant_is_measured_against_300_ml_of_body_surface(
    flr_ml: float, variability: str, expected: str
) -> None:
    assert code("flr-bile-duct", {"flr_ml": flr_ml} | BODY, variability=variability) == expected


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(29.9, "inadequate"), (30, "borderline"), (39.9, "borderline"), (40, "adequate")],
)
def test_the_share_between_the_usual_minima_is_borderline_and_not_verified(
    percent: float, expected: str
) -> None:
    assert code("flr-share", {"flr_percent": percent}) == expected
    measured = {"flr_ml": percent, "total_liver_ml": 110, "tumour_ml": 10}
    assert code("flr-share", measured) == expected
    assert said("flr-share", measured).fired[0].trust == Trust.GENERAL_KNOWLEDGE


@pytest.mark.parametrize(
    ("ruleset", "part_ml", "words"),
    [
        (
            "flr-share",
            250,
            "250 mL of the remnant stay perfused and drained; alone they are judged",
        ),
        (
            "flr-bile-duct",
            545,
            "545 mL of the remnant stay perfused and drained; alone they are judged",
        ),
        ("flr-share", 450, None),
    ],
)
def test_a_part_that_loses_inflow_or_drainage_is_told_where_the_rest_is_too_little(
    ruleset: str, part_ml: float, words: str | None
) -> None:
    whole = {"flr_ml": 700, "total_liver_ml": 1110, "tumour_ml": 10} | BODY
    found = said(ruleset, whole | {"flr_functional_ml": part_ml})
    assert found.category == said(ruleset, whole).category
    told = [flag.text for flag in found.flags if flag.id == "functional_remnant"]
    assert [text.startswith(words) for text in told] == [True] if words else told == []


@pytest.mark.parametrize(("uptake", "expected"), [(8.4, "inadequate"), (8.5, "adequate")])
def test_the_uptake_of_the_remnant_has_its_minimum(uptake: float, expected: str) -> None:
    assert code("mebrofenin", {"mebrofenin_percent_min": uptake}) == expected


def test_what_the_remnant_lacks_is_named_and_a_side_not_drained_is_flagged() -> None:
    found = said("flr-bile-duct", {"flr_ml": 400, "remnant_drained": "no"})
    assert {missing.pointer for missing in found.missing} == {"/height_cm", "/weight_kg"}
    assert {"drainage_first", "alpps"} <= {flag.id for flag in found.flags}
    enough = said("flr-bile-duct", {"flr_ml": 900} | BODY)
    assert (enough.capabilities, enough.flags) == ((), ())
    small = said("flr-bile-duct", {"flr_ml": 300} | BODY)
    assert small.capabilities == ("portal_vein_embolisation",)


def test_signing_asks_for_a_reason_where_the_predicate_stands_against_the_verdict() -> None:
    signed = PERIHILAR.examples()["right-iiia-resectable"]
    assert PERIHILAR.to_sign(signed) == []
    against = {**signed, "atrophy": "left"}
    assert [problem.pointer for problem in PERIHILAR.to_sign(against)] == ["/verdict_reason"]
    assert PERIHILAR.to_sign({**against, "verdict_reason": "Left lobe is not to stay."}) == []


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"vessels": {"main_pv": {"contact_deg": 0, "invaded": True}}}, "/vessels/main_pv/invaded"),
        ({"metastases": {"lung": "proven"}, "m_status": "m0"}, "/m_status"),
        ({"flr_ml": 1700}, "/flr_ml"),
        ({"tumour_ml": 2000}, "/tumour_ml"),
        ({"flr_ml": 400, "flr_functional_ml": 500}, "/flr_functional_ml"),
        ({"flr_percent": 5}, "/flr_percent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_answers_that_cannot_both_be_true_stop_the_signature(wrong: Answers, pointer: str) -> None:
    signed = PERIHILAR.examples()["right-iiia-resectable"]
    vessels = {**signed["vessels"], **wrong.get("vessels", {})}
    answers = {**signed, **wrong, "vessels": vessels}
    assert pointer in [problem.pointer for problem in PERIHILAR.to_sign(answers)]
