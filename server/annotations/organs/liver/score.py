"""Scores: a number with its unit beside the class it falls in.

What was not entered leaves the number between the least and the most it can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from server.annotations.decision import Category, Evaluation, Fired, Flag, Missing, Ruleset, result


@dataclass(frozen=True)
class Score:
    """A computed number. `least` and `most` are equal where everything was entered."""

    name: str
    unit: str
    least: float
    most: float

    @property
    def value(self) -> float | None:
        """The number, or None while it is a range."""
        return self.least if self.least == self.most else None

    @property
    def text(self) -> str:
        """The number or range with its unit, such as "-2.586" or "5 to 9 points"."""
        most = "" if self.least == self.most else f" to {_short(self.most)}"
        return f"{_short(self.least)}{most}{' ' + self.unit if self.unit else ''}"

    def to_json(self) -> dict[str, Any]:
        """The score as plain JSON values."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "least": self.least,
            "most": self.most,
        }


@dataclass(frozen=True)
class ScoreEvaluation(Evaluation):
    """An evaluation that also carries the number its class comes from."""

    score: Score | None = None

    def to_json(self) -> dict[str, Any]:
        """As every evaluation, with `score` added."""
        return {**super().to_json(), "score": self.score.to_json() if self.score else None}


def scored(
    ruleset: Ruleset,
    score: Score,
    ends: tuple[Category, Category],
    fired: Fired,
    missing: Iterable[Missing],
    flags: Iterable[Flag] = (),
) -> ScoreEvaluation:
    """The evaluation of a score. `ends` are the classes of its best and worst value.

    A definite class that is certain although the number is not (both ends in one class) stands as
    a category, with the range and what is missing beside it.
    """
    best, worst = ends
    open_yet = score.value is None
    return ScoreEvaluation(
        ruleset=ruleset.id,
        title=ruleset.title,
        version=ruleset.version,
        **result(best, worst),
        fired=() if best != worst else (fired,),
        missing=tuple(missing) if open_yet else (),
        flags=tuple(flags),
        score=score,
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3f}"
