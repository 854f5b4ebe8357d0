"""The anatomy that the international consensus of 2017 and the Japanese classification share.

What is worse than borderline at SMA, coeliac axis, CHA and SMV/PV is the complement of the words
for borderline, and marked derived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from server.annotations.decision import Flag, Trust
from server.annotations.organs.pancreas.anatomy import (
    cha_extends,
    contact,
    touched,
    vein_lost,
)
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    LOCALLY_ADVANCED,
    Rule,
    degrees,
    metastatic,
)
from server.annotations.organs.pancreas.findings import Case

CUT: Final = 180  # degrees; arteries up to it, veins from it, PMC7603933 table 3
ADDRESSED: Final = frozenset({"sma", "ca", "cha", "pha", "smv_pv", "aorta"})
READS: Final = frozenset(
    {
        ("sma", "contour"),
        ("ca", "contour"),
        ("cha", "extends_to"),
        ("smv_pv", "contour"),
        ("smv_pv", "reconstructable"),
        ("smv_pv", "beyond_inferior_duodenum"),
    }
)


def vein_counts(case: Case) -> bool:
    """SMV/PV contact from 180 degrees, narrowed on both sides, or occluded."""
    vein = case.vessel("smv_pv")
    least = CUT + 1 if case.options.get("vein") == "over-180" else CUT  # s13244-020-00861-y
    narrowed = vein.touched and vein.contour in ("bilateral_narrowing", "deformed")
    return vein.contact_deg >= least or narrowed or vein.occluded


def cha_with_its_neighbours(case: Case) -> bool:
    """Contact with the CHA, and with the coeliac axis or the PHA.

    Borderline is contact with the CHA "without PHA and/or CA" (PMC7603933 table 3), so that contact
    with either beside it is beyond borderline, recorded as an extension or by itself.
    """
    return touched(case, "cha") and (touched(case, "ca") or touched(case, "pha"))


def pha_alone(case: Case, title: str) -> Iterator[Flag]:
    """The text speaks of the PHA beside the CHA only."""
    if touched(case, "pha") and not touched(case, "cha"):
        found = f"PHA contact {contact(case, 'pha')}° without the CHA"
        yield Flag("not_addressed", f"{found}: not addressed by {title}.")


def anatomy(
    prefix: str, source: str, cut_is_over: Callable[[Case], bool], given: Trust | None = None
) -> tuple[Rule, ...]:
    """The rules, numbered under `prefix`.

    `cut_is_over` says whether SMA and coeliac axis at exactly 180 degrees are beyond borderline;
    `given` marks all rules, else each has its own trust.
    """
    sourced, derived = given or Trust.SOURCED, given or Trust.DERIVED
    return (
        metastatic(f"{prefix}-M-1", source, sourced),
        *_artery_rules(f"{prefix}-LA-1", f"{prefix}-BR-1", "sma", source, cut_is_over, given),
        *_artery_rules(f"{prefix}-LA-2", f"{prefix}-BR-2", "ca", source, cut_is_over, given),
        *_cha_and_aorta_rules(prefix, source, derived, sourced),
        *_vein_rules(prefix, source, derived, sourced),
    )


def _artery_rules(
    worse: str,
    better: str,
    name: str,
    source: str,
    cut_is_over: Callable[[Case], bool],
    given: Trust | None,
) -> tuple[Rule, ...]:
    def over(case: Case) -> bool:
        return contact(case, name) > CUT or (contact(case, name) == CUT and cut_is_over(case))

    def deformed(case: Case) -> bool:
        return touched(case, name) and case.vessel(name).contour != "regular"

    def over_text(case: Case) -> str:
        words = f"{CUT}° or more" if cut_is_over(case) else f"more than {CUT}°"
        return degrees(name, words)(case)

    def within_text(case: Case) -> str:
        words = f"less than {CUT}°" if cut_is_over(case) else f"{CUT}° or less"
        return degrees(name, f"{words}, without stenosis or deformity")(case)

    derived, sourced = given or Trust.DERIVED, given or Trust.SOURCED
    stenosis = degrees(name, "with stenosis or deformity")
    return (
        Rule(worse, LOCALLY_ADVANCED, source, derived, over, over_text),
        Rule(worse, LOCALLY_ADVANCED, source, derived, deformed, stenosis),
        Rule(better, BORDERLINE, source, sourced, lambda case: touched(case, name), within_text),
    )


def _cha_and_aorta_rules(
    prefix: str, source: str, derived: Trust, sourced: Trust
) -> tuple[Rule, ...]:
    return (
        Rule(
            f"{prefix}-LA-3",
            LOCALLY_ADVANCED,
            source,
            derived,
            cha_extends,
            degrees("cha", "extending to the coeliac axis, the PHA or the hepatic bifurcation"),
        ),
        Rule(
            f"{prefix}-LA-3",
            LOCALLY_ADVANCED,
            source,
            derived,
            cha_with_its_neighbours,
            degrees("cha", "and contact with the coeliac axis or the PHA"),
        ),
        Rule(
            f"{prefix}-BR-3",
            BORDERLINE,
            source,
            sourced,
            lambda case: touched(case, "cha"),
            degrees("cha", "without extension to the coeliac axis or the PHA"),
        ),
        Rule(
            f"{prefix}-LA-5",
            LOCALLY_ADVANCED,
            source,
            sourced,
            lambda case: touched(case, "aorta"),
            degrees("aorta", "any contact"),
        ),
    )


def _vein_rules(prefix: str, source: str, derived: Trust, sourced: Trust) -> tuple[Rule, ...]:
    return (
        Rule(
            f"{prefix}-LA-4",
            LOCALLY_ADVANCED,
            source,
            derived,
            vein_lost,
            degrees("smv_pv", "not reconstructable"),
        ),
        Rule(
            f"{prefix}-LA-4",
            LOCALLY_ADVANCED,
            source,
            derived,
            lambda case: vein_counts(case) and case.vessel("smv_pv").beyond_inferior_duodenum,
            degrees("smv_pv", "beyond the inferior border of the duodenum"),
        ),
        Rule(
            f"{prefix}-BR-4",
            BORDERLINE,
            source,
            sourced,
            vein_counts,
            degrees("smv_pv", "enough in degrees, or narrowed on both sides, or occluded"),
        ),
    )
