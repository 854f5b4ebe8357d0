"""The contrast phase as the attenuation of vessels and organs shows it.

The bounds are a proposal, not published and not calibrated on patients (clinical fact sheet 5.3,
[UNPUB]); they are kept together in `PixelRules` and named in the evidence with their trust mark. No
text of a header is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.imaging.organs_found import Organs
from server.imaging.phase import ARTERIAL, Phase, PhaseReading


@dataclass(frozen=True)
class PixelRules:
    """Bounds in HU between phases. Source: clinical fact sheet 5.3, marked [UNPUB - calibrate
    before use]; `excreted_from` and all below are Margin's own, [UNPUB]. Those that compare two tissues
    hold at any dose of contrast and any tube voltage, which scale all attenuations alike.
    """

    trust: str = "UNPUB"
    native_aorta_below: float = 70.0
    arterial_aorta_from: float = 180.0
    arterial_above_portal_from: float = 50.0
    late_portal_from: float = 80.0
    portal_vein_from: float = 130.0
    portal_difference_to: float = 40.0
    portal_liver_from: float = 90.0
    delayed_aorta_below: float = 130.0
    delayed_difference_to: float = 20.0
    delayed_liver_from: float = 80.0
    excreted_from: float = 200.0
    corticomedullary_from: float = 30.0
    enhanced_aorta_from: float = 90.0
    arterial_aorta_least: float = 110.0
    arterial_below_portal_to: float = 15.0
    early_spleen_share_to: float = 0.24
    early_medulla_to: float = 55.0


RULES: Final = PixelRules()

# [UNPUB] What a rule that is not in the table, or a finding that speaks against it, leaves of the
# confidence.
_SECOND_LOOK: Final = 0.6
_CONTRADICTED: Final = 0.7
# [UNPUB] What could as well be another phase at another dose is not sure (0.5).
_UNSUPPORTED: Final = 0.45
# [GK] Without contrast, blood has about 42 HU and the spleen 48.
_PLAIN_AORTA_HU: Final = 42.0
_PLAIN_SPLEEN_HU: Final = 48.0
# [UNPUB] And a body that had to be turned: below what lets pixels prevail over headers.
_TURNED: Final = 0.5
# [UNPUB] Nearer to a bound than this (HU), the reading is less sure.
_CLOSE_HU: Final = 15.0


def classify(
    aorta_hu: float, portal_hu: float | None, liver_hu: float, rules: PixelRules = RULES
) -> Phase:
    """The table of the fact sheet (5.3), in its order. `portal_hu` None: not measured."""
    if aorta_hu < rules.native_aorta_below:
        return Phase.NATIVE
    if portal_hu is None:
        return Phase.INDETERMINATE
    if (
        aorta_hu >= rules.arterial_aorta_from
        and aorta_hu - portal_hu >= rules.arterial_above_portal_from
    ):
        late = portal_hu >= rules.late_portal_from
        return Phase.ARTERIAL_LATE if late else Phase.ARTERIAL_EARLY
    difference = abs(aorta_hu - portal_hu)
    if (
        portal_hu >= rules.portal_vein_from
        and difference <= rules.portal_difference_to
        and liver_hu >= rules.portal_liver_from
    ):
        return Phase.PORTAL_VENOUS
    if (
        aorta_hu < rules.delayed_aorta_below
        and difference <= rules.delayed_difference_to
        and liver_hu >= rules.delayed_liver_from
    ):
        return Phase.DELAYED
    return Phase.INDETERMINATE


def pixel_phase(organs: Organs) -> PhaseReading:
    """The phase of a CT volume by attenuations alone.

    What was not found lowers the confidence or leaves the phase indeterminate; it is never filled
    in by a guess.
    """
    measured = measured_hu(organs)
    if organs.aorta is None:
        return PhaseReading(
            Phase.INDETERMINATE,
            0.0,
            ("The aorta was not found, so the phase cannot be measured.", *organs.notes),
            None,
            measured,
        )
    phase, certainty, reasons = _decided(organs, measured, RULES)
    confidence = certainty * _quality(organs, phase)
    support, remarks = _kidneys_say(phase, measured, RULES)
    if phase is Phase.ARTERIAL_LATE and "spleen" in measured and _looks_early(measured, RULES):
        support = _UNSUPPORTED
        hardly = "The spleen has hardly taken up contrast: what was taken for the portal vein may be none."
        remarks = (*remarks, hardly)
    confidence *= support
    if phase is Phase.INDETERMINATE:
        confidence = 0.0
    contrast = organs.aorta.hu >= RULES.native_aorta_below
    values = ", ".join(f"{name} {value:.0f} HU" for name, value in _shown(measured))
    verdict = phase.in_words if phase is not Phase.INDETERMINATE else "no phase fits"
    sentence = f"{values[:1].upper()}{values[1:]}: {verdict}."
    evidence = (sentence, *reasons, *remarks, *organs.notes)
    excluded = frozenset() if organs.turned else _excluded(measured, RULES)
    return PhaseReading(phase, round(confidence, 2), evidence, contrast, measured, excluded)


def _excluded(measured: Mapping[str, float], rules: PixelRules) -> frozenset[Phase]:
    """Phases that these attenuations cannot be of, at any usual dose of contrast."""
    aorta, portal = measured["aorta"], measured.get("portal vein")
    no: set[Phase] = set()
    if aorta >= rules.enhanced_aorta_from:
        no.add(Phase.NATIVE)
    if aorta < rules.arterial_aorta_least:
        no |= {Phase.ARTERIAL_EARLY, Phase.ARTERIAL_LATE}
    if aorta >= rules.arterial_aorta_from:
        no.add(Phase.DELAYED)
    if portal is not None and aorta - portal >= rules.arterial_above_portal_from:
        no |= {Phase.PORTAL_VENOUS, Phase.DELAYED}
    if portal is not None and aorta - portal < rules.arterial_below_portal_to:
        no |= {Phase.ARTERIAL_EARLY, Phase.ARTERIAL_LATE}
    return frozenset(no)


def measured_hu(organs: Organs) -> dict[str, float]:
    """Median attenuation in HU of what was found, by name."""
    found: dict[str, float] = {}
    if organs.aorta:
        found["aorta"] = round(organs.aorta.hu, 1)
    if organs.portal and organs.portal.hu is not None:
        found["portal vein"] = round(organs.portal.hu, 1)
    if organs.liver:
        found["liver"] = round(organs.liver.hu, 1)
    if organs.spleen:
        found["spleen"] = round(organs.spleen.hu, 1)
    if organs.kidneys:
        found["kidney cortex"] = round(organs.kidneys.cortex_hu, 1)
        found["kidney medulla"] = round(organs.kidneys.medulla_hu, 1)
        found["renal pelvis"] = round(organs.kidneys.pelvis_hu, 1)
    return found


def _shown(measured: Mapping[str, float]) -> list[tuple[str, float]]:
    names = ("aorta", "portal vein", "liver", "spleen")
    return [(name, measured[name]) for name in names if name in measured]


def _decided(
    organs: Organs, measured: Mapping[str, float], rules: PixelRules
) -> tuple[Phase, float, tuple[str, ...]]:
    """Phase, certainty by the distance to the bounds (0.0 to 1.0), and remarks."""
    aorta = measured["aorta"]
    if aorta < rules.native_aorta_below:
        return Phase.NATIVE, _distance(aorta - rules.native_aorta_below), ()
    liver = measured.get("liver")
    if liver is None or organs.portal is None:
        return Phase.INDETERMINATE, 0.0, (_without_liver(aorta, liver, rules),)
    portal = measured.get("portal vein")
    if portal is None:
        return _without_vessels(measured, organs.portal.margin_hu, rules)
    phase = classify(aorta, portal, liver, rules)
    if phase is Phase.INDETERMINATE:
        return _second_look(aorta, portal, liver, measured, rules)
    return phase, _distance(*_to_bounds(phase, aorta, portal, liver, rules)), ()


def _to_bounds(
    phase: Phase, aorta: float, portal: float, liver: float, rules: PixelRules
) -> tuple[float, ...]:
    """How far in HU the values lie from the bounds that decided."""
    difference = abs(aorta - portal)
    if phase in (Phase.ARTERIAL_EARLY, Phase.ARTERIAL_LATE):
        return (
            aorta - rules.arterial_aorta_from,
            aorta - portal - rules.arterial_above_portal_from,
            portal - rules.late_portal_from,
        )
    if phase is Phase.PORTAL_VENOUS:
        return (
            portal - rules.portal_vein_from,
            rules.portal_difference_to - difference,
            liver - rules.portal_liver_from,
        )
    return (
        aorta - rules.delayed_aorta_below,
        rules.delayed_difference_to - difference,
        liver - rules.delayed_liver_from,
    )


def _distance(*to_bounds: float) -> float:
    """0.65 at a bound, 1.0 from _CLOSE_HU away from every bound."""
    nearest = min(abs(one) for one in to_bounds)
    return 0.65 + 0.35 * min(1.0, nearest / _CLOSE_HU)


def _without_liver(aorta: float, liver: float | None, rules: PixelRules) -> str:
    missing = "The liver was not found" if liver is None else "Too little of the liver is shown"
    if aorta >= rules.arterial_aorta_from:
        return f"{missing}: arterial by the aorta, early or late cannot be told."
    return f"{missing}: with contrast by the aorta, the phase cannot be told."


def _without_vessels(
    measured: Mapping[str, float], margin: float, rules: PixelRules
) -> tuple[Phase, float, tuple[str, ...]]:
    """No vessel of the liver is brighter than the liver by `margin`. Vessels pushed aside by tumours
    do not stand out either, so an early arterial phase needs another organ to say so.
    """
    aorta, liver = measured["aorta"], measured["liver"]
    seen = f"No vessel of the liver stands out from it by {margin:.0f} HU or more."
    if aorta >= rules.arterial_aorta_from and liver < rules.late_portal_from:
        early = _looks_early(measured, rules)
        if early is False:
            against = "Spleen or kidneys have taken up too much for an early arterial phase."
            return Phase.INDETERMINATE, 0.0, (seen, against)
        certainty = 0.85 * _distance(aorta - rules.arterial_aorta_from)
        return Phase.ARTERIAL_EARLY, certainty if early else _UNSUPPORTED, (seen,)
    most = liver + margin + rules.delayed_difference_to
    if (
        rules.delayed_liver_from <= liver
        and liver - rules.delayed_difference_to <= aorta < rules.delayed_aorta_below
        and aorta <= most
    ):
        certainty = 0.85 if _excreted(measured, rules) else _SECOND_LOOK
        return Phase.DELAYED, certainty, (seen,)
    return Phase.INDETERMINATE, 0.0, (seen,)


def _looks_early(measured: Mapping[str, float], rules: PixelRules) -> bool | None:
    """Whether the spleen, or else the marrow of the kidneys, has hardly taken up contrast yet. None
    where neither is seen.
    """
    if "spleen" in measured:
        taken_up = (measured["spleen"] - _PLAIN_SPLEEN_HU) / (measured["aorta"] - _PLAIN_AORTA_HU)
        return taken_up <= rules.early_spleen_share_to
    medulla = measured.get("kidney medulla")
    return medulla < rules.early_medulla_to if medulla is not None else None


def _excreted(measured: Mapping[str, float], rules: PixelRules) -> bool:
    """Whether contrast has reached the renal pelvis."""
    least = max(rules.excreted_from, measured.get("kidney cortex", 0.0) + 40.0)
    return measured.get("renal pelvis", 0.0) > least


def _second_look(
    aorta: float, portal: float, liver: float, measured: Mapping[str, float], rules: PixelRules
) -> tuple[Phase, float, tuple[str, ...]]:
    """Where the table says nothing: a liver that takes up little because it is fatty, and contrast
    that has reached the renal pelvis.
    """
    difference = abs(aorta - portal)
    excreted = _excreted(measured, rules)
    venous = aorta < rules.arterial_aorta_from
    if venous and excreted and difference <= rules.portal_difference_to:
        return Phase.DELAYED, _SECOND_LOOK, ("Contrast has reached the renal pelvis.",)
    if (
        venous
        and portal >= rules.portal_vein_from
        and difference <= rules.portal_difference_to
        and liver < rules.portal_liver_from
    ):
        return (
            Phase.PORTAL_VENOUS,
            _SECOND_LOOK,
            (f"The liver has only {liver:.0f} HU: fatty, or a little early.",),
        )
    if (
        aorta < rules.delayed_aorta_below
        and difference <= rules.delayed_difference_to
        and liver < rules.delayed_liver_from
        and measured.get("kidney cortex", 1e3) - measured.get("kidney medulla", 0.0)
        < rules.corticomedullary_from
    ):
        return (
            Phase.DELAYED,
            _SECOND_LOOK,
            (f"The liver has only {liver:.0f} HU, as a fatty one has.",),
        )
    return (
        Phase.INDETERMINATE,
        0.0,
        ("The values lie between the phases of the table; a person has to say.",),
    )


def _quality(organs: Organs, phase: Phase) -> float:
    """How well aorta and liver were found (0.0 to 1.0)."""
    assert organs.aorta is not None
    quality = organs.aorta.confidence
    if organs.aorta.spread_hu > 45.0:
        quality *= 0.8
    if organs.liver is None:
        quality *= 0.75
    elif phase is not Phase.NATIVE:
        quality *= 0.6 + 0.4 * organs.liver.confidence
    if organs.turned:
        return _TURNED * quality
    return quality if not organs.notes else 0.75 * quality


def _kidneys_say(
    phase: Phase, measured: Mapping[str, float], rules: PixelRules
) -> tuple[float, tuple[str, ...]]:
    """What the kidneys leave of the confidence (0.0 to 1.0), and what they show."""
    if phase is Phase.INDETERMINATE:
        return 1.0, ()
    if "kidney cortex" not in measured:
        if phase is Phase.DELAYED:
            return _UNSUPPORTED, (
                "Without the kidneys, an earlier phase with little contrast looks alike.",
            )
        return 1.0, ()
    cortex, medulla = measured["kidney cortex"], measured["kidney medulla"]
    if _excreted(measured, rules):
        if phase is Phase.DELAYED:
            return 1.0, ("Contrast has reached the renal pelvis, as in a delayed phase.",)
        sentence = (
            f"The renal pelvis has {measured['renal pelvis']:.0f} HU: contrast was already "
            "excreted, from this injection or an earlier one."
        )
        return (_CONTRADICTED if phase in ARTERIAL else _UNSUPPORTED), (sentence,)
    if cortex - medulla >= rules.corticomedullary_from:
        sentence = f"Kidney cortex {cortex:.0f} HU stands out from medulla {medulla:.0f} HU"
        if phase is Phase.DELAYED:
            return _UNSUPPORTED, (f"{sentence}, which is too early for a delayed phase.",)
        if phase is Phase.NATIVE:
            return _CONTRADICTED, (f"{sentence}, which needs contrast.",)
        return 1.0, (f"{sentence}.",)
    if phase is Phase.DELAYED:
        return _UNSUPPORTED, (
            "No contrast has reached the renal pelvis: it may be an earlier phase.",
        )
    if phase in ARTERIAL:
        unlike = "Cortex and medulla of the kidneys are alike, unlike an arterial phase."
        return _CONTRADICTED, (unlike,)
    return 1.0, ()
