"""Growth between dated volumetries, and the way from too small a remnant to an operation."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.annotations.organs.liver import LIVER
from server.annotations.organs.liver.formulae import bsa_mosteller_m2, sflr_percent, stlv_vauthey_ml
from server.annotations.organs.liver.growth import (
    GrowthNotComputable,
    Method,
    Phase,
    Standing,
    Volumetry,
    growth,
    standing,
)

DONE = date(2026, 3, 2)


def measured(percent: float, days: int, flr_ml: float = 0.0) -> Volumetry:
    """A remnant of that share, so many days after the procedure."""
    return Volumetry(DONE + timedelta(days=days), flr_ml or percent * 15, percent)


def after(
    percent: float, days: int, *, first: float = 22.0, method: Method = Method.PVE
) -> Standing:
    return standing(
        measured(first, -7),
        30,
        method=method,
        procedure_on=DONE,
        later=measured(percent, days),
    )


def test_growth_matches_the_vector_of_the_fact_sheet() -> None:
    stlv_ml = stlv_vauthey_ml(bsa_mosteller_m2(170, 70))
    before = Volumetry(DONE, 420, sflr_percent(420, stlv_ml))
    now = Volumetry(DONE + timedelta(days=21), 540, sflr_percent(540, stlv_ml))
    found = growth(before, now, DONE)
    assert found.dh_pp == pytest.approx(7.95, abs=0.005)
    assert found.kgr_pp_per_week == pytest.approx(2.65, abs=0.005)
    assert found.relative_growth_percent == pytest.approx(28.57, abs=0.005)
    assert found.since_days == 21


@pytest.mark.parametrize(
    ("before_days", "after_days"), [(-7, 0), (-7, -1), (1, 20)], ids=["same", "before", "first"]
)
def test_days_out_of_order_give_no_growth(before_days: int, after_days: int) -> None:
    with pytest.raises(GrowthNotComputable):
        growth(measured(20, before_days), measured(30, after_days), DONE)


def test_without_augmentation_the_minimum_alone_decides() -> None:
    assert standing(measured(30.0, 0), 30).phase == Phase.ADEQUATE
    assert standing(measured(29.9, 0), 30).phase == Phase.INADEQUATE


def test_a_planned_augmentation_waits_for_its_day_and_then_for_its_window() -> None:
    first = measured(22, -7)
    assert standing(first, 30, method=Method.PVE).phase == Phase.AUGMENT
    for method, opens, closes in ((Method.PVE, 21, 42), (Method.ALPPS, 7, 14)):
        found = standing(first, 30, method=method, procedure_on=DONE)
        assert found.phase == Phase.RE_MEASURE
        first_day, last_day = (DONE + timedelta(days=days) for days in (opens, closes))
        assert found.text == f"Repeat the volumetry between {first_day} and {last_day}."


@pytest.mark.parametrize(
    ("found", "phase"),
    [
        (after(30.0, 42), Phase.ADEQUATE_AFTER),  # DH 8.0
        (after(30.0, 42, first=22.5), Phase.ADEQUATE_AFTER),  # DH 7.5 exactly
        (after(30.0, 42, first=22.6), Phase.FAILED_GROWTH),  # DH 7.4, KGR 1.23
        (after(30.0, 21, first=24.0), Phase.ADEQUATE_AFTER),  # DH 6.0, KGR 2.0 exactly
        (after(30.0, 42, first=24.0), Phase.FAILED_GROWTH),  # DH 6.0, KGR 1.0
        (after(29.9, 42), Phase.FAILED_GROWTH),  # grown enough, still too small
        (after(29.9, 30), Phase.RE_MEASURE),  # the window is still open
        (after(30.0, 10), Phase.ADEQUATE_AFTER),  # early, and passed
        (after(29.9, 14, method=Method.ALPPS), Phase.FAILED_GROWTH),
        (after(29.9, 13, method=Method.ALPPS), Phase.RE_MEASURE),
    ],
)
def test_the_gate_asks_for_size_and_for_growth(found: Standing, phase: Phase) -> None:
    assert found.phase == phase
    assert found.growth is not None


def test_less_growth_is_enough_by_the_other_gate() -> None:
    first, later = measured(24.5, -7), measured(30.0, 42)
    given_to = {"method": Method.PVE, "procedure_on": DONE, "later": later}
    assert standing(first, 30, **given_to).phase == Phase.FAILED_GROWTH  # type: ignore[arg-type]
    assert standing(first, 30, dh_least_pp=5.0, **given_to).phase == Phase.ADEQUATE_AFTER  # type: ignore[arg-type]


@given(st.floats(5, 29), st.floats(5, 60), st.floats(0, 20), st.integers(1, 90))
@settings(max_examples=200, deadline=None)
def test_a_larger_remnant_never_worsens_the_phase(
    first: float, later: float, more: float, days: int
) -> None:
    order = list(Phase)
    small, large = (after(percent, days, first=first) for percent in (later, later + more))
    assert order.index(large.phase) <= order.index(small.phase)


def answers(**more: Any) -> dict[str, Any]:
    return {
        "background": "steatosis_or_chemotherapy",
        "height_cm": 170,
        "weight_kg": 70,
        "flr_ml": 540,
        "flr_on": "2026-03-23",
        "flr_earlier_ml": 420,
        "flr_earlier_on": "2026-02-20",
        "augmentation": "pve",
        "augmentation_on": "2026-03-02",
        **more,
    }


def said(given_answers: dict[str, Any], **options: str) -> dict[str, Any]:
    return LIVER.ruleset("flr-augmentation").evaluate(given_answers, options).to_json()


def test_the_ruleset_tells_growth_by_its_three_names() -> None:
    found = said(answers())
    assert found["category"] == "adequate_after"
    [fired] = found["fired"]
    assert "DH 7.95" in fired["text"] and "KGR 2.65" in fired["text"]
    assert "Relative growth +28.57 %" in found["flags"][1]["text"]


@pytest.mark.parametrize(
    ("change", "category"),
    [
        ({"flr_earlier_ml": 460}, "adequate"),  # 30.5 % already before
        ({"flr_ml": 450}, "re_measure"),
        ({"flr_ml": 450, "flr_on": "2026-04-13"}, "failed_growth"),
        ({"flr_ml": 480, "flr_on": "2026-04-13"}, "failed_growth"),  # 31.8 %, DH 3.97
        ({"flr_earlier_ml": 480, "flr_ml": 200}, "re_measure"),  # was enough, is 13.2 %
        ({"flr_earlier_ml": 480, "flr_ml": 200, "flr_on": "2026-04-13"}, "failed_growth"),
        ({"augmentation": "none"}, "adequate"),
        ({"augmentation": "none", "flr_ml": 400, "flr_on": None}, "inadequate"),
    ],
)
def test_a_second_volumetry_moves_the_case_on(change: dict[str, Any], category: str) -> None:
    assert said(answers(**change))["category"] == category


@pytest.mark.parametrize(
    ("change", "gate", "trust"),
    [
        ({}, "dh-7.5", "sourced"),
        ({}, "dh-5", "general_knowledge"),  # 5 percentage points are not verified
        ({"flr_ml": 450}, "dh-7.5", "unpublished"),  # the window
        ({"flr_earlier_ml": 460}, "dh-7.5", "unpublished"),
    ],
)
def test_only_the_published_gate_is_shown_as_published(
    change: dict[str, Any], gate: str, trust: str
) -> None:
    assert [one["trust"] for one in said(answers(**change), gate=gate)["fired"]] == [trust]


@pytest.mark.parametrize(
    ("left_out", "category"),
    [
        (("flr_ml", "flr_on"), "re_measure"),
        (("flr_earlier_ml", "flr_earlier_on", "augmentation", "augmentation_on"), "adequate"),
    ],
)
def test_one_volumetry_is_a_whole_answer(left_out: tuple[str, ...], category: str) -> None:
    given_answers = {k: v for k, v in answers().items() if k not in left_out}
    assert said(given_answers)["category"] == category


@pytest.mark.parametrize(
    "field",
    ["background", "height_cm", "augmentation", "augmentation_on", "flr_on", "flr_earlier_on"],
)
def test_what_growth_needs_is_named_where_it_is_missing(field: str) -> None:
    given_answers = {k: v for k, v in answers().items() if k != field}
    found = said(given_answers)
    assert found["interval"] == ["adequate", "failed_growth"]
    assert f"/{field}" in [one["pointer"] for one in found["missing"]]


def test_a_remnant_only_measured_after_the_procedure_cannot_have_grown() -> None:
    given_answers = {k: v for k, v in answers().items() if not k.startswith("flr_earlier")}
    found = said(given_answers)
    assert [one["pointer"] for one in found["missing"]] == ["/flr_earlier_ml"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"flr_on": "2026-03-01"}, "/flr_on"),
        ({"flr_earlier_on": "2026-03-05"}, "/flr_earlier_on"),
    ],
)
def test_days_out_of_order_are_a_contradiction(change: dict[str, str], pointer: str) -> None:
    found = said(answers(**change))
    assert found["category"] is None
    assert "contradiction" in [flag["id"] for flag in found["flags"]]
    assert pointer in [problem.pointer for problem in LIVER.to_sign(answers(**change))]


def test_a_background_without_a_standardised_minimum_is_not_addressed() -> None:
    found = said(answers(background="fibrosis_or_cirrhosis"))
    assert [flag["id"] for flag in found["flags"]] == ["not_addressed"]
