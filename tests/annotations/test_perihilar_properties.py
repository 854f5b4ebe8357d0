"""What must hold for every set of the hilum and every combination of findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from pydicom.sr._concepts_dict import concepts

from server.annotations.organs.perihilar import PERIHILAR, TABLES
from server.annotations.organs.perihilar.findings import DUCTS, VESSELS, contradictions
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

DOCS = Path(__file__).parents[2] / "docs" / "organs" / "perihilar.md"
SNOMED: dict[str, dict[str, Any]] = cast(Any, concepts["SCT"])
CONTACTS: Values = (0, 1, 90, 180, 181, 360)


def vessel(name: str) -> dict[str, Values]:
    return {
        f"/vessels/{name}/contact_deg": CONTACTS,
        f"/vessels/{name}/invaded": (False, True),
        f"/vessels/{name}/patency": ("patent", "narrowed", "occluded"),
        f"/vessels/{name}/thrombus": ("none", "bland", "indeterminate", "tumour"),
    }


ORDERED: dict[str, Values] = {
    **{f"/ducts/{name}": ("free", "involved") for name in DUCTS},
    **{pointer: values for name in VESSELS for pointer, values in vessel(name).items()},
    "/multifocal": (False, True),
    "/cirrhosis": (False, True),
    "/fit_for_resection": (True, False),
    "/n2_nodes": ("none", "suspected", "probable", "proven"),
    "/m_status": ("m0", "m1"),
    "/metastases/liver": ("none", "suspected", "probable", "proven"),
    "/flr_ml": (900, 700, 546, 545, 500, 300, 100),
    "/mebrofenin_percent_min": (20, 8.5, 8.4, 1),
}
UNORDERED: dict[str, Values] = {
    "/atrophy": ("none", "right", "left"),
    "/remnant_side": ("left", "right"),
    "/total_liver_ml": (1700,),
    "/tumour_ml": (20,),
    "/height_cm": (170,),
    "/weight_kg": (70,),
}
# Left out beside a contact in degrees these are taken as harmless, and a flag says so; sites of
# metastases only add to the M status.
KEPT = frozenset(
    pointer
    for pointer in ORDERED
    if pointer.endswith(("/patency", "/thrombus")) or pointer.startswith("/metastases")
)
WORLD = World(PERIHILAR, TABLES, ORDERED, UNORDERED, KEPT, contradictions)


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
        {"vessels": [], "ducts": "x", "metastases": 3, "m_status": None},
        {"vessels": {"main_pv": {"contact_deg": "many", "invaded": 7}}, "ducts": {"x": 1}},
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
        of_structures = field.path[0] in ("vessels", "ducts") and len(field.path) == 2
        if of_structures:
            assert field.hints["code_relation"] in ("exact", "broader", "part")
            assert field.hints["code"]["value"] in known


def test_all_sets_together_take_less_than_five_milliseconds() -> None:
    for answers in ({}, WORLD.best_case(), *WORLD.organ.examples().values()):
        assert milliseconds(WORLD, answers) < 5
