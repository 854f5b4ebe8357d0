"""Laboratory values: one unit to a field, conversions, and what is refused."""

from __future__ import annotations

import pytest

from server.annotations.organs.liver import LIVER, laboratory
from server.annotations.organs.liver.laboratory import ANALYTES, BILIRUBIN, CREATININE, amount
from server.annotations.validation import problems


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bilirubin_umol_l", 1.2),
        ("bilirubin_mg_dl", 88),
        ("albumin_g_l", 4.1),
        ("albumin_g_dl", 41),
        ("creatinine_umol_l", 0.9),
        ("creatinine_mg_dl", 88),
        ("platelets_g_l", 150_000),
        ("sodium_mmol_l", 13.8),
        ("inr", 110),
        ("icg_r15_percent", 140),
        ("hbs_percent_min_m2", 85),
    ],
)
def test_a_value_in_another_unit_is_refused_at_its_field(field: str, value: float) -> None:
    assert [problem.pointer for problem in problems(LIVER, {field: value})] == [f"/{field}"]


@pytest.mark.parametrize(("field", "value"), [("bilirubin", 17), ("albumin_mg_dl", 4)])
def test_a_name_without_a_known_unit_is_refused(field: str, value: float) -> None:
    [problem] = problems(LIVER, {field: value})
    assert problem.pointer == f"/{field}"


def test_the_same_sample_in_either_unit_is_the_same_amount() -> None:
    mg = amount({"bilirubin_mg_dl": 2.0}, BILIRUBIN)
    assert mg.least == mg.most == pytest.approx(34.2)
    assert amount({"bilirubin_umol_l": 34.2}, BILIRUBIN).least == pytest.approx(mg.least)
    assert amount({"creatinine_mg_dl": 1.0}, CREATININE).least == pytest.approx(88.4)


def test_a_bilirubin_of_seventeen_is_what_its_field_says() -> None:
    high = LIVER.ruleset("child-pugh").evaluate({"bilirubin_mg_dl": 17}).to_json()
    low = LIVER.ruleset("child-pugh").evaluate({"bilirubin_umol_l": 17}).to_json()
    assert (high["score"]["least"], low["score"]["least"]) == (7, 5)


def test_two_units_of_different_samples_are_a_contradiction() -> None:
    answers = {"bilirubin_umol_l": 17, "bilirubin_mg_dl": 1.0}
    assert laboratory.contradictions(answers) == []
    answers["bilirubin_mg_dl"] = 17
    assert [pointer for pointer, _ in laboratory.contradictions(answers)] == ["/bilirubin_mg_dl"]
    assert "/bilirubin_mg_dl" in [problem.pointer for problem in LIVER.to_sign(answers)]
    flags = LIVER.ruleset("albi").evaluate(answers).flags
    assert [flag.id for flag in flags] == ["contradiction"]


@pytest.mark.parametrize("analyte", ANALYTES, ids=lambda one: one.field)
def test_what_was_not_entered_may_be_anything_the_fields_take(
    analyte: laboratory.Analyte,
) -> None:
    form = LIVER.schema["properties"]
    everything = amount({}, analyte)
    fields = [(analyte.field, 1.0), *([analyte.second] if analyte.second else [])]
    for field, factor in fields:
        assert everything.least <= form[field]["minimum"] * factor * 1.001
        assert everything.most >= form[field]["maximum"] * factor * 0.999
        for end in ("minimum", "maximum"):
            assert amount({field: form[field][end]}, analyte).known, (field, end)
