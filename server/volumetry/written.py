"""Masks written as a DICOM Segmentation (PS3.3 A.51) on the images they belong to, by highdicom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from server.dicom.geometry import SeriesGeometry, along
from server.dicom.uids import new_uid
from server.volumetry.masks import Volume

SERIES_NUMBER: Final = 190
# No code says "future liver remnant" or "specimen": both are coded as liver, the label tells which.
MEANINGS: Final[dict[str, tuple[Code, Code]]] = {
    "Liver": (codes.SCT.Organ, codes.SCT.Liver),
    "FLR": (codes.SCT.Organ, codes.SCT.Liver),
    "Specimen": (codes.SCT.Organ, codes.SCT.Liver),
    "Tumour": (codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm),  # CID 7159
}


def as_segmentation(
    volumes: Mapping[str, Volume],
    images: SeriesGeometry,
    headers: Sequence[Dataset],
    *,
    description: str,
    method: str,
) -> bytes:
    """A binary SEG as a Part 10 file: one segment for each of `volumes` (by label, of `MEANINGS`).

    `headers` are the images of the series with their file meta information, without pixels.
    `method` names how the regions were made (at most 64 characters). Segments may overlap; a
    segment without a voxel is left out.
    """
    by_place = {
        images.index_of(along(images.normal, _position(header))): header for header in headers
    }
    places = sorted(by_place)
    drawn = {label: volume for label, volume in volumes.items() if volume.any()}
    masks = np.stack([volume[places] for volume in drawn.values()], axis=-1)
    sources = [by_place[place] for place in places]
    segmentation = Segmentation(
        source_images=sources,
        pixel_array=masks.astype(np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, label, method) for number, label in enumerate(drawn, start=1)
        ],
        series_instance_uid=new_uid(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=new_uid(),
        instance_number=1,
        manufacturer="Margin",
        manufacturer_model_name="Margin",
        software_versions="1",
        device_serial_number="1",
        content_label="RESECTION",
        content_description=description[:64],
        series_description=description[:64],
    )
    file = BytesIO()
    segmentation.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _position(header: Dataset) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in header.ImagePositionPatient)
    return x, y, z


def _description(number: int, label: str, method: str) -> SegmentDescription:
    category, kind = MEANINGS[label]
    return SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=method[:64], version="1", family=codes.CID7162.ManualProcessing
        ),
        tracking_uid=new_uid(),
        tracking_id=label,
    )
