"""Whether uptake values (SUV) can be worked out of a PET series, and when after the injection it was
taken. Pure.

What a reader needs for them is the list of the vendor-neutral pseudo-code of QIBA (RSNA), in the terms
of PS3.3 C.8.9.1 (Units, Decay Correction) and C.8.9.2 (the radiopharmaceutical).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from server.imaging.headers import UNITS, Header
from server.imaging.phase_timing import seconds_of_day

_PET: Final = ("1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.130")
# PS3.3 C.8.9.1.1.3: g/mL and its likes are uptake values already.
_UPTAKE_UNITS: Final = frozenset({"GML", "CM2ML"})
# UCUM, as the enhanced PET writes it (PS3.16 CID 84): becquerel per millilitre, and the uptake values.
_ACTIVITY_CODES: Final = frozenset({"BQ/ML"})
_UPTAKE_CODES: Final = ("G/ML", "CM2/ML")
_FDG: Final = re.compile(r"fdg|fludeoxyglucose|fluoro?-?desoxy|fluoro?-?deoxy", re.IGNORECASE)
_TAKEN: Final = ("AcquisitionTime", "FrameAcquisitionDateTime", "AcquisitionDateTime")
_DAY_S: Final = 86400.0
# [DERIVED] F-18 has a half-life of 110 min: after more than five hours the times do not belong together.
_LATEST_MIN: Final = 300.0


@dataclass(frozen=True)
class Tracer:
    """`lacks` names what is missing for uptake values, of units, decay, dose, half_life and
    injection_time (empty: nothing); `uptake_min` are minutes from the injection of FDG to the first
    image, None where nobody can tell or for another tracer.
    """

    lacks: tuple[str, ...] = ()
    uptake_min: int | None = None


def tracer_of(headers: Sequence[Header]) -> Tracer:
    """What is known of the tracer of one PET series by all its images."""
    first = headers[0]
    if first.text("SOPClassUID") not in _PET:
        return Tracer()
    minutes = _minutes(headers)
    is_fdg = _FDG.search(first.text("Radiopharmaceutical")) is not None
    return Tracer(tuple(_lacks(first, minutes)), minutes if is_fdg else None)


def _lacks(first: Header, minutes: int | None) -> Iterator[str]:
    units = _units(first)
    if units in _UPTAKE_UNITS:
        return
    is_philips = first.text("Manufacturer").upper().startswith("PHILIPS")
    # Counts of Philips come with a factor of their own (7053,xx00), which is not read here.
    if units != "BQML" and not (units == "CNTS" and is_philips):
        yield "units"
    decay = _decay(first)
    if decay not in ("START", "ADMIN"):
        yield "decay"
    if not (first.number("RadionuclideTotalDose") or 0.0) > 0:
        yield "dose"
    if decay == "ADMIN":
        return
    if not (first.number("RadionuclideHalfLife") or 0.0) > 0:
        yield "half_life"
    if minutes is None:
        yield "injection_time"


def _units(first: Header) -> str:
    """As in Units (0054,1001), from the code of the unit where an enhanced image has that."""
    code = first.flag(UNITS)
    if code.startswith(_UPTAKE_CODES):
        return "GML"
    return "BQML" if code in _ACTIVITY_CODES else first.flag("Units") or first.flag("RescaleType")


def _decay(first: Header) -> str:
    """As in DecayCorrection (0054,1102). The enhanced PET says to which moment it was corrected instead
    (PS3.3 C.8.22.5): the activity is worked back from the injection to that one, as to the start.
    """
    is_known = first.flag("DecayCorrected") == "YES" and first.text("DecayCorrectionDateTime")
    return "START" if is_known else first.flag("DecayCorrection")


def _minutes(headers: Sequence[Header]) -> int | None:
    """From the injection to the earliest image, over midnight where need be."""
    first = headers[0]
    injected = _seconds(first, ("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime"))
    taken = [at for one in headers if (at := _seconds(one, _TAKEN)) is not None]
    if injected is None or not taken:
        return None
    # Of a scan over midnight the earliest image is the one least after the injection.
    minutes = min((at - injected) % _DAY_S for at in taken) / 60.0
    return round(minutes) if 0 < minutes <= _LATEST_MIN else None


def _seconds(header: Header, keywords: tuple[str, ...]) -> float | None:
    for keyword in keywords:
        found = seconds_of_day(header.text(keyword))
        if found is not None:
            return found
    return None
