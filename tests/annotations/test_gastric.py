"""Stomach: features of unresectability, neighbours, and what is not assessed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts

from server.annotations.organs.gastric import GASTRIC
from server.annotations.organs.gastric.findings import MAJOR, ORGANS, RECORDED, VESSELS

Answers = dict[str, Any]
SNOMED: dict[str, dict[str, Any]] = cast(Any, concepts["SCT"])
STEPS = (
    {"contact_deg": 0, "contact_kind": "none"},
    {"contact_deg": 180, "contact_kind": "solid", "invaded": False},
    {"contact_deg": 181, "contact_kind": "solid", "invaded": False},
    {"contact_deg": 181, "contact_kind": "solid", "invaded": True},
)
STATES = ("clear", "contact", "invaded")
CERTAINTIES = ("none", "suspected", "probable", "proven")
SPREAD = ("mesenteric_root_nodes", "para_aortic_nodes", "peritoneal_metastasis")


def case(vessels: Answers | None = None, **more: Any) -> Answers:
    answers = deepcopy(GASTRIC.examples()["lower-resectable"])
    answers["vessels"].update(vessels or {})
    return {**answers, **more}


def said(answers: Answers, ruleset: str = "csco-unresectable", **options: str) -> Answers:
    return GASTRIC.ruleset(ruleset).evaluate(answers, options).to_json()


@pytest.mark.parametrize(
    ("answers", "category", "rule"),
    [
        (case(), "no_feature", "GC-R"),
        (case(m_status="m1"), "metastatic", "GC-M-1"),
        (case(metastases={"ovary": "proven"}, m_status="m1"), "metastatic", "GC-M-1"),
        (case(peritoneal_metastasis="proven"), "metastatic", "GC-M-2"),
        (case(cytology="positive"), "metastatic", "GC-M-3"),
        (case(mesenteric_root_nodes="proven"), "locally_unresectable", "GC-U-1"),
        (case(para_aortic_nodes="proven"), "locally_unresectable", "GC-U-2"),
        (case(para_aortic_nodes="probable"), "no_feature", "GC-R"),
        (case({"ca": STEPS[1]}), "no_feature", "GC-R"),
        (case({"ca": STEPS[2]}), "locally_unresectable", "GC-U-3"),
        (case({"cha": STEPS[3]}), "locally_unresectable", "GC-U-4"),
        (case({"splenic_artery": STEPS[3]}), "no_feature", "GC-R"),
    ],
)
def test_one_finding_decides(answers: Answers, category: str, rule: str) -> None:
    found = said(answers)
    assert found["category"] == category
    assert [one["rule"] for one in found["fired"]] == [rule]


@pytest.mark.parametrize("name", sorted(MAJOR))
def test_every_major_vessel_counts_when_encased_or_invaded(name: str) -> None:
    assert said(case({name: STEPS[1]}))["category"] == "no_feature"
    assert said(case({name: STEPS[2]}))["category"] == "locally_unresectable"
    touched = {"contact_deg": 20, "contact_kind": "solid"}
    found = said(case({name: touched}))
    assert found["interval"] == ["no_feature", "locally_unresectable"]
    assert [one["pointer"] for one in found["missing"]] == [f"/vessels/{name}/invaded"]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_what_leaves_with_the_stomach_is_told_and_not_counted(name: str) -> None:
    found = said(case({name: STEPS[3]}))
    assert found["category"] == "no_feature"
    assert [flag["id"] for flag in found["flags"]] == ["not_addressed"]


def test_stranding_is_not_contact() -> None:
    haze = {"contact_deg": 270, "contact_kind": "haze_only"}
    found = said(case({"ca": haze}))
    assert found["category"] == "no_feature"
    [flag] = found["flags"]
    assert flag["id"] == "haze_only"
    assert flag["text"].endswith("no solid contact; the 270° given with it are not counted.")


def test_probable_nodes_count_when_the_option_says_so() -> None:
    answers = case(para_aortic_nodes="probable")
    assert said(answers, nodes="probable")["category"] == "locally_unresectable"
    assert said(case(para_aortic_nodes="suspected"), nodes="probable")["category"] == "no_feature"


def test_cytology_that_was_not_done_is_not_negative() -> None:
    found = said(case(cytology="not_done"))
    assert found["interval"] == ["no_feature", "metastatic"]
    assert [one["pointer"] for one in found["missing"]] == ["/cytology"]


@pytest.mark.parametrize("name", sorted(ORGANS))
def test_an_invaded_neighbour_is_t4b_and_contact_leaves_it_open(name: str) -> None:
    clear = dict.fromkeys(ORGANS, "clear")
    found = said(case(organs={**clear, name: "invaded"}), "gastric-t4b")
    assert (found["category"], found["capabilities"]) == ("t4b", ["multivisceral_resection"])
    touched = case(organs={**clear, name: "contact"})
    found = said(touched, "gastric-t4b")
    assert (found["interval"], found["capabilities"]) == (["not_t4b", "t4b"], [])
    [missing] = found["missing"]
    assert missing["pointer"] == f"/organs/{name}"
    assert "touched, invasion not decided" in missing["text"]
    assert said(touched, "gastric-t4b", contact="not-invaded")["category"] == "not_t4b"
    del clear[name]
    found = said(case(organs=clear), "gastric-t4b")
    assert [one["pointer"] for one in found["missing"]] == [f"/organs/{name}"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"ct": "t3", "organs": {"pancreas": "invaded"}}, "/ct"),
        ({"cytology": "positive", "laparoscopy": "not_done"}, "/laparoscopy"),
        ({"metastases": {"lung": "proven"}}, "/m_status"),
        ({"vessels": {"ca": {"contact_deg": 0, "invaded": True}}}, "/vessels/ca/invaded"),
        ({"stations_involved": ["3", "16"], "para_aortic_nodes": "none"}, "/para_aortic_nodes"),
        ({"pci": 1, "peritoneal_metastasis": "none"}, "/peritoneal_metastasis"),
    ],
)
def test_a_contradiction_is_flagged_and_stops_the_signature(change: Answers, pointer: str) -> None:
    answers = case(**change)
    assert pointer in [problem.pointer for problem in GASTRIC.to_sign(answers)]
    flags = [flag["id"] for flag in said(answers)["flags"]]
    assert "contradiction" in flags


@pytest.mark.parametrize(
    ("answers", "verdict", "asked"),
    [
        (case(), "resectable_now", False),
        (case(para_aortic_nodes="proven"), "resectable_with_conditions", True),
        (case(cytology="positive"), "resectable_now", True),
        (case(), "metastatic_no_surgery", True),
        (case(m_status="m1"), "metastatic_no_surgery", False),
        (case(cytology="not_done"), "resectable_now", False),
    ],
)
def test_operating_against_a_listed_feature_asks_for_a_reason(
    answers: Answers, verdict: str, asked: bool
) -> None:
    pointers = [problem.pointer for problem in GASTRIC.to_sign({**answers, "verdict": verdict})]
    assert ("/verdict_reason" in pointers) == asked


@st.composite
def complete_case(draw: st.DrawFn) -> Answers:
    rare = st.sampled_from(("none", "none", "none", "none", *CERTAINTIES))
    return {
        "m_status": draw(st.sampled_from(("m0", "m0", "m0", "m1"))),
        "cytology": draw(st.sampled_from(("negative", "negative", "positive"))),
        **{field: draw(rare) for field in SPREAD},
        "vessels": {
            name: dict(draw(st.sampled_from((STEPS[0], STEPS[0], STEPS[0], *STEPS))))
            for name in VESSELS
        },
        "organs": {name: draw(st.sampled_from(("clear", "clear", *STATES))) for name in ORGANS},
    }


def ends(answers: Answers) -> list[tuple[int, int]]:
    options: tuple[Any, ...] = (
        {},
        {"csco-unresectable": {"nodes": "probable"}, "gastric-t4b": {"contact": "not-invaded"}},
    )
    found = [one for chosen in options for one in GASTRIC.evaluate(answers, chosen)]
    return [
        (e.best.rank, e.worst.rank) for e in found if e.best is not None and e.worst is not None
    ]


@given(complete_case(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_worse_finding_never_improves_a_category(answers: Answers, data: st.DataObject) -> None:
    worse = deepcopy(answers)
    kinds = ("vessel", "organ", "spread", "m_status", "cytology", "site")
    kind: str = data.draw(st.sampled_from(kinds))
    if kind == "vessel":
        name = data.draw(st.sampled_from(sorted(VESSELS)))
        place = STEPS.index(answers["vessels"][name])
        worse["vessels"][name] = dict(data.draw(st.sampled_from(STEPS[place:])))
    elif kind == "organ":
        name = data.draw(st.sampled_from(sorted(ORGANS)))
        place = STATES.index(answers["organs"][name])
        worse["organs"][name] = data.draw(st.sampled_from(STATES[place:]))
    elif kind == "spread":
        field = data.draw(st.sampled_from(SPREAD))
        place = CERTAINTIES.index(answers[field])
        worse[field] = data.draw(st.sampled_from(CERTAINTIES[place:]))
    elif kind == "site":
        worse["metastases"] = {"liver": data.draw(st.sampled_from(CERTAINTIES))}
    else:
        worse[kind] = {"m_status": "m1", "cytology": "positive"}[kind]
    for (best, worst), (best_after, worst_after) in zip(ends(answers), ends(worse), strict=True):
        assert best_after >= best and worst_after >= worst


@given(complete_case(), st.data())
@settings(max_examples=200, deadline=None)
def test_the_truth_lies_within_the_interval(answers: Answers, data: st.DataObject) -> None:
    hidden = deepcopy(answers)
    for field in data.draw(st.sets(st.sampled_from(("m_status", "cytology", *SPREAD)))):
        del hidden[field]
    for name in data.draw(st.sets(st.sampled_from(sorted(VESSELS)))):
        hidden["vessels"][name] = {"contact_deg": "not_assessed"}
    for name in data.draw(st.sets(st.sampled_from(sorted(ORGANS)))):
        hidden["organs"][name] = "not_assessed"
    for (truth, same), (best, worst) in zip(ends(answers), ends(hidden), strict=True):
        assert best <= truth and same <= worst


def test_without_any_answer_everything_is_open() -> None:
    assert ends({}) == [(0, 2), (0, 1)] * 2


def test_every_coded_structure_is_known_to_dicom() -> None:
    known = {code for entry in SNOMED.values() for code in entry}
    coded = [field for field in GASTRIC.fields if "code" in field.hints]
    assert {field.path[-1] for field in coded} >= {*VESSELS, *ORGANS}
    assert {field.hints["code"]["value"] for field in coded} <= known
