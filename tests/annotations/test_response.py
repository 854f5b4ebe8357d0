"""RECIST 1.1 and mRECIST between time points."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.annotations.response import (
    MeasurementsRefused,
    NonTarget,
    Response,
    Target,
    Visit,
    baseline_problems,
    mrecist,
    overall,
    recist_1_1,
    sum_mm,
    target_response,
)

CR, PR, SD, PD, NE = Response


def visit(*mm: float | None, **more: Any) -> Visit:
    return Visit(tuple(Target("liver", one) for one in mm), **more)


@pytest.mark.parametrize(
    ("baseline", "nadir", "current", "response"),
    [
        (100, 100, 70, PR),
        (100, 100, 70.1, SD),
        (100, 70, 84, PD),
        (100, 70, 83.9, SD),
        (20, 20, 24, SD),
        (20, 20, 25, PD),
        (100, 60, 72, PD),
        (100, 100, 120, PD),
        (100, 100, 119.9, SD),
        (100, 50, 60, PD),
        (100, 50, 59.9, PR),
    ],
)
def test_the_sums_of_the_fact_sheet_give_their_response(
    baseline: float, nadir: float, current: float, response: Response
) -> None:
    assert target_response(baseline, nadir, current) == response
    between = [visit(nadir)]
    assert recist_1_1(visit(baseline), between, visit(current)).response == response


@pytest.mark.parametrize(
    ("target", "non_target", "new_lesion", "response"),
    [
        (CR, NonTarget.NONE, False, CR),
        (CR, NonTarget.GONE, False, CR),
        (CR, NonTarget.PRESENT, False, PR),
        (CR, NonTarget.NOT_EVALUATED, False, PR),
        (PR, NonTarget.PRESENT, False, PR),
        (SD, NonTarget.NOT_EVALUATED, False, SD),
        (NE, NonTarget.PRESENT, False, NE),
        (PD, NonTarget.GONE, False, PD),
        (CR, NonTarget.GONE, True, PD),
        (NE, NonTarget.NONE, True, PD),
        (SD, NonTarget.PROGRESSED, False, PD),
        (NE, NonTarget.PROGRESSED, False, PD),
    ],
)
def test_the_patient_answers_as_target_non_target_and_new_lesions_do(
    target: Response, non_target: NonTarget, new_lesion: bool, response: Response
) -> None:
    assert overall(target, non_target, new_lesion=new_lesion) == response


def test_gone_is_zero_for_a_lesion_and_below_ten_for_a_node() -> None:
    baseline = Visit((Target("liver", 30), Target("nodes", 18, node=True)))
    healed = Visit((Target("liver", 0), Target("nodes", 9.9, node=True)))
    found = recist_1_1(baseline, [], healed)
    assert (found.response, found.sum_mm) == (CR, 9.9)
    swollen = Visit((Target("liver", 0), Target("nodes", 10, node=True)))
    assert recist_1_1(baseline, [], swollen).response == PR


def test_a_lesion_too_small_to_measure_counts_five_millimetres_and_is_not_gone() -> None:
    now = Visit((Target("liver", None, too_small=True),))
    found = recist_1_1(visit(40), [], now)
    assert (found.sum_mm, found.response) == (5.0, PR)


def test_a_target_that_cannot_be_evaluated_gives_no_answer_unless_the_rest_has_grown() -> None:
    assert recist_1_1(visit(20, 20), [], visit(20, None)).response == NE
    assert recist_1_1(visit(20, 20), [], visit(48, None)).response == PD
    assert recist_1_1(visit(20, 20), [], visit(None, None, new_lesion=True)).response == PD


def test_growth_counts_from_the_smallest_sum_so_far() -> None:
    found = recist_1_1(visit(100), [visit(90), visit(60), visit(65)], visit(72))
    assert (found.nadir_mm, found.response) == (60, PD)
    assert found.from_baseline_percent == -28
    assert found.from_nadir_percent == 20
    assert "nadir 60 mm" in found.because
    assert found.to_json()["response"] == "PD"


def test_a_nadir_of_nothing_is_left_by_any_regrowth_of_five_millimetres() -> None:
    beside = NonTarget.PRESENT
    gone = visit(0, non_target=beside)
    assert recist_1_1(visit(30), [gone], visit(4, non_target=beside)).response == PR
    assert recist_1_1(visit(30), [gone], visit(5, non_target=beside)).response == PD


def test_what_comes_back_after_a_complete_response_is_progression_however_small() -> None:
    found = recist_1_1(visit(30), [visit(0)], visit(4))
    assert (found.response, found.target) == (PD, PR)
    assert "after a complete response" in found.because
    assert recist_1_1(visit(30), [visit(0)], visit(0)).response == CR
    assert recist_1_1(visit(30), [visit(0)], visit(None)).response == NE
    assert recist_1_1(visit(30), [visit(0), visit(4)], visit(4)).response == PR
    seen = visit(0, non_target=NonTarget.PRESENT)
    assert recist_1_1(visit(30), [visit(0, non_target=NonTarget.GONE)], seen).response == PD
    node = [Visit((Target("nodes", mm, node=True),)) for mm in (18, 8, 9.9, 10)]
    assert recist_1_1(node[0], [node[1]], node[2]).response == CR
    assert recist_1_1(node[0], [node[1]], node[3]).response == PD


@pytest.mark.parametrize(
    ("targets", "pointers"),
    [
        ([Target("liver", 10)], []),
        ([Target("liver", 9.9)], ["/targets/0/mm"]),
        ([Target("liver", None)], ["/targets/0/mm"]),
        ([Target("nodes", 15, node=True)], []),
        ([Target("nodes", 14.9, node=True)], ["/targets/0/mm"]),
        ([Target("nodes", 19, node=True, portal_node=True)], ["/targets/0/mm"]),
        ([Target("nodes", 20, node=True, portal_node=True)], []),
        ([Target("liver", 20)] * 3, ["/targets"]),
        ([Target(organ, 20) for organ in "abcdef"], ["/targets"]),
        ([], ["/targets"]),
    ],
)
def test_a_baseline_takes_five_measurable_targets_and_two_of_an_organ(
    targets: list[Target], pointers: list[str]
) -> None:
    assert [problem.pointer for problem in baseline_problems(targets)] == pointers


def test_thick_slices_and_chest_films_ask_for_larger_targets() -> None:
    assert baseline_problems([Target("lung", 15)]) == []
    assert baseline_problems([Target("lung", 15, slice_mm=7.5)]) == []
    [thick] = baseline_problems([Target("lung", 15, slice_mm=8)])
    assert thick.message.endswith("16 mm or more at baseline, on slices of 8 mm.")
    [film] = baseline_problems([Target("lung", 15, chest_film=True)])
    assert film.message.endswith("20 mm or more at baseline on a chest film.")
    assert baseline_problems([Target("lymph nodes", 15, node=True, slice_mm=10)]) == []


def test_viable_tumour_needs_a_multi_phase_scan() -> None:
    assert mrecist(visit(40), [], visit(28)).response == PR
    assert mrecist(visit(40), [], visit(0)).response == CR
    single = mrecist(visit(40), [], visit(28, multiphase=False))
    assert (single.response, single.sum_mm) == (NE, None)
    assert "multi-phase" in single.because
    assert mrecist(visit(40), [], visit(28, multiphase=False, new_lesion=True)).response == PD


def test_viable_tumour_progresses_by_a_fifth_without_five_millimetres() -> None:
    assert mrecist(visit(20), [], visit(24)).response == PD
    assert recist_1_1(visit(20), [], visit(24)).response == SD
    assert mrecist(visit(20), [visit(0)], visit(0)).response == CR


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_what_is_no_length_is_refused(wrong: float) -> None:
    with pytest.raises(MeasurementsRefused) as refused:
        sum_mm([Target("liver", 10), Target("liver", wrong)])
    assert [problem.pointer for problem in refused.value.problems] == ["/targets/1/mm"]
    with pytest.raises(MeasurementsRefused):
        target_response(100, 100, wrong)


def test_time_points_that_follow_other_targets_are_refused() -> None:
    with pytest.raises(MeasurementsRefused):
        recist_1_1(visit(20, 20), [], visit(20))
    with pytest.raises(MeasurementsRefused):
        recist_1_1(visit(20), [], Visit((Target("lung", 20),)))
    with pytest.raises(MeasurementsRefused):
        recist_1_1(visit(None), [], visit(20))
    with pytest.raises(MeasurementsRefused):
        target_response(50, 60, 40)


@given(st.floats(10, 200), st.floats(0.1, 1), st.floats(0, 300), st.floats(0, 50))
@settings(max_examples=200, deadline=None)
def test_a_larger_sum_never_reads_better(
    baseline: float, share: float, current: float, more: float
) -> None:
    order = (CR, PR, SD, PD)
    nadir = baseline * share
    small = target_response(baseline, nadir, current)
    large = target_response(baseline, nadir, current + more)
    assert order.index(large) >= order.index(small)
    assert all(one.label for one in Response)
