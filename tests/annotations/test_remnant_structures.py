"""Inflow, outflow and drainage of what stays."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Evaluation, Trust
from server.annotations.organs.liver import LIVER
from server.annotations.organs.liver.findings import ALWAYS_NEEDED, VESSELS

CLEAR = {"contact_deg": 0, "invaded": False}


def said(**vessels: Any) -> Evaluation:
    answers = {"vessels": dict.fromkeys(VESSELS, CLEAR) | vessels}
    return LIVER.ruleset("remnant-structures").evaluate(answers)


def lost(**more: Any) -> dict[str, Any]:
    return {"contact_deg": 200, "invaded": True, **more}


def test_clear_structures_are_kept() -> None:
    found = said()
    assert found.to_json()["category"] == "kept"
    assert found.capabilities == ()


@pytest.mark.parametrize("name", sorted(VESSELS))
def test_a_structure_of_the_remnant_that_cannot_be_rebuilt_is_lost(name: str) -> None:
    found = said(**{name: lost(in_remnant="yes", reconstructable="no")})
    assert found.to_json()["category"] == "lost"
    assert found.capabilities == (VESSELS[name][1],)
    assert [fired.trust for fired in found.fired] == [Trust.DERIVED]


@pytest.mark.parametrize("name", sorted(VESSELS))
def test_a_structure_of_the_remnant_that_can_be_rebuilt_needs_that(name: str) -> None:
    found = said(**{name: lost(in_remnant="yes", reconstructable="yes")})
    assert found.to_json()["category"] == "reconstruction"


@pytest.mark.parametrize("name", sorted(set(VESSELS) - ALWAYS_NEEDED))
def test_a_structure_that_leaves_with_the_specimen_may_be_lost(name: str) -> None:
    found = said(**{name: lost(in_remnant="no", reconstructable="no")})
    assert found.to_json()["category"] == "kept"


@pytest.mark.parametrize("name", sorted(ALWAYS_NEEDED))
def test_what_serves_every_remnant_counts_without_being_said(name: str) -> None:
    found = said(**{name: lost(reconstructable="no")})
    assert found.to_json()["category"] == "lost"


@pytest.mark.parametrize("name", sorted(VESSELS))
@pytest.mark.parametrize("value", [{}, {"contact_deg": "not_assessed"}])
def test_a_structure_not_assessed_is_never_taken_as_kept(name: str, value: dict[str, str]) -> None:
    found = said(**{name: value})
    assert found.to_json()["interval"] == ["kept", "lost"]
    assert [missing.pointer for missing in found.missing] == [f"/vessels/{name}/contact_deg"]


def test_an_unsaid_side_or_an_unsaid_reconstruction_leaves_an_interval() -> None:
    assert said(mhv=lost(reconstructable="yes")).to_json()["interval"] == ["kept", "reconstruction"]
    assert said(mhv=lost(in_remnant="yes")).to_json()["interval"] == ["reconstruction", "lost"]


@pytest.mark.parametrize(
    "how",
    [
        {"contact_deg": 90, "patency": "occluded"},
        {"contact_deg": 90, "thrombus": "tumour"},
        {"contact_deg": "not_assessed", "invaded": True},
    ],
)
def test_occlusion_and_tumour_thrombus_count_as_loss(how: dict[str, Any]) -> None:
    found = said(main_pv={**how, "reconstructable": "no"})
    assert found.to_json()["category"] == "lost"


def test_contact_alone_and_bland_thrombus_do_not_count_as_loss() -> None:
    touched = {"contact_deg": 180, "invaded": False, "thrombus": "bland"}
    assert said(main_pv=touched).to_json()["category"] == "kept"


@pytest.mark.parametrize("rebuilt", ["yes", "no", "not_stated"])
def test_contact_without_a_word_on_the_wall_leaves_open_whether_it_is_kept(rebuilt: str) -> None:
    found = said(ivc={"contact_deg": 90, "reconstructable": rebuilt}).to_json()
    assert found["interval"] == ["kept", "reconstruction" if rebuilt == "yes" else "lost"]
    assert [one["pointer"] for one in found["missing"]] == ["/vessels/ivc/invaded"]


def test_what_can_be_rebuilt_is_not_lost_even_where_it_was_not_assessed() -> None:
    found = said(mhv={"in_remnant": "yes", "reconstructable": "yes"}).to_json()
    assert found["interval"] == ["kept", "reconstruction"]


def test_a_structure_that_the_patient_does_not_have_is_no_gap() -> None:
    assert said(inferior_rhv={"present": False}).to_json()["category"] == "kept"


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"vessels": {"rhv": {"contact_deg": 0, "invaded": True}}}, "/vessels/rhv/invaded"),
        (
            {"vessels": {"replaced_ha": {"contact_deg": 90, "present": False}}},
            "/vessels/replaced_ha/present",
        ),
        ({"planned_resection": ["V", "VI"], "planned_remnant": ["VI", "I"]}, "/planned_remnant"),
    ],
)
def test_answers_that_cannot_both_be_true_stop_the_signature(
    answers: dict[str, Any], pointer: str
) -> None:
    assert pointer in [problem.pointer for problem in LIVER.to_sign(answers)]
