"""Service tiers: what is promised for each. Pure; read from tiers.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from server.foundation.errors import FieldProblem, Invalid

SOURCE = Path(__file__).with_name("tiers.toml")


class Counts(StrEnum):
    """Which days a tier counts."""

    CALENDAR = "calendar"
    BUSINESS = "business"


@dataclass(frozen=True)
class Tier:
    """What is promised: an opinion within `target_days`, at most `limit_days`, of complete records.

    `fee` is a label for people who agree on one elsewhere.
    """

    id: str
    title: str
    fee: str
    target_days: int
    limit_days: int
    soon_days: int
    counts: Counts

    @property
    def unit(self) -> str:
        """What is counted, in the singular: `calendar day` or `business day`."""
        return f"{self.counts.value} day"


@dataclass(frozen=True)
class StageTarget:
    """What a stage may take: a share of the tier's target, or calendar days outside of the clock."""

    share_percent: int = 0
    days: int = 0


class TierUnknown(Invalid):
    """There is no such service tier."""


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text())


@cache
def tiers() -> dict[str, Tier]:
    """All tiers by their ids, the cheapest first."""
    return {
        key: Tier(key, **{**said, "counts": Counts(said["counts"])})
        for key, said in _read()["tiers"].items()
    }


@cache
def stage_targets() -> dict[str, StageTarget]:
    """What each stage may take, by the stage's id."""
    return {key: StageTarget(**said) for key, said in _read()["stages"].items()}


def default_tier() -> str:
    """The id of the tier of a case for which nothing else was agreed."""
    return str(_read()["default"])


def tier_named(key: str) -> Tier:
    """The tier of that id; raises TierUnknown."""
    found = tiers().get(key)
    if found is None:
        raise TierUnknown(
            "There is no such service tier.", [FieldProblem("/tier", "Choose one from the list.")]
        )
    return found
