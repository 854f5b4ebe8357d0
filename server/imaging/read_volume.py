"""From the images of a CT series to one small volume in the patient's directions.

Margin's measurements of phase and coverage need about 2 mm in the plane and 3 mm along the body, so
every image is averaged down as soon as it is read: 450 images of 512 x 512 pixels become some 20
MB. The caller need not even fetch all images: `slices_to_read` names those that are enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from server.dicom.geometry import (
    POSITION_TOLERANCE_MM,
    GeometryIncomplete,
    Vector,
    along,
    directions,
)
from server.foundation.errors import Invalid

IN_PLANE_MM: Final = 2.0
ALONG_MM: Final = 3.0
# More levels than a whole body of 3 mm has; a stray image a metre away must not fill the memory.
_MOST_LEVELS: Final = 640
# The range of a scanner of 12 bits (PS3.3 C.11.1.1.2: HU after the rescale); padding lies below.
LOWEST_HU: Final = -1024
HIGHEST_HU: Final = 3071
_MOST_SIDE: Final = 4096
BRIGHT_SIGNAL: Final = 1000.0


class NoVolume(Invalid):
    """The images make no volume of attenuations: another modality, no positions, no pixels."""


@dataclass(frozen=True)
class Slice:
    """One image: attenuations in HU (shape (rows, columns)), the centre of its first pixel in mm
    (LPS), the six cosines of ImageOrientationPatient, and PixelSpacing (between rows, between
    columns) in mm.
    """

    hu: NDArray[np.int16] | NDArray[np.float32]
    position_mm: Vector
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, float]


@dataclass(frozen=True)
class Volume:
    """Attenuations in HU, int16, shape (slices, rows, columns): slices from the feet to the head,
    rows from front to back, columns from the patient's right to the left, whatever the order and
    orientation of the images. `spacing_mm` belongs to the same three axes. `images` is how many
    images it was made of; `tilt_deg` how far the images stand off the patient's axes.
    """

    hu: NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    images: int
    tilt_deg: float = 0.0

    @property
    def length_mm(self) -> float:
        """Extent along the body in mm."""
        return float(self.hu.shape[0] * self.spacing_mm[0])

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return math.prod(self.spacing_mm) / 1000.0


def slices_to_read(distances_mm: Sequence[float]) -> tuple[int, ...]:
    """Which images to fetch, as indices into `distances_mm` (positions along the slice normal in
    mm, any order, duplicates allowed), in ascending order of position: both ends always, and in
    between one about every ALONG_MM. Images without a finite distance are left out.
    """
    order = sorted(
        (index for index, at in enumerate(distances_mm) if math.isfinite(at)),
        key=lambda index: distances_mm[index],
    )
    if len(order) < 3:
        return tuple(order)
    lowest = distances_mm[order[0]]
    chosen: dict[int, int] = {}
    for index in order[:-1]:
        # The first image of each step of the grid; a little early counts as in time.
        chosen.setdefault(int((distances_mm[index] - lowest) / ALONG_MM + 0.05), index)
    return (*chosen.values(), order[-1])


def slices_of(image: Dataset) -> Iterator[Slice]:
    """The slices of one image with pixels: one, or every frame of an enhanced multi-frame CT.

    Raises NoVolume when it is not CT, lies nowhere or cannot be decoded.
    """
    if image.get("Modality") != "CT":
        raise NoVolume("Attenuations in HU are only known of CT.")
    yield from _frames(image)


def signal_slices_of(image: Dataset) -> Iterator[Slice]:
    """The same of one MR image: in place of attenuations the signal, whose unit nobody knows."""
    if image.get("Modality") != "MR":
        raise NoVolume("The image is no MR.")
    yield from _frames(image)


def _frames(image: Dataset) -> Iterator[Slice]:
    if int(image.get("SamplesPerPixel") or 1) != 1:
        raise NoVolume("The image is in colour.")
    if max(int(image.get("Rows") or 0), int(image.get("Columns") or 0)) > _MOST_SIDE:
        raise NoVolume("The image is larger than any of CT or MR.")
    try:
        stored = image.pixel_array
    except Exception as reason:  # pydicom's decoders raise whatever their libraries raise
        raise NoVolume(f"The pixels cannot be decoded: {type(reason).__name__}.") from reason
    frames = stored if stored.ndim == 3 else stored[np.newaxis]
    for number, frame in enumerate(frames):
        position, orientation, spacing, slope, intercept = _placed(image, number, len(frames))
        hu = frame.astype(np.float32) * np.float32(slope) + np.float32(intercept)
        yield Slice(hu, position, orientation, spacing)


def volume_of(slices: Iterable[Slice]) -> Volume:
    """One volume of slices in any order; each is averaged down as it comes, so a generator keeps
    memory flat. Of slices that differ in orientation, pixel spacing or size, the largest group is
    used. Slices of a tilted gantry are put straight.

    Raises NoVolume when there is no slice with a place.
    """
    groups: dict[object, list[Slice]] = {}
    for one in slices:
        small = _averaged(one)
        key = (
            tuple(np.round(small.orientation, 2)),
            tuple(np.round(small.pixel_spacing_mm, 2)),
            small.hu.shape,
        )
        groups.setdefault(key, []).append(small)
    if not groups:
        raise NoVolume("There is no image to measure.")
    group = max(groups.values(), key=len)
    row, column, normal = directions(group[0].orientation)
    stack, along_mm = _stacked(group, row, column, normal)
    spacing = (along_mm, *group[0].pixel_spacing_mm)
    hu, turned = _in_patient_directions(stack, spacing, (normal, column, row))
    upright = max(abs(part) for part in normal)
    tilt = math.degrees(math.acos(min(1.0, upright)))
    return Volume(np.ascontiguousarray(hu), turned, len(group), round(tilt, 1))


def volume_of_signal(slices: Iterable[Slice]) -> Volume:
    """`volume_of` slices of MR: in place of attenuations a signal that is 1000 where the image is
    brightest but for half a percent of it. Raises NoVolume.
    """
    small = [_block_means(one) for one in slices]
    seen = [one.hu[one.hu > 0] for one in small]
    values = np.concatenate(seen) if seen else np.zeros(0, np.float32)
    if not values.size:
        raise NoVolume("There is no image with a signal to measure.")
    bright = float(np.percentile(values.astype(np.float64), 99.5))
    unit = np.float32(BRIGHT_SIGNAL / max(bright, 1e-6))
    return volume_of(replace(one, hu=one.hu * unit) for one in small)


def read_volume(images: Iterable[Dataset]) -> Volume:
    """`volume_of` the slices of these images. Images that cannot be read are left out as long as
    some remain. Raises NoVolume.
    """
    return volume_of(_readable(images, slices_of))


def read_signal(images: Iterable[Dataset]) -> Volume:
    """`volume_of_signal` the slices of these MR images, in the same way. Raises NoVolume."""
    return volume_of_signal(_readable(images, signal_slices_of))


def _readable(
    images: Iterable[Dataset], slices_of: Callable[[Dataset], Iterator[Slice]]
) -> Iterator[Slice]:
    reason: NoVolume | None = None
    found = False
    for image in images:
        try:
            for one in slices_of(image):
                found = True
                yield one
        except NoVolume as refused:
            reason = refused
    if reason is not None and not found:
        raise reason


def _placed(
    image: Dataset, number: int, frames: int
) -> tuple[Vector, tuple[float, ...], tuple[float, float], float, float]:
    """Position, orientation, PixelSpacing, slope and intercept of one frame."""
    sources = [image]
    if frames > 1 or "PerFrameFunctionalGroupsSequence" in image:
        # PS3.3 C.7.6.16: what all frames share, and what each has of its own.
        groups = [
            *(image.get("PerFrameFunctionalGroupsSequence") or [])[number : number + 1],
            *(image.get("SharedFunctionalGroupsSequence") or [])[:1],
        ]
        macros = (
            "PlanePositionSequence",
            "PlaneOrientationSequence",
            "PixelMeasuresSequence",
            "PixelValueTransformationSequence",
        )
        sources += [group[macro][0] for group in groups for macro in macros if group.get(macro)]
    try:
        position = _numbers(sources, "ImagePositionPatient", 3)
        orientation = _numbers(sources, "ImageOrientationPatient", 6)
        spacing = _numbers(sources, "PixelSpacing", 2)
        directions(orientation)
        slope, intercept = _rescale(image, sources)
    except (GeometryIncomplete, TypeError, ValueError) as reason:
        raise NoVolume("The image does not say where it lies or what its values mean.") from reason
    if min(spacing) <= 0:
        raise NoVolume("PixelSpacing is not positive.")
    place = (position[0], position[1], position[2])
    return place, orientation, (spacing[0], spacing[1]), slope, intercept


def _rescale(image: Dataset, sources: Sequence[Dataset]) -> tuple[float, float]:
    """Slope and intercept. Those of MR may be missing (PS3.3 C.8.3.1: its signal has no unit)."""
    is_said = any(one.get("RescaleSlope") for one in sources)
    if image.get("Modality") == "MR" and not is_said:
        return 1.0, 0.0
    slope = _numbers(sources, "RescaleSlope", 1)[0]
    intercept = _numbers(sources, "RescaleIntercept", 1)[0]
    return slope, intercept


def _numbers(sources: Sequence[Dataset], keyword: str, count: int) -> tuple[float, ...]:
    for source in sources:
        value = source.get(keyword)
        if value is None or value == "":
            continue
        values = tuple(float(one) for one in (value if count > 1 else [value]))
        if len(values) == count and all(map(math.isfinite, values)):
            return values
    raise ValueError(keyword)


def _averaged(one: Slice) -> Slice:
    """The slice with blocks of pixels averaged to about IN_PLANE_MM, in the range of a scanner."""
    hu = np.clip(one.hu, LOWEST_HU, HIGHEST_HU).astype(np.float32)
    small = _block_means(replace(one, hu=hu))
    return replace(small, hu=np.rint(small.hu).astype(np.int16))


def _block_means(one: Slice) -> Slice:
    hu = one.hu
    down, right = (max(1, round(IN_PLANE_MM / spacing)) for spacing in one.pixel_spacing_mm)
    down, right = min(down, hu.shape[0]), min(right, hu.shape[1])
    rows, columns = hu.shape[0] // down, hu.shape[1] // right
    total = np.zeros((rows, columns), np.float32)
    for y in range(down):
        for x in range(right):
            total += hu[y : rows * down : down, x : columns * right : right]
    row, column, _ = directions(one.orientation)
    spacing = one.pixel_spacing_mm
    # The centre of the first block, not of its first pixel.
    shift = np.array(column) * spacing[0] * (down - 1) / 2
    shift += np.array(row) * spacing[1] * (right - 1) / 2
    place = np.array(one.position_mm) + shift
    return Slice(
        total / (down * right),
        (float(place[0]), float(place[1]), float(place[2])),
        one.orientation,
        (spacing[0] * down, spacing[1] * right),
    )


def _stacked(
    group: list[Slice], row: Vector, column: Vector, normal: Vector
) -> tuple[NDArray[np.int16], float]:
    """Slices on a regular grid along the normal, and its step in mm. A step without a slice takes
    the nearest one.
    """
    group = sorted(group, key=lambda one: along(normal, one.position_mm))
    distances = np.array([along(normal, one.position_mm) for one in group])
    steps = np.diff(distances)
    steps = steps[steps > POSITION_TOLERANCE_MM]
    usual = float(np.median(steps)) if len(steps) else ALONG_MM
    step = usual * max(1, round(ALONG_MM / usual)) if usual < ALONG_MM else usual
    step = max(step, float(distances[-1] - distances[0]) / _MOST_LEVELS)
    levels = np.rint((distances - distances[0]) / step).astype(int)
    offsets = _offsets(group, row, column)
    rows, columns = group[0].hu.shape
    below, beside = (int(most) for most in offsets.max(axis=0))
    shape = (int(levels[-1]) + 1, rows + below, columns + beside)
    stack = np.full(shape, LOWEST_HU, np.int16)
    for level in range(len(stack)):
        members = np.flatnonzero(levels == level)
        if not len(members):
            members = np.abs(distances - distances[0] - level * step).argmin(keepdims=True)
        total = np.zeros((rows, columns), np.float32)
        for member in members:
            total += group[member].hu
        top, left = offsets[members[0]]
        stack[level, top : top + rows, left : left + columns] = np.rint(total / len(members))
    return stack, step


def _offsets(group: list[Slice], row: Vector, column: Vector) -> NDArray[np.int_]:
    """By how many rows and columns each slice lies off a straight stack; not below zero."""
    positions = np.array([one.position_mm for one in group])
    spacing = group[0].pixel_spacing_mm
    drift = np.stack(
        [positions @ np.array(column) / spacing[0], positions @ np.array(row) / spacing[1]], axis=1
    )
    offsets: NDArray[np.int_] = np.rint(drift - drift.min(axis=0)).astype(int)
    # Positions that wander by more than half an image are an error of the headers, not a tilt.
    if (offsets.max(axis=0) * 2 > group[0].hu.shape).any():
        return np.zeros_like(offsets)
    return offsets


def _in_patient_directions(
    stack: NDArray[np.int16],
    spacing: tuple[float, float, float],
    axes: tuple[Vector, Vector, Vector],
) -> tuple[NDArray[np.int16], tuple[float, float, float]]:
    """The stack with its axes towards the head, the back and the left (LPS: +z, +y, +x)."""
    cosines = np.array(axes)
    order: list[int] = []
    flips: list[bool] = []
    for wanted in (2, 1, 0):
        strength = np.abs(cosines[:, wanted])
        strength[order] = -1.0
        chosen = int(strength.argmax())
        order.append(chosen)
        flips.append(bool(cosines[chosen, wanted] < 0))
    turned = stack.transpose(order)
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
    first, second, third = (spacing[axis] for axis in order)
    return turned, (first, second, third)
