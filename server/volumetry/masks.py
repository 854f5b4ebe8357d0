"""Putting the frames of a Segmentation onto the grid of the images it was drawn on.

The grid is that of the images, with the distance between slices taken from their positions. A
Segmentation that does not lie on it is refused with both geometries named: a volume computed on a
wrong grid looks like any other volume.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from server.dicom.geometry import (
    COSINE_TOLERANCE,
    POSITION_TOLERANCE_MM,
    SPACING_TOLERANCE,
    SeriesGeometry,
    along,
    orientation_in_words,
)
from server.foundation.errors import Invalid
from server.volumetry.frame_grid import FrameGrid
from server.volumetry.frames import Frame, Segmentation
from server.volumetry.turned import turned_to

Volume = NDArray[np.uint8]


class SegmentGeometryMismatch(Invalid):
    """A Segmentation does not lie on the grid of the images it refers to."""


class FrameOfReferenceDiffers(SegmentGeometryMismatch):
    """A Segmentation and the images count their positions from different origins."""


class ReferencedSeriesDiffers(SegmentGeometryMismatch):
    """A Segmentation was drawn on another series than the one that is given."""


class SegmentOutsideImages(SegmentGeometryMismatch):
    """A frame of a Segmentation lies where there is no image."""


def box_of(mask: Volume) -> tuple[slice, slice, slice]:
    """The smallest box of planes, rows and columns in which all of a mask lies; of nothing, an empty one.

    Large masks are mostly empty, and memory that nobody touched costs nothing.
    """
    planes = np.flatnonzero(mask.any(axis=(1, 2)))
    if not planes.size:
        return slice(0, 0), slice(0, 0), slice(0, 0)
    along = slice(int(planes[0]), int(planes[-1]) + 1)
    within = np.bitwise_or.reduce(mask[along], axis=0)
    rows, columns = np.flatnonzero(within.any(axis=1)), np.flatnonzero(within.any(axis=0))
    return (
        along,
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )


def fitted(
    segmentation: Segmentation, images: SeriesGeometry, SeriesInstanceUID: str
) -> Segmentation:
    """The Segmentation counted as the images are, every frame of it on one of them. Raises what
    `check_geometry` raises."""
    turned = turned_to(segmentation, images)
    check_geometry(turned, images, SeriesInstanceUID)
    return turned


def check_geometry(
    segmentation: Segmentation, images: SeriesGeometry, SeriesInstanceUID: str = ""
) -> None:
    """Raises SegmentGeometryMismatch or one of its kinds, naming both geometries, unless every
    frame lies on an image; ReferencedSeriesDiffers when the Segmentation names series and
    `SeriesInstanceUID`, that of the images, is not among them.
    """
    other: type[SegmentGeometryMismatch] = ReferencedSeriesDiffers
    for reason, refusal in (
        (_series_difference(segmentation, SeriesInstanceUID), other),
        (_origin_difference(segmentation, images), FrameOfReferenceDiffers),
        (_grid_difference(segmentation, images), SegmentGeometryMismatch),
        (_reference_difference(segmentation.frames, images), other),
        (_outside(segmentation.frames, images), SegmentOutsideImages),
        (_position_difference(segmentation.frames, images), SegmentGeometryMismatch),
    ):
        if reason:
            raise refusal(
                f"{reason} The segmentation has {describe(segmentation)}. "
                f"The images have {images.describe()}.",
                remedy="Draw or resample the segmentation on these images and send it again.",
                segmentation=describe(segmentation),
                images=images.describe(),
            )


def describe(segmentation: Segmentation) -> str:
    """The grid of a Segmentation in words and numbers."""
    grid = segmentation.grid
    normal = _normal(grid)
    distances = sorted({round(along(normal, f.position_mm), 3) for f in segmentation.frames})
    steps = np.diff(distances)
    apart = f" {_mm(float(np.median(steps)))} mm apart" if len(steps) else ""
    return (
        f"{grid.columns} columns x {grid.rows} rows of {_mm(grid.column_spacing_mm)} x "
        f"{_mm(grid.row_spacing_mm)} mm, {len(distances)} positions{apart} "
        f"from {_mm(distances[0])} to {_mm(distances[-1])} mm along the slice normal, orientation "
        f"{orientation_in_words(grid.row_cosines, grid.column_cosines)}"
    )


def spacing_note(segmentation: Segmentation, images: SeriesGeometry) -> str:
    """A sentence when the Segmentation's own pixel measures disagree with the images' positions."""
    written, true = segmentation.grid.slice_spacing_mm, images.slice_spacing_mm
    if (
        written is None
        or true is None
        or abs(written - true) <= max(SPACING_TOLERANCE * true, 0.005)
    ):
        return ""
    return (
        f"The segmentation's own pixel measures give SpacingBetweenSlices {_mm(written)} mm; "
        f"the images lie {_mm(true)} mm apart. The volumes use {_mm(true)} mm."
    )


def on_grid(
    segmentation: Segmentation, images: SeriesGeometry, numbers: Sequence[int]
) -> dict[int, Volume]:
    """The wanted segments as uint8 volumes of 0 and 1, shape (depth, rows, columns), lowest slice
    first.

    Frames of the same segment at the same place are united.
    """
    shape = (images.depth, images.rows, images.columns)
    volumes = {number: np.zeros(shape, np.uint8) for number in numbers}
    for frame, number, mask in segmentation.masks():
        if number in volumes:
            index = images.index_of(along(images.normal, frame.position_mm))
            volumes[number][index] |= mask
    return volumes


def as_image(volume: Volume, images: SeriesGeometry) -> SimpleITK.Image:
    """The volume as a SimpleITK image placed in the patient (LPS, mm). Needs two or more planes."""
    if images.slice_spacing_mm is None:
        raise ValueError("a volume needs the distance between slices")
    image = SimpleITK.GetImageFromArray(volume)
    image.SetSpacing((images.column_spacing_mm, images.row_spacing_mm, images.slice_spacing_mm))
    image.SetOrigin(images.planes[0].position_mm)
    axes = np.array([images.row_cosines, images.column_cosines, images.normal]).T
    image.SetDirection(axes.flatten().tolist())
    return image


def _grid_difference(segmentation: Segmentation, images: SeriesGeometry) -> str:
    grid = segmentation.grid
    if (grid.rows, grid.columns) != (images.rows, images.columns):
        return "The segmentation and its images differ in size."
    cosines = (*grid.row_cosines, *grid.column_cosines)
    if not np.allclose(
        cosines, (*images.row_cosines, *images.column_cosines), atol=COSINE_TOLERANCE
    ):
        return "The segmentation and its images differ in orientation."
    spacing = (grid.row_spacing_mm, grid.column_spacing_mm)
    if not np.allclose(
        spacing, (images.row_spacing_mm, images.column_spacing_mm), rtol=SPACING_TOLERANCE
    ):
        return "The segmentation and its images differ in pixel spacing."
    return ""


def _series_difference(segmentation: Segmentation, SeriesInstanceUID: str) -> str:
    if not SeriesInstanceUID or not segmentation.series:
        return ""
    if SeriesInstanceUID in segmentation.series:
        return ""
    return (
        f"The segmentation was drawn on series {min(segmentation.series)}; the images are of "
        f"series {SeriesInstanceUID}."
    )


def _origin_difference(segmentation: Segmentation, images: SeriesGeometry) -> str:
    frames_of_reference = segmentation.FrameOfReferenceUID, images.FrameOfReferenceUID
    if all(frames_of_reference) and len(set(frames_of_reference)) > 1:
        return (
            "The segmentation and its images differ in FrameOfReferenceUID "
            f"({frames_of_reference[0]} and {frames_of_reference[1]})."
        )
    return ""


def _reference_difference(frames: Sequence[Frame], images: SeriesGeometry) -> str:
    known = {plane.SOPInstanceUID for plane in images.planes} | set(images.duplicates)
    unknown = {uid for frame in frames for uid in frame.source_uids} - known
    if not unknown:
        return ""
    return (
        f"The segmentation refers to {len(unknown)} image(s) that are not in the series, such as "
        f"{min(unknown)}."
    )


def _outside(frames: Sequence[Frame], images: SeriesGeometry) -> str:
    planes = np.array([plane.position_mm for plane in images.planes])
    for frame in frames:
        away_mm = float(np.linalg.norm(planes - np.array(frame.position_mm), axis=1).min())
        if away_mm > POSITION_TOLERANCE_MM:
            where = ", ".join(_mm(value) for value in frame.position_mm)
            return (
                f"Frame {frame.index + 1} of the segmentation lies at ({where}) mm, "
                f"{_mm(away_mm)} mm from the nearest image."
            )
    return ""


def _position_difference(frames: Sequence[Frame], images: SeriesGeometry) -> str:
    planes = np.array([plane.position_mm for plane in images.planes])
    for frame in frames:
        if len(frame.source_uids) != 1:
            continue
        away_mm = np.linalg.norm(planes - np.array(frame.position_mm), axis=1)
        nearest = images.planes[int(away_mm.argmin())].SOPInstanceUID
        others = set(frame.source_uids) - {nearest} - set(images.duplicates)
        if others:
            return (
                f"Frame {frame.index + 1} of the segmentation refers to image {others.pop()} and "
                f"lies at the position of image {nearest}."
            )
    return ""


def _normal(grid: FrameGrid) -> tuple[float, float, float]:
    normal = np.cross(grid.row_cosines, grid.column_cosines)
    return float(normal[0]), float(normal[1]), float(normal[2])


def _mm(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
