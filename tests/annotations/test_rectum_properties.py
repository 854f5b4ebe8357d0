"""What must hold for every set of the rectum and every combination of findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from pydicom.sr._concepts_dict import concepts

from server.annotations.organs.rectum import RECTUM, TABLES
from server.annotations.organs.rectum.findings import COMPARTMENTS, SACRUM, STRUCTURES, VESSELS
from server.annotations.organs.rectum.nodes import STATIONS
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

DOCS = Path(__file__).parents[2] / "docs" / "organs" / "rectum.md"
SNOMED: dict[str, dict[str, Any]] = cast(Any, concepts["SCT"])
INVASION: Values = ("clear", "contact", "invaded")
ORDERED: dict[str, Values] = {
    "/mrf_distance_mm": (12, 1.1, 1.0, 0.5, 0),
    "/extramural_depth_mm": (0, 0.5, 1, 4, 5, 5.1, 15, 15.1, 40),
    "/emvi": ("emvi0", "emvi1", "emvi2", "emvi3", "emvi4"),
    "/tumour_deposits": (False, True),
    "/sphincter": ("none", "internal", "intersphincteric", "external", "levator"),
    "/suspicious_node_count": (0, 1, 2, 3, 4, 6, 7, 20),
    "/mesorectal_node/short_axis_mm": (0, 3.9, 4, 4.9, 5, 9, 9.1, 30),
    "/mesorectal_node/round": (False, True),
    "/mesorectal_node/irregular_border": (False, True),
    "/mesorectal_node/heterogeneous": (False, True),
    **{f"/node_short_axis_mm/{name}": (0, 3.9, 4, 5, 5.3, 6, 6.1, 7, 12) for name in STATIONS},
    **{f"/compartments/{name}": INVASION for name in COMPARTMENTS},
    **{f"/structures/{name}": INVASION for name in STRUCTURES},
    "/sacrum_level": SACRUM,
    "/sidewall_circumferential": (False, True),
    "/hydronephrosis": (False, True),
    "/sciatic_notch": (False, True),
    "/primary_stage_iv": (False, True),
    **{f"/vessels/{name}/contact_deg": (0, 1, 180, 181, 360) for name in VESSELS},
    **{f"/vessels/{name}/patency": ("patent", "narrowed", "occluded") for name in VESSELS},
    "/m_status": ("m0", "m1"),
    "/metastases/liver": ("none", "suspected", "probable", "proven"),
}
UNORDERED: dict[str, Values] = {
    "/after_radiotherapy": (False, True),
    "/disease": ("recurrent", "primary"),
}
# Left out beside a contact in degrees the lumen is taken as open, and a flag says so; sites of
# metastases only add to the M status.
KEPT = frozenset(
    pointer for pointer in ORDERED if pointer.endswith("/patency") or "metastases" in pointer
)
WORLD = World(RECTUM, TABLES, ORDERED, UNORDERED, KEPT)

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
        {"vessels": [], "structures": "x", "metastases": 3, "m_status": None},
        {
            "vessels": {"external_iliac_artery_left": {"contact_deg": "many", "invaded": 7}},
            "structures": {"x": 1},
        },
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
            field.path[0] in ("vessels", "structures", "compartments") and len(field.path) == 2
        )
        if of_structures:
            assert field.hints["code_relation"] in ("exact", "broader", "part")
            assert field.hints["code"]["value"] in known


def test_all_sets_together_take_less_than_five_milliseconds() -> None:
    for answers in ({}, WORLD.best_case(), *WORLD.organ.examples().values()):
        assert milliseconds(WORLD, answers) < 5
