"""How large every segment of a DICOM Segmentation is, whatever it is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from server.dicom.geometry import SPACING_TOLERANCE, SeriesGeometry, along, of_series
from server.volumetry.contours import structures
from server.volumetry.frames import Frame, Segmentation, SegmentationUnreadable, read
from server.volumetry.masks import Volume, check_geometry, describe, spacing_note
from server.volumetry.remnant import Volumes
from server.volumetry.roles import Role, Segment, assign, in_words
from server.volumetry.segmentation import (
    check_spacing,
    geometry_notes,
    role_volumes,
    volumes_of,
)

ALL_ROLES: Final[tuple[Role, ...]] = ("liver", "flr", "tumour")


@dataclass(frozen=True)
class SegmentVolume:
    """One segment: `code` is its property type as scheme and value, "" when it has none."""

    number: int
    label: str
    code: str
    voxels: int
    volume_ml: float


@dataclass(frozen=True)
class Count:
    """All segments of a Segmentation and what its liver, remnant and tumour come to.

    `spacing_mm` is (between columns, between rows, between slices); `grid` says in words where it
    comes from. `remnant` is None when no segment is named liver, FLR or tumour; `missing` names
    those of the three that no segment is. `notes` are sentences for the reader.
    """

    label: str
    segments: tuple[SegmentVolume, ...]
    spacing_mm: tuple[float, float, float]
    grid: str
    remnant: Volumes | None
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def count(seg: bytes, headers: Sequence[Dataset] = ()) -> Count:
    """Counts the voxels of every segment and multiplies by the size of a voxel.

    `seg` is a Part 10 file. With `headers` (all images of the series it was drawn on, any order)
    the grid is theirs and the Segmentation must lie on it; without, the grid is that of the
    Segmentation's own frames: their positions, and its SpacingBetweenSlices where frames that would
    be empty were left out.

    Raises SegmentationUnreadable, SegmentGeometryMismatch, SpacingUnknown, SegmentRoleAmbiguous,
    GeometryIncomplete or GeometryMixed, all of the family Invalid.
    """
    segmentation = read(seg)
    if headers:
        images = of_series(headers)
        check_geometry(segmentation, images)
        check_spacing(images)
        spacing, grid = images.slice_spacing_mm or 0.0, images.describe()
        notes = list(geometry_notes(segmentation, images))
        if note := spacing_note(segmentation, images):
            notes = [note, *(one for one in notes if one != note)]
    else:
        images = own_geometry(segmentation)
        spacing, note = own_spacing_mm(segmentation, images)
        images = replace(images, slice_spacing_mm=spacing)
        grid, notes = describe(segmentation), [note] if note else []
    measures = (images.column_spacing_mm, images.row_spacing_mm, spacing)
    roles = assign(segmentation.segments)
    return Count(
        label=segmentation.label,
        segments=_segments(segmentation, images, float(np.prod(measures)) / 1000.0),
        spacing_mm=measures,
        grid=grid,
        remnant=role_volumes(segmentation, images, roles) if roles else None,
        missing=_missing(roles),
        notes=tuple(notes),
    )


def count_structures(file: bytes, headers: Sequence[Dataset]) -> Count:
    """The same of an RT Structure Set, whose outlines need the images to become voxels.

    Raises what `structures` raises, and SegmentRoleAmbiguous.
    """
    found = structures(file, headers)
    images = of_series(headers)
    roles = assign([Segment(one.number, one.name) for one in found])
    masks = {one.number: one.mask for one in found}
    regions: dict[Role, Volume] = {
        role: np.bitwise_or.reduce([masks[segment.number] for segment in members])
        for role, members in roles.items()
    }
    return Count(
        label="RT Structure Set",
        segments=tuple(
            SegmentVolume(one.number, one.name, "", one.voxels, one.volume_ml) for one in found
        ),
        spacing_mm=(
            images.column_spacing_mm,
            images.row_spacing_mm,
            images.slice_spacing_mm or 0.0,
        ),
        grid=images.describe(),
        remnant=volumes_of(regions, images) if regions else None,
        missing=_missing(roles),
        notes=("Outlines were filled on the images: a voxel counts when its centre is inside.",),
    )


def _missing(roles: Mapping[Role, tuple[Segment, ...]]) -> tuple[str, ...]:
    return tuple(in_words(role) for role in ALL_ROLES if role not in roles)


def own_geometry(segmentation: Segmentation) -> SeriesGeometry:
    """The grid of a Segmentation's own frames."""
    grid = segmentation.grid
    places: dict[tuple[float, ...], Frame] = {}
    for frame in segmentation.frames:
        places.setdefault(tuple(round(value, 3) for value in frame.position_mm), frame)
    headers = []
    for number, frame in enumerate(places.values()):
        header = Dataset()
        header.SOPInstanceUID = f"2.25.{number}"
        header.FrameOfReferenceUID = segmentation.FrameOfReferenceUID
        header.Rows, header.Columns = grid.rows, grid.columns
        header.PixelSpacing = [grid.row_spacing_mm, grid.column_spacing_mm]
        header.ImageOrientationPatient = [*grid.row_cosines, *grid.column_cosines]
        header.ImagePositionPatient = list(frame.position_mm)
        headers.append(header)
    return of_series(headers)


def own_spacing_mm(segmentation: Segmentation, images: SeriesGeometry) -> tuple[float, str]:
    """The distance between slices in mm without the images, and a sentence where it is doubtful.

    Frames that would be empty may be left out, so the positions alone can suggest a distance that
    is too large; what is written counts where all positions are whole multiples of it.
    """
    written, seen = segmentation.grid.slice_spacing_mm, images.slice_spacing_mm
    if written is not None and written > 0 and _fits(images, written):
        return written, ""
    if seen is None:
        raise SegmentationUnreadable(
            "The segmentation shows one slice only and does not say how far slices lie apart "
            "(SpacingBetweenSlices), so no volume can be given.",
            remedy="Name the folder of the images it was drawn on.",
        )
    if written is None:
        return seen, "The distance between slices is that of the frames' positions."
    return seen, (
        f"SpacingBetweenSlices says {written:.3f} mm, the frames lie {seen:.3f} mm apart; the "
        "volumes use the latter."
    )


def _fits(images: SeriesGeometry, spacing_mm: float) -> bool:
    lowest = images.planes[0].distance_mm
    steps = [(plane.distance_mm - lowest) / spacing_mm for plane in images.planes]
    depth = max(1.0, steps[-1])
    return all(abs(step - round(step)) <= SPACING_TOLERANCE * depth + 0.02 for step in steps)


def _segments(
    segmentation: Segmentation, images: SeriesGeometry, voxel_ml: float
) -> tuple[SegmentVolume, ...]:
    voxels = _voxels(segmentation, images)
    return tuple(
        SegmentVolume(
            number=segment.number,
            label=segment.label,
            code=f"{segment.type_scheme} {segment.type_code}".strip(),
            voxels=voxels[segment.number],
            volume_ml=voxels[segment.number] * voxel_ml,
        )
        for segment in segmentation.segments
    )


def _voxels(segmentation: Segmentation, images: SeriesGeometry) -> Counter[int]:
    """Voxels by SegmentNumber. Only where a segment has two frames at one place are masks kept."""
    places = Counter(
        (frame.segment, _place(images, frame.position_mm)) for frame in segmentation.frames
    )
    counted: Counter[int] = Counter()
    united: dict[tuple[int, int], NDArray[np.bool_]] = {}
    for frame, number, mask in segmentation.masks():
        place = _place(images, frame.position_mm)
        if places[(frame.segment, place)] == 1:
            counted[number] += int(np.count_nonzero(mask))
        elif (number, place) in united:
            united[(number, place)] |= mask.astype(bool)
        else:
            united[(number, place)] = mask.astype(bool)
    for (number, _), mask in united.items():
        counted[number] += int(np.count_nonzero(mask))
    return counted


def _place(images: SeriesGeometry, position_mm: tuple[float, float, float]) -> int:
    return round(along(images.normal, position_mm) * 100)  # hundredths of a millimetre
