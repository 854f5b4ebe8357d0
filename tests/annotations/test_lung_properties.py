"""What must hold for every set of the lung and every combination of findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from pydicom.sr._concepts_dict import concepts

from server.annotations.organs.lung import LUNG, TABLES
from server.annotations.organs.lung.findings import (
    LOBES,
    NODULES,
    STATIONS,
    STATUSES,
    T2_STRUCTURES,
    T3_STRUCTURES,
    T4_STRUCTURES,
    VESSELS,
    contradictions,
)
from tests.annotations.finding_world import (
    Answers,
    Values,
    Variant,
    World,
    a_case_with_gaps,
    a_step_for_the_worse,
    complete_case,
    milliseconds,
)

DOCS = Path(__file__).parents[2] / "docs" / "organs" / "lung.md"
SNOMED: dict[str, dict[str, Any]] = cast(Any, concepts["SCT"])
STRUCTURES = (*T2_STRUCTURES, *T3_STRUCTURES, *T4_STRUCTURES)
ORDERED: dict[str, Values] = {
    "/size_mm": (8, 10, 10.1, 20, 30, 30.1, 40, 50, 50.1, 70, 70.1, 120),
    "/separate_nodule": NODULES,
    "/atelectasis": (False, True),
    **{f"/structures/{name}": ("clear", "contact", "invaded") for name in STRUCTURES},
    **{f"/vessels/{name}/contact_deg": (0, 1, 180, 360) for name in VESSELS},
    **{f"/vessels/{name}/invaded": (False, True) for name in VESSELS},
    **{f"/vessels/{name}/patency": ("patent", "narrowed", "occluded") for name in VESSELS},
    **{f"/stations/{name}": STATUSES for name in STATIONS},
    "/n2_bulky": (False, True),
    "/n2_found": ("pathology", "intraoperative", "preoperative"),
    "/fev1_percent": (110, 80, 60, 40, 20),
    "/dlco_percent": (110, 80, 60, 40, 20),
    "/segments_removed": (0, 3, 5, 10, 19),
    "/m_status": ("m0", "m1"),
    "/metastases/brain": ("none", "suspected", "probable", "proven"),
}
UNORDERED: dict[str, Values] = {"/lobe": tuple(LOBES)}
# Left out beside a contact in degrees the lumen is taken as open, and a flag says so; sites of
# metastases only add to the M status.
KEPT = frozenset(
    pointer for pointer in ORDERED if pointer.endswith("/patency") or "metastases" in pointer
)
WORLD = World(LUNG, TABLES, ORDERED, UNORDERED, KEPT, contradictions)

VARIANTS = WORLD.variants()


@given(a_step_for_the_worse(WORLD))
@settings(max_examples=150, deadline=None)
def test_a_worse_finding_never_improves_the_category_of_any_set(
    step: tuple[Answers, Answers, str],
) -> None:
    before, after, pointer = step
    for variant in VARIANTS:
        (best, worst), (then_best, then_worst) = (
            WORLD.ends(variant, before),
            WORLD.ends(variant, after),
        )
        assert then_best >= best and then_worst >= worst, (variant, pointer)


@given(a_case_with_gaps(WORLD))
@settings(max_examples=120, deadline=None)
def test_the_truth_lies_within_the_interval_of_every_set(gaps: tuple[Answers, Answers]) -> None:
    case, open_case = gaps
    for variant in VARIANTS:
        best, worst = WORLD.ends(variant, open_case)
        true_best, true_worst = WORLD.ends(variant, case)
        assert best <= true_best and true_worst <= worst, variant


@given(complete_case(WORLD))
@settings(max_examples=60, deadline=None)
def test_what_is_definite_has_a_rule_behind_it_and_what_is_open_names_what_would_narrow_it(
    case: Answers,
) -> None:
    needs = WORLD.organ.schema["properties"]["capability_needed"]["items"]["enum"]
    for said in WORLD.organ.evaluate(case):
        assert bool(said.category) != bool(said.missing)
        assert set(said.capabilities) <= set(needs)
        assert said.fired or said.interval
        assert all(rule.source and rule.text for rule in said.fired)


@given(a_case_with_gaps(WORLD))
@settings(max_examples=60, deadline=None)
def test_what_is_missing_is_a_field_of_the_form_named_once(gaps: tuple[Answers, Answers]) -> None:
    fields = {field.pointer for field in WORLD.organ.fields}
    for said in WORLD.organ.evaluate(gaps[1]):
        pointers = [missing.pointer for missing in said.missing]
        assert len(set(pointers)) == len(pointers) and set(pointers) <= fields


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_without_any_answer_every_set_leaves_everything_open(variant: Variant) -> None:
    table = next(table for table in TABLES if table.id == variant[0])
    ranks = [table.otherwise.category.rank, *(rule.category.rank for rule in table.rules)]
    assert WORLD.ends(variant, {}) == (min(ranks), max(ranks))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_best_case_is_the_best_category_in_every_set(variant: Variant) -> None:
    assert WORLD.ends(variant, WORLD.best_case()) == (0, 0)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"vessels": [], "stations": "x", "metastases": 3, "m_status": None},
        {"vessels": {"aorta": {"contact_deg": "many", "invaded": 7}}, "stations": {"x": 1}},
    ],
    ids=["nothing", "wrong shapes", "wrong values"],
)
def test_answers_of_a_wrong_shape_count_as_not_assessed(answers: Answers) -> None:
    for variant in VARIANTS:
        assert WORLD.ends(variant, answers) == WORLD.ends(variant, {})


def test_the_page_names_every_rule_and_every_category() -> None:
    page = DOCS.read_text(encoding="utf-8")
    for table in TABLES:
        for rule in (*table.rules, table.otherwise):
            assert f"`{rule.id}`" in page, rule.id
            assert rule.category.code in page


def test_every_structure_of_the_form_carries_a_code_that_dicom_knows() -> None:
    known = {code for entry in SNOMED.values() for code in entry}
    for field in WORLD.organ.fields:
        of_structures = (
            field.path[0] in ("vessels", "structures", "stations") and len(field.path) == 2
        )
        if of_structures:
            assert field.hints["code_relation"] in ("exact", "broader", "part")
            assert field.hints["code"]["value"] in known


def test_all_sets_together_take_less_than_five_milliseconds() -> None:
    for answers in ({}, WORLD.best_case(), *WORLD.organ.examples().values()):
        assert milliseconds(WORLD, answers) < 5
