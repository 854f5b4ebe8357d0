"""What must hold for every combination of findings, held against an independent reading."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.annotations.organs.pancreas import PANCREAS
from server.annotations.organs.pancreas.findings import CONTOURS, SITES, THROMBI, VESSELS
from tests.annotations.pancreas_world import pancreas, touched

ORDER = ["resectable", "borderline", "locally_advanced", "metastatic"]
DEGREES = (0, 1, 90, 180, 181, 360)


def first_match(case: dict[str, Any]) -> str:
    """The published decision order, written down once more as a plain chain of questions."""
    v = case["vessels"]

    def deg(name: str) -> int:
        return int(v[name]["contact_deg"])

    head, vein, cha = case["site"] in ("head", "uncinate", "neck"), v["smv_pv"], v["cha"]
    extends = bool({"ca", "pha", "hepatic_bifurcation"} & set(cha["extends_to"]))
    occluded = vein["contour"] == "occluded"
    if case["m_status"] == "m1":
        return "metastatic"
    if deg("sma") > 180 or (deg("ca") > 180 and (head or deg("aorta") or deg("gda"))):
        return "locally_advanced"
    if deg("aorta") or (deg("cha") and (extends or cha["reconstructable"] == "no")):
        return "locally_advanced"
    if (deg("smv_pv") or occluded) and vein["reconstructable"] == "no":
        return "locally_advanced"
    if any(deg(name) for name in ("sma", "ca", "cha", "variant_artery", "ivc")):
        return "borderline"
    uneven = vein["contour"] != "regular" or vein["thrombus"] != "none"
    if deg("smv_pv") > 180 or occluded or (deg("smv_pv") and uneven):
        return "borderline"
    return "resectable"


def vessel() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "contact_deg": st.one_of(st.sampled_from(DEGREES), st.integers(0, 360)),
            "contour": st.sampled_from(CONTOURS),
            "thrombus": st.sampled_from(THROMBI),
            "reconstructable": st.sampled_from(("yes", "no")),
            "extends_to": st.lists(
                st.sampled_from(("ca", "pha", "hepatic_bifurcation", "imv")), unique=True
            ),
        }
    )


def complete_case() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "site": st.sampled_from(SITES),
            "m_status": st.sampled_from(("m0", "m0", "m0", "m1")),
            "vessels": st.fixed_dictionaries({name: vessel() for name in VESSELS}),
        }
    )


def ends(answers: dict[str, Any]) -> tuple[int, int]:
    said = PANCREAS.evaluate(answers)[0]
    assert said.best is not None and said.worst is not None
    return said.best.rank, said.worst.rank


def worsened(case: dict[str, Any], name: str, change: dict[str, Any]) -> dict[str, Any]:
    vessels = {**case["vessels"], name: {**case["vessels"][name], **change}}
    return {**case, "vessels": vessels}


@given(complete_case())
@settings(max_examples=400, deadline=None)
def test_a_complete_case_agrees_with_an_independent_reading(case: dict[str, Any]) -> None:
    assert PANCREAS.evaluate(case)[0].to_json()["category"] == first_match(case)


def test_thousands_of_combinations_agree_with_an_independent_reading() -> None:
    few = (0, 1, 180, 181)
    grid = itertools.product(("head", "body"), few, few, (0, 90), (0, 90), (0, 181), ("yes", "no"))
    for site, sma, ca, aorta, gda, vein, rebuilt in grid:
        answers = pancreas(
            site,
            sma=touched(sma),
            ca=touched(ca),
            aorta=touched(aorta),
            gda=touched(gda),
            smv_pv=touched(vein, reconstructable=rebuilt),
        )
        assert PANCREAS.evaluate(answers)[0].to_json()["category"] == first_match(answers)


@given(complete_case(), st.sampled_from(sorted(VESSELS)), st.integers(0, 360))
@settings(max_examples=300, deadline=None)
def test_more_contact_never_improves_the_category(
    case: dict[str, Any], name: str, contact: int
) -> None:
    more = max(contact, case["vessels"][name]["contact_deg"])
    assert ends(worsened(case, name, {"contact_deg": more})) >= ends(case)


@pytest.mark.parametrize(
    "change",
    [
        {"contour": "occluded"},
        {"thrombus": "tumour"},
        {"reconstructable": "no"},
        {"extends_to": ["ca", "pha", "hepatic_bifurcation", "imv"]},
        {"contact_deg": 360},
    ],
    ids=lambda change: next(iter(change)),
)
@given(case=complete_case(), name=st.sampled_from(sorted(VESSELS)))
@settings(max_examples=100, deadline=None)
def test_the_worst_value_of_one_finding_never_improves_the_category(
    change: dict[str, Any], case: dict[str, Any], name: str
) -> None:
    assert ends(worsened(case, name, change)) >= ends(case)


@given(case=complete_case())
@settings(max_examples=100, deadline=None)
def test_metastasis_or_a_site_in_the_head_never_improves_the_category(case: dict[str, Any]) -> None:
    assert ends({**case, "m_status": "m1"}) >= ends(case)
    assert ends({**case, "site": "head"}) >= ends(case)


def with_gaps(case: dict[str, Any], hidden: list[str], open_rebuilt: list[str]) -> dict[str, Any]:
    vessels = {name: dict(value) for name, value in case["vessels"].items() if name not in hidden}
    for name in open_rebuilt:
        if name in vessels:
            vessels[name]["reconstructable"] = "not_stated"
    answers = {"vessels": vessels}
    answers.update({key: case[key] for key in ("site", "m_status") if key not in hidden})
    return answers


GAPS = st.lists(st.sampled_from([*sorted(VESSELS), "site", "m_status"]), unique=True)


@given(complete_case(), GAPS, st.lists(st.sampled_from(["smv_pv", "cha"]), unique=True))
@settings(max_examples=400, deadline=None)
def test_the_truth_always_lies_within_the_interval(
    case: dict[str, Any], hidden: list[str], open_rebuilt: list[str]
) -> None:
    best, worst = ends(with_gaps(case, hidden, open_rebuilt))
    assert best <= ORDER.index(first_match(case)) <= worst


@given(complete_case(), GAPS, st.lists(st.sampled_from(["smv_pv", "cha"]), unique=True))
@settings(max_examples=200, deadline=None)
def test_hiding_more_never_narrows_the_interval(
    case: dict[str, Any], hidden: list[str], open_rebuilt: list[str]
) -> None:
    before = ends(with_gaps(case, hidden[:-1], open_rebuilt))
    after = ends(with_gaps(case, hidden, open_rebuilt))
    assert after[0] <= before[0] and after[1] >= before[1]


def test_both_ends_of_an_interval_are_reached_by_some_completion() -> None:
    chance = random.Random(7)
    for _ in range(60):
        answers = pancreas(chance.choice(SITES))
        for name in ("sma", "ca", "smv_pv", "aorta"):
            answers["vessels"][name] = touched(chance.choice(DEGREES))
        hidden = chance.sample(["sma", "ca", "gda", "smv_pv", "ivc"], 2)
        open_answers = with_gaps(answers, hidden, [])
        reached = set()
        for degrees in itertools.product(DEGREES, repeat=2):
            for rebuilt in ("yes", "no"):
                filled = open_answers
                vessels = dict(filled["vessels"])
                for name, contact in zip(hidden, degrees, strict=True):
                    vessels[name] = touched(contact, reconstructable=rebuilt)
                reached.add(ORDER.index(first_match({**filled, "vessels": vessels})))
        assert ends(open_answers) == (min(reached), max(reached))
