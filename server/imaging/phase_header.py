"""The contrast phase as the headers of a series tell it.

Several sources are asked, each with its own weight; those that agree strengthen each other, and a
contradiction is told. Nothing here looks at pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydicom.dataset import Dataset

from server.imaging import phase_timing
from server.imaging.phase import ARTERIAL, Phase, PhaseReading
from server.imaging.phase_words import Told, plain, seconds_in, told_by

# [UNPUB] How much one source by itself is worth (0.0 to 1.0). A description is never trusted alone:
# "commonly missing or incorrect" (clinical fact sheet 5.2, S113).
_BY_TIME: Final = 0.75
_BY_TIME_NEAR_A_BOUND: Final = 0.5
_BY_CODE: Final = 0.8
_BY_DESCRIPTION: Final = 0.5
_BY_PROTOCOL: Final = 0.3
_GUESSED: Final = 0.8  # what is left of it where the character set had to be guessed
_BY_POSITION: Final = 0.4
# Native because nothing speaks of contrast, which de-identification takes out as well.
BY_ABSENCE: Final = 0.3
_MOST: Final = 0.95
_CONFLICT: Final = 0.6

# Contrast/Bolus Agent Phase (0018,9344), terms as the fact sheet lists them [GK]; those that only
# tell that contrast was given are left out.
_CODED: Final[dict[str, tuple[Phase, frozenset[Phase]]]] = {
    "PRE_CONTRAST": (Phase.NATIVE, frozenset()),
    "ARTERIAL": (Phase.ARTERIAL_LATE, ARTERIAL),
    "VENOUS": (Phase.PORTAL_VENOUS, frozenset()),
    "PORTAL_VENOUS": (Phase.PORTAL_VENOUS, frozenset()),
    "DELAYED": (Phase.DELAYED, frozenset()),
}
_GIVEN: Final = ("POST_CONTRAST", "IMMEDIATE", "DYNAMIC", "STEADY_STATE", "CAPILLARY")
_ATTRIBUTES: Final = (
    "ContrastBolusAgent",
    "ContrastBolusAgentSequence",
    "ContrastBolusRoute",
    "ContrastBolusVolume",
    "ContrastBolusStartTime",
    "ContrastBolusIngredient",
)
_NOT_INTO_A_VEIN: Final = ("oral", "rectal", "po", "per os", "enteral", "peroral")
_NONE_GIVEN: Final = ("none", "no", "n", "non", "nein", "kein", "ohne", "not given", "0", "nil")
_GADOXETATE: Final = ("gadoxet", "primovist", "eovist", "eob")
_GADOXETATE_CODE: Final = "440223009"  # SCT, clinical fact sheet 5.2
# Passes of a dynamic liver MR in their usual order (fact sheet 5.1: pre, late arterial, portal
# venous, delayed).
_PASSES: Final = (Phase.NATIVE, Phase.ARTERIAL_LATE, Phase.PORTAL_VENOUS, Phase.DELAYED)


@dataclass(frozen=True)
class _Source:
    """What one source says; `also` are phases that would agree with it as well."""

    phase: Phase
    confidence: float
    sentence: str
    also: frozenset[Phase] = frozenset()

    def fits(self, phase: Phase) -> bool:
        return phase is self.phase or phase in self.also


def header_phase(
    headers: Sequence[Dataset], guessed: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> PhaseReading:
    """The phase told by the headers of one series (pixels are not needed; any order; one image is
    enough, all are better because the acquisition time may differ from slice to slice). `guessed` are
    other readings of texts without a declared character set, by keyword: they are asked where the texts as
    they were read say nothing, and are worth less.

    Looks at ContrastBolusAgentPhase, at the time between ContrastBolusStartTime and the
    acquisition, at the temporal position of dynamic MR, at the contrast attributes, and at the
    words of SeriesDescription, ProtocolName and ImageComments, which are never trusted alone. Never
    raises for bad values: they become sentences of the evidence.
    """
    if not headers:
        return PhaseReading(Phase.INDETERMINATE, 0.0, ("There are no headers.",))
    first = headers[0]
    given, remark = _given(first)
    sources: list[_Source] = []
    remarks: list[str] = []
    for found in (_by_code(first), _by_time(headers), _by_position(headers)):
        for one in found:
            if isinstance(one, _Source):
                sources.append(one)
            else:
                remarks.append(one)
    told, said = _by_words(first, guessed)
    sources += told
    remarks += said.remarks
    silent = given is False and not said.of_series
    is_denied = given is False and _filled(
        first, "ContrastBolusAgent"
    )  # it says that none was given
    if is_denied or (silent and not any(one.phase is not Phase.NATIVE for one in sources)):
        sources.append(_Source(Phase.NATIVE, BY_ABSENCE, remark))
    else:
        remarks.append(remark)
    if _is_gadoxetate(first):
        sources = [_of_gadoxetate(one) for one in sources]
        remarks.append("The agent is gadoxetate, which liver cells take up.")
    return _weighed(sources, remarks, _contrast(given, said.contrast, sources))


@dataclass(frozen=True)
class _Said:
    """`contrast` is what any text says of contrast; `of_series` whether the series' own description
    says that it was given.
    """

    remarks: tuple[str, ...] = ()
    contrast: bool | None = None
    of_series: bool = False


def _given(header: Dataset) -> tuple[bool | None, str]:
    """Whether the contrast attributes say that contrast was given into a vein."""
    filled = [name for name in _ATTRIBUTES if _filled(header, name)]
    coded = next(phase_timing.nested(header, "ContrastBolusAgentPhase"), "PRE_CONTRAST")
    if not filled and str(coded).strip().upper() != "PRE_CONTRAST":
        return True, "A phase of the contrast agent is filled in."
    if not filled:
        return False, (
            "No contrast attribute is filled in, which speaks for no contrast but does not prove it."
        )
    agent = plain(str(header.get("ContrastBolusAgent") or ""))
    route = plain(str(header.get("ContrastBolusRoute") or ""))
    if agent in _NONE_GIVEN and len(filled) == 1:
        return False, f"ContrastBolusAgent says {agent!r}: none was given."
    words = set(agent.split()) | set(route.split())
    if words & set(_NOT_INTO_A_VEIN) and not words & {"iv", "intravenous", "i.v."}:
        return None, "The contrast attributes speak of contrast by mouth or rectum only."
    return True, f"Contrast attributes are filled in ({', '.join(filled)})."


def _filled(header: Dataset, keyword: str) -> bool:
    value = header.get(keyword)
    if value is None:
        return False
    return bool(len(value)) if hasattr(value, "__len__") else str(value).strip() != ""


def _by_code(header: Dataset) -> Iterator[_Source | str]:
    for value in phase_timing.nested(header, "ContrastBolusAgentPhase"):
        code = str(value).strip().upper()
        if code in _CODED:
            phase, also = _CODED[code]
            yield _Source(phase, _BY_CODE, f"ContrastBolusAgentPhase is {code}.", also)
        elif code in _GIVEN:
            yield f"ContrastBolusAgentPhase is {code}: contrast, but no phase."
        else:
            yield "ContrastBolusAgentPhase holds a word that the standard does not have."
        return


def _by_time(headers: Sequence[Dataset]) -> Iterator[_Source | str]:
    delay = phase_timing.delay_of(headers)
    if delay is None:
        if next(phase_timing.nested(headers[0], "ContrastBolusStartTime"), None) is not None:
            yield "ContrastBolusStartTime or the acquisition time cannot be read."
        return
    seconds = delay.middle_s
    if not phase_timing.EARLIEST_S <= seconds <= phase_timing.LATEST_S:
        yield (
            f"Between the bolus and the acquisition lie {seconds:.0f} s: the two clocks or times do "
            "not belong together."
        )
        return
    phase = phase_timing.phase_after(seconds)
    confidence = _BY_TIME
    unsure = ""
    if phase_timing.near_a_bound(seconds) or (
        phase is Phase.DELAYED and seconds < phase_timing.DELAYED_SURELY_FROM_S
    ):
        confidence, unsure = _BY_TIME_NEAR_A_BOUND, ", near the bound to another phase"
    when = f"{seconds:.0f} s after" if seconds >= 0 else f"{-seconds:.0f} s before"
    yield _Source(
        phase, confidence, f"Acquired {when} the start of the bolus: {phase.in_words}{unsure}."
    )
    if delay.last_s - delay.first_s > 20.0:
        yield (
            f"The images were taken from {delay.first_s:.0f} to {delay.last_s:.0f} s; the middle "
            "of the series counts."
        )


def _by_position(headers: Sequence[Dataset]) -> Iterator[_Source | str]:
    """Dynamic MR: which pass of how many (PS3.3 C.7.6.2 and C.8.13: Temporal Position)."""
    first = headers[0]
    if first.get("Modality") != "MR":
        return
    count = _whole(first.get("NumberOfTemporalPositions"))
    positions = {_whole(one.get("TemporalPositionIdentifier")) for one in headers} - {None}
    if count is None or count < 3 or not positions:
        return
    if len(positions) > 1:
        yield f"The series holds {len(positions)} passes of a dynamic MR, of more than one phase."
        return
    position = positions.pop() or 0
    if count == len(_PASSES) and 1 <= position <= count:
        phase = _PASSES[position - 1]
        yield _Source(phase, _BY_POSITION, f"Pass {position} of {count} of a dynamic MR.")
    elif position == 1:
        yield _Source(Phase.NATIVE, _BY_POSITION, f"First pass of {count} of a dynamic MR.")
    else:
        yield f"Pass {position} of {count} of a dynamic MR; which phase that is, is not said."


def _whole(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _told(header: Dataset, keyword: str, guessed: Sequence[str]) -> tuple[tuple[Told, ...], str]:
    """What a text says, and a remark where only a guess at its character set says it."""
    if told := told_by(str(header.get(keyword) or "")):
        return told, ""
    found = next((told for one in guessed if (told := told_by(one))), ())
    return found, " (its character set is not declared and was guessed)" if found else ""


def _by_words(header: Dataset, guessed: Mapping[str, Sequence[str]]) -> tuple[list[_Source], _Said]:
    """Phases named in texts. The description of the series speaks first; the name of the protocol
    often belongs to the whole examination.
    """
    remarks: list[str] = []
    sources: list[_Source] = []
    contrast: bool | None = None
    of_series = False
    for keyword, worth in (
        ("SeriesDescription", _BY_DESCRIPTION),
        ("ImageComments", _BY_PROTOCOL),
        ("ProtocolName", _BY_PROTOCOL),
    ):
        told, by_guess = _told(header, keyword, guessed.get(keyword, ()))
        named = _told_phases(told)
        sentence = f"{keyword} says {', '.join(repr(one.word) for one in told)}{by_guess}"
        if keyword == "SeriesDescription":
            of_series = not any(one.contrast is False for one in told) and any(
                one.contrast for one in told
            )
        if len(named) > 1:
            remarks.append(f"{sentence}, which is more than one phase.")
            continue
        if contrast is None:
            contrast = next((one.contrast for one in told if one.contrast is not None), None)
        if named:
            best = max((one for one in told if one.phase is named[0]), key=lambda one: one.weight)
            text = f"{sentence}: {best.phase.in_words}, by a description alone."
            sure = _GUESSED if by_guess else 1.0
            sources.append(_Source(best.phase, sure * worth * best.weight, text, best.also))
        elif told:
            remarks.append(f"{sentence}, which names no phase.")
        if keyword == "SeriesDescription":
            sources += _by_seconds(str(header.get(keyword) or ""))
    return sources, _Said(tuple(remarks), contrast, of_series)


def _told_phases(told: tuple[Told, ...]) -> list[Phase]:
    """Different phases a text names; a general word beside a special one does not count."""
    phases = [one for one in told if one.phase is not Phase.INDETERMINATE]
    kept: list[Phase] = []
    for one in phases:
        special = any(other.phase in one.also and other.phase is not one.phase for other in phases)
        if not special and one.phase not in kept:
            kept.append(one.phase)
    # "3 min delayed portal" and "late venous": the minutes belong to the delayed phase.
    return kept


def _by_seconds(text: str) -> list[_Source]:
    seconds = list(seconds_in(text))
    if len(seconds) != 1:
        return []
    phase = phase_timing.phase_after(seconds[0])
    return [
        _Source(
            phase,
            _BY_PROTOCOL,
            f"SeriesDescription names {seconds[0]} s: {phase.in_words}, by a description alone.",
        )
    ]


def _is_gadoxetate(header: Dataset) -> bool:
    if header.get("Modality") != "MR":
        return False
    agent = plain(str(header.get("ContrastBolusAgent") or ""))
    codes = [
        str(one.get("CodeValue", "")) for one in header.get("ContrastBolusAgentSequence") or ()
    ]
    return any(name in agent for name in _GADOXETATE) or _GADOXETATE_CODE in codes


def _of_gadoxetate(source: _Source) -> _Source:
    """With gadoxetate the delayed phase of other agents is the transitional one (fact sheet 5.1)."""
    if source.phase is not Phase.DELAYED:
        return source
    return _Source(
        Phase.TRANSITIONAL,
        source.confidence,
        f"{source.sentence} With gadoxetate that is the transitional phase.",
        frozenset({Phase.DELAYED, Phase.HEPATOBILIARY}),
    )


def _contrast(given: bool | None, said: bool | None, sources: list[_Source]) -> bool | None:
    if any(one.phase is not Phase.NATIVE for one in sources) or given:
        return True
    return said if said is not None else given


def _weighed(sources: list[_Source], remarks: list[str], contrast: bool | None) -> PhaseReading:
    if not sources:
        return PhaseReading(
            Phase.INDETERMINATE, 0.0, ("No header tells the phase.", *remarks), contrast
        )
    # The surest source names the phase, a special word before a general one of the same worth.
    best = max(sources, key=lambda one: (one.confidence, not one.also))
    narrower = [one for one in sources if one.phase in best.also and not one.also]
    phase = max(narrower, key=lambda one: one.confidence).phase if narrower else best.phase
    doubt = 1.0
    for one in sources:
        if one.fits(phase):
            doubt *= 1 - one.confidence
    against = [one for one in sources if not one.fits(phase)]
    confidence = min(_MOST, 1 - doubt)
    evidence = [one.sentence for one in sorted(sources, key=lambda one: -one.confidence)]
    if against:
        confidence *= _CONFLICT
        names = ", ".join(dict.fromkeys(one.phase.in_words for one in against))
        evidence.insert(0, f"The headers contradict each other: {phase.in_words} against {names}.")
    if phase is Phase.NATIVE and contrast and not against:
        evidence.append("The contrast attributes may be left over from the protocol.")
    return PhaseReading(phase, round(confidence, 2), (*evidence, *remarks), contrast)
