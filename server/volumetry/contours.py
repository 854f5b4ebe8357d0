"""Reading an RT Structure Set (PS3.3 A.19): outlines on slices become masks on the images' grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from server.dicom.files import RefusedFile, read_head
from server.dicom.geometry import SeriesGeometry, along, of_series
from server.foundation.errors import Invalid
from server.volumetry.polygons import filled
from server.volumetry.segmentation import check_spacing

STRUCTURE_SET: Final = "1.2.840.10008.5.1.4.1.1.481.3"  # PS3.4 Table B.5-1
# An outline belongs to a slice when it lies within half the distance to the next one; beyond that
# it was drawn on other images [engineering choice].
_OFF_SLICE: Final = 0.5


class StructureSetUnreadable(Invalid):
    """This is no RT Structure Set, or one whose outlines cannot be used."""


class ContourOffImages(Invalid):
    """An outline does not lie on any of the images."""


@dataclass(frozen=True)
class Structure:
    """One region of interest: its ROINumber, its ROIName and its mask, uint8 of 0 and 1, shape
    (depth, rows, columns), lowest slice first."""

    number: int
    name: str
    mask: NDArray[np.uint8]
    voxels: int
    volume_ml: float


def structures(file: bytes, headers: Sequence[Dataset]) -> tuple[Structure, ...]:
    """Every region of an RT Structure Set on the grid of the images it was drawn on.

    `file` is a Part 10 file, `headers` all images of the series without pixels, in any order.
    Closed planar outlines count; two in one slice are joined by the even-odd rule, so that one
    inside the other is a hole (as PS3.3 C.8.8.6.3 leaves it to the reader). A region without
    outlines is empty.

    Raises StructureSetUnreadable, ContourOffImages, SpacingUnknown, GeometryIncomplete or
    GeometryMixed.
    """
    dataset = _dataset(file)
    images = of_series(headers)
    check_spacing(images)
    _check_frame_of_reference(dataset, images)
    names = {
        int(item.ROINumber): str(item.get("ROIName", "")).strip()
        for item in dataset.get("StructureSetROISequence") or ()
    }
    found = []
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.get("ReferencedROINumber", 0))
        if number not in names:
            raise StructureSetUnreadable(
                f"Outlines belong to region {number}, which the structure set does not list."
            )
        mask = _mask(item, images, names[number])
        voxels = int(np.count_nonzero(mask))
        volume = voxels * (images.voxel_volume_ml or 0.0)
        found.append(Structure(number, names[number], mask, voxels, volume))
    if not found:
        raise StructureSetUnreadable("The structure set holds no outlines (ROIContourSequence).")
    return tuple(found)


def outlined_series(file: bytes) -> str:
    """The SeriesInstanceUID of the images that the outlines were drawn on (PS3.3 C.8.8.5, RT
    Referenced Series Sequence). Raises StructureSetUnreadable when none is named."""
    for frame in _dataset(file).get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            for series in study.get("RTReferencedSeriesSequence") or ():
                if uid := str(series.get("SeriesInstanceUID", "")):
                    return uid
    raise StructureSetUnreadable(
        "The structure set does not name the series it was drawn on.",
        remedy="Export it again from a program that keeps the references to the images.",
    )


def _dataset(file: bytes) -> Dataset:
    head = read_head(file, "the structure set")
    if isinstance(head, RefusedFile):
        raise StructureSetUnreadable(f"The structure set was refused. {head.reason}")
    if head.SOPClassUID != STRUCTURE_SET:
        raise StructureSetUnreadable(
            f"This is not an RT Structure Set: its SOPClassUID is {head.SOPClassUID}."
        )
    try:
        return dcmread(BytesIO(file))
    except Exception as problem:
        raise StructureSetUnreadable(
            "The structure set cannot be read: it is damaged."
        ) from problem


def _check_frame_of_reference(dataset: Dataset, images: SeriesGeometry) -> None:
    named = {
        str(item.get("FrameOfReferenceUID", ""))
        for item in dataset.get("ReferencedFrameOfReferenceSequence") or ()
    } - {""}
    if named and images.FrameOfReferenceUID and images.FrameOfReferenceUID not in named:
        raise ContourOffImages(
            f"The outlines were drawn in frame of reference {min(named)}, the images lie in "
            f"{images.FrameOfReferenceUID}.",
            remedy="Name the series that the outlines were drawn on.",
        )


def _mask(item: Dataset, images: SeriesGeometry, name: str) -> NDArray[np.uint8]:
    mask = np.zeros((images.depth, images.rows, images.columns), np.uint8)
    for contour in item.get("ContourSequence") or ():
        kind = str(contour.get("ContourGeometricType", ""))
        if kind not in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
            continue
        points = _points(contour, name)
        index = _slice_of(points, images, name)
        outline = _in_pixels(points, images, index)
        mask[index] ^= filled(outline, images.rows, images.columns).astype(np.uint8)
    return mask


def _points(contour: Dataset, name: str) -> NDArray[np.float64]:
    data = np.array([float(value) for value in contour.get("ContourData") or ()])
    if data.size % 3 or data.size < 9 or not np.isfinite(data).all():
        raise StructureSetUnreadable(
            f"An outline of “{name}” is not a list of three or more points in mm."
        )
    return data.reshape(-1, 3)


def _slice_of(points: NDArray[np.float64], images: SeriesGeometry, name: str) -> int:
    distances = points @ np.array(images.normal)
    step = images.slice_spacing_mm or 1.0
    if float(np.ptp(distances)) > _OFF_SLICE * step:
        raise ContourOffImages(
            f"An outline of “{name}” does not lie in the plane of the images.",
            remedy="Export the outlines on the images' own slices.",
        )
    place = (float(distances.mean()) - images.planes[0].distance_mm) / step
    if not -_OFF_SLICE <= place <= images.depth - 1 + _OFF_SLICE:
        raise ContourOffImages(
            f"An outline of “{name}” lies {distances.mean():.1f} mm along the slice normal; the "
            f"images reach from {images.planes[0].distance_mm:.1f} to "
            f"{images.planes[-1].distance_mm:.1f} mm.",
            remedy="Name the series that the outlines were drawn on.",
        )
    return min(max(round(place), 0), images.depth - 1)


def _in_pixels(
    points: NDArray[np.float64], images: SeriesGeometry, index: int
) -> NDArray[np.float64]:
    """(column, row) of points in mm, on the slice `index` (PS3.3 C.7.6.2.1.1, solved for i, j)."""
    plane = min(
        images.planes,
        key=lambda one: abs(images.index_of(along(images.normal, one.position_mm)) - index),
    )
    away = points - np.array(plane.position_mm)
    column = away @ np.array(images.row_cosines) / images.column_spacing_mm
    row = away @ np.array(images.column_cosines) / images.row_spacing_mm
    return np.stack([column, row], axis=1)
