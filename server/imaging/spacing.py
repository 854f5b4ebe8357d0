"""How the images of a series lie: spacing, missing, doubled, overlapping and unequal slices, tilt.

Everything is measured from ImagePositionPatient along the normal of ImageOrientationPatient (PS3.3
C.7.6.2.1.1). SpacingBetweenSlices and SliceThickness are what the maker says, never a distance. Pure.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby, pairwise
from statistics import median
from typing import Final

from server.dicom.geometry import POSITION_TOLERANCE_MM, Vector
from server.imaging.headers import Header

# Two images belong to one stack when their normals differ by less (cosine of about 2.5 degrees).
_SAME_NORMAL: Final = 0.999
# Positions are rounded by writers: a step may differ from the usual one by this much of it ...
_STEP_TOLERANCE: Final = 0.1
# ... and always by this much (DS of one decimal; clinical systems round to 0.1 mm).
_STEP_TOLERANCE_MM: Final = 0.11
# Slices are lost one here and some there. So many longer steps of one length in a row are no loss: from
# there on the slices were made further apart (a threshold of our own, no source).
_CHANGED_FROM_STEPS: Final = 16
TILT_FROM_DEG: Final = 0.5  # less is rounding
PLACES_LISTED: Final = 20
# What tells the passes of one series apart: time points, echoes, b-values, kinds of picture.
_PASS_KEYWORDS: Final = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "DiffusionBValue",
    "PrivateBValue",
    "EchoTime",
    "EffectiveEchoTime",
    "EchoNumbers",
    "AcquisitionNumber",
    "ImageType",
    "FrameType",
    "TriggerTime",
    "AcquisitionTime",
    "InversionTime",
    "StackID",
)
# Of those the ones that tell moments apart: only such passes are of a dynamic series.
IN_TIME: Final = frozenset(
    {"TemporalPositionIdentifier", "TemporalPositionIndex", "AcquisitionNumber", "TriggerTime"}
    | {"AcquisitionTime"}
)
_IN_ORDER: Final = "InstanceNumber"
_MOSTLY: Final = 0.9


@dataclass(frozen=True)
class Gap:
    """Where slices are missing: how many, between two distances in mm along the normal."""

    missing: int
    from_mm: float
    to_mm: float

    @property
    def length_mm(self) -> float:
        """How much of the body nothing shows."""
        return self.to_mm - self.from_mm


@dataclass(frozen=True)
class Spacing:
    """How the slices of one series lie.

    `spacing_mm` is the usual step, None with fewer than two positions. `positions` counts different
    places, `passes` how often the same places are shown on purpose (dynamic or multi-echo series) and
    `passes_by` the attributes that tell those apart, joined by "+".
    `duplicates_mm` are places shown twice with nothing to tell the pictures apart, `uneven_mm` places
    after which the step is neither the usual one nor a multiple of it, `overlaps_mm` those of them
    where it is shorter. `tilt_deg` is the angle between the stack and the slices' normal, or what
    the scanner said. `unplaced` images say not where they lie, `askew` lie in another direction than
    most. `extent_mm` is (from, to) along the normal, `normal` the direction.
    """

    spacing_mm: float | None = None
    positions: int = 0
    passes: int = 1
    gaps: tuple[Gap, ...] = ()
    duplicates_mm: tuple[float, ...] = ()
    uneven_mm: tuple[float, ...] = ()
    overlaps_mm: tuple[float, ...] = ()
    tilt_deg: float = 0.0
    unplaced: int = 0
    askew: int = 0
    extent_mm: tuple[float, float] | None = None
    normal: Vector | None = None
    passes_by: str = ""
    distances_mm: tuple[float | None, ...] = field(default=(), repr=False)

    @property
    def missing(self) -> int:
        """How many slices are missing between others."""
        return sum(gap.missing for gap in self.gaps)

    @property
    def length_mm(self) -> float:
        """From the first to the last slice, in mm."""
        return self.extent_mm[1] - self.extent_mm[0] if self.extent_mm else 0.0

    @property
    def is_axial(self) -> bool:
        """Whether the slices lie across the body: their normal within 45 degrees of its axis."""
        return self.normal is not None and abs(self.normal[2]) > math.sqrt(0.5)


@dataclass(frozen=True)
class _Placed:
    header: Header
    index: int
    position: Vector
    normal: Vector
    distance: float = 0.0


def spacing_of(headers: Sequence[Header]) -> Spacing:
    """How the images lie, in any order. `distances_mm` answers to `headers`, None where unplaced."""
    placed = [one for index, header in enumerate(headers) if (one := _placed(index, header))]
    unplaced = len(headers) - len(placed)
    if not placed:
        return Spacing(unplaced=unplaced, distances_mm=(None,) * len(headers))
    normal, stack = _largest_stack(placed)
    distances = {one.index: _dot(one.position, normal) for one in stack}
    passes, doubled, passes_by = _passes([(distances[one.index], one.header) for one in stack])
    step, gaps, uneven, overlaps = _joined([_steps(one) for one in passes])
    everything = sorted(distances.values())
    return Spacing(
        spacing_mm=step,
        positions=max(len(one) for one in passes),
        passes=len(passes),
        passes_by=passes_by,
        gaps=gaps,
        duplicates_mm=tuple(doubled),
        uneven_mm=uneven,
        overlaps_mm=overlaps,
        tilt_deg=_tilt([one.position for one in stack], normal, headers),
        unplaced=unplaced,
        askew=len(placed) - len(stack),
        extent_mm=(everything[0], everything[-1]),
        normal=normal,
        distances_mm=tuple(distances.get(index) for index in range(len(headers))),
    )


def _placed(index: int, header: Header) -> _Placed | None:
    position = header.numbers("ImagePositionPatient", 3)
    cosines = header.numbers("ImageOrientationPatient", 6)
    if position is None or cosines is None:
        return None
    a, b, c, d, e, f = cosines
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = math.hypot(*normal)
    if not 0.9 < length < 1.1:  # not a pair of perpendicular unit vectors
        return None
    unit = (normal[0] / length, normal[1] / length, normal[2] / length)
    return _Placed(header, index, (position[0], position[1], position[2]), unit)


def _dot(one: Vector, other: Vector) -> float:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def _largest_stack(placed: list[_Placed]) -> tuple[Vector, list[_Placed]]:
    stacks: list[tuple[Vector, list[_Placed]]] = []
    for one in placed:
        for normal, members in stacks:
            if _dot(one.normal, normal) > _SAME_NORMAL:
                members.append(one)
                break
        else:
            stacks.append((one.normal, [one]))
    return max(stacks, key=lambda stack: len(stack[1]))


_Passes = tuple[list[list[float]], list[float], str]


def _passes(stack: list[tuple[float, Header]]) -> _Passes:
    """Distances pass by pass, ascending and without duplicates; the places shown twice; and the
    attributes by which the passes were told apart.
    """
    alone, doubled = _distinct([distance for distance, _ in stack])
    if not doubled:
        return [alone], [], ""
    best: _Passes = ([alone], doubled, "")
    telling = [
        keyword
        for keyword in _PASS_KEYWORDS
        if len({header.texts(keyword) for _, header in stack}) > 1
    ]
    # A dynamic Dixon series is told apart by moment and kind of picture together.
    for keywords in (*((one,) for one in telling), *combinations(telling, 2)):
        split: dict[tuple[tuple[str, ...], ...], list[float]] = defaultdict(list)
        for distance, header in stack:
            split[tuple(header.texts(keyword) for keyword in keywords)].append(distance)
        # One slice for each value is no pass: it is a series that counts its slices so.
        if max(map(len, split.values())) < 2:
            continue
        pairs = [_distinct(members) for members in split.values()]
        left = [place for _, places in pairs for place in places]
        if len(left) < len(best[1]) and _overlap([found for found, _ in pairs]):
            best = ([found for found, _ in pairs], left, "+".join(keywords))
        if not left:
            break
    return _in_order(stack) or best if best[1] else best


def _in_order(stack: list[tuple[float, Header]]) -> _Passes | None:
    """A series that shows each place equally often with nothing but the order to tell the pictures apart:
    passes all the same (MR with b-values or echoes in attributes of the maker's own, phases of CT that
    were put into one series).
    """
    ordered = sorted(stack, key=lambda one: one[1].number("InstanceNumber") or 0.0)
    split: dict[int, list[float]] = defaultdict(list)
    seen: Counter[int] = Counter()
    for distance, _ in ordered:
        place = round(distance / POSITION_TOLERANCE_MM)
        split[seen[place]].append(distance)
        seen[place] += 1
    times = Counter(seen.values()).most_common(1)[0]
    if times[0] < 2 or times[1] < max(3, _MOSTLY * len(seen)) or len(split) != times[0]:
        return None
    pairs = [_distinct(members) for members in split.values()]
    return [found for found, _ in pairs], [p for _, places in pairs for p in places], _IN_ORDER


def _overlap(passes: list[list[float]]) -> bool:
    """Whether passes show mostly the same places, and are not parts of one stack."""
    longest = max(map(len, passes))
    whole = [one for one in passes if len(one) >= max(2, longest // 2)]
    return len(whole) > 1 or longest < 3


def _distinct(distances: Iterable[float]) -> tuple[list[float], list[float]]:
    kept: list[float] = []
    doubled: list[float] = []
    for distance in sorted(distances):
        if kept and distance - kept[-1] < POSITION_TOLERANCE_MM:
            doubled.append(distance)
        else:
            kept.append(distance)
    return kept, doubled


_Steps = tuple[float | None, list[Gap], list[float], list[float]]


def _steps(distances: list[float]) -> _Steps:
    """Usual step, gaps, places of uneven steps, and of those that are shorter."""
    if len(distances) < 2:
        return None, [], [], []
    steps = [above - below for below, above in pairwise(distances)]
    usual = _usual(steps)
    tolerance = _tolerance(usual)
    gaps: list[Gap] = []
    uneven: list[float] = []
    for times, run in groupby(
        zip(distances, steps, strict=False), lambda one: round(one[1] / usual)
    ):
        members = list(run)
        if times <= 1:
            uneven += [below for below, step in members if abs(step - times * usual) > tolerance]
        elif len(members) >= _CHANGED_FROM_STEPS:
            uneven.append(members[0][0])
        else:
            gaps += [Gap(times - 1, below, below + step) for below, step in members]
            far_off = max(tolerance, 0.2 * usual)
            uneven += [below for below, step in members if abs(step - times * usual) > far_off]
    shorter = [
        below
        for (below, above) in pairwise(distances)
        if above - below < usual - max(tolerance, usual / 4)
    ]
    return usual, gaps, uneven, shorter


def _tolerance(step: float) -> float:
    return max(_STEP_TOLERANCE * step, min(_STEP_TOLERANCE_MM, step / 3))


def _usual(steps: list[float]) -> float:
    """The commonest step: the median, unless most steps are longer because slices are missing."""
    middle = median(steps)
    rounded = Counter(round(step, 1) for step in steps)
    commonest, times = rounded.most_common(1)[0]
    if times > len(steps) / 2 or middle < POSITION_TOLERANCE_MM:
        middle = commonest or middle
    ordinary = [step for step in steps if abs(step - middle) <= _tolerance(middle)]
    # The mean of the ordinary steps is closer to the truth than any single rounded one.
    return sum(ordinary) / len(ordinary) if ordinary else middle


def _joined(
    found: list[_Steps],
) -> tuple[float | None, tuple[Gap, ...], tuple[float, ...], tuple[float, ...]]:
    """All passes together; the spacing is the widest."""
    whole = [one for one in found if one[0] is not None]
    if not whole:
        return None, (), (), ()
    widest = max(one[0] or 0.0 for one in whole)
    gaps = tuple(gap for one in whole for gap in one[1])
    uneven = tuple(sorted({place for one in whole for place in one[2]}))
    overlaps = tuple(sorted({place for one in whole for place in one[3]}))
    return widest, gaps, uneven, overlaps


def _tilt(positions: list[Vector], normal: Vector, headers: Sequence[Header]) -> float:
    """Degrees between the line of the positions and the slices' normal (PS3.3 C.8.2.1: gantry)."""
    first = min(positions, key=lambda position: _dot(position, normal))
    last = max(positions, key=lambda position: _dot(position, normal))
    along = (last[0] - first[0], last[1] - first[1], last[2] - first[2])
    length = math.hypot(*along)
    if length > 5.0:  # mm: shorter stacks tell no angle
        measured = math.degrees(math.acos(min(1.0, abs(_dot(along, normal)) / length)))
        if measured >= TILT_FROM_DEG:
            return round(measured, 1)
    said = [abs(tilt) for one in headers if (tilt := one.number("GantryDetectorTilt")) is not None]
    told = max(said, default=0.0)
    return round(told, 1) if TILT_FROM_DEG <= told < 90 else 0.0
