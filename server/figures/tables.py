"""The figures as tables: each says what it counts, out of which cases, and what it leaves out. Pure.

The page draws its pictures from the same tables, and the CSV files are these tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from server.cases.clocks import stages
from server.cases.clocks.tiers import Tier
from server.dossier.checklist import checklists
from server.figures.blocks import PROMISE
from server.figures.claims import (
    ALL,
    conversion_claim,
    finding_claim,
    verdict_change_claim,
)
from server.figures.queries import Counts
from server.figures.reviewers import ReviewerAgreement
from server.figures.shapes import (
    AgreementTable,
    PairTable,
    ShareRow,
    ShareTable,
    SpreadRow,
    SpreadTable,
)
from server.figures.shares import Spread, share
from server.figures.volumes_compared import Agreement
from server.outcomes.value_sets import FINDINGS

CHANGED, PARTLY, CONFIRMED = "changed", "partly", "confirmed"
UNRESECTABLE: Final = "unresectable"


def cancer_title(cancer: str) -> str:
    """A kind of cancer in words; the code itself when no checklist has it any more."""
    known = checklists().get(cancer)
    return known.title if known else cancer


def reversals(found: Counts) -> ShareTable:
    """How often "unresectable" was reversed, by kind of cancer, beside what the texts claim."""
    rows = []
    for cancer in (*sorted(found.by_cancer, key=cancer_title), ALL):
        of_cancer = _compared(found, cancer, UNRESECTABLE)
        comparable = sum(of_cancer[one] for one in (CHANGED, PARTLY, CONFIRMED))
        rows.append(
            ShareRow(
                cancer,
                "All" if cancer == ALL else cancer_title(cancer),
                share(of_cancer[CHANGED], comparable),
                verdict_change_claim(cancer),
                (of_cancer[PARTLY], of_cancer[CONFIRMED], of_cancer["not_comparable"]),
            )
        )
    return ShareTable(
        "reversals",
        "“Unresectable” reversed",
        "operation_offered",
        "called_unresectable",
        "Of the cases that the local team called unresectable and for which the imaging allowed an "
        "answer: how often the signed opinion offers an operation, now or under conditions.",
        tuple(rows),
        ("after_conversion", "confirmed", "not_comparable"),
        claimed=True,
    )


def _compared(found: Counts, cancer: str, local: str | None) -> dict[str, int]:
    sums = dict.fromkeys((CHANGED, PARTLY, CONFIRMED, "not_comparable"), 0)
    for (of_cancer, category, change), n in found.compared.items():
        if cancer in (ALL, of_cancer) and local in (None, category) and change in sums:
            sums[change] += n
    return sums


def changes(found: Counts) -> ShareTable:
    """How often the second opinion changed the local verdict at all, wholly or partly."""
    rows = []
    for cancer in (*sorted(found.by_cancer, key=cancer_title), ALL):
        of_cancer = _compared(found, cancer, None)
        comparable = sum(of_cancer[one] for one in (CHANGED, PARTLY, CONFIRMED))
        rows.append(
            ShareRow(
                cancer,
                "All" if cancer == ALL else cancer_title(cancer),
                share(of_cancer[CHANGED] + of_cancer[PARTLY], comparable),
                None,
                tuple(of_cancer[one] for one in (CHANGED, PARTLY, CONFIRMED, "not_comparable")),
            )
        )
    return ShareTable(
        "changes",
        "Verdict changed, wholly or partly",
        "changed_or_partly",
        "comparable",
        "Of all opinions with a local verdict to compare with, whatever it was. Not comparable: the "
        "local verdict is not stated as a category, the local team could not say, or the imaging was "
        "insufficient.",
        tuple(rows),
        ("changed", "partly", "confirmed", "not_comparable"),
    )


def inconclusive(found: Counts) -> ShareTable:
    """How often the imaging did not allow an answer."""
    cancers = sorted(found.by_cancer, key=cancer_title)
    rows = [
        ShareRow(
            one, cancer_title(one), share(found.inconclusive.get(one, 0), found.by_cancer[one])
        )
        for one in cancers
    ]
    rows.append(ShareRow(ALL, "All", share(sum(found.inconclusive.values()), found.opinions)))
    return ShareTable(
        "inconclusive",
        "Inconclusive for imaging",
        "inconclusive",
        "opinions",
        "Of all signed opinions: the verdict is “imaging insufficient”, or the surgeon judged the "
        "imaging not adequate.",
        tuple(rows),
    )


def findings(found: Counts) -> ShareTable:
    """What kinds of finding the opinions were (requirement 43), beside the claims."""
    rows = tuple(
        ShareRow(key, words, share(found.findings[key], found.findings_stated), finding_claim(key))
        for key, words in FINDINGS.items()
    )
    return ShareTable(
        "findings",
        "What the opinions found",
        "opinions_of_this_kind",
        "opinions_with_findings",
        "Of the opinions for which somebody chose their kinds of finding. An opinion can be several at "
        "once, so the shares add up to more than 100 %.",
        rows,
        claimed=True,
    )


def outcomes(found: Counts) -> ShareTable:
    """What became of the patients."""
    operated, without = found.course.get("operated", 0), found.course.get("not_operated", 0)
    known = sum(found.margin.get(one, 0) for one in ("R0", "R1", "R2"))
    kept, clocked = found.kept_promise, found.kept_promise + found.broken_promise
    rows = (
        ShareRow("in_time", "Opinion in time", share(kept, clocked)),
        ShareRow("outcome_known", "Outcome known", share(operated + without, found.opinions)),
        ShareRow("operated", "Operated, where known", share(operated, operated + without)),
        ShareRow("r0", "R0, of those with a known margin", share(found.margin.get("R0", 0), known)),
    )
    return ShareTable(
        "outcomes",
        "What became of it",
        "count",
        "of",
        "In time: of the opinions whose clock is known, pauses left out and each by its own tier. "
        "Operated: of the cases whose course is known. R0: of the operated with R0, R1 or R2.",
        rows,
    )


def conversions(found: Counts) -> ShareTable:
    """How often treatment made a tumour resectable, beside the claims."""
    cancers = sorted({cancer for cancer, said in found.converted if said}, key=cancer_title)
    rows = []
    for one in (*cancers, ALL):
        keys = [key for key in found.converted if one in (ALL, key[0])]
        yes = sum(found.converted[key] for key in keys if key[1] == "yes")
        no = sum(found.converted[key] for key in keys if key[1] == "no")
        title = "All" if one == ALL else cancer_title(one)
        rows.append(ShareRow(one, title, share(yes, yes + no), conversion_claim(one)))
    return ShareTable(
        "conversions",
        "Converted",
        "converted",
        "conversion_tried",
        "Of the cases in which such a treatment was given and its result is known.",
        tuple(rows),
        claimed=True,
    )


def turnaround(
    found: Mapping[str, Spread], promises: Mapping[stages.Stage, int], tier: Tier
) -> SpreadTable:
    """How long each stage took against what is promised for the usual tier."""
    rows = [
        SpreadRow(
            name,
            stages.LABELS[stages.Stage(name)],
            stages.MEANINGS[stages.Stage(name)],
            one,
            promises.get(stages.Stage(name)),
        )
        for name, one in found.items()
        if name != PROMISE
    ]
    rows.append(
        SpreadRow(
            PROMISE,
            "Complete records to opinion",
            "the promise: from complete records until the opinion is signed",
            found[PROMISE],
            tier.target_days,
        )
    )
    return SpreadTable(
        "turnaround",
        "Turnaround against promise",
        "Median and quartiles of the cases that have left the stage, in days of 24 hours, pauses left "
        f"out. The mark is what is promised for the tier “{tier.title}”, in {tier.unit}s.",
        tuple(rows),
    )


def agreements(found: Sequence[ReviewerAgreement]) -> AgreementTable:
    """How far the reviewers of panels agree."""
    return AgreementTable(
        "agreement",
        "Agreement of reviewers",
        "The verdicts of the first three blinded votes of each panel whose votes are open, at most the "
        "newest 2000. Kappa is Fleiss’ (Psychol Bull 1971;76:378): 1 is full agreement, 0 what chance "
        "alone gives.",
        tuple(found),
    )


def volumes(pairs: Sequence[tuple[float, float]], agrees: Agreement) -> PairTable:
    """The remnant foreseen in the opinion against the one measured after the resection."""
    return PairTable(
        "volumes",
        "Remnant foreseen and measured",
        "Of the operated cases with both: the volume that the signed opinion foresaw, and the one "
        "measured after the resection. A remnant grows: the day of the measurement is with the outcome.",
        tuple(pairs),
        agrees,
    )
