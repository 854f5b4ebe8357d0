"""Reading an RT Structure Set (PS3.3 A.19): outlines on slices become masks on the images' grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations
from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from server.dicom.files import RefusedFile, read_head
from server.dicom.geometry import SeriesGeometry, along, of_series
from server.foundation.errors import Invalid
from server.volumetry.frames import SegmentationSource
from server.volumetry.polygons import Points, filled
from server.volumetry.segmentation import check_spacing
from server.volumetry.traced import has_diagonal, on_centres, pixels_on

STRUCTURE_SET: Final = "1.2.840.10008.5.1.4.1.1.481.3"  # PS3.4 Table B.5-1
# An outline belongs to a slice when it lies within half the distance to the next one; beyond that
# it was drawn on other images [engineering choice].
_OFF_SLICE: Final = 0.5
# Outlines of one plane lie within this part of the distance between images [engineering choice].
_SAME_PLANE: Final = 0.05
# Outlines meant to lie halfway between images do so within this part of the distance.
_HALFWAY: Final = 1e-3
# Outlines along the outer edge are rounded, in pixels.
_AT_EDGE: Final = 0.02
_CLOSED: Final = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")


class StructureSetUnreadable(Invalid):
    """This is no RT Structure Set, or one whose outlines cannot be used."""


class ContourOffImages(Invalid):
    """An outline does not lie on any of the images."""


@dataclass(frozen=True)
class Structure:
    """One region of interest: its ROINumber, its ROIName and its mask, uint8 of 0 and 1, shape
    (depth, rows, columns), lowest slice first. `notes` are sentences on outlines that were left
    out, cross, or are missing on a slice."""

    number: int
    name: str
    mask: NDArray[np.uint8]
    voxels: int
    volume_ml: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Outline:
    """A closed outline in mm; `place` is where it lies, in slices above the lowest image."""

    points: NDArray[np.float64]
    place: float


def structures(file: bytes, headers: Sequence[Dataset]) -> tuple[Structure, ...]:
    """Every region of an RT Structure Set on the grid of the images it was drawn on.

    `file` is a Part 10 file, `headers` all images of the series without pixels, in any order.
    Closed planar outlines count; two in one slice are joined by the even-odd rule, so that one
    inside the other is a hole (as PS3.3 C.8.8.6.3 leaves it to the reader); one that stands there
    twice counts once. Where outlines lie closer than the images, the plane nearest to an image
    counts. Outlines that trace a mask through its outermost pixels hold these (see `traced`). A
    region without outlines is empty.

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
    drawn = _outlines_of(dataset, names)
    found = []
    for number, name in names.items():
        mask, notes = _mask(drawn.get(number, Dataset()), images, name)
        voxels = int(np.count_nonzero(mask))
        volume = voxels * (images.voxel_volume_ml or 0.0)
        found.append(Structure(number, name, mask, voxels, volume, notes))
    return tuple(found)


def _outlines_of(dataset: Dataset, names: Mapping[int, str]) -> dict[int, Dataset]:
    """The outlines of each region that has some, by ROINumber."""
    drawn: dict[int, Dataset] = {}
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.get("ReferencedROINumber", 0))
        if number not in names:
            raise StructureSetUnreadable(
                f"Outlines belong to region {number}, which the structure set does not list."
            )
        if number in drawn:
            raise StructureSetUnreadable(f"Region {number} has its outlines in two places.")
        drawn[number] = item
    if not drawn:
        raise StructureSetUnreadable("The structure set holds no outlines (ROIContourSequence).")
    return drawn


def is_structure_set(file: bytes) -> bool:
    """Whether this is an RT Structure Set, whatever else may be wrong with it."""
    head = read_head(file, "the structure set")
    return not isinstance(head, RefusedFile) and head.SOPClassUID == STRUCTURE_SET


def outlined_source(file: bytes) -> SegmentationSource:
    """What the outlines were drawn on (PS3.3 C.8.8.5, RT Referenced Series Sequence), or, where no series
    is named, the images that they refer to. Raises StructureSetUnreadable."""
    dataset = _dataset(file)
    study = str(dataset.get("StudyInstanceUID", ""))
    series, images = "", list(_contour_images(dataset))
    for named in _referenced_studies(dataset):
        for one in named.get("RTReferencedSeriesSequence") or ():
            if not series and (uid := str(one.get("SeriesInstanceUID", ""))):
                series = uid
                study = str(named.get("ReferencedSOPInstanceUID", "")) or study
                images = list(one.get("ContourImageSequence") or ())
    return SegmentationSource(
        SOPInstanceUID=str(dataset.get("SOPInstanceUID", "")),
        SeriesDescription=_label(dataset),
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        instances=tuple({str(one.get("ReferencedSOPInstanceUID", "")): None for one in images}),
    )


def _referenced_studies(dataset: Dataset) -> Iterator[Dataset]:
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        yield from frame.get("RTReferencedStudySequence") or ()


def _contour_images(dataset: Dataset) -> Iterator[Dataset]:
    for region in dataset.get("ROIContourSequence") or ():
        for contour in region.get("ContourSequence") or ():
            yield from contour.get("ContourImageSequence") or ()


def _label(dataset: Dataset) -> str:
    said = (dataset.get("SeriesDescription"), dataset.get("StructureSetLabel"))
    return str(next(filter(None, said), "RT Structure Set"))


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
    } or {
        str(item.get("ReferencedFrameOfReferenceUID", ""))
        for item in dataset.get("StructureSetROISequence") or ()
    }
    named -= {""}
    if named and images.FrameOfReferenceUID and images.FrameOfReferenceUID not in named:
        raise ContourOffImages(
            f"The outlines were drawn in frame of reference {min(named)}, the images lie in "
            f"{images.FrameOfReferenceUID}.",
            remedy="Name the series that the outlines were drawn on.",
        )


def _mask(
    item: Dataset, images: SeriesGeometry, name: str
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    contours = list(item.get("ContourSequence") or ())
    closed = [one for one in contours if str(one.get("ContourGeometricType", "")) in _CLOSED]
    found = [_outline(contour, images, name) for contour in closed]
    once = _without_repeats(found)
    drawn_on = _by_image(once, images)
    mask, crossed = _united(drawn_on, images)
    every = [points for drawn in drawn_on.values() for points in drawn]
    cut_off = sum(_is_beyond(points, images) for points in every)
    if cut_off and not mask.any():
        raise ContourOffImages(
            f"The outlines of “{name}” lie beside the images.",
            remedy="Name the series that the outlines were drawn on.",
        )
    traced = has_diagonal(every)
    rim = _rim(drawn_on, images) & (mask ^ 1)
    mask |= rim if traced else 0
    return mask, _notes(
        name,
        open_ones=len(contours) - len(closed),
        repeated=len(found) - len(once),
        between=len(once) - len(every),
        crossed=crossed,
        cut_off=cut_off,
        empty=_empty_between(mask),
        pointless=0 if traced and rim.any() else sum(len(points) < 3 for points in every),
        rim=int(np.count_nonzero(rim)),
        traced=traced,
    )


def _by_image(outlines: Sequence[_Outline], images: SeriesGeometry) -> dict[int, list[Points]]:
    """The outlines that count on each image, in its pixels: those of the plane nearest to it."""
    near: dict[int, list[_Outline]] = {}
    for outline in outlines:
        near.setdefault(_index(outline, images), []).append(outline)
    return {
        index: [_in_pixels(one.points, images, index) for one in _nearest_plane(here, index)]
        for index, here in near.items()
    }


def _united(
    drawn_on: Mapping[int, Sequence[Points]], images: SeriesGeometry
) -> tuple[NDArray[np.uint8], int]:
    """The outlines of each image joined by the even-odd rule, and on how many of them some cross."""
    mask = np.zeros((images.depth, images.rows, images.columns), np.uint8)
    crossed = 0
    for index, drawn in drawn_on.items():
        areas = [filled(points, images.rows, images.columns) for points in drawn]
        for area in areas:
            mask[index] ^= area.astype(np.uint8)
        crossed += _any_cross(drawn, areas)
    return mask, crossed


def _rim(drawn_on: Mapping[int, Sequence[Points]], images: SeriesGeometry) -> NDArray[np.uint8]:
    """The voxels that a region's outlines run through, where all run from centre to centre."""
    rim = np.zeros((images.depth, images.rows, images.columns), np.uint8)
    if on_centres(points for drawn in drawn_on.values() for points in drawn):
        for index, drawn in drawn_on.items():
            for points in drawn:
                rim[index] |= pixels_on(points, images.rows, images.columns)
    return rim


def _notes(
    name: str,
    *,
    open_ones: int,
    repeated: int,
    between: int,
    crossed: int,
    cut_off: int,
    empty: int,
    pointless: int,
    rim: int,
    traced: bool,
) -> tuple[str, ...]:
    """What of the outlines of a region a reader of its volume has to know."""
    traced_how = (
        f"“{name}” is outlined through the centres of pixels, as a mask is traced: the {rim} "
        "voxel(s) on its outlines that would count as outside are counted."
        if traced
        else f"“{name}” is outlined through the centres of pixels. If its outlines trace a mask, "
        f"{rim} voxel(s) on them belong to it and are not counted."
    )
    notes = (
        (rim, traced_how),
        (pointless, f"“{name}”: {pointless} outline(s) of one or two points hold nothing."),
        (open_ones, f"“{name}”: {open_ones} outline(s) that are not closed do not count."),
        (repeated, f"“{name}”: {repeated} outline(s) stand there twice and count once."),
        (
            between,
            f"“{name}” is outlined on more planes than there are images: {between} outline(s) "
            "between them were left out.",
        ),
        (
            crossed,
            f"“{name}”: outlines cross on {crossed} image(s); what lies in two of them does not "
            "count.",
        ),
        (
            cut_off,
            f"“{name}”: {cut_off} outline(s) reach beyond the edge of the images; what lies there is "
            "not counted.",
        ),
        (
            empty,
            f"“{name}” has no outline on {empty} image(s) between its first and its last; they "
            "count as empty.",
        ),
    )
    return tuple(sentence for number, sentence in notes if number)


def _outline(contour: Dataset, images: SeriesGeometry, name: str) -> _Outline:
    points = _points(contour, name)
    return _Outline(points, _place_of(points, images, name))


def _index(outline: _Outline, images: SeriesGeometry) -> int:
    # Halfway between two images all outlines go to the upper one: to the nearest even number, as
    # rounding has it, every second image would have two and the rest none.
    return min(max(floor(outline.place + 0.5 + _HALFWAY), 0), images.depth - 1)


def _without_repeats(outlines: Sequence[_Outline]) -> list[_Outline]:
    """The same points in another order are the same outline."""
    met = {np.unique(np.round(one.points, 2), axis=0).tobytes(): one for one in reversed(outlines)}
    return list(reversed(met.values()))


def _nearest_plane(outlines: Sequence[_Outline], index: int) -> list[_Outline]:
    nearest = min((one.place for one in outlines), key=lambda place: abs(place - index))
    return [one for one in outlines if abs(one.place - nearest) <= _SAME_PLANE]


def _any_cross(drawn: Sequence[NDArray[np.float64]], areas: Sequence[NDArray[np.bool_]]) -> bool:
    """Whether two outlines share pixels and neither lies inside the other."""
    for one, other in combinations(range(len(drawn)), 2):
        low = np.maximum(drawn[one].min(axis=0), drawn[other].min(axis=0))
        high = np.minimum(drawn[one].max(axis=0), drawn[other].max(axis=0))
        if (low <= high).all():
            first, second = areas[one], areas[other]
            shared = int(np.count_nonzero(first & second))
            if 0 < shared < min(np.count_nonzero(first), np.count_nonzero(second)):
                return True
    return False


def _is_beyond(points: Points, images: SeriesGeometry) -> bool:
    """Whether an outline, (column, row) in pixels, leaves the outermost pixels."""
    low, high = points.min(axis=0), points.max(axis=0)
    edge = np.array([images.columns, images.rows]) - 0.5
    return bool((low < -0.5 - _AT_EDGE).any() or (high > edge + _AT_EDGE).any())


def _empty_between(mask: NDArray[np.uint8]) -> int:
    filled_ones = np.flatnonzero(mask.any(axis=(1, 2)))
    if not filled_ones.size:
        return 0
    return int(filled_ones[-1] - filled_ones[0] + 1 - filled_ones.size)


def _points(contour: Dataset, name: str) -> NDArray[np.float64]:
    data = np.array([float(value) for value in contour.get("ContourData") or ()])
    if data.size % 3 or not data.size or not np.isfinite(data).all():
        raise StructureSetUnreadable(f"An outline of “{name}” is not a list of points in mm.")
    return data.reshape(-1, 3)


def _place_of(points: NDArray[np.float64], images: SeriesGeometry, name: str) -> float:
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
    return place


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
