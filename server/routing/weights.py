"""How much each reason counts: weights.toml as values. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parent / "weights.toml"


@dataclass(frozen=True)
class SurgeonWeights:
    """Points of a surgeon, each at most; all are zero or more."""

    organ: float
    subspecialty: float
    capability_needed: float
    capability_needed_at_centre: float
    capability_welcome: float
    capability_welcome_at_centre: float
    volume: float
    centre_kind: float
    language: float
    country: float
    load: float
    turnaround: float
    presence: float


@dataclass(frozen=True)
class CentreWeights:
    """Points of a centre, each at most."""

    capability_needed: float
    capability_welcome: float
    volume: float
    centre_kind: float
    language: float
    surgeons: float


@dataclass(frozen=True)
class Scale:
    """Where a reason counts in full. Volumes are operations a year; days are calendar days."""

    volume_full: int
    centre_volume_full: int
    volume_fresh_years: int
    turnaround_fast_days: int
    turnaround_slow_days: int
    horizon_days: int
    fewest_days_present: int


@dataclass(frozen=True)
class Weights:
    """Everything that a ranking weighs by."""

    surgeon: SurgeonWeights
    centre: CentreWeights
    scale: Scale


@cache
def weights() -> Weights:
    """The weights of the file; a name too many or too few is an error."""
    with _FILE.open("rb") as file:
        said = tomllib.load(file)
    return Weights(
        SurgeonWeights(**said["surgeon"]), CentreWeights(**said["centre"]), Scale(**said["scale"])
    )
