"""Whether a series shows as much of the body as is asked for, beside what `fitness` asks. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, term
from server.imaging.landmarks import Coverage
from server.imaging.protocols import CoverageNeeded, Protocol, Want
from server.imaging.series_finding import finding_about

# [UNPUB] A stack shorter than this share of what is needed shows no organ.
_SHORT_SHARE_BLOCKING: Final = 0.5
# [UNPUB] A landmark that is found less surely than this blocks nothing.
_SURE_ENOUGH: Final = 0.5


def coverage_fits(facts: SeriesFacts, protocol: Protocol, want: Want, _on: date) -> Finding | None:
    """Landmarks that are cut off or, where pixels tell nothing, how long the stack is."""
    rule, shown = protocol.coverage, facts.coverage
    if rule is None or shown is None:
        return _short(facts, protocol, want)
    if rule.required and all(shown.shows(place) for place in rule.required):
        return _cut(facts, rule, shown)
    # What is cut off by pixels is said before the length, unless the stack is too short for anything.
    found = [one for one in (_cut(facts, rule, shown), _short(facts, protocol, want)) if one]
    return max(found, key=lambda one: one.severity, default=None)


def _cut(facts: SeriesFacts, rule: CoverageNeeded, shown: Coverage) -> Finding | None:
    """Landmarks that are not shown, the required ones first."""
    for places, severity in (
        (rule.required, _of_cut(rule, shown)),
        (rule.expected, Severity.ADVICE),
    ):
        cut = [place for place in places if shown.shows(place) is False]
        if cut:
            values: dict[str, Any] = {"missing": [term(f"landmark.{place.value}") for place in cut]}
            return finding_about(facts, "coverage_cut", severity, rank=len(cut), **values)
    return None


def coverage_untold(
    facts: SeriesFacts, protocol: Protocol, _want: Want, _on: date
) -> Finding | None:
    """Required landmarks of which nobody knows whether they are shown: they do not count as shown."""
    rule, shown = protocol.coverage, facts.coverage
    if rule is None or not rule.required:
        return None
    untold = [place for place in rule.required if shown is None or shown.shows(place) is None]
    if not untold:
        return None
    values: dict[str, Any] = {"untold": [term(f"landmark.{place.value}") for place in untold]}
    return finding_about(facts, "coverage_untold", Severity.INFO, rank=len(untold), **values)


def _of_cut(rule: CoverageNeeded, shown: Coverage) -> Severity:
    """What it means that a required landmark is not shown: a tip of the organ limits the answer, a large
    part of an organ that is needed whole leaves none.
    """
    most = rule.most_cut_share
    through = [
        seen
        for seen in (shown.landmarks[place] for place in rule.required)
        if seen.shown is False and seen.confidence >= _SURE_ENOUGH
    ]
    is_large = most is not None and any(seen.cut_share >= most for seen in through)
    return Severity.BLOCKING if is_large else Severity.LIMITING


def _short(facts: SeriesFacts, protocol: Protocol, want: Want) -> Finding | None:
    """A stack that is shorter than what is to be seen, along the normal of its slices."""
    across = facts.modality == "MR" and not facts.spacing.is_axial
    usual = protocol.coverage.least_length_mm if protocol.coverage and not across else 0.0
    least = want.least_length_mm or usual
    if not facts.spacing.positions or not least:
        return None  # nobody knows how long it is (that its images are unplaced is said), or asks
    length = facts.spacing.length_mm + (facts.thickness_mm or 0.0)
    if length >= least:
        return None
    severity = Severity.BLOCKING if length < _SHORT_SHARE_BLOCKING * least else Severity.LIMITING
    values: dict[str, Any] = {"mm": round(length), "least_mm": least}
    group = want if want.least_length_mm else protocol.coverage
    trust = group.trust_of("least_length_mm") if group else ""
    return finding_about(
        facts, "coverage_short", severity, rank=-length, limit_trust=trust, **values
    )
