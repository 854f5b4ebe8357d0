"""Lung function predicted after the operation, by segments: value x (19 - removed) / 19."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
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

SOURCE: Final = "ACCP 2013 (Chest 143, 5 Suppl, e166S); thresholds and segment counts not read"
ALL_SEGMENTS: Final = 19  # not verified
SEGMENTS: Final = {"rul": 3, "rml": 2, "rll": 5, "lul": 5, "lll": 4}  # not verified
ENOUGH: Final = 60.0  # % of normal, not verified
LEAST: Final = 30.0  # %, not verified

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
    return Reading(
        (*(_predicted(answers, name, removed) for name in MEASURED), known("removed", removed))
    )


def _predicted(answers: Answers, name: str, removed: int | None) -> Fact:
    """Between nothing removed and everything, where the segments are not stated."""
    value, words = number_of(answers.get(name)), MEASURED[name]
    gaps = []
    if value is None:
        gaps.append(Missing(f"/{name}", f"{words} not given"))
    if removed is None:
        gaps.append(Missing("/segments_removed", "Segments to be removed not stated"))
    if value is None:
        return Fact(name, inf, 0.0, tuple(gaps))
    if removed is None:
        return Fact(name, value, 0.0, tuple(gaps))
    # Rounded so that binary fractions do not decide a value exactly on a threshold.
    return known(name, round(predicted_percent(value, removed), 9))


def _text(case: Case) -> str:
    shares = [f"{w} {case[name]:.1f} %" for name, w in MEASURED.items() if case[name] < inf]
    without = f" without {case['removed']} segments" if case["removed"] is not None else ""
    return f"Predicted{without}: {', '.join(shares)}."


def _below(limit: float) -> Callable[[Case], bool]:
    return lambda case: any(case[name] < limit for name in MEASURED)


PPO: Final = RuleTable(
    id="ppo-function",
    title="Predicted postoperative function",
    version="not verified",
    source=SOURCE,
    read=_read,
    rules=(
        Rule("LF-2", CPET, SOURCE, Trust.GENERAL_KNOWLEDGE, _below(LEAST), _text),
        Rule("LF-1", EXERCISE, SOURCE, Trust.GENERAL_KNOWLEDGE, _below(ENOUGH), _text),
    ),
    otherwise=Rule("LF-0", LOW_RISK, SOURCE, Trust.GENERAL_KNOWLEDGE, lambda _case: True, _text),
)
