"""Where the images of a series lie in the patient, in mm.

Spacing between slices is the distance between positions along the slice normal (PS3.3 C.7.6.2.1.1).
Slice Thickness (0018,0050) is how much tissue one slice averages over and is never used as a
distance: overlapping and gapped reconstructions make the two differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from server.dicom.enhanced import single_frames
from server.foundation.errors import Invalid

Vector = tuple[float, float, float]

# Positions are decimal strings of up to 16 characters, and writers round them (PS3.5 6.2, VR DS).
POSITION_TOLERANCE_MM: Final = 0.05
COSINE_TOLERANCE: Final = 1e-3
SPACING_TOLERANCE: Final = 1e-3  # relative
# A step may differ from the usual one by this much of it before the series counts as uneven.
STEP_TOLERANCE: Final = 0.05  # relative


class GeometryIncomplete(Invalid):
    """An image does not say where it lies."""


class GeometryMixed(Invalid):
    """The images do not lie on one common grid."""


@dataclass(frozen=True)
class Plane:
    """One image: its SOPInstanceUID, the centre of its first voxel in mm (patient coordinates,
    LPS) and its distance in mm from the origin along the slice normal.
    """

    SOPInstanceUID: str
    position_mm: Vector
    distance_mm: float


@dataclass(frozen=True)
class Gap:
    """Images missing between two neighbours: how many, and the two distances in mm along the
    normal.
    """

    missing: int
    below_mm: float
    above_mm: float


@dataclass(frozen=True)
class SeriesGeometry:
    """The grid of one series.

    `row_cosines` and `column_cosines` are the two unit vectors of ImageOrientationPatient; `normal`
    is their cross product. `column_spacing_mm` is the distance between columns (along a row),
    `row_spacing_mm` the one between rows: PixelSpacing is (row_spacing, column_spacing), PS3.3
    10.7.1.3. `planes` are in ascending order along the normal, without duplicates.
    `slice_spacing_mm` is the usual step between planes, None when there is only one. `uneven_mm`
    holds the steps that are neither the usual one nor a whole multiple of it. `shear_mm` is how far
    the planes drift sideways from a straight stack (gantry tilt).
    """

    FrameOfReferenceUID: str
    rows: int
    columns: int
    row_cosines: Vector
    column_cosines: Vector
    normal: Vector
    row_spacing_mm: float
    column_spacing_mm: float
    slice_spacing_mm: float | None
    planes: tuple[Plane, ...]
    gaps: tuple[Gap, ...]
    duplicates: tuple[str, ...]
    uneven_mm: tuple[float, ...]
    shear_mm: float

    @property
    def voxel_volume_ml(self) -> float | None:
        """Volume of one voxel in mL, or None when the slice spacing is unknown (one image only)."""
        if self.slice_spacing_mm is None:
            return None
        return self.row_spacing_mm * self.column_spacing_mm * self.slice_spacing_mm / 1000.0

    def index_of(self, distance_mm: float) -> int:
        """Which step of the grid lies at this distance along the normal (0 is the lowest plane)."""
        if self.slice_spacing_mm is None:
            return 0
        return round((distance_mm - self.planes[0].distance_mm) / self.slice_spacing_mm)

    @property
    def depth(self) -> int:
        """How many steps the grid has from its lowest to its highest plane, missing ones
        included.
        """
        return self.index_of(self.planes[-1].distance_mm) + 1

    def describe(self) -> str:
        """The grid in words and numbers, as it is named in a refusal."""
        spacing = (
            "one image only"
            if self.slice_spacing_mm is None
            else f"{len(self.planes)} positions {_number(self.slice_spacing_mm)} mm apart "
            f"from {_number(self.planes[0].distance_mm)} to "
            f"{_number(self.planes[-1].distance_mm)} mm along the slice normal"
        )
        return (
            f"{self.columns} columns x {self.rows} rows of {_number(self.column_spacing_mm)} x "
            f"{_number(self.row_spacing_mm)} mm, {spacing}, "
            f"orientation {orientation_in_words(self.row_cosines, self.column_cosines)}"
        )


def orientation_in_words(row_cosines: Vector, column_cosines: Vector) -> str:
    """The six direction cosines as (rx, ry, rz | cx, cy, cz)."""
    return (
        "("
        + ", ".join(_number(value) for value in row_cosines)
        + " | "
        + ", ".join(_number(value) for value in column_cosines)
        + ")"
    )


def directions(orientation: Sequence[float]) -> tuple[Vector, Vector, Vector]:
    """Row cosines, column cosines and slice normal from the six values of ImageOrientationPatient.

    Raises GeometryIncomplete when the two are not perpendicular unit vectors (PS3.3 C.7.6.2.1.1).
    """
    if len(orientation) != 6:
        raise GeometryIncomplete("ImageOrientationPatient does not have six values.")
    row = np.array([float(value) for value in orientation[:3]])
    column = np.array([float(value) for value in orientation[3:]])
    # Written this way round, a value that is not a number is refused as well.
    products = np.array([row @ row - 1, column @ column - 1, row @ column])
    if not np.abs(products).max() <= 10 * COSINE_TOLERANCE:
        raise GeometryIncomplete(
            "ImageOrientationPatient is not a pair of perpendicular unit vectors: "
            + orientation_in_words(_vector(row), _vector(column))
        )
    return _vector(row), _vector(column), _vector(np.cross(row, column))


def along(normal: Vector, position_mm: Vector) -> float:
    """Distance in mm of a position from the origin along the normal."""
    return float(np.dot(normal, position_mm))


def of_series(headers: Iterable[Dataset]) -> SeriesGeometry:
    """The grid of the images with these headers (pixels are not needed; any order). An enhanced image
    is as many as it has frames.

    Raises GeometryIncomplete when an image lacks what places it, GeometryMixed when the images
    differ in orientation, pixel spacing, size or frame of reference.
    """
    images = [frame for header in headers for frame in single_frames(header)]
    if not images:
        raise GeometryIncomplete("There are no images to take a geometry from.")
    first = images[0]
    row, column, normal = directions(_numbers(first, "ImageOrientationPatient", 6))
    row_spacing, column_spacing = _numbers(first, "PixelSpacing", 2)
    if row_spacing <= 0 or column_spacing <= 0:
        raise GeometryIncomplete(f"PixelSpacing is not positive in {_name(first)}.")
    for image in images[1:]:
        _check_same_grid(first, image)
    everything = sorted(
        (_plane(image, normal) for image in images), key=lambda plane: plane.distance_mm
    )
    planes, duplicates = _without_duplicates(everything)
    spacing, gaps, uneven = _steps([plane.distance_mm for plane in planes])
    return SeriesGeometry(
        FrameOfReferenceUID=str(first.get("FrameOfReferenceUID", "")),
        rows=int(first.get("Rows", 0)),
        columns=int(first.get("Columns", 0)),
        row_cosines=row,
        column_cosines=column,
        normal=normal,
        row_spacing_mm=row_spacing,
        column_spacing_mm=column_spacing,
        slice_spacing_mm=spacing,
        planes=tuple(planes),
        gaps=tuple(gaps),
        duplicates=tuple(duplicates),
        uneven_mm=tuple(uneven),
        shear_mm=_shear(planes, normal),
    )


def _plane(image: Dataset, normal: Vector) -> Plane:
    position = _vector(np.array(_numbers(image, "ImagePositionPatient", 3)))
    return Plane(str(image.get("SOPInstanceUID", "")), position, along(normal, position))


def _check_same_grid(first: Dataset, image: Dataset) -> None:
    checks = (
        ("ImageOrientationPatient", 6, COSINE_TOLERANCE),
        ("PixelSpacing", 2, SPACING_TOLERANCE),
    )
    for keyword, count, tolerance in checks:
        here, there = _numbers(first, keyword, count), _numbers(image, keyword, count)
        if not np.allclose(here, there, rtol=tolerance, atol=tolerance):
            raise GeometryMixed(
                f"{keyword} differs within the series: {_list(here)} in {_name(first)}, "
                f"{_list(there)} in {_name(image)}."
            )
    for keyword in ("Rows", "Columns", "FrameOfReferenceUID"):
        if first.get(keyword) != image.get(keyword):
            raise GeometryMixed(
                f"{keyword} differs within the series: {first.get(keyword)} in {_name(first)}, "
                f"{image.get(keyword)} in {_name(image)}."
            )


def _without_duplicates(planes: list[Plane]) -> tuple[list[Plane], list[str]]:
    kept: list[Plane] = []
    doubled: list[str] = []
    for plane in planes:
        if kept and plane.distance_mm - kept[-1].distance_mm < POSITION_TOLERANCE_MM:
            doubled.append(plane.SOPInstanceUID)
        else:
            kept.append(plane)
    return kept, doubled


def _steps(distances: list[float]) -> tuple[float | None, list[Gap], list[float]]:
    if len(distances) < 2:
        return None, [], []
    steps = [above - below for below, above in pairwise(distances)]
    usual = median_low(steps)  # a step that occurs, also where two kinds are equally many
    # The mean of the ordinary steps is closer to the truth than any single rounded one.
    ordinary = [step for step in steps if abs(step - usual) <= STEP_TOLERANCE * usual]
    usual = sum(ordinary) / len(ordinary)
    gaps: list[Gap] = []
    uneven: list[float] = []
    for below, above, step in zip(distances, distances[1:], steps, strict=False):
        times = round(step / usual)
        if times < 1 or abs(step - times * usual) > STEP_TOLERANCE * usual:
            uneven.append(step)
        elif times > 1:
            gaps.append(Gap(times - 1, below, above))
    return usual, gaps, uneven


def _shear(planes: list[Plane], normal: Vector) -> float:
    if len(planes) < 2:
        return 0.0
    positions = np.array([plane.position_mm for plane in planes])
    sideways = positions - np.outer(positions @ np.array(normal), np.array(normal))
    return float(np.linalg.norm(sideways - sideways[0], axis=1).max())


def _numbers(image: Dataset, keyword: str, count: int) -> list[float]:
    try:
        values = [float(value) for value in image.get(keyword) or ()]
    except (TypeError, ValueError):
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise GeometryIncomplete(f"{keyword} is missing or unusable in {_name(image)}.")
    return values


def _name(image: Dataset) -> str:
    return f"image {image.get('SOPInstanceUID', 'without SOPInstanceUID')}"


def _vector(values: np.ndarray) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def _list(values: Iterable[float]) -> str:
    return "\\".join(_number(value) for value in values)


def _number(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
