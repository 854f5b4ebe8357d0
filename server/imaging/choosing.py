"""Which series answers what a protocol wants, and what is said of it. Pure.

Of several series that could answer a want the one with the least wrong with it is used, the newest of
equals. So another series, however poor, never makes a verdict worse, and a poorer one never better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from server.imaging import regions
from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, term, worst
from server.imaging.fitness import doubt_about_phase, fitness, integrity
from server.imaging.phase import Phase
from server.imaging.phase_header import BY_ABSENCE
from server.imaging.protocols import Protocol, Want, protocol_named
from server.imaging.roles import Role
from server.imaging.sequences import Kind
from server.imaging.series_finding import finding_about
from server.imaging.spacing import IN_TIME

# What it means that nothing answers a want. What is wrong with an answer never counts for more.
WITHOUT: Final = {
    "required": Severity.BLOCKING,
    "expected": Severity.LIMITING,
    "welcome": Severity.INFO,
}
# The same for images of another protocol beside this one's.
WITHOUT_ALSO: Final = {"expected": Severity.ADVICE, "welcome": Severity.INFO}
# A dynamic MR in one series shows native, arterial, portal venous and delayed one after the other.
_PASSES_OF_A_DYNAMIC: Final = 3
_AXIS: Final = {"sagittal": 0, "coronal": 1, "axial": 2}


@dataclass(frozen=True)
class Answer:
    """The series used for one want (None: there is none) and what is wrong with that."""

    want: Want
    used: SeriesFacts | None
    findings: tuple[Finding, ...]


def answers(series: Sequence[SeriesFacts], protocol: Protocol, on: date) -> list[Answer]:
    """For every want of the protocol the series that answers it best."""
    pets = frozenset(one.StudyInstanceUID for one in series if one.role is Role.PET)
    return [_answer(series, protocol, want, on, pets) for want in protocol.wants]


def _answer(
    series: Sequence[SeriesFacts],
    protocol: Protocol,
    want: Want,
    on: date,
    pets: frozenset[str],
) -> Answer:
    most = WITHOUT[want.need]
    found = [
        (one, [issue.at_most(most) for issue in fitness(one, protocol, want, on)])
        for one in series
        if is_candidate(one, protocol, want, pets)
    ]
    if not found:
        return Answer(want, None, (_without(want, most),))
    used, issues = min(found, key=lambda pair: _cost(pair[0], pair[1]))
    return Answer(want, used, tuple(issues))


def _without(want: Want, severity: Severity) -> Finding:
    return Finding(
        f"missing_{want.id}",
        severity,
        {"wanted": term(f"want.{want.id}")},
        {"wanted": want.id, "need": want.need, "source": want.source, "trust": want.trust},
    )


_Cost = tuple[int, int, int, int, float, int, str]


def _cost(one: SeriesFacts, issues: list[Finding]) -> _Cost:
    severity = worst(issues)
    return (
        severity,
        sum(issue.severity is severity for issue in issues),
        sum(int(issue.severity) for issue in issues),
        -(one.made_on or date.min).toordinal(),
        one.thickness_mm or 99.0,
        -one.images,
        one.SeriesInstanceUID,
    )


def is_candidate(
    one: SeriesFacts, protocol: Protocol, want: Want, pets: frozenset[str] = frozenset()
) -> bool:
    """Whether the series is of the kind that is wanted, however good it is."""
    return (
        _is_original(one, want.modality)
        and _is_there(one, protocol, want)
        and _kind_fits(one, want)
        and (not want.plane or _lies(one, want.plane))
        and (not want.beside_pet or one.StudyInstanceUID in pets)
        and _phase_fits(one, want)
    )


def _is_original(one: SeriesFacts, modality: str) -> bool:
    if one.modality != modality:
        return False
    if modality == "PT":
        return one.role is Role.PET
    return one.role is Role.DIAGNOSTIC or (one.role is Role.MPR and one.spacing.is_axial)


def _is_there(one: SeriesFacts, protocol: Protocol, want: Want) -> bool:
    if not protocol.region:
        return True
    is_named = want.phases or want.kinds or want.contrast or want.plane
    if want.region_known or not is_named:
        return protocol.region in one.regions_said | one.regions_shown
    return regions.suits(protocol.region, one.regions_said, one.regions_shown)


def _kind_fits(one: SeriesFacts, want: Want) -> bool:
    if not want.kinds or one.kind in want.kinds:
        return True
    return Kind.T1_IN_OUT in want.kinds and one.holds_in_out


def _lies(one: SeriesFacts, plane: str) -> bool:
    """By the direction that the slices' normal is nearest to."""
    normal = one.spacing.normal
    if normal is None:
        return False
    return max(range(3), key=lambda axis: abs(normal[axis])) == _AXIS[plane]


def _phase_fits(one: SeriesFacts, want: Want) -> bool:
    if want.contrast:
        return one.phase.used not in (Phase.NATIVE, Phase.INDETERMINATE) or _has_contrast(one)
    if not want.phases or one.phase.used in (*want.phases, *want.second_best):
        return True
    told_by = one.spacing.passes_by
    is_dynamic = (
        one.kind is Kind.T1_DYNAMIC
        and one.spacing.passes >= _PASSES_OF_A_DYNAMIC
        and (not told_by or not IN_TIME.isdisjoint(told_by.split("+")))
    )
    return is_dynamic and Phase.HEPATOBILIARY not in want.phases


def _has_contrast(one: SeriesFacts) -> bool:
    """Contrast of an unknown phase: the pixels show it, or the headers say so undenied."""
    pixel = one.pixel_phase.contrast if one.pixel_phase else None
    return pixel if pixel is not None else bool(one.header_phase.contrast)


def findings_of(
    series: Sequence[SeriesFacts], protocol: Protocol, on: date
) -> tuple[list[Finding], frozenset[str]]:
    """What is to be said of a protocol's own wants, and the SeriesInstanceUIDs that are used."""
    found = answers(series, protocol, on)
    used = frozenset(one.used.SeriesInstanceUID for one in found if one.used is not None)
    said = [issue for one in found for issue in one.findings]
    for one in series:
        broken = one.role is Role.DIAGNOSTIC and one.modality == protocol.modality
        if broken and one.SeriesInstanceUID not in used:
            said += [issue.at_most(Severity.ADVICE) for issue in integrity(one, protocol, on)]
    doubts = [
        *_unknown_phases(series, protocol, found),
        *_denied_contrast(series, protocol, found),
        *_denied_kinds(series, protocol, found),
    ]
    return _once(said) + doubts, used


def _once(found: list[Finding]) -> list[Finding]:
    """A series that answers two wants is said to be thick once, at its worst."""
    kept: dict[tuple[str, tuple[str, ...]], Finding] = {}
    for one in found:
        key = (one.id, one.subjects)
        if key not in kept or one.severity > kept[key].severity:
            kept[key] = one
    return list(kept.values())


def _unknown_phases(
    series: Sequence[SeriesFacts], protocol: Protocol, found: list[Answer]
) -> list[Finding]:
    """Series whose phase nobody knows, where a phase is missing: one of them may be it. And those that
    are called what is missing, and whose pixels show something else.
    """
    open_ones = [one.want for one in found if one.used is None and one.want.phases]
    if not open_ones:
        return []
    called = [
        doubt.at_most(Severity.ADVICE)
        for one in series
        if _is_original(one, protocol.modality)
        and one.phase.agrees is False
        and any(one.phase.header in want.phases for want in open_ones)
        and (doubt := doubt_about_phase(one)) is not None
    ]
    return called + [
        Finding(
            "phase_unknown",
            Severity.ADVICE,
            {"series": [one.name]},
            {"SeriesInstanceUID": one.SeriesInstanceUID, "evidence": list(one.phase.evidence)},
            (one.SeriesInstanceUID,),
        )
        for one in series
        if _may_be_any(one)
        and _is_original(one, protocol.modality)
        and any(not want.kinds or one.kind in want.kinds for want in open_ones)
    ]


def _may_be_any(one: SeriesFacts) -> bool:
    """Whether nobody knows the phase: nothing tells it, or it counts as native only because its headers
    are silent about contrast and nobody looked at its pixels.
    """
    phase = one.phase
    is_silent = phase.used is Phase.NATIVE and phase.confidence <= BY_ABSENCE
    return phase.used is Phase.INDETERMINATE or (is_silent and one.pixel_phase is None)


def _denied_contrast(
    series: Sequence[SeriesFacts], protocol: Protocol, found: list[Answer]
) -> list[Finding]:
    """Series that are said to be with contrast, which is missing, and whose pixels show none."""
    if not any(one.used is None and one.want.contrast for one in found):
        return []
    return [
        finding_about(
            one,
            "phase_disagreement",
            Severity.ADVICE,
            header=term("phase.contrast_given"),
            pixel=term(f"phase.{one.phase.pixel.value}"),
            used=term(f"phase.{one.phase.used.value}"),
        )
        for one in series
        if _is_original(one, protocol.modality)
        and one.header_phase.contrast
        and one.pixel_phase is not None
        and one.pixel_phase.contrast is False
    ]


def _denied_kinds(
    series: Sequence[SeriesFacts], protocol: Protocol, found: list[Answer]
) -> list[Finding]:
    """Series that are called what is missing and by their echo times are something else."""
    open_kinds = {kind for one in found if one.used is None for kind in one.want.kinds}
    return [
        finding_about(one, "sequence_doubtful", Severity.ADVICE, why=one.kind_evidence)
        for one in series
        if _is_original(one, protocol.modality) and one.kind_denied in open_kinds - {Kind.UNKNOWN}
    ]


def beside(series: Sequence[SeriesFacts], protocol: Protocol, on: date) -> list[Finding]:
    """What is to be said of images that are asked for beside the protocol's own: that they are
    missing, or what limits them.
    """
    said: list[Finding] = []
    for also in protocol.also:
        other, most = protocol_named(also.protocol), WITHOUT_ALSO[also.need]
        found = answers(series, other, on)
        needed = [one for one in found if one.want.need == "required"]
        if any(one.used is None for one in needed):
            said.append(
                Finding(
                    f"missing_{other.id.replace('-', '_')}",
                    most,
                    {"wanted": term(f"protocol.{other.id}")},
                    {
                        "wanted": other.id,
                        "need": also.need,
                        "source": also.source,
                        "trust": also.trust,
                    },
                )
            )
            continue
        said += [
            issue.at_most(most)
            for one in needed
            for issue in one.findings
            if issue.severity >= Severity.LIMITING
        ]
    return said
