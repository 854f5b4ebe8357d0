"""A region grown from a click, from CT images to a DICOM Segmentation that a person corrects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from server.dicom.decoding import decoded
from server.dicom.enhanced import refuse_enhanced
from server.dicom.frame_shape import FrameShape
from server.dicom.geometry import SeriesGeometry, Vector, along, of_series
from server.foundation.errors import Invalid
from server.volumetry.frames import read
from server.volumetry.growth import Organ
from server.volumetry.masks import Volume, fitted, on_grid
from server.volumetry.new_uids import NewUids
from server.volumetry.placing import voxel_of
from server.volumetry.roles import assign
from server.volumetry.scene import SeedUnusable
from server.volumetry.segmentation import check_spacing
from server.volumetry.segmenting import Grown, grow
from server.volumetry.trial import NoLiver, Tell
from server.volumetry.written import as_segmentation

METHOD: Final = "Seeded region growing"
_LABELS: Final[dict[Organ, str]] = {"liver": "Liver", "tumour": "Tumour"}


class AttenuationUnknown(Invalid):
    """The images are no CT in Hounsfield units, or their pixels cannot be read."""


@dataclass(frozen=True)
class Drawn:
    """What was grown, and its Segmentation as a Part 10 file."""

    seg: bytes
    grown: Grown

    def to_json(self) -> dict[str, Any]:
        """As `margin segment` prints it."""
        low, high = self.grown.window_hu
        return {
            "volume_ml": round(self.grown.volume_ml, 3),
            "window_hu": [round(low, 1), round(high, 1)],
            "bridges_cut_mm": self.grown.cut_mm,
            "notes": list(self.grown.notes),
            "to_be_corrected": True,
        }


def draw(
    images: Sequence[Dataset],
    organ: Organ,
    seed_mm: Vector,
    *,
    liver_seg: bytes | None = None,
    uids: NewUids | None = None,
    tell: Tell = lambda _what, _percent: None,
) -> Drawn:
    """Grow `organ` around a point in mm in the patient (LPS) and write it as a Segmentation.

    `images` are all of one CT series with their pixels, in any order. With `liver_seg`, a
    Segmentation of the liver on the same images, a tumour stays inside the liver, which is written
    beside it. Raises ImagesInOne, AttenuationUnknown, SeedUnusable, RegionLeaked, RegionTooSmall,
    NoLiver, and what a geometry or a Segmentation that cannot be used raises.
    """
    refuse_enhanced(images)
    grid = of_series(images)
    check_spacing(grid)
    tell("Reading the images", 5)
    hu = hounsfield(images, grid)
    seed = voxel_of(np.array(seed_mm, float), grid)
    if seed is None:
        raise SeedUnusable("The point lies outside the images.", remedy="Click inside the organ.")
    liver = None if liver_seg is None else _liver_of(liver_seg, images, grid)
    grown = grow(hu, grid, seed, organ, within=liver if organ == "tumour" else None, tell=tell)
    tell("Writing the result", 90)
    regions = {_LABELS[organ]: grown.mask}
    if organ == "tumour" and liver is not None:
        regions = {"Liver": liver, **regions}
    seg = as_segmentation(
        regions,
        grid,
        images,
        description=f"{_LABELS[organ]}, grown from a point, to be corrected",
        method=METHOD,
        content_label="SEEDED",
        uids=uids,
    )
    return Drawn(seg, grown)


def hounsfield(images: Sequence[Dataset], grid: SeriesGeometry) -> NDArray[np.int16]:
    """The series in HU, int16 of shape (depth, rows, columns), lowest slice first.

    A slice of which there is no image repeats the one below it. Raises AttenuationUnknown.
    """
    hu = np.zeros((grid.depth, grid.rows, grid.columns), np.int16)
    there = np.zeros(grid.depth, bool)
    for image in images:
        x, y, z = (float(value) for value in image.ImagePositionPatient)
        index = grid.index_of(along(grid.normal, (x, y, z)))
        if not there[index]:
            hu[index] = _slice_hu(image)
            there[index] = True
    for missing in np.flatnonzero(~there):
        hu[missing] = hu[missing - 1]
    return hu


def _slice_hu(image: Dataset) -> NDArray[np.int16]:
    if image.get("Modality") != "CT" or "RescaleIntercept" not in image:
        raise AttenuationUnknown(
            f"The images are {image.get('Modality', 'of no modality')} without Hounsfield units.",
            remedy="Choose a CT series, or draw by hand.",
        )
    try:
        pixels = _stored_values(image)
    except Exception as problem:
        raise AttenuationUnknown(
            "The pixels of an image cannot be read.", remedy="Send it again uncompressed."
        ) from problem
    slope, intercept = float(image.get("RescaleSlope", 1)), float(image.RescaleIntercept)
    hu = np.clip(pixels * slope + intercept, -32768, 32767)
    return np.asarray(np.rint(hu), np.int16)


def _stored_values(image: Dataset) -> NDArray[Any]:
    """The stored values, shape (Rows, Columns). What is compressed is not given to the archive to decode:
    a malformed stream has ended its whole process."""
    syntax = image.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        native: NDArray[Any] = image.pixel_array
        return native
    return decoded(
        get_frame(image.PixelData, 0, number_of_frames=1), syntax, FrameShape.read(image)
    )


def _liver_of(seg: bytes, images: Sequence[Dataset], grid: SeriesGeometry) -> Volume:
    segmentation = fitted(read(seg), grid, str(images[0].get("SeriesInstanceUID", "")))
    livers = assign(segmentation.segments).get("liver", ())
    drawn = on_grid(segmentation, grid, [one.number for one in livers])
    if not any(volume.any() for volume in drawn.values()):
        raise NoLiver("No segment of the segmentation is a liver.", remedy="Draw the liver first.")
    found: Volume = reduce(np.bitwise_or, drawn.values())
    return found
