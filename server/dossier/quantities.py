"""Blood values and measurements of the body: units, conversions, and what cannot be. Pure.

A value is kept in the unit in which the laboratory reported it and converted for reading. Limits are
those of the annotation's fields, so that what is kept here can be taken over there; they refuse what
cannot be, and are no reference ranges. Conversion factors follow from molar masses (trust: derived)
unless another source stands beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from server.foundation.days import WRITE_A_DAY, day_typed
from server.foundation.errors import FieldProblem

OLDEST_VALUE_YEARS: Final = 30  # an age at which a typed year is more likely wrong than old
EARTH_IS_AHEAD: Final = timedelta(hours=14)  # the zone farthest ahead of UTC is UTC+14
_SHIFTS: Final = (10.0, 100.0, 0.1, 0.01)


@dataclass(frozen=True)
class Unit:
    """A unit, with the factor from it to the quantity's first unit and where that comes from."""

    name: str
    factor: float = 1.0
    source: str = "the same unit under another name"


@dataclass(frozen=True)
class Quantity:
    """Something measured. Limits are in the first unit. `fields` are the names under which forms know
    it, each with the unit that the field wants; `whole` says that only whole numbers exist."""

    id: str
    title: str
    units: tuple[Unit, ...]
    least: float
    most: float
    fields: tuple[tuple[str, str], ...] = ()
    group: str = "blood"
    whole: bool = False
    welcome: bool = False

    @property
    def unit(self) -> str:
        """The unit in which values are shown beside each other."""
        return self.units[0].name

    def unit_named(self, name: str) -> Unit | None:
        """The unit of that name, or None."""
        return next((unit for unit in self.units if unit.name == name), None)

    def convert(self, value: float, from_unit: str, to_unit: str) -> float:
        """A value in another unit of this quantity, rounded to four significant digits.

        Raises KeyError for a unit that the quantity does not have.
        """
        factors = {unit.name: unit.factor for unit in self.units}
        if from_unit == to_unit:
            return value
        return float(f"{value * factors[from_unit] / factors[to_unit]:.4g}")


@dataclass(frozen=True)
class Checked:
    """A value as it was typed, understood: `comparator` is <, > or empty."""

    quantity: str
    value: float
    unit: str
    comparator: str = ""


@dataclass(frozen=True)
class Reading:
    """What came of a typed value: either `checked`, or the `problem` that stands at the field."""

    checked: Checked | None = None
    problems: tuple[FieldProblem, ...] = field(default=())


_ONE = "ratio"
QUANTITIES: Final[dict[str, Quantity]] = {
    quantity.id: quantity
    for quantity in (
        Quantity(
            "cea", "CEA", (Unit("ng/mL"), Unit("µg/L")), 0, 1_000_000, (("cea_ng_ml", "ng/mL"),)
        ),
        Quantity(
            "ca19_9",
            "CA 19-9",
            (Unit("U/mL"), Unit("kU/L")),
            0,
            10_000_000,
            (("ca19_9_u_ml", "U/mL"),),
        ),
        Quantity(
            "afp",
            "AFP",
            (
                Unit("ng/mL"),
                Unit("µg/L"),
                # WHO international standard 72/225; trust: general knowledge.
                Unit("IU/mL", 1.21, "1 IU of WHO standard 72/225 is 1.21 ng"),
            ),
            0,
            10_000_000,
            (("afp_ng_ml", "ng/mL"),),
        ),
        Quantity(
            "bilirubin",
            "Total bilirubin",
            (
                Unit("µmol/L"),
                Unit("mg/dL", 17.1, "bilirubin C33H36N4O6, 584.66 g/mol"),
            ),
            1.71,
            1500,
            (("bilirubin_umol_l", "µmol/L"), ("bilirubin_mg_dl", "mg/dL")),
        ),
        Quantity("inr", "INR", (Unit(_ONE),), 0.5, 20, (("inr", _ONE),)),
        Quantity(
            "creatinine",
            "Creatinine",
            (Unit("µmol/L"), Unit("mg/dL", 88.4, "creatinine C4H7N3O, 113.12 g/mol")),
            8.84,
            3000,
            (("creatinine_umol_l", "µmol/L"), ("creatinine_mg_dl", "mg/dL")),
        ),
        Quantity(
            "albumin",
            "Albumin",
            (Unit("g/L"), Unit("g/dL", 10.0, "10 dL are 1 L")),
            8,
            70,
            (("albumin_g_l", "g/L"), ("albumin_g_dl", "g/dL")),
        ),
        Quantity(
            "platelets",
            "Platelets",
            (
                Unit("G/L"),
                Unit("10³/µL"),
                Unit("/µL", 0.001, "1000 per µL are 10⁹ per L"),
                Unit("lakh/µL", 100.0, "1 lakh is 100 000"),
            ),
            1,
            2500,
            (("platelets_g_l", "G/L"),),
        ),
        Quantity(
            "sodium",
            "Sodium",
            (Unit("mmol/L"), Unit("mEq/L", 1.0, "sodium has one charge")),
            100,
            180,
            (("sodium_mmol_l", "mmol/L"),),
            welcome=True,
        ),
        Quantity(
            "ast",
            "AST (GOT)",
            (Unit("U/L"), Unit("µkat/L", 60.0, "1 µkat converts 60 µmol per minute")),
            1,
            50_000,
            welcome=True,
        ),
        Quantity(
            "alt",
            "ALT (GPT)",
            (Unit("U/L"), Unit("µkat/L", 60.0, "1 µkat converts 60 µmol per minute")),
            1,
            50_000,
            welcome=True,
        ),
        Quantity(
            "haemoglobin",
            "Haemoglobin",
            (
                Unit("g/L"),
                Unit("g/dL", 10.0, "10 dL are 1 L"),
                Unit("mmol/L", 16.114, "haemoglobin monomer, 16 114 g/mol"),
            ),
            20,
            250,
            welcome=True,
        ),
        Quantity(
            "height",
            "Height",
            (
                Unit("cm"),
                Unit("m", 100.0, "1 m is 100 cm"),
                Unit("in", 2.54, "1 inch is 2.54 cm by definition"),
            ),
            50,
            250,
            (("height_cm", "cm"),),
            group="body",
        ),
        Quantity(
            "weight",
            "Weight",
            (Unit("kg"), Unit("lb", 0.45359237, "1 lb is 0.45359237 kg by definition")),
            10,
            350,
            (("weight_kg", "kg"),),
            group="body",
        ),
        Quantity(
            "ecog", "ECOG", (Unit("grade"),), 0, 4, (("ecog", "grade"),), group="body", whole=True
        ),
    )
}

_NUMBER = re.compile(r"([<>≤≥]?)\s*([0-9][0-9 \u00a0\u202f',.]*)")


def read_value(quantity: Quantity, text: str, unit_name: str) -> Reading:
    """A typed value in a unit of the quantity, or the problem that stands at its field.

    `text` may have a comma or a point for decimals, spaces between thousands, and < or > before it.
    """
    at = f"/{quantity.id}"
    unit = quantity.unit_named(unit_name)
    if unit is None:
        offered = " or ".join(one.name for one in quantity.units)
        return _refused(at, f"{quantity.title}: choose the unit, {offered}.")
    comparator, values = _numbers(text)
    if not values:
        return _refused(at, f"{quantity.title}: write a number, such as 3.4 or < 2.")
    possible = [one for one in values if _is_possible(quantity, one, unit)]
    if len(possible) > 1:
        meant = " or ".join(shown_number(one) for one in possible)
        return _refused(at, f"{quantity.title}: is it {meant}? Write it without separator.")
    value = possible[0] if possible else values[0]
    if quantity.whole and (value != int(value) or comparator):
        return _refused(at, f"{quantity.title} is a whole number.")
    if not possible:
        return _refused(at, _implausible(quantity, value, unit))
    return Reading(Checked(quantity.id, value, unit.name, comparator))


MEASURED_WHEN = "Enter the date on which it was measured."


def read_day(
    text: str, now: datetime, at: str = "/taken_on", missing: str = MEASURED_WHEN
) -> date | FieldProblem:
    """The day on which a sample was taken, `YYYY-MM-DD`; not in the future and not ages ago. `missing` is
    what is said where none was entered."""
    if not text.strip():
        return FieldProblem(at, missing)
    day = day_typed(text)
    if day is None:
        return FieldProblem(at, WRITE_A_DAY)
    if day > (now + EARTH_IS_AHEAD).date():
        return FieldProblem(at, f"The date {day.isoformat()} lies in the future.")
    if day.year < now.year - OLDEST_VALUE_YEARS:
        return FieldProblem(at, f"The date {day.isoformat()} is long ago. Is the year right?")
    return day


def shown_number(value: float) -> str:
    """A number as people write it: no exponent, no needless zeros."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _refused(at: str, message: str) -> Reading:
    return Reading(problems=(FieldProblem(at, message),))


def _is_possible(quantity: Quantity, value: float, unit: Unit) -> bool:
    # Half a per mille of grace: limits were rounded in their own unit.
    return quantity.least * 0.9995 <= value * unit.factor <= quantity.most * 1.0005


def _numbers(text: str) -> tuple[str, list[float]]:
    """Comparator, and what the number may be: of `1,234` there are two readings."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return "", []
    comparator = {"≤": "<", "≥": ">"}.get(found[1], found[1])
    digits = re.sub(r"[ \u00a0\u202f']", "", found[2])
    readings = [_with_point(digits)]
    if re.fullmatch(r"[1-9][0-9]{0,2}[,.][0-9]{3}", digits):
        readings.append(re.sub("[,.]", "", digits))
    try:
        return comparator, [float(one) for one in readings]
    except ValueError:
        return "", []


def _with_point(digits: str) -> str:
    """Digits with a decimal point only; what stood between thousands is taken out."""
    if re.fullmatch(r"[0-9]{1,3}([,.])[0-9]{3}(\1[0-9]{3})+", digits):
        return re.sub("[,.]", "", digits)
    both = re.fullmatch(r"([0-9]{1,3}(?:([,.])[0-9]{3})+)(?!\2)[,.]([0-9]+)", digits)
    if both:
        return f"{re.sub('[,.]', '', both[1])}.{both[3]}"
    return digits.replace(",", ".")


def _implausible(quantity: Quantity, value: float, unit: Unit) -> str:
    """What cannot be, with what may have been meant."""
    least, most = quantity.least / unit.factor, quantity.most / unit.factor
    said = _with_unit(value, unit.name)
    text = f"{quantity.title} of {said} cannot be"
    for other in quantity.units:
        if other.factor != unit.factor and _is_possible(quantity, value, other):
            return f"{text}. Was it {_with_unit(value, other.name)}?"
    for shift in () if quantity.whole else _SHIFTS:
        if least <= value * shift <= most:
            return f"{text}. Was it {_with_unit(float(f'{value * shift:.6g}'), unit.name)}?"
    low, high = (float(f"{limit:.4g}") for limit in (least, most))
    return f"{text}. It lies between {_with_unit(low, '')} and {_with_unit(high, unit.name)}."


def _with_unit(value: float, unit: str) -> str:
    shown = shown_number(float(f"{value:.6g}"))
    return shown if unit in ("", _ONE, "grade") else f"{shown} {unit}"
