"""Child-Pugh: five findings of one to three points each. Classes A 5-6, B 7-9, C 10-15.

Bounds as published calculators print them; of the albumin bound two readings exist (an option).
Bilirubin in µmol/L is held against the bounds printed in µmol/L (34, 51), not converted, so that a
value counts the same as in its own table.
"""

from __future__ import annotations

from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Missing,
    Option,
    Options,
    Ruleset,
    Trust,
)
from server.annotations.fields import capitalised
from server.annotations.organs.liver import laboratory
from server.annotations.organs.liver.laboratory import ALBUMIN, BILIRUBIN, INR, amount, grade
from server.annotations.organs.liver.score import Score, scored

A: Final = Category(0, "A", "Class A (Child-Pugh)")
B: Final = Category(1, "B", "Class B (Child-Pugh)")
C: Final = Category(2, "C", "Class C (Child-Pugh)")

SOURCE: Final = "Child-Pugh, as published calculators print its bounds"
ASCITES: Final = {"none": 1, "mild": 2, "moderate_severe": 3}
ENCEPHALOPATHY: Final = {"none": 1, "grade_1_2": 2, "grade_3_4": 3}
Points = tuple[int, int]


def points(answers: Answers, options: Options) -> dict[str, Points]:
    """Least and most points of each of the five findings, by the field that would settle it."""
    return {
        BILIRUBIN.field: _bilirubin(answers),
        ALBUMIN.field: _albumin(answers, options),
        INR.field: _inr(answers),
        "ascites": grade(answers, "ascites", ASCITES),
        "encephalopathy": grade(answers, "encephalopathy", ENCEPHALOPATHY),
    }


def category(total: int) -> Category:
    """The class of 5 to 15 points."""
    if total <= 6:
        return A
    return B if total <= 9 else C


def ends(answers: Answers, options: Options) -> tuple[Category, Category]:
    """The best and worst class that the answers allow."""
    least, most = _sum(points(answers, options))
    return category(least), category(most)


def evaluate(answers: Answers, options: Options) -> Evaluation:
    """The score of answers of any shape."""
    found = points(answers, options)
    least, most = _sum(found)
    score = Score("Child-Pugh", "points", least, most)
    parts = ", ".join(f"{words(field)} {_span(span)}" for field, span in found.items())
    fired = Fired("CP-SUM", SOURCE, Trust.SOURCED, f"Child-Pugh {score.text}: {parts}.")
    missing = [
        Missing(f"/{field}", f"{capitalised(words(field))} not entered: 1 to 3 points.")
        for field, (low, high) in found.items()
        if low != high
    ]
    flags = laboratory.flags(answers)
    return scored(RULESET, score, (category(least), category(most)), fired, missing, flags)


def _sum(found: dict[str, Points]) -> Points:
    return sum(low for low, _ in found.values()), sum(high for _, high in found.values())


def _bilirubin(answers: Answers) -> Points:
    value = amount(answers, BILIRUBIN)
    if not value.known:
        return 1, 3
    if value.second is not None:
        return _rising(value.second, 2, 3)  # mg/dL
    return _rising(value.least, 34, 51)  # µmol/L


def _albumin(answers: Answers, options: Options) -> Points:
    value = amount(answers, ALBUMIN)
    if not value.known:
        return 1, 3
    low_g_l = round(float(options["albumin_low"]) * 10, 6)
    albumin_g_l = round(value.least, 6)
    if albumin_g_l > 35:
        return 1, 1
    return (2, 2) if albumin_g_l >= low_g_l else (3, 3)


def _inr(answers: Answers) -> Points:
    value = amount(answers, INR)
    return _rising(value.least, 1.7, 2.3) if value.known else (1, 3)


def _rising(value: float, two_from: float, three_over: float) -> Points:
    if value < two_from:
        return 1, 1
    return (2, 2) if value <= three_over else (3, 3)


def words(field: str) -> str:
    return {BILIRUBIN.field: "bilirubin", ALBUMIN.field: "albumin", INR.field: "INR"}.get(
        field, field
    )


def _span(span: Points) -> str:
    low, high = span
    return str(low) if low == high else f"{low} to {high}"


RULESET: Final = Ruleset(
    id="child-pugh",
    title="Child-Pugh",
    version="five findings, INR",
    source=SOURCE,
    options=(
        Option(
            "albumin_low", ("2.8", "3.0"), "2.8", "Albumin in g/dL below which it gives 3 points."
        ),
    ),
    apply=evaluate,
)
