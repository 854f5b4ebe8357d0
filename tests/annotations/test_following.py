"""Targets followed from form to form: the baseline, the nadir, and what was not said."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.following import followed
from server.annotations.organs import ORGANS
from server.annotations.validation import problems

STABLE = {"non_target": "none", "new_lesion": False, "multiphase": True}


def seen(*mm: float | None, beside: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    targets = {
        f"target_{number}": {"site": "liver", "diameter_mm": size, **more}
        for number, size in enumerate(mm, 1)
        if size is not None
    }
    return {**targets, "response": STABLE if beside is None else beside}


def recist(answers: dict[str, Any], *earlier: dict[str, Any]) -> Any:
    return followed(ORGANS["liver"], answers, list(earlier))[0]


# PMC2755245, as in the fact sheet: baseline, nadir, current.
@pytest.mark.parametrize(
    ("baseline", "between", "now", "response"),
    [
        (100, None, 70, "PR"),
        (100, None, 70.1, "SD"),
        (100, 70, 84, "PD"),
        (100, 70, 83.9, "SD"),
        (20, 20, 24, "SD"),
        (20, 20, 25, "PD"),
        (100, 60, 72, "PD"),
        (100, None, 0, "CR"),
    ],
)
def test_the_sum_is_compared_with_baseline_and_nadir(
    baseline: float, between: float | None, now: float, response: str
) -> None:
    earlier = [seen(baseline), *([seen(between)] if between is not None else [])]
    found = recist(seen(now), *earlier)
    assert found.assessment.response.value == response
    assert found.notes == ()


def test_the_first_time_point_with_a_target_is_the_baseline() -> None:
    found = recist(seen(30, 20), {"response": STABLE}, seen(50, 30))
    assert found.assessment.baseline_mm == 80
    assert found.label == "Partial response"
    assert "-37.5 % against the baseline" in found.text


def test_at_the_baseline_there_is_a_sum_and_what_keeps_a_lesion_from_being_a_target() -> None:
    found = recist(seen(42, 8, 20))
    assert (found.label, found.text) == ("Baseline", "Sum of diameters 70 mm.")
    assert found.notes == (
        "3 targets in liver; at most 2 of one organ are followed.",
        "A target has a longest diameter of 10 mm or more at baseline.",
        "Slice thickness not known: target 1, target 2, target 3. On slices above 5 mm a target has "
        "twice the slice thickness or more.",
    )


def test_without_a_target_there_is_nothing_to_follow() -> None:
    assert followed(ORGANS["pancreas"], {}, [{}]) == []
    assert followed(ORGANS["pancreas"], {"target_1": "x", "response": 3}, []) == []


def test_a_target_that_is_not_measured_again_leaves_the_response_open() -> None:
    found = recist(seen(20, None), seen(50, 30))
    assert found.label == "Not evaluable"
    assert found.notes == ("No size at this time point: target 2.",)


def test_what_was_not_stated_is_said_and_never_taken_as_a_complete_response() -> None:
    found = recist(seen(0, beside={}), seen(50))
    assert found.label == "Partial response"
    assert found.notes == (
        "Not stated whether there is a new lesion.",
        "Non-target lesions not stated.",
    )


def test_a_target_named_later_is_not_counted_and_said_so() -> None:
    found = recist(seen(50, 20), seen(50))
    assert found.sum_mm == 50
    assert found.notes == ("Not followed since the baseline, and not counted: target 2.",)


def test_a_new_lesion_is_progression_whatever_the_sum() -> None:
    found = recist(seen(10, beside={**STABLE, "new_lesion": True}), seen(50))
    assert found.label == "Progressive disease"


def test_a_node_is_gone_below_ten_millimetres() -> None:
    node = {"site": "lymph_node"}
    found = recist(seen(9, **node), seen(18, **node))
    assert found.label == "Complete response"
    # The site is not named again at every time point, nor always by the same word.
    for later in ({}, {"site": "other"}):
        now = {"target_1": {"diameter_mm": 9, **later}, "response": STABLE}
        assert recist(now, seen(18, **node)).label == "Complete response"


def test_nodes_are_one_organ_and_only_mrecist_asks_for_more_at_the_porta_hepatis() -> None:
    sites = ("lymph_node", "portal_node", "lymph_node")
    targets = {
        f"target_{number}": {"site": site, "diameter_mm": 16, "viable_mm": 16}
        for number, site in enumerate(sites, 1)
    }
    size, viable = followed(ORGANS["liver"], {**targets, "response": STABLE}, [])
    assert size.notes == ("3 targets in lymph nodes; at most 2 of one organ are followed.",)
    assert viable.notes[1:] == ("A target has a short axis of 20 mm or more at baseline.",)


def test_what_stands_behind_a_sum_is_said_with_it() -> None:
    now = seen(40, 20)
    now["target_2"] = {"site": "liver", "too_small": True}
    now["evidence"] = {"/target_1/diameter_mm": {"kind": "length", "state": "unsupported"}}
    found = recist(now, seen(50, 30))
    assert found.to_json()["source"] == "PMC2755245 table 3"
    assert found.notes == (
        "Too small to measure, counted as 5 mm (not verified): target 2.",
        "The measurement was deleted since: target 1.",
    )
    assert "The measurement was deleted since: target 1." in recist(now).notes


def test_the_liver_is_judged_by_viable_tumour_as_well_and_only_with_an_arterial_phase() -> None:
    before = {"target_1": {"site": "liver", "diameter_mm": 50, "viable_mm": 50}, "response": STABLE}
    now = {"target_1": {"site": "liver", "diameter_mm": 48, "viable_mm": 20}, "response": STABLE}
    both = followed(ORGANS["liver"], now, [before])
    assert [(one.criteria, one.label) for one in both] == [
        ("RECIST 1.1", "Stable disease"),
        ("mRECIST", "Partial response"),
    ]
    blind = {**now, "response": {**STABLE, "multiphase": False}}
    assert followed(ORGANS["liver"], blind, [before])[1].label == "Not evaluable"


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_every_organ_takes_targets_and_refuses_what_is_no_diameter(organ: Any) -> None:
    beside = {"non_target": "none", "new_lesion": False}
    assert problems(organ, seen(42, beside=beside)) == []
    [problem] = problems(organ, seen(-1, beside=beside))
    assert problem.pointer == "/target_1/diameter_mm"
