"""Growth of the remnant between two dated volumetries, and what follows from it. Pure.

Three numbers go by the name of hypertrophy in the literature; here each has its own name: `dh_pp`
(percentage points of standardised FLR), `kgr_pp_per_week`, `relative_growth_percent`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from server.annotations.organs.liver import formulae
from server.foundation.errors import Invalid

# PMC3632508 (Shindoh 2013): DH 7.5 percentage points, KGR 2.0 per cent per week.
DH_PP: Final = 7.5
KGR_PP_PER_WEEK: Final = 2.0
DH_LEAST_PP: Final = 5.0  # Ribero; general knowledge, not verified


class GrowthNotComputable(Invalid):
    """Two time points between which no growth can be told."""


class Method(StrEnum):
    """How the remnant is made to grow."""

    PVE = "pve"
    PVE_AND_HVE = "pve_and_hve"
    PORTAL_LIGATION = "portal_ligation"
    ALPPS = "alpps"


# Days after the procedure in which the volumetry is repeated (unpublished proposal: 3-6 weeks after
# occlusion of the portal vein, 7-14 days after the first step of ALPPS).
WINDOW_DAYS: Final = {
    Method.PVE: (21, 42),
    Method.PVE_AND_HVE: (21, 42),
    Method.PORTAL_LIGATION: (21, 42),
    Method.ALPPS: (7, 14),
}


class Phase(StrEnum):
    """Where a liver stands between too small a remnant and an operation."""

    ADEQUATE = "adequate"
    ADEQUATE_AFTER = "adequate_after"
    RE_MEASURE = "re_measure"
    AUGMENT = "augment"
    INADEQUATE = "inadequate"
    FAILED_GROWTH = "failed_growth"


@dataclass(frozen=True)
class Volumetry:
    """A remnant measured on a day: mL, and its share in per cent of the formula's liver volume."""

    on: date
    flr_ml: float
    sflr_percent: float


@dataclass(frozen=True)
class Growth:
    """What changed between two volumetries; `since_days` counts from the procedure."""

    dh_pp: float
    kgr_pp_per_week: float
    relative_growth_percent: float
    since_days: int


@dataclass(frozen=True)
class Standing:
    """The phase, why, and what changed where there are two volumetries."""

    phase: Phase
    text: str
    growth: Growth | None = None


def growth(before: Volumetry, after: Volumetry, procedure_on: date) -> Growth:
    """DH, KGR and relative growth. Weeks are counted from the procedure (PMC3632508).

    Raises GrowthNotComputable where the later volumetry is not after the procedure, the earlier one
    is after it, or the earlier remnant is nothing.
    """
    since_days = (after.on - procedure_on).days
    if since_days <= 0:
        raise GrowthNotComputable(
            f"The volumetry of {after.on} is not after the procedure of {procedure_on}.",
            remedy="Correct one of the dates.",
        )
    if before.on > procedure_on:
        raise GrowthNotComputable(
            f"The first volumetry, of {before.on}, is after the procedure of {procedure_on}.",
            remedy="Give the volumetry before the procedure as the earlier one.",
        )
    if not before.flr_ml > 0:
        raise GrowthNotComputable("The earlier remnant is not above zero.")
    gained_pp = formulae.dh_pp(before.sflr_percent, after.sflr_percent)
    return Growth(
        dh_pp=gained_pp,
        kgr_pp_per_week=formulae.kgr_pp_per_week(gained_pp, since_days),
        relative_growth_percent=formulae.relative_growth_percent(before.flr_ml, after.flr_ml),
        since_days=since_days,
    )


def standing(
    first: Volumetry,
    minimum_percent: float,
    *,
    method: Method | None = None,
    procedure_on: date | None = None,
    later: Volumetry | None = None,
    dh_least_pp: float = DH_PP,
) -> Standing:
    """Where the liver stands. `minimum_percent` is that of the background, of the same denominator.

    Without a method: adequate or inadequate (the proposal is to augment). With a method and no day:
    augment. After the procedure: re-measure within the method's window. Then the gate: standardised
    FLR from the minimum, and DH from `dh_least_pp` or KGR from 2.0 per week. A gate not passed
    before the window closes asks to measure again. A remnant that was enough before and is still
    enough is adequate; one that has shrunk since stands at the gate. Raises GrowthNotComputable.
    """
    now = later or first
    if _reaches(min(first.sflr_percent, now.sflr_percent), minimum_percent):
        return Standing(Phase.ADEQUATE, _against(now.sflr_percent, minimum_percent))
    if method is None:
        text = f"{_against(first.sflr_percent, minimum_percent)} Augmentation is to be considered."
        return Standing(Phase.INADEQUATE, text)
    if procedure_on is None:
        return Standing(Phase.AUGMENT, _against(first.sflr_percent, minimum_percent))
    opens, closes = (procedure_on + timedelta(days=days) for days in WINDOW_DAYS[method])
    if later is None:
        text = f"Repeat the volumetry between {opens} and {closes}."
        return Standing(Phase.RE_MEASURE, text)
    grown = growth(first, later, procedure_on)
    passed = _reaches(later.sflr_percent, minimum_percent) and (
        _reaches(grown.dh_pp, dh_least_pp) or _reaches(grown.kgr_pp_per_week, KGR_PP_PER_WEEK)
    )
    text = (
        f"{_against(later.sflr_percent, minimum_percent)} DH {grown.dh_pp:.2f} percentage points "
        f"(gate {dh_least_pp:g}), KGR {grown.kgr_pp_per_week:.2f} per week (gate "
        f"{KGR_PP_PER_WEEK:g}), {grown.since_days} days after the procedure."
    )
    if passed:
        return Standing(Phase.ADEQUATE_AFTER, text, grown)
    if later.on < closes:
        again = f"{text} The window closes on {closes}; measure again."
        return Standing(Phase.RE_MEASURE, again, grown)
    return Standing(Phase.FAILED_GROWTH, text, grown)


def _reaches(value: float, minimum: float) -> bool:
    """Rounded so that binary fractions do not decide a value that is exactly on the threshold."""
    return round(value, 9) >= minimum


def _against(percent: float, minimum_percent: float) -> str:
    return f"Standardised FLR {percent:.1f} %, minimum {minimum_percent:g} %."
