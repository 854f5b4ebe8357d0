"""Laboratory values, each in the unit of its field's name; conversions with their factor.

Two units are common for bilirubin, albumin and creatinine, so each has two fields and a value
stands in the one whose unit it was reported in. The ranges of the fields refuse most values typed
into the wrong one (albumin 40 g/dL, creatinine 88 mg/dL, platelets 150000). Factors follow from
molar masses: bilirubin C33H36N4O6 584.66 g/mol, creatinine C4H7N3O 113.12 g/mol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.annotations.decision import Answers, Flag, Missing
from server.annotations.organs.liver.remnant import number

BILIRUBIN_UMOL_L_PER_MG_DL: Final = 17.1  # 10 000 / 584.66 g/mol
CREATININE_UMOL_L_PER_MG_DL: Final = 88.4  # 10 000 / 113.12 g/mol
ALBUMIN_G_L_PER_G_DL: Final = 10.0
# Values of the same sample in two units may differ by rounding, and by no more than this.
MOST_APART: Final = 0.05


@dataclass(frozen=True)
class Analyte:
    """Something measured in a laboratory, with one or two fields.

    `least` and `most` bound what the first field's unit can hold over both fields: where nothing
    was entered the value is somewhere between them. `second` is (field, factor to the first unit).
    """

    words: str
    field: str
    least: float
    most: float
    second: tuple[str, float] | None = None

    @property
    def missing(self) -> Missing:
        """What to say where it was not entered."""
        return Missing(f"/{self.field}", f"{self.words} not entered.")


@dataclass(frozen=True)
class Amount:
    """A value in the analyte's first unit: exact where `least` and `most` are equal.

    `second` is the value as reported in the second unit, where it was reported in that one.
    """

    least: float
    most: float
    second: float | None = None

    @property
    def known(self) -> bool:
        """Whether it was entered."""
        return self.least == self.most


BILIRUBIN: Final = Analyte(
    "Bilirubin", "bilirubin_umol_l", 1.71, 1500, ("bilirubin_mg_dl", BILIRUBIN_UMOL_L_PER_MG_DL)
)
ALBUMIN: Final = Analyte("Albumin", "albumin_g_l", 8, 70, ("albumin_g_dl", ALBUMIN_G_L_PER_G_DL))
CREATININE: Final = Analyte(
    "Creatinine",
    "creatinine_umol_l",
    8.84,
    3000,
    ("creatinine_mg_dl", CREATININE_UMOL_L_PER_MG_DL),
)
INR: Final = Analyte("INR", "inr", 0.5, 20)
SODIUM: Final = Analyte("Sodium", "sodium_mmol_l", 95, 190)
PLATELETS: Final = Analyte("Platelets", "platelets_g_l", 1, 2500)
ICG_R15: Final = Analyte("ICG-R15", "icg_r15_percent", 0, 100)
HVPG: Final = Analyte("HVPG", "hvpg_mmhg", 0, 60)
HBS: Final = Analyte("Mebrofenin uptake", "hbs_percent_min_m2", 0, 30)
ANALYTES: Final = (BILIRUBIN, ALBUMIN, CREATININE, INR, SODIUM, PLATELETS, ICG_R15, HVPG, HBS)


def amount(answers: Answers, analyte: Analyte) -> Amount:
    """The value entered, or the whole range of the fields. Of two units the first counts."""
    value = _within(answers, analyte.field, analyte.least, analyte.most)
    if value is not None:
        return Amount(value, value)
    if analyte.second:
        field, factor = analyte.second
        reported = _within(answers, field, analyte.least / factor, analyte.most / factor)
        if reported is not None:
            return Amount(reported * factor, reported * factor, reported)
    return Amount(analyte.least, analyte.most)


def in_second_unit(analyte: Analyte, value: Amount, first_unit: float) -> float:
    """One end of a value in the analyte's second unit: as it was reported in that, else converted."""
    assert analyte.second is not None
    return first_unit / analyte.second[1] if value.second is None else value.second


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Values given in two units that are not the same, as (JSON pointer, sentence)."""
    found = []
    for analyte in ANALYTES:
        if analyte.second is None:
            continue
        field, factor = analyte.second
        first, other = number(answers, analyte.field), number(answers, field)
        if first is None or other is None or first <= 0:
            continue
        if abs(other * factor - first) > MOST_APART * first:
            text = f"{analyte.words} is given in two units, and they are not the same value."
            found.append((f"/{field}", text))
    return found


def flags(answers: Answers) -> tuple[Flag, ...]:
    """The contradictions among values, as flags."""
    return tuple(Flag("contradiction", text) for _, text in contradictions(answers))


def grade(answers: Answers, field: str, points: Mapping[str, int]) -> tuple[int, int]:
    """The least and most points of a choice among the answers."""
    value = answers.get(field)
    if isinstance(value, str) and value in points:
        return points[value], points[value]
    return min(points.values()), max(points.values())


def _within(answers: Answers, field: str, least: float, most: float) -> float | None:
    """A number of that field; outside its range it says nothing, and counts as not entered."""
    value = number(answers, field)
    if value is None or not least * 0.999 <= value <= most * 1.001:
        return None
    return value
