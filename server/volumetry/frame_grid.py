"""The grid of a DICOM Segmentation, from the functional groups of its frames (PS3.3 C.7.6.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from server.dicom.geometry import COSINE_TOLERANCE, SPACING_TOLERANCE, Vector, directions
from server.foundation.errors import Invalid

_GRID_GROUPS: Final = ("PlaneOrientationSequence", "PixelMeasuresSequence")  # PS3.3 C.7.6.16.2


class SegmentationUnreadable(Invalid):
    """This is no Segmentation, or one that leaves out what it takes to place its frames."""


class GeometryNotFinite(SegmentationUnreadable):
    """A position or a distance in a Segmentation is not a number, or not a distance."""


@dataclass(frozen=True)
class FrameGrid:
    """The grid of the frames: rows, columns, spacing in mm and direction cosines.

    `slice_spacing_mm` is what the Segmentation itself writes as SpacingBetweenSlices, None when it
    writes none; it is reported where it disagrees with the positions, and never computed with.
    """

    rows: int
    columns: int
    row_spacing_mm: float
    column_spacing_mm: float
    row_cosines: Vector
    column_cosines: Vector
    slice_spacing_mm: float | None


def group_of(dataset: Dataset, frame: Dataset, keyword: str) -> Dataset:
    """A functional group of one frame, else the shared one (PS3.3 C.7.6.16), else an empty one."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    for place in (frame, shared[0]):
        items = place.get(keyword)
        if items:
            first: Dataset = items[0]
            return first
    return Dataset()


def lengths(group: Dataset, keyword: str) -> list[float]:
    """The numbers of one attribute; none where it is missing. Raises GeometryNotFinite."""
    try:
        said = group.get(keyword)
        values = [] if said is None else [float(value) for value in np.atleast_1d(said)]
    except (TypeError, ValueError) as problem:
        raise GeometryNotFinite(f"{keyword} of the segmentation is not a number.") from problem
    if not np.isfinite(values).all():
        raise GeometryNotFinite(
            f"{keyword} of the segmentation holds a value that is not a number.",
            remedy="Export it again from the program that made it.",
        )
    return values


def grid_of(dataset: Dataset) -> FrameGrid:
    """The one grid of all frames. Raises SegmentationUnreadable and GeometryNotFinite."""
    frames = dataset.PerFrameFunctionalGroupsSequence
    grid = _grid_of_frame(dataset, frames[0])
    for number, frame in enumerate(frames[1:], start=2):
        own = any(group in frame for group in _GRID_GROUPS)
        if own and not _alike(_grid_of_frame(dataset, frame), grid):
            raise SegmentationUnreadable(
                f"The frames of the segmentation lie on several grids: frame {number} differs from "
                "the first in orientation or pixel spacing.",
                remedy="Export each orientation as a segmentation of its own.",
            )
    return grid


def _alike(one: FrameGrid, other: FrameGrid) -> bool:
    """Whether two frames can lie in one stack; the distance they name between slices is not asked."""
    cosines, others = ((*grid.row_cosines, *grid.column_cosines) for grid in (one, other))
    sizes, other_sizes = ((grid.row_spacing_mm, grid.column_spacing_mm) for grid in (one, other))
    return np.allclose(cosines, others, atol=COSINE_TOLERANCE) and np.allclose(
        sizes, other_sizes, rtol=SPACING_TOLERANCE
    )


def _grid_of_frame(dataset: Dataset, first: Dataset) -> FrameGrid:
    measures = group_of(dataset, first, "PixelMeasuresSequence")
    orientation = lengths(
        group_of(dataset, first, "PlaneOrientationSequence"), "ImageOrientationPatient"
    )
    spacing = lengths(measures, "PixelSpacing")
    apart = lengths(measures, "SpacingBetweenSlices")
    if not orientation or len(spacing) != 2:
        raise SegmentationUnreadable(
            "The segmentation does not give its orientation or its pixel spacing."
        )
    if min(spacing) <= 0:
        raise GeometryNotFinite("PixelSpacing of the segmentation is not positive.")
    row, column, _normal = directions(orientation)
    return FrameGrid(
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        row_spacing_mm=spacing[0],
        column_spacing_mm=spacing[1],
        row_cosines=row,
        column_cosines=column,
        # PS3.3 C.7.6.16.2.1 forbids a negative one; some writers give it the sign of the order.
        slice_spacing_mm=abs(apart[0]) if apart and apart[0] else None,
    )
