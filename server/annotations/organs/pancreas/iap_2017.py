"""International consensus (IAP 2017): anatomy (A), biology (B) and condition (C).

B or C alone makes a resectable case borderline and leaves locally advanced and metastatic as they
are; the type, such as BR-AC, is a flag. The anatomy is shared with the Japanese classification.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from server.annotations.decision import Category, Fired, Flag, Option, Trust
from server.annotations.organs.pancreas.anatomy import capabilities
from server.annotations.organs.pancreas.engine import (
    BORDERLINE,
    Rule,
    Table,
)
from server.annotations.organs.pancreas.findings import UNSTATED, Case
from server.annotations.organs.pancreas.iap_anatomy import ADDRESSED, READS, anatomy, pha_alone

SOURCE: Final = (
    "International consensus (IAP) 2017, as tabulated in PMC7603933 (table 3) and "
    "s13244-020-00861-y; abstract PMID 29191513"
)
TITLE: Final = "IAP (2017)"
CA19_9_OVER_U_ML: Final = 500  # U/mL; 500 itself is not B, PMID 29191513
ECOG_FROM: Final = 2  # ECOG 1 is not C, PMID 29191513


def _cut_is_over(case: Case) -> bool:
    return case.options.get("artery") == "below-180"  # "<180", abstract PMID 29191513


_ANATOMY: Final = anatomy("I", SOURCE, _cut_is_over)


def _marker(case: Case) -> bool:
    return case.ca19_9_u_ml is not None and case.ca19_9_u_ml > CA19_9_OVER_U_ML


def _condition(case: Case) -> bool:
    return case.ecog is not None and case.ecog >= ECOG_FROM


_PATIENT: Final = (
    Rule(
        "I-B-1",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        _marker,
        lambda case: f"CA 19-9 {case.ca19_9_u_ml:g} U/mL, more than {CA19_9_OVER_U_ML}.",
    ),
    Rule(
        "I-B-2",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: bool(case.suspected),
        lambda case: f"Distant metastasis suspected, not proven ({', '.join(case.suspected)}).",
    ),
    Rule(
        "I-B-3",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        lambda case: case.node_proven is True,
        lambda _case: "Regional node proven by biopsy or PET.",
    ),
    Rule(
        "I-C-1",
        BORDERLINE,
        SOURCE,
        Trust.SOURCED,
        _condition,
        lambda case: f"ECOG {case.ecog}, {ECOG_FROM} or more.",
    ),
)


def _remarks(case: Case, best: Category, worst: Category) -> Iterator[Flag]:
    yield from pha_alone(case, TITLE)
    if best > BORDERLINE:
        return
    if best == BORDERLINE:
        yield _type(case, worst)
    if _marker(case):
        text = "CA 19-9 can be read only with bilirubin and Lewis status (not verified)."
        yield Flag("ca19_9_cholestasis", text)
    yield from _not_given(case)


def _type(case: Case, worst: Category) -> Flag:
    """Which dimensions make the case borderline, in letters and in words."""
    fired = [rule for rule in (*_ANATOMY, *_PATIENT) if rule.applies(case)]
    letters = {"A": "anatomy", "B": "biology", "C": "condition"}
    dimensions = {_dimension(rule) for rule in fired}
    name = f"BR-{''.join(letter for letter in letters if letter in dimensions)}"
    words = " and ".join(word for letter, word in letters.items() if letter in dimensions)
    so_far = "" if worst == BORDERLINE else ", as far as assessed"
    return Flag(name, f"{name}: borderline by {words}{so_far}.")


def _dimension(rule: Rule) -> str:
    return rule.id[2] if rule in _PATIENT else "A"


def _not_given(case: Case) -> Iterator[Flag]:
    """What of B and C was not given, and is not counted unless the option leaves it open."""
    if case.options.get(UNSTATED) == "interval":
        return
    missing = []
    if case.ca19_9_u_ml is None:
        missing.append("CA 19-9")
    if case.node_proven is None:
        missing.append("proof of a regional node")
    if missing:
        text = f"B not fully assessed: {' and '.join(missing)} not given, not counted."
        yield Flag("biology_not_assessed", text)
    if case.ecog is None:
        yield Flag("condition_not_assessed", "C not assessed: ECOG not given, not counted.")


IAP_2017: Final = Table(
    id="iap-2017",
    title=TITLE,
    version="2017",
    source=SOURCE,
    rules=(*_ANATOMY, *_PATIENT),
    otherwise=Fired(
        "I-R-1",
        SOURCE,
        Trust.SOURCED,
        "Arteries clear; SMV/PV contact less than 180° without bilateral narrowing or occlusion; "
        "nothing known of B or C that counts.",
    ),
    addressed=ADDRESSED,
    reads=READS,
    capabilities=capabilities,
    remarks=_remarks,
    options=(
        Option(
            "artery",
            ("at-most-180", "below-180"),
            "at-most-180",
            "SMA or coeliac axis at exactly 180°: borderline (table, PMC7603933), or locally "
            'advanced ("<180", abstract PMID 29191513).',
        ),
        Option(
            "vein",
            ("from-180", "over-180"),
            "from-180",
            'SMV/PV contact that is borderline: 180° or more (PMC7603933), or more (">180", '
            "s13244-020-00861-y).",
        ),
        Option(
            UNSTATED,
            ("flag", "interval"),
            "flag",
            "CA 19-9, regional node or ECOG not given: a flag beside the anatomical category, or "
            "an interval that leaves them open.",
        ),
    ),
)
