"""What must hold for every set of an organ whose findings lie on scales, written once.

An organ's file makes a subclass whose name begins with `Test` and says its world.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts

from tests.annotations.finding_world import (
    Answers,
    World,
    a_case_with_gaps,
    a_step_for_the_worse,
    complete_case,
)

DOCS = Path(__file__).parents[2] / "docs" / "organs"
SNOMED: dict[str, dict[str, Any]] = cast(Any, concepts["SCT"])
# The same test of several organs is meant to run with each of them.
INHERITED = [HealthCheck.differing_executors]


class FindingProperties:
    """`misshapen` are answers that fit no form; `coded` the groups whose members carry codes."""

    world: ClassVar[World]
    misshapen: ClassVar[tuple[Answers, ...]]
    coded: ClassVar[tuple[str, ...]]

    @given(st.data())
    @settings(max_examples=150, deadline=None, suppress_health_check=INHERITED)
    def test_a_worse_finding_never_improves_the_category_of_any_set(
        self, data: st.DataObject
    ) -> None:
        before, after, pointer = data.draw(a_step_for_the_worse(self.world))
        for variant in self.world.variants():
            (best, worst), (then_best, then_worst) = (
                self.world.ends(variant, before),
                self.world.ends(variant, after),
            )
            assert then_best >= best and then_worst >= worst, (variant, pointer)

    @given(st.data())
    @settings(max_examples=120, deadline=None, suppress_health_check=INHERITED)
    def test_the_truth_lies_within_the_interval_of_every_set(self, data: st.DataObject) -> None:
        case, open_case = data.draw(a_case_with_gaps(self.world))
        for variant in self.world.variants():
            best, worst = self.world.ends(variant, open_case)
            true_best, true_worst = self.world.ends(variant, case)
            assert best <= true_best and true_worst <= worst, variant

    @given(st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=INHERITED)
    def test_what_is_definite_has_a_rule_behind_it_and_what_is_open_names_what_would_narrow_it(
        self, data: st.DataObject
    ) -> None:
        organ = self.world.organ
        needs = organ.schema["properties"]["capability_needed"]["items"]["enum"]
        for said in organ.evaluate(data.draw(complete_case(self.world))):
            assert bool(said.category) != bool(said.missing)
            assert set(said.capabilities) <= set(needs)
            assert said.fired or said.interval
            assert all(rule.source and rule.text for rule in said.fired)

    @given(st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=INHERITED)
    def test_what_is_missing_is_a_field_of_the_form_named_once(self, data: st.DataObject) -> None:
        fields = {field.pointer for field in self.world.organ.fields}
        for said in self.world.organ.evaluate(data.draw(a_case_with_gaps(self.world))[1]):
            pointers = [missing.pointer for missing in said.missing]
            assert len(set(pointers)) == len(pointers) and set(pointers) <= fields

    def test_without_any_answer_every_set_leaves_everything_open(self) -> None:
        tables = {table.id: table for table in self.world.tables}
        for variant in self.world.variants():
            table = tables[variant[0]]
            ranks = [table.otherwise.category.rank, *(rule.category.rank for rule in table.rules)]
            assert self.world.ends(variant, {}) == (min(ranks), max(ranks)), variant

    def test_the_best_case_is_the_best_category_in_every_set(self) -> None:
        for variant in self.world.variants():
            assert self.world.ends(variant, self.world.best_case()) == (0, 0), variant

    def test_answers_of_a_wrong_shape_count_as_not_assessed(self) -> None:
        for answers in ({"vessels": [], "metastases": 3, "m_status": None}, *self.misshapen):
            for variant in self.world.variants():
                nothing = self.world.ends(variant, {})
                assert self.world.ends(variant, answers) == nothing, (variant, answers)

    def test_the_page_names_every_rule_and_every_category(self) -> None:
        page = (DOCS / f"{self.world.organ.id}.md").read_text(encoding="utf-8")
        for table in self.world.tables:
            for rule in (*table.rules, table.otherwise):
                assert f"`{rule.id}`" in page, rule.id
                assert rule.category.code in page

    def test_every_structure_of_the_form_carries_a_code_that_dicom_knows(self) -> None:
        known = {code for entry in SNOMED.values() for code in entry}
        found = [
            field
            for field in self.world.organ.fields
            if field.path[0] in self.coded and len(field.path) == 2
        ]
        assert found
        for field in found:
            assert field.hints["code_relation"] in ("exact", "broader", "part")
            assert field.hints["code"]["value"] in known
