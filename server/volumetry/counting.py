"""How large every segment of a DICOM Segmentation is, whatever it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from server.dicom.geometry import SPACING_TOLERANCE, SeriesGeometry, of_series
from server.volumetry import sampling, surface
from server.volumetry.contours import outlined_source, structures
from server.volumetry.fitted_body import Fitted, Small
from server.volumetry.frame_grid import SegmentationUnreadable
from server.volumetry.frames import Frame, Segmentation, read
from server.volumetry.masks import Volume, describe, fitted, spacing_note
from server.volumetry.outlined import outline_notes, regions_by_role
from server.volumetry.overlaps import Overlaps
from server.volumetry.remnant import Volumes
from server.volumetry.roles import Role, Segment, assign, in_words
from server.volumetry.sampling import Spacing
from server.volumetry.segmentation import (
    SpacingUnknown,
    by_place,
    check_spacing,
    geometry_notes,
    refuse_empty,
    regions_of,
    volumes_of,
)

# A fit takes some 0.1 s; a file of all organs has a hundred segments [engineering choice].
_MOST_FITTED: Final = 20
ALL_ROLES: Final[tuple[Role, ...]] = ("liver", "flr", "tumour")


@dataclass(frozen=True)
class SegmentVolume:
    """One segment: `code` is its property type as scheme and value, "" when it has none.

    `volume_ml` is voxels times the size of one; `sampling_error_percent` is within which 95 of 100
    counts of such a body lie (see `sampling`), None where nothing or an occupancy was counted.
    `surface_ml` is what its surface holds, by `surface_method` (see `surface`, and `fitted_body` for
    small regular segments).
    """

    number: int
    label: str
    code: str
    voxels: int
    volume_ml: float
    sampling_error_percent: float | None
    surface_ml: float
    surface_method: str


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


# A Segmentation that lies on a grid, the grid, where it comes from in words, and notes for the reader.
_Grid = tuple[Segmentation, SeriesGeometry, str, tuple[str, ...]]


def count(seg: bytes, headers: Sequence[Dataset] = ()) -> Count:
    """Counts the voxels of every segment and multiplies by the size of a voxel; and measures what
    its surface holds.

    `seg` is a Part 10 file. With `headers` (all images of the series it was drawn on, any order)
    the grid is theirs and the Segmentation must lie on it; without, the grid is that of the
    Segmentation's own frames: their positions, and its SpacingBetweenSlices where frames that would
    be empty were left out.

    Raises SegmentationUnreadable, SegmentGeometryMismatch, SpacingUnknown, SegmentRoleAmbiguous,
    SegmentEmpty (liver or FLR), GeometryIncomplete or GeometryMixed, all of the family Invalid.
    """
    drawn = read(seg)
    segmentation, images, grid, notes = _on_images(drawn, headers) if headers else _alone(drawn)
    roles = assign(segmentation.segments)
    swept, overlaps = _swept(segmentation, images, roles)
    remnant = overlaps.volumes(images.voxel_volume_ml or 0.0)
    refuse_empty(remnant, roles)
    unfitted = _bound_fits(swept, roles)
    segments = tuple(
        _segment_volume(one, swept[one.number], images) for one in segmentation.segments
    )
    return Count(
        label=segmentation.label,
        segments=segments,
        spacing_mm=(
            images.column_spacing_mm,
            images.row_spacing_mm,
            images.slice_spacing_mm or 0.0,
        ),
        grid=grid,
        remnant=remnant if roles else None,
        missing=_missing(roles),
        notes=(*notes, *empty_notes(segments), *unfitted),
    )


def _on_images(segmentation: Segmentation, headers: Sequence[Dataset]) -> _Grid:
    images = of_series(headers)
    segmentation = fitted(segmentation, images, str(headers[0].get("SeriesInstanceUID", "")))
    check_spacing(images)
    notes = geometry_notes(segmentation, images)
    if note := spacing_note(segmentation, images):
        notes = (note, *(one for one in notes if one != note))
    return segmentation, images, images.describe(), notes


def _alone(segmentation: Segmentation) -> _Grid:
    images = own_geometry(segmentation)
    spacing, note = own_spacing_mm(segmentation, images)
    # A place without a frame is an empty one here, not a missing image.
    images = replace(images, slice_spacing_mm=spacing, gaps=())
    return segmentation, images, describe(segmentation), (note,) if note else ()


def count_structures(file: bytes, headers: Sequence[Dataset]) -> Count:
    """The same of an RT Structure Set, whose outlines need the images to become voxels.

    Raises what `structures` raises, SegmentRoleAmbiguous, and SegmentEmpty (liver or FLR).
    """
    found = structures(file, headers)
    images = of_series(headers)
    roles = assign([Segment(one.number, one.name) for one in found])
    remnant = volumes_of(regions_by_role(found, roles), images) if roles else None
    if remnant is not None:
        refuse_empty(remnant, roles)
    swept = {one.number: _swept_mask(one.mask, images) for one in found}
    unfitted = _bound_fits(swept, roles)
    segments = tuple(
        _segment_volume(Segment(one.number, one.name), swept[one.number], images) for one in found
    )
    return Count(
        label="RT Structure Set",
        segments=segments,
        spacing_mm=(
            images.column_spacing_mm,
            images.row_spacing_mm,
            images.slice_spacing_mm or 0.0,
        ),
        grid=images.describe(),
        remnant=remnant,
        missing=_missing(roles),
        notes=(
            *outline_notes(outlined_source(file), found, images),
            *empty_notes(segments),
            *unfitted,
        ),
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
    if images.uneven_mm:
        steps = ", ".join(f"{step:.2f}" for step in images.uneven_mm[:5])
        raise SpacingUnknown(
            f"The frames are unevenly spaced: usually {seen:.2f} mm apart, but also {steps} mm, and "
            "the segmentation gives no SpacingBetweenSlices that fits. No volume can be given.",
            remedy="Send a segmentation of an evenly reconstructed series.",
        )
    if written is None:
        return (
            seen,
            f"The distance between slices is that of the frames' positions.{_skipped(images)}",
        )
    return seen, (
        f"SpacingBetweenSlices says {written:.3f} mm, the frames lie {seen:.3f} mm apart; the "
        "volumes use the latter."
    )


def _skipped(images: SeriesGeometry) -> str:
    if not images.gaps:
        return ""
    where = "; ".join(f"{gap.below_mm:.1f} to {gap.above_mm:.1f} mm" for gap in images.gaps[:5])
    return (
        f" Between some frames there are none ({where}): taken as empty. Whether images are missing "
        "there can be told with the folder of the images only."
    )


def _fits(images: SeriesGeometry, spacing_mm: float) -> bool:
    lowest = images.planes[0].distance_mm
    steps = [(plane.distance_mm - lowest) / spacing_mm for plane in images.planes]
    depth = max(1.0, steps[-1])
    return all(abs(step - round(step)) <= SPACING_TOLERANCE * depth + 0.02 for step in steps)


def empty_notes(segments: Sequence[SegmentVolume]) -> tuple[str, ...]:
    """A sentence for every segment that has a name and no voxel."""
    return tuple(
        f"Segment {one.number} “{one.label}” is empty." for one in segments if not one.voxels
    )


def _segment_volume(segment: Segment, swept: _Swept, images: SeriesGeometry) -> SegmentVolume:
    voxel_ml = images.voxel_volume_ml or 0.0
    return SegmentVolume(
        number=segment.number,
        label=segment.label,
        code=f"{segment.type_scheme} {segment.type_code}".strip(),
        voxels=swept.voxels,
        volume_ml=swept.voxels * voxel_ml,
        sampling_error_percent=swept.error_percent,
        surface_ml=swept.inside * voxel_ml,
        surface_method=swept.method,
    )


def _bound_fits(
    swept: Mapping[int, _Swept], roles: Mapping[Role, Sequence[Segment]]
) -> tuple[str, ...]:
    """Has bodies looked for in the first small segments only, and says how many go without.

    Those of liver, FLR and tumour come before others.
    """
    chosen = [one.number for members in roles.values() for one in members]
    order = [*chosen, *(number for number in swept if number not in chosen)]
    without = [swept[number] for number in order if swept[number].is_tried][_MOST_FITTED:]
    for one in without:
        one.may_fit = False
    if not without:
        return ()
    return (
        f"surface_ml of {len(without)} small segments keeps its sampling error: a body is fitted to "
        f"{_MOST_FITTED} of a file, those of liver, FLR and tumour before others.",
    )


@dataclass
class _Swept:
    """One segment while its planes go by, lowest first. `filled` sums occupancies, in voxels."""

    images: SeriesGeometry
    filled: float | None = None
    may_fit: bool = True

    voxels: int = 0

    def __post_init__(self) -> None:
        missing = frozenset(_missing_planes(self.images))
        self._surface = surface.SurfaceSum(missing)
        # A gap is no surface: what lies in it was not drawn.
        self._small = None if missing else Small()

    def add(self, index: int, mask: NDArray[np.bool_]) -> None:
        """The plane at `index`, shape (rows, columns); each higher than the one before."""
        self.voxels += int(np.count_nonzero(mask))
        if self.filled is None:
            self._surface.add(index, mask)
            if self._small is not None:
                self._small.add(index, mask)

    @cached_property
    def inside(self) -> float:
        """What the surface holds, in voxels; the planes are over."""
        if self.filled is not None:
            return self.filled
        held = self._surface.voxels()
        return self._fitted.corrected(held) if self._fitted else held

    @property
    def method(self) -> str:
        if self.filled is not None:
            return surface.PARTIAL_VOLUME_METHOD
        return fitted_method(self._fitted.kind) if self._fitted else surface.METHOD

    @cached_property
    def error_percent(self) -> float | None:
        """How far counting these voxels can be expected to err; None where that is not known."""
        if self.filled is not None or not self.voxels or self._spacing_mm is None:
            return None
        return sampling.error_percent(self.voxels, self._area_mm2, self._spacing_mm)

    @property
    def is_tried(self) -> bool:
        """Whether a body is to be looked for."""
        return self._small is not None and self._small.is_tried(self.error_percent or 0.0)

    @cached_property
    def _fitted(self) -> Fitted | None:
        if self._small is None or self._spacing_mm is None or not self.may_fit:
            return None
        return self._small.fitted(self._spacing_mm, self._area_mm2)

    @cached_property
    def _area_mm2(self) -> float:
        assert self._spacing_mm is not None
        return sampling.area_mm2(self._surface.sides(), self._spacing_mm)

    @property
    def _spacing_mm(self) -> Spacing | None:
        """Between planes, rows and columns; None for a single plane of unknown thickness."""
        images = self.images
        if not images.slice_spacing_mm:
            return None
        return (images.slice_spacing_mm, images.row_spacing_mm, images.column_spacing_mm)


def fitted_method(kind: str) -> str:
    """How `surface_ml` was found where a body of this kind was fitted."""
    return f"{surface.METHOD}, less the sampling error of the fitted {kind}"


def _swept(
    segmentation: Segmentation,
    images: SeriesGeometry,
    roles: Mapping[Role, tuple[Segment, ...]],
) -> tuple[dict[int, _Swept], Overlaps]:
    """Every segment by SegmentNumber, and how those with a role lie to each other, in one go."""
    overlaps = Overlaps(frozenset(roles))
    found = {
        one.number: _Swept(images, filled=0.0 if segmentation.is_occupancy else None)
        for one in segmentation.segments
    }
    for index, planes in by_place(segmentation, images):
        overlaps.add(index, regions_of(segmentation, planes, roles))
        for number, values in planes.items():
            mask = segmentation.mask(number, values)
            swept = found[number]
            swept.add(index, mask)
            if swept.filled is not None:
                swept.filled += float(values.sum(dtype=np.float64)) / segmentation.full
    return found, overlaps


def _missing_planes(images: SeriesGeometry) -> Iterator[int]:
    for gap in images.gaps:
        first = images.index_of(gap.below_mm) + 1
        yield from range(first, first + gap.missing)


def _swept_mask(mask: Volume, images: SeriesGeometry) -> _Swept:
    swept = _Swept(images)
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        swept.add(int(index), mask[index].astype(bool))
    return swept
