"""Values with their units: what is understood, what is refused and with which hint."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.annotations.organs import ORGANS
from server.annotations.organs.liver import laboratory
from server.dossier.quantities import QUANTITIES, read_day, read_value, shown_number
from server.foundation.errors import FieldProblem


def read(name: str, text: str, unit: str) -> tuple[float, str]:
    checked = read_value(QUANTITIES[name], text, unit).checked
    assert checked is not None
    return checked.value, checked.comparator


def refusal(name: str, text: str, unit: str) -> str:
    (problem,) = read_value(QUANTITIES[name], text, unit).problems
    assert problem.pointer == f"/{name}"
    return problem.message


@pytest.mark.parametrize(
    ("text", "value", "comparator"),
    [
        ("3.4", 3.4, ""),
        ("3,4", 3.4, ""),
        (" 12 ", 12, ""),
        ("< 2", 2, "<"),
        ("≤2", 2, "<"),
        (">1000", 1000, ">"),
        ("1 234,5", 1234.5, ""),
        ("1.234,5", 1234.5, ""),
        ("1,234.5", 1234.5, ""),
        ("0.123", 0.123, ""),
        ("12'500", 12500, ""),
        ("5,", 5, ""),
    ],
)
def test_numbers_are_read_as_laboratories_write_them(
    text: str, value: float, comparator: str
) -> None:
    assert read("cea", text, "ng/mL") == (value, comparator)


def test_separators_between_thousands_are_passed_over() -> None:
    assert read("ca19_9", "1,234,567", "U/mL") == (1_234_567, "")


def test_a_number_with_two_readings_is_asked_about() -> None:
    said = refusal("cea", "1,234", "ng/mL")
    assert "is it 1.234 or 1234?" in said


def test_of_two_readings_the_only_possible_one_is_taken() -> None:
    assert read("platelets", "150.000", "/µL") == (150_000, "")
    assert read("platelets", "150,000", "/µL") == (150_000, "")


@pytest.mark.parametrize("text", ["abc", "-3", "1e5", "12 mg", "NaN", "inf", "1..2", "٣", ""])
def test_what_is_no_number_is_refused_by_the_name_of_its_field(text: str) -> None:
    assert refusal("cea", text, "ng/mL") == "CEA: write a number, such as 3.4 or < 2."


@pytest.mark.parametrize(
    ("name", "text", "unit", "hint"),
    [
        ("height", "17", "cm", "Height of 17 cm cannot be. Was it 170 cm?"),
        ("height", "172", "m", "Was it 172 cm?"),
        ("weight", "700", "kg", "Was it 700 lb?"),
        ("albumin", "4.1", "g/L", "Was it 4.1 g/dL?"),
        ("bilirubin", "0.9", "µmol/L", "Was it 0.9 mg/dL?"),
        ("creatinine", "88", "mg/dL", "Was it 88 µmol/L?"),
        ("platelets", "180000", "G/L", "Was it 180000 /µL?"),
        ("platelets", "1.8", "/µL", "Was it 1.8 G/L?"),
        ("inr", "110", "ratio", "INR of 110 cannot be. Was it 11?"),
        ("ecog", "7", "grade", "ECOG of 7 cannot be. It lies between 0 and 4."),
        ("ecog", "1.5", "grade", "ECOG is a whole number."),
        ("sodium", "14", "mmol/L", "Was it 140 mmol/L?"),
    ],
)
def test_what_cannot_be_is_refused_with_what_may_have_been_meant(
    name: str, text: str, unit: str, hint: str
) -> None:
    assert hint in refusal(name, text, unit)


def test_a_unit_of_another_quantity_is_refused() -> None:
    assert refusal("bilirubin", "12", "kg") == "Total bilirubin: choose the unit, µmol/L or mg/dL."


@pytest.mark.parametrize(
    ("name", "value", "unit", "to", "expected"),
    [
        ("bilirubin", 1.0, "mg/dL", "µmol/L", 17.1),
        ("bilirubin", 34.2, "µmol/L", "mg/dL", 2.0),
        ("creatinine", 1.0, "mg/dL", "µmol/L", 88.4),
        ("albumin", 3.5, "g/dL", "g/L", 35.0),
        ("platelets", 1.5, "lakh/µL", "G/L", 150.0),
        ("platelets", 150_000, "/µL", "G/L", 150.0),
        ("ast", 1.0, "µkat/L", "U/L", 60.0),
        ("haemoglobin", 8.0, "mmol/L", "g/dL", 12.89),
        ("height", 1.72, "m", "cm", 172.0),
        ("weight", 154, "lb", "kg", 69.85),
        ("ca19_9", 37, "kU/L", "U/mL", 37.0),
    ],
)
def test_units_are_converted(name: str, value: float, unit: str, to: str, expected: float) -> None:
    assert QUANTITIES[name].convert(value, unit, to) == pytest.approx(expected, rel=1e-3)


@given(st.sampled_from(sorted(QUANTITIES)), st.floats(0.5, 200))
def test_there_and_back_again_is_the_same_value(name: str, value: float) -> None:
    quantity = QUANTITIES[name]
    for unit in quantity.units:
        there = quantity.convert(value, quantity.unit, unit.name)
        assert quantity.convert(there, unit.name, quantity.unit) == pytest.approx(value, rel=2e-3)


def test_the_factors_are_those_of_the_scores() -> None:
    factors = {
        unit.name: unit.factor
        for name in ("bilirubin", "creatinine", "albumin")
        for unit in QUANTITIES[name].units
        if unit.factor != 1
    }
    assert set(factors) == {"mg/dL", "g/dL"}
    bilirubin, creatinine = (QUANTITIES[one].units[1].factor for one in ("bilirubin", "creatinine"))
    assert bilirubin == laboratory.BILIRUBIN_UMOL_L_PER_MG_DL
    assert creatinine == laboratory.CREATININE_UMOL_L_PER_MG_DL
    assert factors["g/dL"] == laboratory.ALBUMIN_G_L_PER_G_DL


def test_every_field_named_here_exists_in_some_form_and_takes_what_is_kept() -> None:
    for quantity in QUANTITIES.values():
        for name, unit in quantity.fields:
            schemas = [
                organ.schema["properties"][name]
                for organ in ORGANS.values()
                if name in organ.schema["properties"]
            ]
            assert schemas, name
            middle = (quantity.least + min(quantity.most, quantity.least * 100 + 4)) / 2
            value = quantity.convert(round(middle, 1), quantity.unit, unit)
            for schema in schemas:
                assert schema.get("minimum", 0) <= value <= schema.get("maximum", value), name


def test_a_day_must_be_there_be_a_day_and_not_lie_ahead(now: datetime) -> None:
    def said(text: str) -> str:
        problem = read_day(text, now)
        assert isinstance(problem, FieldProblem)
        return problem.message

    assert said("") == "Enter the date on which it was measured."
    assert said("20.11.2026") == "Write the date as 2026-11-20: year, month, day."
    assert said("2026-13-01").startswith("Write the date")
    assert "lies in the future" in said("2026-11-22")
    assert "Is the year right?" in said("1926-11-20")
    assert read_day("2026-11-19", now) == date(2026, 11, 19)


def test_today_in_the_earliest_time_zone_is_not_the_future(now: datetime) -> None:
    late = now.replace(hour=23)
    assert read_day((late + timedelta(days=1)).date().isoformat(), late) == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (3.40, "3.4"), (1234567.0, "1234567"), (0.05, "0.05"), (0, "0")]
)
def test_numbers_are_shown_as_people_write_them(value: float, text: str) -> None:
    assert shown_number(value) == text
