"""HCC stages and transplant criteria: BCLC (2022) and Milan; foci of intrahepatic cholangiocarcinoma.

BCLC is coded from an older published table; what the 2022 edition changed (a single tumour of any
size is A) is from general knowledge and marked so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from server.annotations.decision import Answers, Category, Fired, Flag, Option, Options, Trust
from server.annotations.fields import capitalised
from server.annotations.organs.liver import child_pugh
from server.annotations.organs.liver.invasion import VP, VV, at_least
from server.annotations.organs.liver.open_rules import (
    NO,
    Finding,
    OpenRule,
    OpenTable,
    all_of,
    any_of,
    still_open,
    yes,
)
from server.annotations.organs.liver.remnant import number
from server.annotations.organs.liver.tumour import (
    largest_mm,
    lesion_count,
    outside,
    tumour_flags,
)

BCLC_SOURCE: Final = "BCLC, table in a guideline mirror (secondary)"
BCLC_2022_SOURCE: Final = "BCLC 2022, general knowledge"
MILAN_SOURCE: Final = "Milan criteria: single up to 5 cm, or up to three of at most 3 cm"

ZERO: Final = Category(0, "0", "Very early (BCLC 0)")
A: Final = Category(1, "A", "Early (BCLC A)")
B: Final = Category(2, "B", "Intermediate (BCLC B)")
C: Final = Category(3, "C", "Advanced (BCLC C)")
D: Final = Category(4, "D", "Terminal (BCLC D)")

WITHIN: Final = Category(0, "within", "Within Milan")
OUTSIDE: Final = Category(1, "beyond", "Beyond Milan")


def hcc_only(answers: Answers) -> str:
    """Why a set for HCC does not speak of the case, or nothing. An entity not given is tried."""
    if answers.get("entity", "hcc") != "hcc":
        return "This set is for hepatocellular carcinoma."
    return "No lesion is counted." if number(answers, "lesion_count") == 0 else ""


def entity_flags(answers: Answers) -> tuple[Flag, ...]:
    """Says that the tumour was taken as HCC."""
    if "entity" in answers:
        return ()
    return (Flag("entity_not_stated", "Tumour not stated; judged as hepatocellular carcinoma."),)


def vascular(answers: Answers, options: Options) -> Finding:
    """Any invasion of portal or hepatic veins."""
    return any_of(at_least(tree, 1)(answers, options) for tree in (VP, VV))


def status_over(limit: int) -> Callable[[Answers, Options], Finding]:
    """A finding: ECOG performance status above `limit`."""

    def finding(answers: Answers, _options: Options) -> Finding:
        status = number(answers, "ecog")
        if status is None:
            return still_open(("/ecog", "Performance status not entered."))
        return yes(f"ECOG {status:g}.") if status > limit else NO

    return finding


def _several(answers: Answers) -> Finding:
    """More than three lesions, or two to three of which one is over 3 cm."""
    count, largest = lesion_count(answers), largest_mm(answers)
    return any_of(
        [
            count.over(3, "More than three lesions."),
            all_of([count.over(1, "Several lesions;"), largest.over(30, "the largest over 3 cm.")]),
        ]
    )


def _beyond_very_early(answers: Answers, _options: Options) -> Finding:
    count, largest = lesion_count(answers), largest_mm(answers)
    return any_of(
        [
            count.over(1, "More than one lesion."),
            largest.over(20, "Largest lesion over 2 cm."),
        ]
    )


def _single_of_any_size(answers: Answers, options: Options) -> Finding:
    if options["single_over_5_cm"] == "B" or lesion_count(answers).least > 1:
        return NO
    return largest_mm(answers).over(50, "Single lesion over 5 cm, A whatever its size.")


def _single_over_5(answers: Answers, options: Options) -> Finding:
    if options["single_over_5_cm"] == "A":
        return NO
    return largest_mm(answers).over(50, "Largest lesion over 5 cm.")


def _end_stage(answers: Answers, options: Options) -> Finding:
    if options["end_stage"] == "not-counted":
        return NO
    best, worst = child_pugh.ends(answers, {"albumin_low": "2.8"})
    if best == child_pugh.C:
        return yes("Child-Pugh C, taken as end-stage liver function.")
    if worst != child_pugh.C:
        return NO
    points = child_pugh.points(answers, {"albumin_low": "2.8"})
    gaps = [field for field, (low, high) in points.items() if low != high]
    named = ((one, capitalised(child_pugh.words(one))) for one in gaps)
    return still_open(
        *((f"/{one}", f"{name} not entered: Child-Pugh is open.") for one, name in named)
    )


BCLC: Final = OpenTable(
    id="bclc-2022",
    title="BCLC",
    version="2022",
    source=f"{BCLC_SOURCE}; {BCLC_2022_SOURCE} (single tumour of any size)",
    lowest=ZERO,
    otherwise=Fired("BCLC-0", BCLC_SOURCE, Trust.SOURCED, "Single lesion up to 2 cm, ECOG 0."),
    rules=(
        OpenRule("BCLC-A-1", A, BCLC_SOURCE, Trust.SOURCED, _beyond_very_early),
        OpenRule("BCLC-A-2", A, BCLC_2022_SOURCE, Trust.GENERAL_KNOWLEDGE, _single_of_any_size),
        OpenRule("BCLC-B-1", B, BCLC_SOURCE, Trust.SOURCED, lambda a, _: _several(a)),
        OpenRule("BCLC-B-2", B, BCLC_SOURCE, Trust.SOURCED, _single_over_5),
        OpenRule("BCLC-C-1", C, BCLC_SOURCE, Trust.SOURCED, status_over(0)),
        OpenRule("BCLC-C-2", C, BCLC_SOURCE, Trust.SOURCED, vascular),
        OpenRule("BCLC-C-3", C, BCLC_SOURCE, Trust.SOURCED, lambda a, _: outside(a)),
        OpenRule("BCLC-D-1", D, BCLC_SOURCE, Trust.SOURCED, status_over(2)),
        OpenRule("BCLC-D-2", D, BCLC_2022_SOURCE, Trust.GENERAL_KNOWLEDGE, _end_stage),
    ),
    options=(
        Option(
            "single_over_5_cm",
            ("A", "B"),
            "A",
            "Stage of a single tumour over 5 cm: A since 2022 (not verified), B in older text.",
        ),
        Option(
            "end_stage",
            ("child-pugh-c", "not-counted"),
            "child-pugh-c",
            "What counts as end-stage liver function.",
        ),
    ),
    applies=hcc_only,
    remarks=lambda answers, _: (*entity_flags(answers), *tumour_flags(answers)),
)

MILAN: Final = OpenTable(
    id="milan",
    title="Milan criteria",
    version="1996",
    source=MILAN_SOURCE,
    lowest=WITHIN,
    otherwise=Fired(
        "MILAN-IN",
        MILAN_SOURCE,
        Trust.SOURCED,
        "Single lesion up to 5 cm or up to three of at most 3 cm; no vessel, nothing outside.",
    ),
    rules=(
        OpenRule("MILAN-1", OUTSIDE, MILAN_SOURCE, Trust.SOURCED, lambda a, _: _several(a)),
        OpenRule(
            "MILAN-2",
            OUTSIDE,
            MILAN_SOURCE,
            Trust.SOURCED,
            lambda a, _: largest_mm(a).over(50, "Largest lesion over 5 cm."),
        ),
        OpenRule("MILAN-3", OUTSIDE, MILAN_SOURCE, Trust.SOURCED, vascular),
        OpenRule("MILAN-4", OUTSIDE, MILAN_SOURCE, Trust.SOURCED, lambda a, _: outside(a)),
    ),
    applies=hcc_only,
    remarks=lambda answers, _: (*entity_flags(answers), *tumour_flags(answers)),
)

SOLITARY: Final = Category(0, "solitary", "Solitary")
TWO: Final = Category(1, "two", "Two foci")
THREE: Final = Category(2, "three_or_more", "Three foci or more")
FOCI_SOURCE: Final = "PMC6831534: survival by number of foci"
FOCI: Final = OpenTable(
    id="icca-foci",
    title="Intrahepatic cholangiocarcinoma: foci",
    version="PMC6831534",
    source=FOCI_SOURCE,
    lowest=SOLITARY,
    otherwise=Fired("ICC-1", FOCI_SOURCE, Trust.SOURCED, "Solitary; median survival 43.2 months."),
    rules=(
        OpenRule(
            "ICC-2",
            TWO,
            FOCI_SOURCE,
            Trust.SOURCED,
            lambda a, _: lesion_count(a).over(1, "Two foci: 21.2 months."),
        ),
        OpenRule(
            "ICC-3",
            THREE,
            FOCI_SOURCE,
            Trust.SOURCED,
            lambda a, _: lesion_count(a).over(2, "Three or more foci: 15.3 months, independent."),
        ),
    ),
    applies=lambda answers: (
        ""
        if answers.get("entity", "icca") == "icca" and number(answers, "lesion_count") != 0
        else "This set is for intrahepatic cholangiocarcinoma."
    ),
)
