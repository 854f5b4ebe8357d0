"""The contrast phase of a series: what the headers say, what the pixels show, and what is used.

Headers and pixels are read apart (`phase_header`, `phase_pixels`) and neither knows of the other:
a reading that had seen the other one's answer could not contradict it. `conclude` lays the two side
by side. A disagreement is never settled in silence: it stands in the evidence and in `agrees`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """When, after the injection, a series was taken. For CT and for dynamic MR.

    `ARTERIAL_LATE` is also the pancreatic (parenchymal) phase; `DELAYED` is also equilibrium and,
    of the kidneys, the excretory phase. `TRANSITIONAL` (2 to 5 minutes) and `HEPATOBILIARY` (about
    20 minutes) exist for gadoxetate in MR only. `INDETERMINATE` means: not known, a person has to
    say.
    """

    NATIVE = "native"
    ARTERIAL_EARLY = "arterial_early"
    ARTERIAL_LATE = "arterial_late"
    PORTAL_VENOUS = "portal_venous"
    TRANSITIONAL = "transitional"
    DELAYED = "delayed"
    HEPATOBILIARY = "hepatobiliary"
    INDETERMINATE = "indeterminate"

    @property
    def in_words(self) -> str:
        """As a coordinator reads it."""
        return _IN_WORDS[self]


_IN_WORDS: Final[dict[Phase, str]] = {
    Phase.NATIVE: "without contrast",
    Phase.ARTERIAL_EARLY: "early arterial",
    Phase.ARTERIAL_LATE: "late arterial",
    Phase.PORTAL_VENOUS: "portal venous",
    Phase.TRANSITIONAL: "transitional",
    Phase.DELAYED: "delayed",
    Phase.HEPATOBILIARY: "hepatobiliary",
    Phase.INDETERMINATE: "phase not known",
}

ARTERIAL: Final = frozenset({Phase.ARTERIAL_EARLY, Phase.ARTERIAL_LATE})

# [UNPUB] A reading of the pixels at least this sure is used against the headers: attenuation is
# measured, whereas a description is "commonly missing or incorrect" (clinical fact sheet 5.2, S113).
PIXELS_PREVAIL_FROM: Final = 0.6
# [UNPUB] What a phase that only one side knows, or that the other contradicts, keeps of its
# confidence. What the headers say against the pixels never counts as sure (0.5).
ALONE: Final = 0.9
CONTRADICTED: Final = 0.6
AGAINST_THE_PIXELS: Final = 0.5


@dataclass(frozen=True)
class PhaseReading:
    """What one source says of the phase.

    `confidence` runs from 0.0 (nothing known) to 1.0. `evidence` are sentences for a coordinator,
    the decisive one first. `contrast` says whether contrast medium was given, as far as this source
    knows (None: it does not know), also where the phase is indeterminate. `measured_hu` holds the
    median attenuation in HU of what was found, by name ("aorta", "portal vein", "liver", "spleen",
    "kidney cortex" ...); empty for headers. `excluded` are phases that it cannot be, also where nothing
    tells which one it is.
    """

    phase: Phase
    confidence: float
    evidence: tuple[str, ...]
    contrast: bool | None = None
    measured_hu: Mapping[str, float] = field(default_factory=dict)
    excluded: frozenset[Phase] = frozenset()

    @property
    def known(self) -> bool:
        """Whether it names a phase at all."""
        return self.phase is not Phase.INDETERMINATE


@dataclass(frozen=True)
class PhaseConclusion:
    """Headers and pixels side by side, and the phase that is used.

    `header` and `pixel` are phases as each source reads them (INDETERMINATE where it does not
    know); `used` is what the rest of Margin goes by; `confidence` runs from 0.0 to 1.0; `agrees` is
    None when one of the two does not know; `set_by_person` tells that `used` was set by hand.
    """

    header: Phase
    pixel: Phase
    used: Phase
    confidence: float
    evidence: tuple[str, ...]
    agrees: bool | None
    set_by_person: bool = False


def unknown(*evidence: str) -> PhaseReading:
    """A reading that does not know the phase, with the reasons."""
    return PhaseReading(Phase.INDETERMINATE, 0.0, evidence)


def conclude(
    header: PhaseReading, pixel: PhaseReading | None, set_by_person: Phase | None = None
) -> PhaseConclusion:
    """The phase to use. `pixel` is None when the pixels were not (or not yet) looked at.

    What a person set is used as it is, with confidence 1.0; both readings stay in the evidence.
    Otherwise two readings that agree strengthen each other, the pixels prevail when they are sure
    (`PIXELS_PREVAIL_FROM`), and else the surer one is used, at less than its own confidence. A phase of
    the headers that the pixels exclude without knowing a better one is not used: nobody knows then.
    """
    seen = pixel or unknown("The pixels have not been looked at.")
    agrees = _agree(header, seen) if header.known and seen.known else None
    used, confidence, reasons = _weigh(header, seen, agrees)
    if set_by_person is not None:
        used, confidence = set_by_person, 1.0
        reasons = (f"Set by a person: {set_by_person.in_words}.", *_whom(header, seen, used))
    evidence = (
        *reasons,
        *(f"Headers: {sentence}" for sentence in header.evidence),
        *(f"Pixels: {sentence}" for sentence in seen.evidence),
    )
    return PhaseConclusion(
        header.phase,
        seen.phase,
        used,
        round(confidence, 2),
        evidence,
        agrees,
        set_by_person is not None,
    )


def _agree(header: PhaseReading, pixel: PhaseReading) -> bool:
    return header.phase is pixel.phase


def _weigh(
    header: PhaseReading, pixel: PhaseReading, agrees: bool | None
) -> tuple[Phase, float, tuple[str, ...]]:
    if agrees:
        both = 1 - (1 - header.confidence) * (1 - pixel.confidence)
        return header.phase, both, (f"Headers and pixels agree: {header.phase.in_words}.",)
    if agrees is None:
        one = header if header.known else pixel
        if not one.known:
            return one.phase, 0.0, ("Neither the headers nor the pixels tell the phase.",)
        if header.phase in pixel.excluded:
            sentence = f"The headers say {header.phase.in_words}, which the pixels exclude."
            return Phase.INDETERMINATE, 0.0, (f"{sentence} A person has to say.",)
        name = "headers" if header.known else "pixels"
        sentence = f"Only the {name} tell the phase: {one.phase.in_words}."
        return (
            one.phase,
            one.confidence * ALONE,
            (sentence, *_contrast_contradiction(header, pixel)),
        )
    sure = pixel.confidence >= PIXELS_PREVAIL_FROM or pixel.confidence >= header.confidence
    winner, name = (pixel, "pixels") if sure else (header, "headers")
    sentence = (
        f"Headers and pixels disagree: the headers say {header.phase.in_words}, the pixels show "
        f"{pixel.phase.in_words}. The {name} are used; a person should look."
    )
    kept = CONTRADICTED if sure else AGAINST_THE_PIXELS
    return winner.phase, winner.confidence * kept, (sentence,)


def _contrast_contradiction(header: PhaseReading, pixel: PhaseReading) -> tuple[str, ...]:
    if None in (header.contrast, pixel.contrast) or header.contrast == pixel.contrast:
        return ()
    said = "with" if header.contrast else "without"
    shown = "with" if pixel.contrast else "without"
    return (f"The headers say {said} contrast, the pixels look {shown} it.",)


def _whom(header: PhaseReading, pixel: PhaseReading, used: Phase) -> tuple[str, ...]:
    readings = (("headers say", header), ("pixels show", pixel))
    return tuple(
        f"The {name} {reading.phase.in_words}."
        for name, reading in readings
        if reading.known and reading.phase is not used
    )
