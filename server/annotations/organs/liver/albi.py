"""ALBI: 0.66 x log10(bilirubin in µmol/L) - 0.085 x albumin in g/L, and its three grades."""

from __future__ import annotations

import math
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Option,
    Options,
    Ruleset,
    Trust,
)
from server.annotations.organs.liver import laboratory
from server.annotations.organs.liver.laboratory import ALBUMIN, BILIRUBIN, amount
from server.annotations.organs.liver.score import Score, scored

GRADE_1: Final = Category(0, "1", "Grade 1 (ALBI)")
GRADE_2: Final = Category(1, "2", "Grade 2 (ALBI)")
GRADE_3: Final = Category(2, "3", "Grade 3 (ALBI)")
SOURCE: Final = "ALBI, as a published implementation computes it; Johnson prints 0.0852"


def albi(bilirubin_umol_l: float, albumin_g_l: float, coefficient: float = 0.085) -> float:
    """The score, without unit; lower is better. Raises ValueError unless bilirubin is above 0."""
    return 0.66 * math.log10(bilirubin_umol_l) - coefficient * albumin_g_l


def category(score: float) -> Category:
    """Grade 1 up to -2.60, grade 2 up to -1.39, grade 3 above."""
    rounded = round(score, 9)
    if rounded <= -2.60:
        return GRADE_1
    return GRADE_2 if rounded <= -1.39 else GRADE_3


def evaluate(answers: Answers, options: Options) -> Evaluation:
    """The score of answers of any shape."""
    bilirubin, albumin = amount(answers, BILIRUBIN), amount(answers, ALBUMIN)
    coefficient = float(options["albumin_coefficient"])
    least = albi(bilirubin.least, albumin.most, coefficient)
    most = albi(bilirubin.most, albumin.least, coefficient)
    score = Score("ALBI", "", round(least, 3), round(most, 3))
    missing = [
        analyte.missing
        for analyte, value in ((BILIRUBIN, bilirubin), (ALBUMIN, albumin))
        if not value.known
    ]
    text = (
        f"ALBI {score.text}; grade 1 up to -2.60, grade 2 up to -1.39 "
        f"(bilirubin {bilirubin.least:.1f} µmol/L, albumin {albumin.least:.1f} g/L)."
    )
    fired = Fired("ALBI-GRADE", SOURCE, Trust.SOURCED, text)
    ends = (category(least), category(most))
    return scored(RULESET, score, ends, fired, missing, laboratory.flags(answers))


RULESET: Final = Ruleset(
    id="albi",
    title="ALBI grade",
    version="coefficient 0.085",
    source=SOURCE,
    options=(
        Option(
            "albumin_coefficient",
            ("0.085", "0.0852"),
            "0.085",
            "What albumin in g/L is multiplied by; sources print it with three or four digits.",
        ),
    ),
    apply=evaluate,
)
