"""Retroperitoneal sarcoma: what goes en bloc, what speaks against resection."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts

from server.annotations.decision import Trust
from server.annotations.organs.sarcoma import NEEDED, SARCOMA
from server.annotations.organs.sarcoma.findings import (
    ARTERIES,
    CERTAINTIES,
    NERVES,
    ORGANS,
    VEINS,
    VESSELS,
)

Answers = dict[str, Any]
SNOMED: dict[str, dict[str, Any]] = cast(Any, concepts["SCT"])
STEPS = (
    {"contact_deg": 0, "contact_kind": "none", "reconstructable": "yes"},
    {"contact_deg": 180, "invaded": False, "reconstructable": "yes"},
    {"contact_deg": 181, "invaded": False, "reconstructable": "yes"},
    {"contact_deg": 181, "invaded": True, "reconstructable": "yes"},
    {"contact_deg": 181, "invaded": True, "reconstructable": "no"},
)
STATES = ("clear", "contact", "invaded")
REBUILT, GONE = STEPS[3], STEPS[4]
CUT = {**dict.fromkeys(NERVES, "clear"), "femoral_nerve": "invaded"}


def case(vessels: Answers | None = None, **more: Any) -> Answers:
    answers = deepcopy(SARCOMA.examples()["kidney-colon-en-bloc"])
    answers["vessels"].update(vessels or {})
    answers["organs"] = dict.fromkeys(ORGANS, "clear")
    return {**answers, **more}


def said(answers: Answers, ruleset: str = "rps-resectability", **options: str) -> Answers:
    return SARCOMA.ruleset(ruleset).evaluate(answers, options).to_json()


@pytest.mark.parametrize(
    ("answers", "category", "rule"),
    [
        (case(), "resectable", "RPS-R"),
        (case({"aorta": STEPS[1]}), "resectable", "RPS-R"),
        (case({"ivc": REBUILT}), "en_bloc", "RPS-E-2"),
        (case(nerves=CUT), "en_bloc", "RPS-E-3"),
        (case({"sma": GONE}), "unresectable", "RPS-U-4"),
        (case({"renal_vein": GONE}), "en_bloc", "RPS-E-2"),
        (case(expected_resection="r2"), "unresectable", "RPS-U-1"),
        (case(sarcomatosis="proven"), "metastatic", "RPS-M-2"),
        (case(sarcomatosis="probable"), "resectable", "RPS-R"),
        (case(m_status="m1"), "metastatic", "RPS-M-1"),
    ],
)
def test_one_finding_decides(answers: Answers, category: str, rule: str) -> None:
    found = said(answers)
    assert found["category"] == category
    assert [one["rule"] for one in found["fired"]] == [rule]
    assert {one["trust"] for one in found["fired"]} == {Trust.DERIVED}


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_vessel_that_cannot_be_reconstructed_is_not_taken(name: str) -> None:
    assert said(case({name: GONE}))["category"] == "unresectable"
    assert said(case({name: REBUILT}))["category"] == "en_bloc"
    unsaid = {"contact_deg": 200, "invaded": True}
    found = said(case({name: unsaid}))
    assert found["interval"] == ["en_bloc", "unresectable"]
    assert [one["pointer"] for one in found["missing"]] == [f"/vessels/{name}/reconstructable"]


@pytest.mark.parametrize("name", sorted(ORGANS))
def test_an_invaded_organ_goes_en_bloc(name: str) -> None:
    answers = case()
    answers["organs"][name] = "invaded"
    found = said(answers)
    assert found["category"] == "en_bloc"
    assert "multivisceral_resection" in found["capabilities"]
    answers["organs"][name] = "contact"
    found = said(answers)
    assert (found["interval"], found["capabilities"]) == (["resectable", "en_bloc"], [])
    assert [one["pointer"] for one in found["missing"]] == [f"/organs/{name}"]
    assert said(answers, contact="not-invaded")["category"] == "resectable"
    del answers["organs"][name]
    assert said(answers)["interval"] == ["resectable", "en_bloc"]


@pytest.mark.parametrize(
    ("vessels", "kind"),
    [
        ({}, "IV"),
        ({"ivc": STEPS[1]}, "III"),
        ({"aorta": STEPS[1]}, "II"),
        ({"aorta": STEPS[1], "ivc": STEPS[3]}, "I"),
    ],
)
def test_the_type_of_vessel_involvement_counts_arteries_and_veins(
    vessels: Answers, kind: str
) -> None:
    found = said(case(vessels), "schwarzbach")
    assert found["category"] == kind
    assert found["fired"][0]["trust"] == Trust.GENERAL_KNOWLEDGE


def test_what_an_operation_needs_follows_from_what_is_taken() -> None:
    vessels = {"ivc": REBUILT, "external_iliac_artery": REBUILT, "sma": REBUILT}
    answers = case(vessels, nerves={"femoral_nerve": "invaded"})
    answers["organs"]["spine"] = "invaded"
    assert said(answers)["capabilities"] == [
        "multivisceral_resection",
        "ivc_reconstruction",
        "arterial_resection",
        "vascular_reconstruction",
        "nerve_resection",
        "bone_resection",
    ]


def test_a_nerve_to_be_resected_is_told_as_a_deficit() -> None:
    found = said(case(en_bloc_nerves=["femoral_nerve"]))
    assert [flag["id"] for flag in found["flags"]] == ["nerve_deficit"]


def test_what_is_invaded_has_to_be_planned_for_where_an_operation_is_advised() -> None:
    answers = case(en_bloc_organs=["kidney"])
    answers["organs"]["colon"] = "invaded"
    answers["verdict"] = "resectable_now"
    assert "/en_bloc_organs" in [problem.pointer for problem in SARCOMA.to_sign(answers)]
    answers["en_bloc_organs"] = ["kidney", "colon"]
    assert SARCOMA.to_sign(answers) == []


@pytest.mark.parametrize(
    ("answers", "verdict", "asked"),
    [
        (case(), "resectable_now", False),
        (case({"sma": GONE}), "resectable_now", True),
        (case(), "not_resectable_here", True),
        (case({"ivc": REBUILT}), "not_resectable_here", False),
        (case(), "metastatic_no_surgery", True),
    ],
)
def test_a_verdict_against_the_computed_category_asks_for_a_reason(
    answers: Answers, verdict: str, asked: bool
) -> None:
    pointers = [problem.pointer for problem in SARCOMA.to_sign({**answers, "verdict": verdict})]
    assert ("/verdict_reason" in pointers) == asked


def ends(answers: Answers) -> list[tuple[int, int]]:
    narrow = {"rps-resectability": {"contact": "not-invaded"}}
    found = [*SARCOMA.evaluate(answers), *SARCOMA.evaluate(answers, narrow)]
    return [
        (e.best.rank, e.worst.rank) for e in found if e.best is not None and e.worst is not None
    ]


@st.composite
def complete_case(draw: st.DrawFn) -> Answers:
    state = st.sampled_from(("clear", "clear", "clear", *STATES))
    return {
        "m_status": draw(st.sampled_from(("m0", "m0", "m0", "m1"))),
        "sarcomatosis": draw(st.sampled_from(("none", "none", "probable", "proven"))),
        "expected_resection": draw(st.sampled_from(("r0_r1", "r0_r1", "r2"))),
        "vessels": {
            name: dict(draw(st.sampled_from((STEPS[0], STEPS[0], STEPS[0], *STEPS))))
            for name in VESSELS
        },
        "organs": {name: draw(state) for name in ORGANS},
        "nerves": {name: draw(state) for name in NERVES},
    }


@given(complete_case(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_worse_finding_never_improves_a_category(answers: Answers, data: st.DataObject) -> None:
    worse = deepcopy(answers)
    kind: str = data.draw(st.sampled_from(("vessel", "organs", "nerves", "patient", "site")))
    if kind == "vessel":
        name = data.draw(st.sampled_from(sorted(VESSELS)))
        place = STEPS.index(answers["vessels"][name])
        worse["vessels"][name] = dict(data.draw(st.sampled_from(STEPS[place:])))
    elif kind == "site":
        worse["metastases"] = {"lung": data.draw(st.sampled_from(CERTAINTIES))}
    elif kind == "patient":
        worst = {"m_status": "m1", "sarcomatosis": "proven", "expected_resection": "r2"}
        field = data.draw(st.sampled_from(sorted(worst)))
        worse[field] = worst[field]
    else:
        name = data.draw(st.sampled_from(sorted(worse[kind])))
        worse[kind][name] = data.draw(st.sampled_from(STATES[STATES.index(worse[kind][name]) :]))
    for (best, worst_), (best_after, worst_after) in zip(ends(answers), ends(worse), strict=True):
        assert best_after >= best and worst_after >= worst_


@given(complete_case(), st.data())
@settings(max_examples=200, deadline=None)
def test_the_truth_lies_within_the_interval(answers: Answers, data: st.DataObject) -> None:
    hidden = deepcopy(answers)
    patient = ("m_status", "sarcomatosis", "expected_resection")
    for field in data.draw(st.sets(st.sampled_from(patient))):
        del hidden[field]
    for name in data.draw(st.sets(st.sampled_from(sorted(VESSELS)), max_size=4)):
        gap = data.draw(st.sampled_from(("reconstructable", "contact_deg")))
        if gap == "contact_deg":
            hidden["vessels"][name] = {"contact_deg": "not_visible"}
        else:
            hidden["vessels"][name]["reconstructable"] = "not_stated"
    for within in ("organs", "nerves"):
        for name in data.draw(st.sets(st.sampled_from(sorted(hidden[within])), max_size=3)):
            del hidden[within][name]
    for (truth, same), (best, worst) in zip(ends(answers), ends(hidden), strict=True):
        assert best <= truth and same <= worst


def test_without_any_answer_everything_is_open() -> None:
    assert ends({}) == [(0, 3), (0, 3)] * 2


def test_every_coded_structure_is_known_to_dicom() -> None:
    known = {code for entry in SNOMED.values() for code in entry}
    coded = [field for field in SARCOMA.fields if "code" in field.hints]
    assert {field.path[-1] for field in coded} >= {*ARTERIES, *VEINS, *ORGANS, *NERVES}
    assert {field.hints["code"]["value"] for field in coded} <= known
    for field in SARCOMA.fields:
        for code in field.schema.get("items", {}).get("x-margin", {}).get("codes", {}).values():
            assert code["value"] in known
