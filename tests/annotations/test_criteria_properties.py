"""What must hold for every published set of the pancreas and every combination of findings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.annotations.organs.pancreas import PANCREAS, TABLES
from server.annotations.organs.pancreas.findings import CONTOURS, SITES, THROMBI, VESSELS
from tests.annotations.pancreas_world import pancreas, touched

Answers = dict[str, Any]
DEGREES = (0, 1, 90, 91, 179, 180, 181, 270, 271, 360)
FURTHER = ("ca", "pha", "hepatic_bifurcation", "imv", "first_jejunal_artery", "first_jejunal_vein")
OWN = ("ca19_9_u_ml", "node_proven", "ecog")
# Every set with its default options, and once more with each other value of each option.
VARIANTS = [(table.id, dict[str, str]()) for table in TABLES] + [
    (table.id, {option.name: value})
    for table in TABLES
    for option in table.options
    for value in option.values
    if value != option.default
]


def vessel() -> st.SearchStrategy[Answers]:
    return st.fixed_dictionaries(
        {
            "contact_deg": st.one_of(st.just(0), st.sampled_from(DEGREES), st.integers(0, 360)),
            "contour": st.sampled_from(("regular", *CONTOURS)),
            "thrombus": st.sampled_from(("none", *THROMBI)),
            "reconstructable": st.sampled_from(("yes", "no")),
            "extends_to": st.lists(st.sampled_from(FURTHER), unique=True, max_size=2),
            "beyond_inferior_duodenum": st.booleans(),
            "short_segment": st.booleans(),
        }
    )


def clear() -> st.SearchStrategy[Answers]:
    free = touched(0, beyond_inferior_duodenum=False, short_segment=True)
    del free["contact_kind"]  # it says itself what is touched, and must not tell what is hidden
    return st.just(free)


@st.composite
def complete_case(draw: st.DrawFn) -> Answers:
    """A case with everything said; most vessels clear, so that single findings decide."""
    busy = draw(st.lists(st.sampled_from(sorted(VESSELS)), unique=True, max_size=4))
    return {
        "site": draw(st.sampled_from(SITES)),
        "m_status": draw(st.sampled_from(("m0", "m0", "m0", "m0", "m1"))),
        "ca19_9_u_ml": draw(st.sampled_from((0, 500, 501))),
        "node_proven": draw(st.sampled_from((False, False, True))),
        "ecog": draw(st.integers(0, 4)),
        "vessels": {name: draw(vessel() if name in busy else clear()) for name in VESSELS},
    }


def ends(variant: tuple[str, dict[str, str]], answers: Answers) -> tuple[int, int]:
    ruleset, options = variant
    said = PANCREAS.ruleset(ruleset).evaluate(answers, options)
    assert said.best is not None and said.worst is not None
    return said.best.rank, said.worst.rank


def changed(case: Answers, name: str, **change: Any) -> Answers:
    vessels = {**case["vessels"], name: {**case["vessels"][name], **change}}
    return {**case, "vessels": vessels}


def worse_vessel(draw: st.DrawFn, case: Answers, name: str) -> Answers:
    """One attribute of one vessel made worse, by any step."""
    now = case["vessels"][name]
    attribute = draw(st.sampled_from(sorted(vessel_steps(now))))
    return changed(case, name, **{attribute: draw(st.sampled_from(vessel_steps(now)[attribute]))})


def vessel_steps(now: Answers) -> dict[str, list[Any]]:
    contact = now["contact_deg"]
    return {
        "contact_deg": [contact, *(deg for deg in (*DEGREES, contact + 1) if contact < deg < 361)],
        "contour": list(CONTOURS[CONTOURS.index(now["contour"]) :]),
        "thrombus": list(THROMBI[THROMBI.index(now["thrombus"]) :]),
        "reconstructable": ["no"],
        "extends_to": [[*{*now["extends_to"], further}] for further in FURTHER],
        "beyond_inferior_duodenum": [True],
        "short_segment": [False],
    }


@st.composite
def a_step_for_the_worse(draw: st.DrawFn) -> tuple[Answers, Answers]:
    case = draw(complete_case())
    patient: list[Answers] = [
        {"m_status": "m1"},
        {"site": "head"},
        {"ca19_9_u_ml": case["ca19_9_u_ml"] + 500},
        {"node_proven": True},
        {"ecog": min(case["ecog"] + 1, 4)},
        {"metastases": {"liver": "suspected"}},
        {"metastases": {"nonregional_nodes": "proven"}},
    ]
    if draw(st.integers(0, 3)) == 0:
        return case, {**case, **draw(st.sampled_from(patient))}
    return case, worse_vessel(draw, case, draw(st.sampled_from(sorted(VESSELS))))


@given(a_step_for_the_worse())
@settings(max_examples=400, deadline=None)
def test_a_worse_finding_never_improves_the_category_of_any_set(
    step: tuple[Answers, Answers],
) -> None:
    before, after = step
    for variant in VARIANTS:
        assert ends(variant, after) >= ends(variant, before), variant


@st.composite
def a_case_with_gaps(draw: st.DrawFn) -> tuple[Answers, Answers, list[str]]:
    """A complete case, the same with vessels, site or M status open, and what was hidden of B, C."""
    case = draw(complete_case())
    parts = st.lists(st.sampled_from([*sorted(VESSELS), "site", "m_status"]), unique=True)
    hidden, unsaid = draw(parts), draw(st.lists(st.sampled_from(sorted(VESSELS)), max_size=3))
    vessels = {name: dict(now) for name, now in case["vessels"].items() if name not in hidden}
    for name in unsaid:
        if name in vessels:
            gap = draw(st.sampled_from(("reconstructable", "contact_deg")))
            vessels[name][gap] = "not_stated" if gap == "reconstructable" else "not_assessed"
    kept = {key: value for key, value in case.items() if key not in hidden}
    own = draw(st.lists(st.sampled_from(OWN), unique=True))
    return case, {**kept, "vessels": vessels}, own


@given(a_case_with_gaps())
@settings(max_examples=300, deadline=None)
def test_the_truth_lies_within_the_interval_of_every_set(
    gaps: tuple[Answers, Answers, list[str]],
) -> None:
    case, open_case, own = gaps
    for variant in VARIANTS:
        answers = open_case
        if variant[1].get("unstated_bc") == "interval":
            answers = {key: value for key, value in open_case.items() if key not in own}
        best, worst = ends(variant, answers)
        (truth, same) = ends(variant, case)
        assert truth == same
        assert best <= truth <= worst, variant


@given(complete_case(), st.sampled_from(sorted(VESSELS)), vessel())
@settings(max_examples=200, deadline=None)
def test_a_vessel_the_set_does_not_speak_of_never_changes_its_category(
    case: Answers, name: str, other: Answers
) -> None:
    for table in TABLES:
        if name not in table.addressed:
            after = {**case, "vessels": {**case["vessels"], name: other}}
            assert ends((table.id, {}), after) == ends((table.id, {}), case)


@given(complete_case())
@settings(max_examples=100, deadline=None)
def test_a_complete_case_has_one_category_in_every_set_and_a_rule_behind_it(case: Answers) -> None:
    for said in PANCREAS.evaluate(case):
        assert said.category and not said.interval and not said.missing
        assert said.fired


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_without_any_answer_every_set_leaves_everything_open(
    variant: tuple[str, dict[str, str]],
) -> None:
    assert ends(variant, {}) == (0, 3)


def test_the_order_of_the_sets_begins_with_the_reference_of_signing() -> None:
    ids = [said.ruleset for said in PANCREAS.evaluate(pancreas())]
    assert ids == [
        "nccn-2022",
        "nccn-legacy",
        "ahpba-2009",
        "mdacc-2006",
        "alliance-a021101",
        "iap-2017",
        "jps-7",
        "dpcg-2012",
    ]


def test_signing_asks_for_a_reason_against_the_reference_only() -> None:
    answers = pancreas(aorta=touched(90)) | {"verdict": "resectable_now"}
    assert "/verdict_reason" in [problem.pointer for problem in PANCREAS.to_sign(answers)]
    venous = pancreas(smv_pv=touched(90)) | {"verdict": "resectable_now"}
    assert "/verdict_reason" not in [problem.pointer for problem in PANCREAS.to_sign(venous)]
