"""MELD in its original form, and MELD-Na. MELD 3.0 is not here: no source was read.

Both are numbers from 6 to 40, and each number is its own category: no publication read divides
them into classes. Creatinine counts as 4.0 mg/dL on dialysis; whether somebody is on dialysis is
never guessed, so MELD is a range until it is said.
"""

from __future__ import annotations

import math
from typing import Final

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Fired,
    Missing,
    Options,
    Ruleset,
    Trust,
)
from server.annotations.organs.liver import laboratory
from server.annotations.organs.liver.laboratory import (
    BILIRUBIN,
    CREATININE,
    INR,
    SODIUM,
    amount,
    in_second_unit,
)
from server.annotations.organs.liver.score import Score, scored

LEAST, MOST = 6, 40
SOURCE: Final = (
    "MELD: 3.78 ln bilirubin + 11.2 ln INR + 9.57 ln creatinine + 6.43; inputs not below 1.0, "
    "creatinine not above 4.0, result 6 to 40 (published calculators)"
)
SOURCE_NA: Final = (
    "MELD-Na: from a MELD of 12, MELD + 1.32 (137 - Na) - 0.033 MELD (137 - Na), Na 125 to 137 "
    "(published calculators)"
)
LOW_RISK: Final = 9  # below it, lower perioperative mortality (abstract behind the same source)


def meld(
    bilirubin_mg_dl: float, inr: float, creatinine_mg_dl: float, *, dialysis: bool = False
) -> int:
    """MELD in points, 6 to 40. Bilirubin and creatinine in mg/dL."""
    creatinine = 4.0 if dialysis else min(max(creatinine_mg_dl, 1.0), 4.0)
    raw = (
        3.78 * math.log(max(bilirubin_mg_dl, 1.0))
        + 11.2 * math.log(max(inr, 1.0))
        + 9.57 * math.log(creatinine)
        + 6.43
    )
    return _within(raw)


def meld_na(meld_points: int, sodium_mmol_l: float) -> int:
    """MELD-Na in points, 6 to 40, from MELD in points and sodium in mmol/L."""
    if meld_points < 12:
        return meld_points
    below = 137 - min(max(sodium_mmol_l, 125.0), 137.0)
    return _within(meld_points + 1.32 * below - 0.033 * meld_points * below)


def meld_ends(answers: Answers) -> tuple[int, int, list[Missing]]:
    """The least and most MELD the answers allow, and what is not entered."""
    bilirubin, inr = amount(answers, BILIRUBIN), amount(answers, INR)
    creatinine, dialysis = amount(answers, CREATININE), answers.get("dialysis")
    least = meld(
        in_second_unit(BILIRUBIN, bilirubin, bilirubin.least),
        inr.least,
        in_second_unit(CREATININE, creatinine, creatinine.least),
        dialysis=dialysis == "yes",
    )
    most = meld(
        in_second_unit(BILIRUBIN, bilirubin, bilirubin.most),
        inr.most,
        in_second_unit(CREATININE, creatinine, creatinine.most),
        dialysis=dialysis != "no",
    )
    missing = [
        analyte.missing
        for analyte, value in ((BILIRUBIN, bilirubin), (INR, inr))
        if not value.known
    ]
    if dialysis != "yes" and not creatinine.known:
        missing.append(CREATININE.missing)
    if dialysis not in ("yes", "no"):
        text = "Dialysis not stated; it would count as creatinine 4.0 mg/dL."
        missing.append(Missing("/dialysis", text))
    return least, most, missing


def evaluate(answers: Answers, _options: Options) -> Evaluation:
    """MELD of answers of any shape."""
    least, most, missing = meld_ends(answers)
    score = Score("MELD", "points", least, most)
    text = f"MELD {least} points"
    if most < LOW_RISK:
        text += f"; below {LOW_RISK}: lower perioperative mortality"
    fired = Fired("MELD", SOURCE, Trust.SOURCED, f"{text}.")
    ends = (_category("MELD", least), _category("MELD", most))
    return scored(RULESET, score, ends, fired, missing, laboratory.flags(answers))


def evaluate_na(answers: Answers, _options: Options) -> Evaluation:
    """MELD-Na of answers of any shape."""
    low, high, missing = meld_ends(answers)
    sodium = amount(answers, SODIUM)
    least, most = meld_na(low, sodium.most), meld_na(high, sodium.least)
    if not sodium.known and high >= 12:
        missing.append(SODIUM.missing)
    score = Score("MELD-Na", "points", least, most)
    fired = Fired("MELD-NA", SOURCE_NA, Trust.SOURCED, f"MELD-Na {least} points, MELD {low}.")
    ends = (_category("MELD-Na", least), _category("MELD-Na", most))
    return scored(RULESET_NA, score, ends, fired, missing, laboratory.flags(answers))


def _within(raw: float) -> int:
    return min(max(math.floor(round(raw, 9) + 0.5), LEAST), MOST)


def _category(name: str, points: int) -> Category:
    return Category(points, str(points), f"{points} points ({name})")


RULESET: Final = Ruleset("meld", "MELD", "original, floors 1.0", SOURCE, evaluate)
RULESET_NA: Final = Ruleset("meld-na", "MELD-Na", "from MELD 12", SOURCE_NA, evaluate_na)
