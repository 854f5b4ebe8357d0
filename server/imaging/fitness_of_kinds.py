"""What is asked of PET and of diffusion alone, beside what `fitness` asks of every series. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, term
from server.imaging.protocols import Protocol, Want
from server.imaging.roles import Role
from server.imaging.sequences import Kind
from server.imaging.series_finding import finding_about

# [GK] FDG PET is taken 60 min after the injection, 55 to 75 min at most (EANM guideline 2.0, from
# memory of it; the sheet for the scanner says the same).
_UPTAKE_MIN: Final = (55, 75)
# [DERIVED] Much earlier the contrast of a tumour has not built up, and foci may be missed.
_UPTAKE_EARLY_MIN: Final = 45

Rule = Callable[[SeriesFacts, Protocol, Want, date], Finding | None]


def _uncorrected(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    if facts.role is not Role.PET or facts.attenuation_corrected:
        return None
    if facts.attenuation_corrected is None:
        return finding_about(facts, "pet_correction_unknown", Severity.ADVICE)
    return finding_about(facts, "pet_uncorrected", Severity.LIMITING)


def _no_uptake_values(
    facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date
) -> Finding | None:
    if facts.role is not Role.PET or not facts.uptake_lacks:
        return None
    lacks = [term(f"pet_lacks.{one}") for one in facts.uptake_lacks]
    return finding_about(
        facts, "pet_no_uptake_values", Severity.ADVICE, rank=len(lacks), lacks=lacks
    )


def _uptake_time(facts: SeriesFacts, _protocol: Protocol, _want: Want, _on: date) -> Finding | None:
    minutes = facts.uptake_min
    if facts.role is not Role.PET or minutes is None:
        return None
    least, most = _UPTAKE_MIN
    if least <= minutes <= most:
        return None
    severity = Severity.ADVICE if minutes < _UPTAKE_EARLY_MIN else Severity.INFO
    values: dict[str, Any] = {"minutes": minutes, "least": least, "most": most}
    return finding_about(facts, "pet_uptake_time", severity, rank=-minutes, **values)


def _diffusion(facts: SeriesFacts, _protocol: Protocol, want: Want, _on: date) -> Finding | None:
    if want.least_b is None or facts.kind is not Kind.DIFFUSION:
        return None
    values: dict[str, Any] = {"least": want.least_b}
    if not facts.b_values:
        return finding_about(facts, "diffusion_unknown", Severity.ADVICE, **values)
    values["most"] = max(facts.b_values)
    if values["most"] >= want.least_b:
        return None
    return finding_about(
        facts,
        "diffusion_weak",
        Severity.LIMITING,
        rank=-values["most"],
        limit_trust=want.trust_of("least_b"),
        **values,
    )


RULES: Final[tuple[Rule, ...]] = (_uncorrected, _no_uptake_values, _uptake_time, _diffusion)
