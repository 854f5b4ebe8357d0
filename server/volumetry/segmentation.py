"""From a Segmentation and the headers of its images to a measured remnant, by SimpleITK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from server.dicom.geometry import SeriesGeometry, along, of_series
from server.foundation.errors import Invalid
from server.volumetry.frame_grid import SegmentationUnreadable
from server.volumetry.frames import Segmentation, SegmentationSource, read, source_of
from server.volumetry.masks import (
    SegmentGeometryMismatch,
    Volume,
    fitted,
    spacing_note,
)
from server.volumetry.overlaps import Overlaps
from server.volumetry.remnant import RemnantMeasurement, Volumes, remarks, share
from server.volumetry.roles import Role, Segment, assign, couinaud_name, in_words

__all__ = [
    "NothingToMeasure",
    "SegmentEmpty",
    "SegmentGeometryMismatch",
    "SegmentationSource",
    "SegmentationUnreadable",
    "SpacingUnknown",
    "measure",
    "source_of",
]

METHOD: Final = "sum of voxels"  # CID 7474, 126030 DCM
SERIES_NOT_NAMED: Final = (
    "The segmentation does not name the series it was drawn on. It lies on the grid of the images that "
    "it was measured on."
)
_ROLES: Final[tuple[Role, ...]] = ("liver", "flr", "tumour")


class NothingToMeasure(Invalid):
    """No segment is named as liver, FLR or tumour."""


class SegmentEmpty(Invalid):
    """The liver or the remnant has a name and no voxel."""


class SpacingUnknown(Invalid):
    """The distance between the images cannot be told from their positions."""


def measure(seg: bytes, headers: Sequence[Dataset]) -> RemnantMeasurement:
    """Measures a DICOM Segmentation on the images it was drawn on.

    `seg` is a whole Part 10 file; `headers` are all images of the referenced series, without
    pixels, in any order. Where liver or FLR is missing, what is there is measured and `missing`
    says the rest.

    Raises SegmentationUnreadable, SegmentGeometryMismatch, SegmentRoleAmbiguous, NothingToMeasure,
    SegmentEmpty, SpacingUnknown, GeometryIncomplete, GeometryMixed, RemnantOutsideLiver or
    LiverWithoutTissue: all of the family Invalid.
    """
    segmentation = read(seg)
    images = of_series(headers)
    first = next(iter(headers))
    segmentation = fitted(segmentation, images, str(first.get("SeriesInstanceUID", "")))
    check_spacing(images)
    roles = roles_of(segmentation.segments)
    volumes = role_volumes(segmentation, images, roles)
    return measurement(
        volumes,
        roles,
        first,
        images,
        label=segmentation.label,
        SOPInstanceUID=segmentation.SOPInstanceUID,
        notes=geometry_notes(segmentation, images),
        segments=segmentation.segments,
    )


def measurement(
    volumes: Volumes,
    roles: Mapping[Role, tuple[Segment, ...]],
    header: Dataset,
    images: SeriesGeometry,
    *,
    label: str,
    SOPInstanceUID: str,
    notes: Sequence[str],
    segments: Sequence[Segment],
) -> RemnantMeasurement:
    """What was measured, with everything its reader has to know; `header` is that of any image.

    Raises SegmentEmpty, RemnantOutsideLiver or LiverWithoutTissue.
    """
    refuse_empty(volumes, roles)
    return RemnantMeasurement(
        label=label,
        series_description=str(header.get("SeriesDescription", "")),
        SeriesInstanceUID=str(header.get("SeriesInstanceUID", "")),
        SOPInstanceUID=SOPInstanceUID,
        liver_ml=volumes.liver_ml,
        flr_ml=volumes.flr_ml,
        tumour_ml=volumes.tumour_ml,
        subtracted_ml=volumes.subtracted_ml,
        flr_percent=share(volumes),
        missing=tuple(in_words(role) for role in _ROLES if role not in roles),
        notes=(*notes, *remarks(volumes), *_no_tumour(volumes, roles)),
        method=METHOD,
        voxel_mm=(images.column_spacing_mm, images.row_spacing_mm, images.slice_spacing_mm or 0.0),
        couinaud=_couinaud(segments),
    )


def roles_of(segments: Sequence[Segment]) -> Mapping[Role, tuple[Segment, ...]]:
    """Which segments are liver, remnant and tumour. Raises NothingToMeasure where none is."""
    if roles := assign(segments):
        return roles
    labels = ", ".join(f"“{segment.label}”" for segment in segments)
    raise NothingToMeasure(
        f"No segment is named liver, FLR or tumour; found: {labels}.",
        remedy="Name the segments “liver”, “FLR” and “tumour”.",
    )


def _couinaud(segments: Sequence[Segment]) -> tuple[str, ...]:
    """Which of Couinaud's segments are drawn, each once, in the order of the file."""
    named = (couinaud_name(segment.label) for segment in segments)
    return tuple(dict.fromkeys(name for name in named if name))


def refuse_empty(volumes: Volumes, roles: Mapping[Role, tuple[Segment, ...]]) -> None:
    """Raises SegmentEmpty where the liver or the remnant is named and has no voxel."""
    sizes_ml: dict[Role, float | None] = {"liver": volumes.liver_ml, "flr": volumes.flr_ml}
    for role, size_ml in sizes_ml.items():
        if role in roles and not size_ml:
            label = roles[role][0].label
            raise SegmentEmpty(
                f"The segment “{label}” is empty.",
                remedy=f"Draw “{label}”, or delete the segment.",
            )


def _no_tumour(volumes: Volumes, roles: Mapping[Role, tuple[Segment, ...]]) -> tuple[str, ...]:
    if "tumour" not in roles or volumes.tumour_ml:
        return ()
    return (f"The segment “{roles['tumour'][0].label}” is empty.",)


def role_volumes(
    segmentation: Segmentation,
    images: SeriesGeometry,
    roles: Mapping[Role, tuple[Segment, ...]],
) -> Volumes:
    """The sizes of liver, remnant and tumour, and how they lie to each other."""
    found = Overlaps(frozenset(roles))
    for index, planes in by_place(segmentation, images):
        found.add(index, regions_of(segmentation, planes, roles))
    return found.volumes(images.voxel_volume_ml or 0.0)


def regions_of(
    segmentation: Segmentation,
    planes: Mapping[int, NDArray[np.number[Any]]],
    roles: Mapping[Role, tuple[Segment, ...]],
) -> dict[Role, NDArray[np.bool_]]:
    """The masks of a plane by role, bool of shape (rows, columns), the segments of each role united.
    `planes` are stored values by SegmentNumber; a role of which nothing is drawn there is left out."""
    found: dict[Role, NDArray[np.bool_]] = {}
    for role, members in roles.items():
        masks = [
            segmentation.mask(one.number, planes[one.number])
            for one in members
            if one.number in planes
        ]
        if masks:
            found[role] = masks[0] if len(masks) == 1 else np.bitwise_or.reduce(masks)
    return found


def by_place(
    segmentation: Segmentation, images: SeriesGeometry
) -> Iterator[tuple[int, dict[int, NDArray[np.number[Any]]]]]:
    """The stored values, shape (rows, columns), at each place of the grid by SegmentNumber, lowest place
    first; a place without a frame is left out."""
    places = [
        images.index_of(along(images.normal, frame.position_mm)) for frame in segmentation.frames
    ]
    order = sorted(range(len(places)), key=places.__getitem__)
    there: dict[int, NDArray[np.number[Any]]] = {}
    at: int | None = None
    for frame, number, pixels in segmentation.values(order):
        if at is not None and places[frame.index] != at:
            yield at, there
            there = {}
        at = places[frame.index]
        there[number] = np.maximum(there[number], pixels) if number in there else pixels
    if at is not None:
        yield at, there


def volumes_of(regions: Mapping[Role, Volume], images: SeriesGeometry) -> Volumes:
    """The same of masks, wherever they come from; a role that is not there has no volume."""
    found = Overlaps(frozenset(regions))
    for index in range(images.depth):
        found.add(index, {role: mask[index].astype(bool) for role, mask in regions.items()})
    return found.volumes(images.voxel_volume_ml or 0.0)


def check_spacing(images: SeriesGeometry) -> None:
    """Raises SpacingUnknown where the positions of the images do not make an even grid."""
    if images.slice_spacing_mm is None:
        raise SpacingUnknown(
            "The series holds one image only, so the distance between slices is not known and no "
            "volume can be given (SliceThickness is not a distance).",
            remedy="Send the whole series.",
        )
    if images.uneven_mm:
        steps = ", ".join(f"{step:.2f}" for step in images.uneven_mm[:5])
        raise SpacingUnknown(
            f"The images are unevenly spaced: usually {images.slice_spacing_mm:.2f} mm apart, but "
            f"also {steps} mm. No volume can be given on such a grid.",
            remedy="Send an evenly reconstructed series.",
        )


def geometry_notes(segmentation: Segmentation, images: SeriesGeometry) -> tuple[str, ...]:
    """What a reader has to know about the grid, in sentences."""
    note = spacing_note(segmentation, images)
    return (
        *([note] if note else []),
        *([] if segmentation.series else [SERIES_NOT_NAMED]),
        *image_notes(images, "the volumes leave their slices out."),
    )


def image_notes(images: SeriesGeometry, left_out: str) -> tuple[str, ...]:
    """What a reader has to know about the series; `left_out` says what a missing image means."""
    notes = []
    missing = sum(gap.missing for gap in images.gaps)
    if missing:
        where = "; ".join(f"{gap.below_mm:.1f} to {gap.above_mm:.1f} mm" for gap in images.gaps[:5])
        notes.append(f"{missing} image(s) are missing from the series ({where}); {left_out}")
    if images.duplicates:
        notes.append(
            f"{len(images.duplicates)} image(s) lie where another one lies and were counted once."
        )
    return tuple(notes)
