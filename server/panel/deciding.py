"""How votes become a verdict: the rules of rules.toml, and where a panel stands. Pure."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from server.foundation.errors import FieldProblem, Invalid

SINGLE: Final = "single"
# Fleiss' kappa wants as many votes of every case; three is what the larger rule begins with.
RATERS: Final = 3
RULES_FILE: Final = Path(__file__).with_name("rules.toml")


class RuleUnknown(Invalid):
    """A panel was to work by a rule that rules.toml does not have."""


@dataclass(frozen=True)
class PanelRule:
    """One way of coming to an answer; the keys are explained in rules.toml."""

    id: str
    title: str
    sentence: str
    votes: int
    more: int
    chair: bool
    returns_after_days: int
    returns_on: tuple[str, ...]
    source: str
    trust: str

    def returns_on_day(self, verdict: str, concluded_on: date) -> date | None:
        """The day on which a case of this verdict is to be looked at again; None for never."""
        if not self.returns_after_days or verdict not in self.returns_on:
            return None
        return concluded_on + timedelta(days=self.returns_after_days)


class Step(StrEnum):
    """What a panel needs next."""

    VOTES = "votes"
    MORE = "more"
    OPEN = "open"


@dataclass(frozen=True)
class Stand:
    """Where the votes stand. `majority` is the verdict of more than half of the votes, "" without one;
    `missing` counts the votes still to come, `call` those to be asked for in addition."""

    step: Step
    missing: int = 0
    call: int = 0
    majority: str = ""


@cache
def rules() -> Mapping[str, PanelRule]:
    """Every rule of the file by its id."""
    read = tomllib.loads(RULES_FILE.read_text(encoding="utf-8"))
    return {rule_id: _rule(rule_id, said) for rule_id, said in read.items()}


def _rule(rule_id: str, said: Mapping[str, Any]) -> PanelRule:
    rule = PanelRule(id=rule_id, **{**said, "returns_on": tuple(said["returns_on"])})
    if rule.votes < 1 or rule.more < 0 or rule.returns_after_days < 0:
        raise ValueError(f"{RULES_FILE.name}: {rule_id} counts below nothing")
    return rule


def rule_of(rule_id: str) -> PanelRule:
    """The rule of that id; raises RuleUnknown."""
    try:
        return rules()[rule_id]
    except KeyError:
        raise RuleUnknown(
            "The panel was not convened.",
            [FieldProblem("/rule", f"The ways of working are: {', '.join(rules())}.")],
        ) from None


def majority(verdicts: Iterable[str]) -> str:
    """The verdict of more than half of the votes, or ""."""
    counted = Counter(verdicts)
    total = sum(counted.values())
    return next((one for one, times in counted.items() if 2 * times > total), "")


def stand(rule: PanelRule, verdicts: Sequence[str], wanted: int) -> Stand:
    """Where a panel stands after these votes, when `wanted` have been asked for so far.

    Nothing opens before every vote that was asked for is in. Votes that make no majority call the rule's
    `more` once; if there is none after these either, the panel opens without one and the chair decides.
    """
    if len(verdicts) < wanted:
        return Stand(Step.VOTES, missing=wanted - len(verdicts))
    found = majority(verdicts)
    if not found and wanted < rule.votes + rule.more:
        more = rule.votes + rule.more - wanted
        return Stand(Step.MORE, missing=more, call=more)
    return Stand(Step.OPEN, majority=found)


def dissenters(verdicts: Mapping[str, str], conclusion: str) -> list[str]:
    """Who voted for something else than the conclusion, in the order of the votes."""
    return [who for who, verdict in verdicts.items() if verdict != conclusion]
