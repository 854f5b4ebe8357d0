"""What still stops a signature: vessels not spoken of, gaps, overriding not explained."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from server.annotations.organs import ORGANS, Organ
from tests.annotations.pancreas_world import pancreas, touched

PANCREAS, LIVER = ORGANS["pancreas"], ORGANS["liver"]
VESSELS = [
    (organ, name)
    for organ in ORGANS.values()
    for name, schema in organ.schema["properties"]["vessels"]["properties"].items()
    if schema["properties"]["contact_deg"]["x-margin"]["sign"] == "explicit"
]
COMPLETE = {
    "pancreas": "head-resectable",
    "liver": "crlm-right-adequate",
    "perihilar": "right-iiia-resectable",
    "rectum": "mid-t3b-clear-margin",
    "lung": "rul-t2a-n0",
    "gastric": "lower-resectable",
    "sarcoma": "kidney-colon-en-bloc",
    "generic": "adrenal",
}


def complete(organ: Organ) -> dict[str, Any]:
    return deepcopy(organ.examples()[COMPLETE[organ.id]])


def pointers(organ: Organ, answers: dict[str, Any]) -> list[str]:
    return [problem.pointer for problem in organ.to_sign(answers)]


@pytest.mark.parametrize(("organ", "name"), VESSELS, ids=[f"{o.id}-{n}" for o, n in VESSELS])
def test_a_vessel_left_out_stops_the_signature_and_an_explicit_word_lets_it_pass(
    organ: Organ, name: str
) -> None:
    answers = complete(organ)
    del answers["vessels"][name]
    assert pointers(organ, answers) == [f"/vessels/{name}/contact_deg"]
    answers["vessels"][name] = {"contact_deg": "not_assessed"}
    assert f"/vessels/{name}/contact_deg" not in pointers(organ, answers)


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("verdict", "/verdict"),
        ("confidence", "/confidence"),
        ("imaging_adequacy", "/imaging_adequacy"),
        ("recommendation", "/recommendation/text"),
    ],
)
def test_the_opinion_is_not_signed_without_its_parts(
    organ: Organ, field: str, pointer: str
) -> None:
    answers = complete(organ)
    del answers[field]
    assert pointers(organ, answers) == [pointer]


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_blank_text_is_no_recommendation(organ: Organ) -> None:
    answers = complete(organ)
    answers["recommendation"]["text"] = " \n "
    assert pointers(organ, answers) == ["/recommendation/text"]


@pytest.mark.parametrize(
    ("organ", "field"),
    [(PANCREAS, "site"), (PANCREAS, "m_status"), (LIVER, "entity"), (LIVER, "background")],
)
def test_what_the_rules_turn_on_has_to_be_answered(organ: Organ, field: str) -> None:
    answers = complete(organ)
    del answers[field]
    assert f"/{field}" in pointers(organ, answers)


RESECTABLE = pancreas()
BORDERLINE = pancreas(sma=touched(90))
ADVANCED = pancreas(sma=touched(200))
METASTATIC = pancreas(m_status="m1")
OPEN = pancreas(sma={"contact_deg": "not_assessed"})
AGREES = {
    "resectable_now": [RESECTABLE, OPEN],
    "resectable_with_conditions": [RESECTABLE, BORDERLINE, OPEN],
    "conversion_then_reassess": [BORDERLINE, ADVANCED, OPEN],
    "not_resectable_here": [ADVANCED, METASTATIC, OPEN],
    "insufficient_imaging": [OPEN],
    "metastatic_no_surgery": [METASTATIC],
}
CASES = [RESECTABLE, BORDERLINE, ADVANCED, METASTATIC, OPEN]
NAMES = ["resectable", "borderline", "advanced", "metastatic", "open"]


@pytest.mark.parametrize("verdict", AGREES)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_verdict_against_the_computed_category_asks_for_a_reason(
    verdict: str, case: dict[str, Any]
) -> None:
    answers = case | {"verdict": verdict}
    asked = "/verdict_reason" in pointers(PANCREAS, answers)
    assert asked == (case not in AGREES[verdict])
    answers["verdict_reason"] = "Response after eight cycles."
    assert "/verdict_reason" not in pointers(PANCREAS, answers)


def test_a_form_knows_exactly_the_verdicts_of_the_table() -> None:
    for organ in ORGANS.values():
        assert organ.schema["properties"]["verdict"]["enum"] == list(AGREES)
        for verdict in AGREES:
            assert organ.verdict_label(verdict) != verdict
    assert PANCREAS.verdict({"verdict": "resectable_now"}) == "resectable_now"
    assert PANCREAS.verdict({"verdict": 5}) is None
    assert PANCREAS.verdict_label("unheard_of") == "unheard_of"


@pytest.mark.parametrize("verdict", AGREES)
def test_an_unresectable_opinion_says_when_and_what_to_measure_again(verdict: str) -> None:
    expected = verdict in ("conversion_then_reassess", "not_resectable_here")
    found = pointers(PANCREAS, ADVANCED | {"verdict": verdict})
    assert ("/reassess_after" in found) == expected
    assert ("/reassess_after/finding" in found) == expected
    again = {"event": "after four cycles", "finding": "Contact of the SMA"}
    found = pointers(PANCREAS, ADVANCED | {"verdict": verdict, "reassess_after": again})
    assert not [pointer for pointer in found if pointer.startswith("/reassess_after")]


def remnant(percent: float, verdict: str) -> dict[str, Any]:
    volumes = {"flr_ml": percent * 10, "total_liver_ml": 1000, "tumour_ml": 0}
    return complete(LIVER) | volumes | {"background": "fibrosis_or_cirrhosis", "verdict": verdict}


@pytest.mark.parametrize(
    ("percent", "verdict", "asked"),
    [
        (60, "resectable_now", False),
        (40, "resectable_now", True),
        (40, "resectable_with_conditions", False),
        (20, "resectable_now", True),
        (20, "resectable_with_conditions", True),
        (20, "conversion_then_reassess", False),
        (60, "not_resectable_here", False),
    ],
)
def test_operating_on_too_small_a_remnant_asks_for_a_reason(
    percent: float, verdict: str, asked: bool
) -> None:
    answers = remnant(percent, verdict)
    answers["flr_ml"] = percent * 10
    del answers["height_cm"]
    assert ("/verdict_reason" in pointers(LIVER, answers)) == asked


def test_operating_where_inflow_is_lost_asks_for_a_reason() -> None:
    answers = complete(LIVER)
    lost = {"contact_deg": 360, "invaded": True, "reconstructable": "no"}
    answers["vessels"]["main_pv"] = lost
    assert pointers(LIVER, answers) == ["/verdict_reason"]


def test_an_unverified_minimum_asks_nobody_for_a_reason() -> None:
    answers = complete(LIVER)
    said = {e.ruleset: e.label for e in LIVER.evaluate(answers)}
    assert said["flr-body-weight"].startswith("Borderline")
    assert pointers(LIVER, answers) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"contact_deg": 90, "contact_kind": "none"}, "/vessels/sma/contact_kind"),
        ({"contact_deg": 0, "contact_kind": "solid"}, "/vessels/sma/contact_kind"),
        ({"contact_deg": 0, "extends_to": ["ca"]}, "/vessels/sma/extends_to"),
        ({"contact_deg": 0, "thrombus": "tumour"}, "/vessels/sma/thrombus"),
        ({"contact_kind": "haze_only", "thrombus": "tumour"}, "/vessels/sma/thrombus"),
        ({"contact_kind": "none", "extends_to": ["ca"]}, "/vessels/sma/extends_to"),
    ],
)
def test_a_contradiction_is_flagged_and_stops_the_signature(
    change: dict[str, Any], pointer: str
) -> None:
    answers = complete(PANCREAS)
    answers["vessels"]["sma"] = change
    assert pointer in pointers(PANCREAS, answers)
    assert "contradiction" in [flag.id for flag in PANCREAS.evaluate(answers)[0].flags]


def test_no_variant_and_contact_with_one_is_a_contradiction() -> None:
    answers = complete(PANCREAS)
    answers["vessels"]["variant_artery"] = {"contact_deg": 90, "variant_kind": "none"}
    assert "/vessels/variant_artery/variant_kind" in pointers(PANCREAS, answers)


def test_m0_beside_a_proven_metastasis_is_a_contradiction() -> None:
    answers = complete(PANCREAS)
    answers["metastases"]["lung"] = "proven"
    assert "/m_status" in pointers(PANCREAS, answers)


def test_an_empty_form_is_told_each_thing_once_in_the_order_of_the_form() -> None:
    for organ in ORGANS.values():
        found = pointers(organ, {})
        assert len(found) == len(set(found))
        assert len(found) > sum(one is organ for one, _ in VESSELS)
        assert all(problem.message for problem in organ.to_sign({}))
