"""What the surgeon says beside the verdict, as codes of 99MARGIN with their texts. Pure.

The structured report and the FHIR bundle carry the same: a program that reads one finds nothing more in
the other. Days that are dates stand as dates in the report, and as text in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from server.opinions.document import Opinion
from server.opinions.panel_part import PanelPart

# Code and meaning; docs/opinion-formats.md says where each stands.
CODES: Final[dict[str, str]] = {
    "OPERATION": "Operation recommended",
    "APPROACH": "Approach and reconstruction recommended",
    "ALTERNATIVE": "What else is possible",
    "CONDITION": "Condition of the verdict",
    "CAPABILITY": "Capability that surgery would need",
    "STRATEGY": "Neoadjuvant or conversion strategy",
    "REASSESS": "When to reassess, and what",
    "REMEASURE": "What to measure again at the reassessment",
    "INVESTIGATION": "Investigation wanted before a decision",
    "TRIALS": "Clinical trial eligibility",
    "COMES_TO": "Kind of finding that the opinion comes to",
    "GROUND": "Ground on which the opinion is final",
    "FOLLOWS": "Preliminary opinion that this one follows",
    "PANEL_RULE": "Rule by which the panel decided",
    "PANEL_VOTE": "Independent vote of a member of the panel",
    "PANEL_MAJORITY": "Majority of the panel",
    "PANEL_CONCLUSION": "Conclusion of the panel's chair",
    "DISSENT": "Dissent of a member of the panel",
    "IMAGING_LIMIT": "What was found of the images",
    "AGE_OVERRIDE": "Why images too old for a verdict were accepted",
    "LIMIT": "Limit of this opinion",
}
DATES: Final[dict[str, str]] = {
    "REASSESS_ON": "Day of the reassessment",
    "ASSESSED_ON": "Day of the assessment in person",
}


def spoken(opinion: Opinion) -> list[tuple[str, str]]:
    """Each code of `CODES` with a text, in their order; what was not said is not there."""
    found: list[tuple[str, str]] = []

    def add(code: str, *texts: str) -> None:
        found.extend((code, text) for text in texts if text.strip())

    add("OPERATION", opinion.operation)
    add("APPROACH", opinion.approach)
    add("ALTERNATIVE", opinion.alternatives)
    add("CONDITION", *opinion.conditions)
    add("CAPABILITY", *opinion.capabilities)
    if opinion.conversion is not None:
        add("STRATEGY", opinion.conversion.strategy)
        add("REASSESS", opinion.conversion.reassess_after)
        add("REMEASURE", *opinion.conversion.remeasure)
    add("INVESTIGATION", *opinion.investigations)
    add("TRIALS", opinion.trial_eligibility)
    add("COMES_TO", *(one.label for one in opinion.categories))
    add("GROUND", opinion.basis)
    if opinion.precedent is not None:
        before = opinion.precedent
        add("FOLLOWS", f"{before.number}, {before.signed_by}, {before.signed_at.date()}")
    found += _panel(opinion.panel) if opinion.panel is not None else []
    add("IMAGING_LIMIT", *opinion.imaging_limits)
    add("AGE_OVERRIDE", opinion.age_override)
    add("LIMIT", *opinion.limits, opinion.limitation)
    return found


def _panel(panel: PanelPart) -> Iterable[tuple[str, str]]:
    said = (
        ("PANEL_RULE", panel.rule),
        *(("PANEL_VOTE", f"{one.name}: {one.label}") for one in panel.votes),
        ("PANEL_MAJORITY", panel.majority),
        ("PANEL_CONCLUSION", panel.conclusion),
        *(("DISSENT", f"{one.name}: {one.reason}") for one in panel.dissent),
    )
    return [(code, text) for code, text in said if text.strip()]


def spoken_days(opinion: Opinion, answers: Mapping[str, Any]) -> list[tuple[str, date]]:
    """The codes of `DATES` with their days. `answers` are those of the signed form; a reassessment on
    another day than the form's is text alone, because the surgeon wrote it in words.
    """
    found = []
    reassess = answers.get("reassess_after")
    planned = _day(reassess.get("date") if isinstance(reassess, Mapping) else None)
    text = opinion.conversion.reassess_after if opinion.conversion is not None else ""
    if planned is not None and planned.isoformat() in text:
        found.append(("REASSESS_ON", planned))
    if opinion.assessed_on is not None:
        found.append(("ASSESSED_ON", opinion.assessed_on))
    return found


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
