"""Seconds from the start of the bolus to the acquisition, and the phase they mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from pydicom.dataset import Dataset

from server.imaging.phase import Phase

# Published code of TotalSegmentator, from the time after injection to the phase (clinical fact
# sheet 5.2, S114): (from this many seconds on, phase).
TABLE: Final = (
    (100.0, Phase.DELAYED),
    (60.0, Phase.PORTAL_VENOUS),
    (30.0, Phase.ARTERIAL_LATE),
    (10.0, Phase.ARTERIAL_EARLY),
    (-math.inf, Phase.NATIVE),
)
# [UNPUB] Liver CT asks for a delayed phase of 2 to 5 minutes (LI-RADS v2018, S110); between the
# table's 100 s and that, a time says little.
DELAYED_SURELY_FROM_S: Final = 120.0
# [UNPUB] The clocks of injector and scanner differ by seconds; nearer to a bound than this is unsure.
CLOCKS_DIFFER_S: Final = 5.0
# [UNPUB] Beyond this the two times do not belong together.
LATEST_S: Final = 1800.0
EARLIEST_S: Final = -3600.0
_DAY_S: Final = 86400.0
_MOST_NESTED: Final = 4


@dataclass(frozen=True)
class Delay:
    """Seconds after the start of the bolus: at the middle of the series, where liver and pancreas
    lie, and the first and last image's.
    """

    middle_s: float
    first_s: float
    last_s: float


def phase_after(seconds: float) -> Phase:
    """The phase so many seconds after the start of the bolus: 9.9 native, 10 early arterial, 30
    late arterial, 60 portal venous, 100 delayed.
    """
    return next(phase for least, phase in TABLE if seconds >= least)


def near_a_bound(seconds: float) -> bool:
    """Whether clocks that differ by a few seconds could make it another phase."""
    return any(
        math.isfinite(least) and abs(seconds - least) < CLOCKS_DIFFER_S for least, _ in TABLE
    )


def delay_of(headers: Sequence[Dataset]) -> Delay | None:
    """Acquisition minus ContrastBolusStartTime (0018,1042), over midnight where need be. None when
    one of the times is missing or unreadable.
    """
    started = next((s for one in headers for s in _times(one, ("ContrastBolusStartTime",))), None)
    if started is None:
        return None
    placed: list[tuple[float, float]] = []
    for index, header in enumerate(headers):
        acquired = _acquired_s(header)
        if acquired is not None:
            placed.append((_height_mm(header, index), acquired))
    if not placed:
        return None
    placed.sort()
    delays = [_within_half_a_day(acquired - started) for _, acquired in placed]
    third = len(delays) // 3
    middle = delays[third : len(delays) - third] or delays
    return Delay(float(median(middle)), min(delays), max(delays))


def seconds_of_day(text: object) -> float | None:
    """A TM or the time of a DT as seconds since midnight (PS3.5 6.2); None when it is none."""
    value = str(text or "").strip()
    if len(value.split(".")[0]) >= 12 and ":" not in value:
        value = value[8:].split("+")[0].split("-")[0]
    value = value.replace(":", "")
    whole, _, fraction = value.partition(".")
    if not whole.isdigit() or len(whole) not in (2, 4, 6) or (fraction and not fraction.isdigit()):
        return None
    hours, minutes, seconds = (int(whole[at : at + 2] or 0) for at in (0, 2, 4))
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600 + minutes * 60 + seconds + (float(f"0.{fraction}") if fraction else 0.0)


def nested(header: Dataset, keyword: str, depth: int = _MOST_NESTED) -> Iterator[object]:
    """Every filled value of a keyword, at the top and within sequences of contrast and of functional
    groups (the enhanced images keep them there).
    """
    value = header.get(keyword)
    if value is not None and value != "":
        yield value
    if depth == 0:
        return
    for name in _SEQUENCES:
        for item in list(header.get(name) or ())[:8]:
            yield from nested(item, keyword, depth - 1)


_SEQUENCES: Final = (
    "ContrastBolusAgentSequence",
    "ContrastAdministrationProfileSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ContrastBolusUsageSequence",
    "FrameContentSequence",
    "TemporalPositionSequence",
    "CTImageFrameTypeSequence",
)


def _acquired_s(header: Dataset) -> float | None:
    keywords = ("AcquisitionDateTime", "FrameAcquisitionDateTime", "AcquisitionTime")
    return next(_times(header, keywords), None)


def _times(header: Dataset, keywords: tuple[str, ...]) -> Iterator[float]:
    for keyword in keywords:
        for value in nested(header, keyword):
            seconds = seconds_of_day(value)
            if seconds is not None:
                yield seconds


def _within_half_a_day(seconds: float) -> float:
    return (seconds + _DAY_S / 2) % _DAY_S - _DAY_S / 2


def _height_mm(header: Dataset, index: int) -> float:
    position = header.get("ImagePositionPatient")
    try:
        height = float(position[2]) if position is not None and len(position) == 3 else index
    except (TypeError, ValueError):
        return float(index)
    return float(height) if math.isfinite(height) else float(index)
