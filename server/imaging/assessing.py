"""From the facts of all series to findings and a verdict, by protocol. Pure.

An organ may have several protocols that each answer its question (CT or MRI of the liver): the one
that the images come closest to is used, of those that any series answers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.imaging.choosing import beside, findings_of
from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, Verdict, together, verdict_of, worst
from server.imaging.protocols import Protocol
from server.imaging.submission import NOT_GIVEN, BodySize, OtherFile, of_everything, of_files
from server.imaging.wording import said

# What a missing definitive verdict hangs on: the requirement "above 90 d no definitive verdict
# without a recorded override". The override is a waiver of this finding.
TOO_OLD = frozenset({"images_too_old", "images_undated"})


@dataclass(frozen=True)
class Assessment:
    """What was found. `used` are the SeriesInstanceUIDs that answer a want of the protocol."""

    protocol: Protocol
    on: date
    series: tuple[SeriesFacts, ...]
    findings: tuple[Finding, ...]
    used: frozenset[str]
    verdict: Verdict

    def with_waivers(self, waived: Collection[str]) -> Verdict:
        """The verdict when these findings (by key) no longer count."""
        return verdict_of(self.findings, waived)


def assess(
    series: Sequence[SeriesFacts],
    protocols: Sequence[Protocol],
    on: date,
    other_files: Sequence[OtherFile] = (),
    given: BodySize = NOT_GIVEN,
) -> Assessment:
    """The assessment by whichever protocol the images come closest to; `given` is the patient's
    size as the records hold it. Raises ValueError without a protocol.
    """
    if not protocols:
        raise ValueError("an assessment needs a protocol")
    series = sorted(series, key=_place)
    common = [*of_everything(series, given), *of_files(other_files)]
    every = [(protocol, *findings_of(series, protocol, on)) for protocol in protocols]
    # One that no series answers is no choice while another is answered badly: who sent a poor CT is told
    # what is wrong with it, and not which sequences of an MRI are missing.
    protocol, own, used = min(every, key=lambda one: (not one[2], *_distance(one[1])))
    # Of two protocols' limits for one thing the main one's are said.
    known = {one.id for one in own}
    others = [one for one in beside(series, protocol, on) if one.id not in known]
    findings = together([*common, *own, *others])
    return Assessment(protocol, on, tuple(series), tuple(findings), used, verdict_of(findings))


def _distance(found: Sequence[Finding]) -> tuple[int, int, int]:
    severity = worst(found)
    return (
        severity,
        sum(one.severity is severity for one in found),
        sum(one.severity is Severity.LIMITING for one in found),
    )


def _place(one: SeriesFacts) -> tuple[str, float, str]:
    number = one.SeriesNumber
    return (
        one.StudyInstanceUID,
        float(number) if number.lstrip("-").isdigit() else 1e9,
        one.SeriesInstanceUID,
    )


def printed(assessment: Assessment, language: str = "en") -> dict[str, Any]:
    """The assessment as `margin check-imaging` prints it."""
    return {
        "series": [printed_series(one) for one in assessment.series],
        "findings": [printed_finding(one, language) for one in assessment.findings],
        "verdict": assessment.verdict.value,
    }


def printed_series(one: SeriesFacts) -> dict[str, Any]:
    """One series."""
    spacing = one.spacing.spacing_mm
    return {
        "SeriesInstanceUID": one.SeriesInstanceUID,
        "description": one.description,
        "role": one.role.value,
        "phase": printed_phase(one),
        "slice_thickness_mm": one.slice_thickness_mm,
        "spacing_mm": round(spacing, 3) if spacing is not None else None,
        "slices": one.images,
        "missing": one.spacing.missing,
        "coverage": printed_coverage(one),
    }


def printed_phase(one: SeriesFacts) -> dict[str, Any]:
    """Header and pixels side by side; `pixel` is null where the pixels were not looked at."""
    phase = one.phase
    return {
        "header": phase.header.value,
        "pixel": phase.pixel.value if one.pixel_phase is not None else None,
        "used": phase.used.value,
        "confidence": phase.confidence,
        "evidence": list(phase.evidence),
    }


def printed_coverage(one: SeriesFacts) -> dict[str, Any]:
    """From where to where along the slices' normal, and which landmarks the pixels show."""
    extent = one.spacing.extent_mm
    shown: dict[str, Any] = {
        "length_mm": round(one.spacing.length_mm + (one.thickness_mm or 0.0), 1),
        "from_mm": round(extent[0], 1) if extent else None,
        "to_mm": round(extent[1], 1) if extent else None,
        "regions": sorted(one.regions_said | one.regions_shown),
    }
    if one.coverage is not None:
        shown["landmarks"] = {
            place.value: {
                "shown": seen.shown,
                "confidence": seen.confidence,
                "evidence": seen.evidence,
            }
            for place, seen in one.coverage.landmarks.items()
        }
        shown["liver_fraction"] = one.coverage.liver_fraction
        shown["cut_sides"] = list(one.coverage.cut_sides)
    return shown


def printed_finding(one: Finding, language: str = "en") -> dict[str, Any]:
    """One finding with its sentences in a language."""
    text, fix = said(one, language)
    return {
        "id": one.id,
        "severity": one.severity.printed,
        "text": text,
        "fix": fix,
        "evidence": dict(one.evidence),
    }
