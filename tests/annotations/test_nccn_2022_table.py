"""The boundary table P01 to P46, column NCCN v1.2022, and what stands behind each category."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Trust
from server.annotations.organs.pancreas import PANCREAS
from tests.annotations.boundary_table import TABLE as BOUNDARY
from tests.annotations.pancreas_world import clear_vessel, pancreas, touched

R, BR, LA, M = "resectable", "borderline", "locally_advanced", "metastatic"
TABLE = [(row.case, row.answers, *row.ends("nccn-2022")) for row in BOUNDARY]


@pytest.mark.parametrize(
    ("answers", "best", "worst"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_nccn_2022_says_what_the_boundary_table_says(
    answers: dict[str, Any], best: str, worst: str
) -> None:
    said = PANCREAS.ruleset("nccn-2022").evaluate(answers).to_json()
    if best == worst:
        assert (said["category"], said["interval"]) == (best, None)
    else:
        assert (said["category"], said["interval"]) == (None, [best, worst])


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_every_definite_category_names_a_rule_with_source_and_trust(
    row: tuple[str, dict[str, Any], str, str],
) -> None:
    said = PANCREAS.ruleset("nccn-2022").evaluate(row[1])
    assert bool(said.fired) == (said.category is not None or row[2] != R)
    for fired in said.fired:
        assert fired.rule.startswith("N-")
        assert len(fired.source) > 10
        assert isinstance(fired.trust, Trust)
        assert fired.text.endswith(".")


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_an_interval_names_what_would_narrow_it_and_a_category_misses_nothing(
    row: tuple[str, dict[str, Any], str, str],
) -> None:
    said = PANCREAS.ruleset("nccn-2022").evaluate(row[1])
    assert bool(said.missing) == (said.interval is not None)


@pytest.mark.parametrize(
    ("answers", "rules"),
    [
        (pancreas(sma=touched(181)), ["N-LA-1"]),
        (pancreas("neck", ca=touched(181)), ["N-LA-2"]),
        (pancreas("tail", ca=touched(181), gda=touched(1)), ["N-LA-3"]),
        (pancreas(ca=touched(1), aorta=touched(1)), ["N-LA-4"]),
        (pancreas(aorta=touched(1)), ["N-LA-4"]),
        (pancreas(cha=touched(1, reconstructable="no")), ["N-LA-5"]),
        (pancreas(smv_pv=touched(1, reconstructable="no")), ["N-LA-6"]),
        (pancreas(sma=touched(180)), ["N-BR-1"]),
        (pancreas("tail", ca=touched(200)), ["N-BR-2"]),
        (pancreas(cha=touched(90)), ["N-BR-3"]),
        (pancreas(variant_artery=touched(1)), ["N-BR-4"]),
        (pancreas(smv_pv=touched(181)), ["N-BR-5"]),
        (pancreas(ivc=touched(1)), ["N-BR-6"]),
        (pancreas(sma=touched(90), ivc=touched(90)), ["N-BR-1", "N-BR-6"]),
        (pancreas(), ["N-R-1"]),
        (pancreas(m_status="m1", sma=touched(300)), ["N-M-1"]),
    ],
)
def test_the_rule_of_the_published_order_fires(answers: dict[str, Any], rules: list[str]) -> None:
    assert [fired.rule for fired in PANCREAS.evaluate(answers)[0].fired] == rules


@pytest.mark.parametrize(
    "answers",
    [
        pancreas("neck", ca=touched(181)),
        pancreas(aorta=touched(90)),
        pancreas(cha=touched(90, reconstructable="no")),
        pancreas("head", ca=touched(90)),
    ],
)
def test_a_completed_silence_of_the_publication_is_marked_derived(answers: dict[str, Any]) -> None:
    assert {fired.trust for fired in PANCREAS.evaluate(answers)[0].fired} == {Trust.DERIVED}


def test_the_appleby_option_moves_coeliac_encasement_of_the_body_to_locally_advanced() -> None:
    ruleset, answers = PANCREAS.ruleset("nccn-2022"), pancreas("body", ca=touched(181))
    assert ruleset.evaluate(answers).to_json()["category"] == BR
    assert ruleset.evaluate(answers, {"appleby": "LA"}).to_json()["category"] == LA


@pytest.mark.parametrize(
    ("answers", "needed"),
    [
        (pancreas(), ()),
        (pancreas(smv_pv=touched(180)), ()),
        (pancreas(smv_pv=touched(181)), ("venous_reconstruction",)),
        (pancreas(sma=touched(1)), ("arterial_resection",)),
        (pancreas("body", ca=touched(181)), ("arterial_resection", "modified_appleby")),
        (pancreas("body", ca=touched(181), gda=touched(1)), ("arterial_resection",)),
        (pancreas(ivc=touched(1)), ("ivc_reconstruction",)),
    ],
)
def test_the_capabilities_an_operation_would_need_are_named(
    answers: dict[str, Any], needed: tuple[str, ...]
) -> None:
    assert PANCREAS.evaluate(answers)[0].capabilities == needed


def test_stranding_without_solid_contact_is_flagged_and_not_counted() -> None:
    said = PANCREAS.evaluate(pancreas(sma={"contact_deg": 200, "contact_kind": "haze_only"}))[0]
    assert said.to_json()["category"] == R
    [flag] = said.flags
    assert flag.id == "haze"
    assert flag.text.endswith("no solid contact; the 200° given with it are not counted.")


@pytest.mark.parametrize("name", ["first_jejunal_artery", "pha", "splenic_artery", "imv"])
def test_contact_that_the_set_is_silent_about_is_flagged(name: str) -> None:
    vessels: dict[str, Any] = {name: touched(90)}
    said = PANCREAS.evaluate(pancreas(**vessels))[0]
    assert [flag.id for flag in said.flags] == ["not_addressed"]


@pytest.mark.parametrize(
    ("vessels", "flags"),
    [
        ({"smv_pv": {**clear_vessel(), "contour": "unilateral_narrowing"}}, ["without_contact"]),
        ({"smv_pv": {"contact_deg": "not_assessed", "contour": "unilateral_narrowing"}}, []),
        ({"sma": touched(90, extends_to=["ca"])}, ["extension_not_counted"]),
        ({"sma": touched(90, extends_to=["ca"]), "ca": None}, []),
        ({"sma": touched(90, extends_to=["ca"]), "ca": touched(90)}, []),
    ],
    ids=["lumen", "contact open", "extension", "arrival open", "arrival touched"],
)
def test_what_is_recorded_and_not_counted_is_said(
    vessels: dict[str, Any], flags: list[str]
) -> None:
    said = {"without_contact", "extension_not_counted"}
    found = PANCREAS.evaluate(pancreas(**vessels))[0].flags
    assert [flag.id for flag in found if flag.id in said] == flags


def test_solid_contact_of_unknown_extent_is_at_least_borderline_at_the_sma() -> None:
    said = PANCREAS.evaluate(pancreas(sma={"contact_kind": "solid"}))[0].to_json()
    assert said["interval"] == [BR, LA]


@pytest.mark.parametrize("kind", ["none", "haze_only", "solid"])
@pytest.mark.parametrize("degrees", ["not_assessed", "not_visible"])
def test_a_vessel_said_to_be_not_assessed_is_that_whatever_stands_beside_it(
    degrees: str, kind: str
) -> None:
    answers = pancreas(sma={"contact_deg": degrees, "contact_kind": kind})
    assert PANCREAS.evaluate(answers)[0].to_json()["interval"] == [R, LA]


def test_a_proven_metastasis_counts_whatever_the_m_status_says_and_is_flagged() -> None:
    answers = pancreas() | {"metastases": {"liver": "proven"}}
    said = PANCREAS.evaluate(answers)[0]
    assert said.to_json()["category"] == M
    assert [flag.id for flag in said.flags] == ["contradiction"]


def test_a_suspected_metastasis_is_flagged_and_not_counted() -> None:
    said = PANCREAS.evaluate(pancreas() | {"metastases": {"liver": "suspected"}})[0]
    assert said.to_json()["category"] == R
    assert [flag.id for flag in said.flags] == ["metastasis_unproven"]


def test_a_contact_given_alone_takes_a_regular_vein_and_says_so() -> None:
    vein = {"contact_deg": 120, "reconstructable": "yes"}
    said = PANCREAS.evaluate(pancreas(smv_pv=vein))[0]
    assert said.to_json()["category"] == R
    assert [flag.id for flag in said.flags] == ["default_taken"]


def test_a_tumour_whose_site_is_unknown_is_judged_both_ways() -> None:
    answers = pancreas(ca=touched(200))
    del answers["site"]
    said = PANCREAS.evaluate(answers)[0]
    assert said.to_json()["interval"] == [BR, LA]
    assert [missing.pointer for missing in said.missing] == ["/site"]


def test_no_answers_at_all_leave_everything_open() -> None:
    assert PANCREAS.evaluate({})[0].to_json()["interval"] == [R, M]


def test_a_vessel_that_cannot_change_the_result_is_not_asked_for() -> None:
    said = PANCREAS.evaluate(pancreas(imv=None, splenic_vein=None))[0]
    assert said.to_json()["category"] == R
    clear = pancreas(sma=touched(200), imv=clear_vessel())
    assert PANCREAS.evaluate(clear)[0].missing == ()


def test_what_would_only_lower_the_worst_end_is_asked_for_too() -> None:
    said = PANCREAS.evaluate(pancreas("body", ca=None, gda=None))[0]
    assert said.to_json()["interval"] == [R, LA]
    assert [missing.pointer for missing in said.missing] == [
        "/vessels/ca/contact_deg",
        "/vessels/gda/contact_deg",
    ]
