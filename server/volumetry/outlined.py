"""From an RT Structure Set and the headers of its images to a measured remnant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from server.dicom.geometry import SeriesGeometry, of_series
from server.volumetry.contours import Structure, outlined_source, structures
from server.volumetry.frames import SegmentationSource
from server.volumetry.masks import Volume
from server.volumetry.remnant import RemnantMeasurement
from server.volumetry.roles import Role, Segment
from server.volumetry.segmentation import image_notes, measurement, roles_of, volumes_of

SERIES_NOT_NAMED: Final = (
    "The structure set does not name the series it was drawn on. Its outlines lie within the images "
    "that it was measured on."
)


def measure_structures(file: bytes, headers: Sequence[Dataset]) -> RemnantMeasurement:
    """Measures an RT Structure Set as `measure` does a Segmentation.

    Raises what `structures` raises, SegmentRoleAmbiguous, NothingToMeasure, SegmentEmpty,
    RemnantOutsideLiver or LiverWithoutTissue.
    """
    source = outlined_source(file)
    found = structures(file, headers)
    images = of_series(headers)
    segments = [Segment(one.number, one.name) for one in found]
    roles = roles_of(segments)
    measured = measurement(
        volumes_of(regions_by_role(found, roles), images),
        roles,
        headers[0],
        images,
        label=source.SeriesDescription,
        SOPInstanceUID=source.SOPInstanceUID,
        notes=outline_notes(source, found, images),
        segments=segments,
    )
    return replace(measured, is_outlined=True)


def regions_by_role(
    found: Sequence[Structure], roles: Mapping[Role, Sequence[Segment]]
) -> dict[Role, Volume]:
    """The masks of the regions that play each role, united."""
    masks = {one.number: one.mask for one in found}
    return {
        role: np.bitwise_or.reduce([masks[segment.number] for segment in members])
        for role, members in roles.items()
    }


def outline_notes(
    source: SegmentationSource, found: Sequence[Structure], images: SeriesGeometry
) -> tuple[str, ...]:
    """What a reader has to know about outlines and images, in sentences."""
    return (
        *([] if source.SeriesInstanceUID else [SERIES_NOT_NAMED]),
        "Outlines were filled on the images: a voxel counts when its centre is inside.",
        *image_notes(images, "outlines there count where they are drawn."),
        *(note for one in found for note in one.notes),
    )
