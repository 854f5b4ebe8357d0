"""Any other tumour: named structures, and no computed category."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from server.annotations.organs.generic import GENERIC, SLOTS
from server.annotations.organs.generic.involvement import (
    CLEAR,
    TAKEN,
    TOUCHED,
    lost_fact,
    vessel_fact,
)
from server.annotations.summary import sections
from server.annotations.validation import problems

Answers = dict[str, Any]


def case(**more: Any) -> Answers:
    return {**deepcopy(GENERIC.examples()["adrenal"]), **more}


def pointers(answers: Answers) -> list[str]:
    return [problem.pointer for problem in GENERIC.to_sign(answers)]


@pytest.mark.parametrize("answers", [{}, case(), case(m_status="m1"), {"vessels": 5}])
def test_no_category_is_ever_computed_and_the_set_says_so(answers: Answers) -> None:
    [found] = GENERIC.evaluate(answers)
    assert found.category is None and found.interval is None and found.fired == ()
    assert found.flags[0].id == "not_addressed"
    assert "verdict alone" in found.flags[0].text


def test_a_place_that_holds_no_structure_stops_no_signature() -> None:
    assert pointers(case(vessels={})) == []
    assert pointers(case()) == []
    assert pointers({"vessels": {"structure_1": {}}, **case(vessels={})}) == []


@pytest.mark.parametrize(
    ("structure", "missing"),
    [
        ({"name": "Ureter"}, "contact_deg"),
        ({"name": "Ureter", "kind": "duct", "planned": "keep"}, "contact_deg"),
        ({"contact_deg": 90}, "name"),
        ({"name": "  ", "contact_deg": 90}, "name"),
    ],
)
@pytest.mark.parametrize("slot", [SLOTS[0], SLOTS[-1]])
def test_a_structure_needs_its_name_and_its_contact(
    slot: str, structure: Answers, missing: str
) -> None:
    assert pointers(case(vessels={slot: structure})) == [f"/vessels/{slot}/{missing}"]


def test_a_contact_explicitly_not_assessed_is_an_answer() -> None:
    structure = {"name": "Ureter", "contact_deg": "not_assessed"}
    assert pointers(case(vessels={"structure_2": structure})) == []


@pytest.mark.parametrize(
    ("structure", "field"),
    [
        ({"name": "Ureter", "contact_deg": 0, "invaded": True}, "invaded"),
        ({"name": "Ureter", "contact_deg": 0, "contact_kind": "solid"}, "contact_kind"),
        ({"name": "Ureter", "contact_deg": 90, "contact_kind": "none"}, "contact_kind"),
        (
            {"name": "Ureter", "contact_deg": 90, "contact_kind": "haze_only", "invaded": True},
            "invaded",
        ),
    ],
)
def test_a_contradiction_names_the_structure_and_stops_the_signature(
    structure: Answers, field: str
) -> None:
    answers = case(vessels={"structure_1": structure})
    found = GENERIC.to_sign(answers)
    assert [problem.pointer for problem in found] == [f"/vessels/structure_1/{field}"]
    assert found[0].message.startswith("Ureter: ")
    flags = [flag.id for flag in GENERIC.evaluate(answers)[0].flags]
    assert "contradiction" in flags


def test_an_eleventh_structure_is_refused() -> None:
    [problem] = problems(GENERIC, {"vessels": {"structure_11": {"name": "Ureter"}}})
    assert problem.pointer == "/vessels/structure_11"


def test_the_written_opinion_names_the_structures() -> None:
    answers = case()
    rows = [row for part in sections(GENERIC, answers, []) for row in part.rows]
    [text] = [row.value_text for row in rows if row.label == "Structure 1"]
    assert "Left renal vein" in text and "120°" in text


def fact(**raw: Any) -> tuple[int, int]:
    found = vessel_fact({"vessels": {"v": raw}}, "v", "Vessel")
    return found.best, found.worst


@pytest.mark.parametrize(
    ("raw", "ends"),
    [
        ({}, (CLEAR, TAKEN)),
        ({"contact_deg": "not_visible"}, (CLEAR, TAKEN)),
        ({"contact_deg": 0}, (CLEAR, CLEAR)),
        ({"contact_deg": 1}, (TOUCHED, TAKEN)),
        ({"contact_deg": 1, "invaded": False}, (TOUCHED, TOUCHED)),
        ({"contact_deg": 180, "invaded": False}, (TOUCHED, TOUCHED)),
        ({"contact_deg": 181, "invaded": False}, (TAKEN, TAKEN)),
        ({"contact_deg": 1, "invaded": True}, (TAKEN, TAKEN)),
        ({"invaded": True}, (TAKEN, TAKEN)),
        ({"contact_kind": "none"}, (CLEAR, CLEAR)),
        ({"contact_kind": "haze_only"}, (CLEAR, CLEAR)),
        ({"contact_kind": "solid"}, (TOUCHED, TAKEN)),
        ({"contact_kind": "none", "contact_deg": "not_assessed"}, (CLEAR, TAKEN)),
        ({"contact_kind": "solid", "contact_deg": "not_visible"}, (CLEAR, TAKEN)),
        ({"contact_deg": 200, "contact_kind": "haze_only"}, (CLEAR, CLEAR)),
        ({"contact_deg": 400}, (CLEAR, TAKEN)),
    ],
)
def test_a_vessel_is_clear_touched_or_taken(raw: Answers, ends: tuple[int, int]) -> None:
    assert fact(**raw) == ends


def test_reconstruction_not_stated_is_open() -> None:
    assert lost_fact({}, "v", "Vessel").is_open
    said = {"vessels": {"v": {"reconstructable": "no"}}}
    assert lost_fact(said, "v", "Vessel").best is True
