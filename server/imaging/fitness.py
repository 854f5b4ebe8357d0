"""Whether one series is good enough for what a protocol wants of it. Pure.

Each rule gives at most one finding. No rule looks at another series; what may be had instead is
weighed in `choosing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, day, term
from server.imaging.fitness_of_coverage import coverage_fits, coverage_untold
from server.imaging.fitness_of_kinds import RULES as RULES_OF_KINDS
from server.imaging.protocols import Protocol, Want
from server.imaging.roles import Role
from server.imaging.series_finding import finding_about as _finding

# Thickness and spacing are decimal strings that writers round: this much more is the same.
_ROUNDING_MM: Final = 0.05
# [UNPUB] More than this share of the slices missing, and the organ is not shown.
_MISSING_SHARE_BLOCKING: Final = 0.2
# [UNPUB] A matrix below this share of the usual one is a picture made smaller.
_MATRIX_SHARE_LIMITING: Final = 0.75
# [DERIVED] Below a quarter of it a pixel of a body is wider than 3 mm: the arteries of 3 to 5 mm that
# decide are one pixel then. Such pictures are thumbnails.
_MATRIX_SHARE_BLOCKING: Final = 0.25
# [GK] Slices further apart than they are thick, by this share of it, leave tissue unseen.
_GAP_SHARE: Final = 0.1
# [UNPUB] Below, a person should look at the phase.
_SURE_ENOUGH: Final = 0.5
PLACES_LISTED: Final = 20
# [GK] Makers' names of kernels that draw edges: Siemens B60-B90, Br60+, Hr60+, Bl/Bv 60+; GE BONE,
# BONEPLUS, LUNG, EDGE, DETAIL+; Philips D, E, L, YC, YD, YE; Canon FC30-39, FC50-59, FC80-89.
_SHARP: Final = re.compile(
    r"^\s*(?:[A-Z]{1,2}[A-Za-z]?\s?([6-9]\d)[a-z]?(?!\d)|bone|boneplus|lung|edge|ultra"
    r"|(?:D|E|L|Y[CDE])$|FC(?:3\d|5\d|8\d))",
    re.IGNORECASE,
)

Rule = Callable[[SeriesFacts, Protocol, Want, date], Finding | None]


def fitness(facts: SeriesFacts, protocol: Protocol, want: Want, on: date) -> list[Finding]:
    """Everything that is wrong with the series for this want, on that day."""
    return [found for rule in _RULES if (found := rule(facts, protocol, want, on)) is not None]


def integrity(facts: SeriesFacts, protocol: Protocol, on: date) -> list[Finding]:
    """What is broken about a series, whatever it may be wanted for."""
    want = protocol.wants[0]
    return [found for rule in _INTEGRITY if (found := rule(facts, protocol, want, on)) is not None]


def _places(values: tuple[float, ...]) -> list[float]:
    return [round(value, 2) for value in values[:PLACES_LISTED]]


# How the slices lie


def _thickness(facts: SeriesFacts, protocol: Protocol, want: Want, _on: date) -> Finding | None:
    rule = protocol.thickness
    if rule is None:
        return None
    thick = facts.thickness_mm
    if thick is None:
        return _finding(facts, "thickness_unknown", Severity.LIMITING)
    if facts.modality == "MR" and facts.slice_thickness_mm and _gap(facts, protocol) is None:
        thick = facts.slice_thickness_mm  # MR leaves small gaps: they make no slice thicker
    limit = want.most_thickness_mm or rule.limit_mm
    good = want.most_thickness_mm or rule.good_mm
    values: dict[str, Any] = {"mm": round(thick, 2), "limit_mm": limit, "good_mm": min(good, limit)}
    for most, severity in (
        (max(rule.refuse_mm, limit), Severity.BLOCKING),
        (limit, Severity.LIMITING),
        (values["good_mm"], Severity.ADVICE),
    ):
        if thick > most + _ROUNDING_MM:
            trust = want.trust_of("most_thickness_mm") if want.most_thickness_mm else rule.trust
            return _finding(
                facts, "slices_thick", severity, rank=thick, limit_trust=trust, **values
            )
    return None


def _gap(facts: SeriesFacts, protocol: Protocol) -> float | None:
    """How much of the body in mm lies unseen between two slices; None where that is little."""
    thick, spacing = facts.slice_thickness_mm, facts.spacing.spacing_mm
    if thick is None or spacing is None or facts.modality == "PT":
        return None
    gap = spacing - thick
    allowed = max(_GAP_SHARE * thick, protocol.thickness.gap_mm if protocol.thickness else 0.0)
    return gap if gap > allowed + _ROUNDING_MM else None


def _apart(facts: SeriesFacts, protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    gap = _gap(facts, protocol)
    if gap is None:
        return None
    thick, spacing = facts.slice_thickness_mm, round(facts.spacing.spacing_mm or 0.0, 2)
    values: dict[str, Any] = {"mm": round(gap, 2), "thickness_mm": thick, "spacing_mm": spacing}
    return _finding(facts, "slices_apart", Severity.LIMITING, rank=gap, **values)


def _missing(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    missing = facts.spacing.missing
    if not missing:
        return None
    share = missing / (missing + max(facts.spacing.positions, 1) * facts.spacing.passes)
    severity = Severity.BLOCKING if share > _MISSING_SHARE_BLOCKING else Severity.LIMITING
    gaps = facts.spacing.gaps
    found = _finding(
        facts,
        "slices_missing",
        severity,
        rank=missing,
        count=missing,
        from_mm=round(gaps[0].from_mm, 1),
        to_mm=round(gaps[-1].to_mm, 1),
    )
    places = [
        {"missing": gap.missing, "from_mm": round(gap.from_mm, 2), "to_mm": round(gap.to_mm, 2)}
        for gap in gaps[:PLACES_LISTED]
    ]
    return Finding(**{**_fields(found), "evidence": {**found.evidence, "gaps": places}})


def _fields(found: Finding) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Finding.__dataclass_fields__}


def _doubled(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    return _at(facts.spacing.duplicates_mm, facts, "slices_doubled", Severity.ADVICE)


def _unequal(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    return _at(facts.spacing.uneven_mm, facts, "slices_unequal", Severity.LIMITING)


def _overlapping(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    return _at(facts.spacing.overlaps_mm, facts, "slices_overlap", Severity.LIMITING)


def _at(
    places: tuple[float, ...], facts: SeriesFacts, id_: str, severity: Severity
) -> Finding | None:
    if not places:
        return None
    values: dict[str, Any] = {"count": len(places), "positions_mm": _places(places)}
    return _finding(facts, id_, severity, rank=len(places), **values)


def _unplaced(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    count = facts.spacing.unplaced
    if not count:
        return None
    return _finding(facts, "slices_unplaced", Severity.LIMITING, rank=count, count=count)


def _askew(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    count = facts.spacing.askew
    if not count:
        return None
    return _finding(facts, "slices_askew", Severity.ADVICE, rank=count, count=count)


def _several(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    passes = facts.spacing.passes
    if facts.modality != "CT" or passes < 2:
        return None
    return _finding(facts, "several_in_one", Severity.LIMITING, rank=passes, count=passes)


def _tilted(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    tilt = facts.spacing.tilt_deg
    if facts.modality != "CT" or not tilt:
        return None
    return _finding(facts, "gantry_tilt", Severity.ADVICE, rank=tilt, degrees=tilt)


def _incomplete(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    if facts.announced is None or facts.announced <= facts.images:
        return None
    values: dict[str, Any] = {"announced": facts.announced, "count": facts.images}
    return _finding(facts, "series_incomplete", Severity.ADVICE, **values)


# What a slice shows


def _matrix(facts: SeriesFacts, protocol: Protocol, want: Want, _on: date) -> Finding | None:
    small = min(facts.rows, facts.columns)
    if protocol.picture is None or facts.modality == "PT":
        return None
    least = want.least_matrix or protocol.picture.least_matrix
    if small >= least:
        return None
    severity = Severity.LIMITING if small < _MATRIX_SHARE_LIMITING * least else Severity.ADVICE
    if small < _MATRIX_SHARE_BLOCKING * least:
        severity = Severity.BLOCKING
    values: dict[str, Any] = {"rows": facts.rows, "columns": facts.columns, "least": least}
    trust = want.trust_of("least_matrix") if want.least_matrix else protocol.picture.trust
    return _finding(facts, "matrix_small", severity, rank=-small, limit_trust=trust, **values)


def _field(facts: SeriesFacts, protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    if protocol.picture is None or facts.modality == "PT":
        return None
    wide = facts.field_of_view_mm
    if wide is None:
        return _finding(facts, "pixel_size_unknown", Severity.LIMITING)
    least = protocol.picture.least_field_of_view_mm
    if wide >= least:
        return None
    values: dict[str, Any] = {"mm": round(wide), "least_mm": least}
    return _finding(facts, "field_of_view_small", Severity.LIMITING, rank=-wide, **values)


def _cut_sides(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    sides = facts.coverage.cut_sides if facts.coverage else ()
    if not sides:
        return None
    named = [term(f"side.{side}") for side in sides]
    return _finding(facts, "body_cut", Severity.ADVICE, rank=len(sides), sides=named)


def _turned(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    ways = facts.coverage.turned if facts.coverage else ()
    if not ways:
        return None
    named = [term(f"turned.{way}") for way in ways]
    return _finding(facts, "body_turned", Severity.LIMITING, rank=len(ways), ways=named)


def _kernel(facts: SeriesFacts, protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    wants_soft = protocol.picture is not None and protocol.picture.kernel == "soft"
    if facts.modality != "CT" or not wants_soft or not is_sharp(facts.kernel):
        return None
    return _finding(facts, "kernel_sharp", Severity.LIMITING, kernel=facts.kernel)


def is_sharp(kernel: str) -> bool:
    """Whether a reconstruction kernel is made for bone or lung."""
    return _SHARP.match(kernel) is not None


def _lossy(facts: SeriesFacts, protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    lost = facts.compression
    if not lost.is_lossy:
        return None
    most = protocol.picture.most_ratio if protocol.picture else 1.0
    if lost.ratio is None:
        return _finding(
            facts, "lossy_compression_unknown", Severity.LIMITING, why=lost.evidence, limit=most
        )
    severity = Severity.LIMITING if lost.ratio > most else Severity.ADVICE
    values: dict[str, Any] = {"ratio": lost.ratio, "limit": most, "why": lost.evidence}
    return _finding(facts, "lossy_compression", severity, rank=lost.ratio, **values)


def _attenuation(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    if facts.modality != "CT" or facts.is_attenuation:
        return None
    return _finding(facts, "no_attenuation", Severity.LIMITING)


def _reformatted(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    if facts.role is not Role.MPR:
        return None
    return _finding(facts, "only_reformatted", Severity.LIMITING)


# When, and which phase


def _age(facts: SeriesFacts, protocol: Protocol, _want: Want, on: date) -> Finding | None:
    if facts.made_on is None:
        # They may be older than any definitive verdict may rest on, so they count as if they were.
        return _finding(facts, "images_undated", Severity.BLOCKING)
    age = (on - facts.made_on).days
    made = day(facts.made_on)
    if age < 0:
        return _finding(facts, "images_from_the_future", Severity.LIMITING, on=made, rank=-age)
    rule = protocol.recency
    for most, id_, severity in (
        (rule.definitive_days, "images_too_old", Severity.BLOCKING),
        (rule.amber_days, "images_old", Severity.LIMITING),
        (rule.green_days, "images_ageing", Severity.ADVICE),
    ):
        if age > most:
            return _finding(
                facts, id_, severity, rank=age, on=made, days=age, limit=rule.green_days, most=most
            )
    return None


def _second_best(facts: SeriesFacts, _protocol: Protocol, want: Want, _on: date) -> Finding | None:
    if want.phases and facts.phase.used in want.second_best:
        return _finding(
            facts,
            "second_best_phase",
            Severity.LIMITING,
            phase=term(f"phase.{facts.phase.used.value}"),
            wanted=term(f"want.{want.id}"),
        )
    return None


def _doubtful(facts: SeriesFacts, _protocol: Protocol, want: Want, _on: date) -> Finding | None:
    return doubt_about_phase(facts) if want.phases else None


def doubt_about_phase(facts: SeriesFacts) -> Finding | None:
    """Headers and pixels that disagree, or a phase that is unsure; None where a person said it."""
    phase = facts.phase
    if phase.set_by_person:
        return None
    values: dict[str, Any] = {
        "used": term(f"phase.{phase.used.value}"),
        "confidence": phase.confidence,
    }
    if phase.agrees is False:
        said: dict[str, Any] = {
            "header": term(f"phase.{phase.header.value}"),
            "pixel": term(f"phase.{phase.pixel.value}"),
        }
        return _finding(facts, "phase_disagreement", Severity.ADVICE, **said, **values)
    if phase.confidence < _SURE_ENOUGH:
        return _finding(facts, "phase_uncertain", Severity.ADVICE, **values)
    return None


_INTEGRITY: Final[tuple[Rule, ...]] = (
    _missing,
    _doubled,
    _overlapping,
    _unequal,
    _unplaced,
    _incomplete,
    _several,
    _lossy,
    _attenuation,
)
_RULES: Final[tuple[Rule, ...]] = (
    *_INTEGRITY,
    _thickness,
    _apart,
    _askew,
    _tilted,
    _matrix,
    _field,
    _cut_sides,
    _turned,
    _kernel,
    _reformatted,
    *RULES_OF_KINDS,
    coverage_fits,
    coverage_untold,
    _age,
    _second_best,
    _doubtful,
)
