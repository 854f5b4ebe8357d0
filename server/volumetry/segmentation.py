"""From a Segmentation and the headers of its images to a measured remnant, by SimpleITK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import SimpleITK
from pydicom.dataset import Dataset

from server.dicom.geometry import SeriesGeometry, of_series
from server.foundation.clock import utc_now
from server.foundation.errors import Invalid
from server.volumetry.frames import (
    Segmentation,
    SegmentationSource,
    SegmentationUnreadable,
    read,
    source_of,
)
from server.volumetry.masks import (
    SegmentGeometryMismatch,
    Volume,
    as_image,
    check_geometry,
    on_grid,
    spacing_note,
    volume_ml,
)
from server.volumetry.remnant import RemnantMeasurement, Volumes, remarks, share
from server.volumetry.roles import Role, Segment, assign, in_words

__all__ = [
    "NothingToMeasure",
    "SegmentGeometryMismatch",
    "SegmentationSource",
    "SegmentationUnreadable",
    "SpacingUnknown",
    "measure",
    "source_of",
]

METHOD: Final = (
    f"sum of voxels, SimpleITK {SimpleITK.Version.VersionString()}"  # CID 7474, 126030 DCM
)
_ROLES: Final[tuple[Role, ...]] = ("liver", "flr", "tumour")


class NothingToMeasure(Invalid):
    """No segment is named as liver, FLR or tumour."""


class SpacingUnknown(Invalid):
    """The distance between the images cannot be told from their positions."""


def measure(seg: bytes, headers: Sequence[Dataset]) -> RemnantMeasurement:
    """Measures a DICOM Segmentation on the images it was drawn on.

    `seg` is a whole Part 10 file; `headers` are all images of the referenced series, without
    pixels, in any order. Where liver or FLR is missing, what is there is measured and `missing`
    says the rest.

    Raises SegmentationUnreadable, SegmentGeometryMismatch, SegmentRoleAmbiguous, NothingToMeasure,
    SpacingUnknown, GeometryIncomplete, GeometryMixed, RemnantOutsideLiver or LiverWithoutTissue:
    all of the family Invalid.
    """
    segmentation = read(seg)
    images = of_series(headers)
    check_geometry(segmentation, images)
    check_spacing(images)
    roles = assign(segmentation.segments)
    if not roles:
        raise NothingToMeasure(
            "No segment is named liver, FLR or tumour; found: "
            + ", ".join(f"“{segment.label}”" for segment in segmentation.segments)
            + ".",
            remedy="Name the segments “liver”, “FLR” and “tumour”.",
        )
    volumes = role_volumes(segmentation, images, roles)
    first = next(iter(headers))
    return RemnantMeasurement(
        label=segmentation.label,
        series_description=str(first.get("SeriesDescription", "")),
        SeriesInstanceUID=str(first.get("SeriesInstanceUID", "")),
        SOPInstanceUID=segmentation.SOPInstanceUID,
        liver_ml=volumes.liver_ml,
        flr_ml=volumes.flr_ml,
        tumour_ml=volumes.tumour_ml,
        flr_percent=share(volumes),
        missing=tuple(in_words(role) for role in _ROLES if role not in roles),
        notes=(*geometry_notes(segmentation, images), *remarks(volumes)),
        method=METHOD,
        voxel_mm=(images.column_spacing_mm, images.row_spacing_mm, images.slice_spacing_mm or 0.0),
        measured_at=utc_now(),
    )


def role_volumes(
    segmentation: Segmentation,
    images: SeriesGeometry,
    roles: dict[Role, tuple[Segment, ...]],
) -> Volumes:
    """The sizes of liver, remnant and tumour, and how they lie to each other."""
    wanted = [segment.number for members in roles.values() for segment in members]
    drawn = on_grid(segmentation, images, wanted)
    regions: dict[Role, Volume] = {
        role: np.bitwise_or.reduce([drawn[segment.number] for segment in members])
        for role, members in roles.items()
    }
    return volumes_of(regions, images)


def volumes_of(regions: Mapping[Role, Volume], images: SeriesGeometry) -> Volumes:
    """The same of masks, wherever they come from; a role that is not there has no volume."""
    liver, flr, tumour = (regions.get(role) for role in _ROLES)
    painted_over = False
    if liver is not None and flr is not None and _lie_side_by_side(liver, flr, tumour):
        painted_over = True
        liver = liver | flr if tumour is None else liver | flr | tumour

    def size_ml(volume: Volume | None) -> float | None:
        return None if volume is None else volume_ml(as_image(volume, images))

    def overlap_ml(one: Volume | None, other: Volume | None) -> float:
        return 0.0 if one is None or other is None else size_ml(one & other) or 0.0

    flr_ml = size_ml(flr)
    return Volumes(
        liver_ml=size_ml(liver),
        flr_ml=flr_ml,
        tumour_ml=size_ml(tumour),
        flr_outside_liver_ml=0.0
        if liver is None
        else max(0.0, (flr_ml or 0.0) - overlap_ml(flr, liver)),
        tumour_in_liver_ml=overlap_ml(tumour, liver),
        tumour_in_flr_ml=overlap_ml(tumour, flr),
        painted_over=painted_over,
    )


def _lie_side_by_side(liver: Volume, flr: Volume, tumour: Volume | None) -> bool:
    """Whether no two regions share a voxel and the remnant borders on the rest of the liver.

    Viewers paint exclusively: drawing the FLR takes its voxels from the liver. A remnant that
    touches the liver nowhere was drawn somewhere else and is not made part of it.
    """
    rest = liver if tumour is None else liver | tumour
    if np.any(liver & flr) or (tumour is not None and np.any(tumour & (liver | flr))):
        return False
    for axis in range(3):
        one, other = np.moveaxis(rest, axis, 0), np.moveaxis(flr, axis, 0)
        if np.any(one[1:] & other[:-1]) or np.any(one[:-1] & other[1:]):
            return True
    return False


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
    notes = []
    if note := spacing_note(segmentation, images):
        notes.append(note)
    missing = sum(gap.missing for gap in images.gaps)
    if missing:
        where = "; ".join(f"{gap.below_mm:.1f} to {gap.above_mm:.1f} mm" for gap in images.gaps[:5])
        notes.append(
            f"{missing} image(s) are missing from the series ({where}); the volumes leave their "
            "slices out."
        )
    if images.duplicates:
        notes.append(
            f"{len(images.duplicates)} image(s) lie where another one lies and were counted once."
        )
    return tuple(notes)
