"""Lung function predicted after the operation, by segments: value x (19 - removed) / 19."""

from __future__ import annotations

from typing import Final

from server.annotations.decision import Answers, Category, Missing, Options, Trust
from server.annotations.organs.scale import (
    Case,
    Fact,
    Reading,
    Rule,
    RuleTable,
    known,
    number_of,
)

SOURCE: Final = "ACCP 2013 (Chest 143, 5 Suppl, e166S; abstract); segment counts not read"
ALL_SEGMENTS: Final = 19  # not verified
SEGMENTS: Final = {"rul": 3, "rml": 2, "rll": 5, "lul": 5, "lll": 4}  # not verified
ENOUGH: Final = 60.0  # % of normal; low risk is above it, ACCP 2013 (abstract)
LEAST: Final = 30.0  # %; an exercise test is asked for "within 60 and 30", ACCP 2013 (abstract)
MOST: Final = 200.0  # % of normal, the most that the form takes

LOW_RISK: Final = Category(0, "low_risk", "Low risk")
EXERCISE: Final = Category(1, "exercise_test", "Exercise test asked for")
CPET: Final = Category(2, "cardiopulmonary_test", "Cardiopulmonary exercise test asked for")

MEASURED: Final = {"fev1_percent": "FEV1", "dlco_percent": "DLCO"}


def segments_removed(answers: Answers) -> int | None:
    """The segments that would go: as typed, else those of the lobes planned; None if neither."""
    typed = number_of(answers.get("segments_removed"))
    if typed is not None and typed <= ALL_SEGMENTS:
        return int(typed)
    lobes = answers.get("planned_lobes")
    if not isinstance(lobes, list) or not lobes:
        return None
    return sum(SEGMENTS[lobe] for lobe in SEGMENTS if lobe in lobes)


def predicted_percent(value_percent: float, removed: int) -> float:
    """A value in % of normal as predicted after removing so many of 19 segments."""
    return value_percent * (ALL_SEGMENTS - removed) / ALL_SEGMENTS


def _read(answers: Answers, _options: Options) -> Reading:
    removed = segments_removed(answers)
    given = tuple(name for name in MEASURED if number_of(answers.get(name)) is not None)
    facts = (_predicted(answers, name, removed) for name in MEASURED)
    return Reading((*facts, known("removed", removed), known("given", given)))


def _predicted(answers: Answers, name: str, removed: int | None) -> Fact:
    """Between nothing removed and everything, where the segments are not stated."""
    value, words = number_of(answers.get(name)), MEASURED[name]
    gaps = []
    if value is None:
        gaps.append(Missing(f"/{name}", f"{words} not given"))
    if removed is None:
        gaps.append(Missing("/segments_removed", "Segments to be removed not stated"))
    # Rounded so that binary fractions do not decide a value exactly on a threshold.
    most = round(predicted_percent(MOST if value is None else value, removed or 0), 9)
    return Fact(name, most, 0.0, tuple(gaps)) if gaps else known(name, most)


def _text(case: Case) -> str:
    shares = [f"{MEASURED[name]} {case[name]:.1f} %" for name in case["given"]]
    without = f" without {case['removed']} segments" if case["removed"] is not None else ""
    return f"Predicted{without}: {', '.join(shares)}."


def _not_above_enough(case: Case) -> bool:
    return any(case[name] <= ENOUGH for name in MEASURED)


def _below_the_least(case: Case) -> bool:
    return any(case[name] < LEAST for name in MEASURED)


PPO: Final = RuleTable(
    id="ppo-function",
    title="Predicted postoperative function",
    version="not verified",
    source=SOURCE,
    read=_read,
    rules=(
        Rule("LF-2", CPET, SOURCE, Trust.GENERAL_KNOWLEDGE, _below_the_least, _text),
        Rule("LF-1", EXERCISE, SOURCE, Trust.GENERAL_KNOWLEDGE, _not_above_enough, _text),
    ),
    otherwise=Rule("LF-0", LOW_RISK, SOURCE, Trust.GENERAL_KNOWLEDGE, lambda _case: True, _text),
)
