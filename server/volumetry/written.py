"""Masks written as a DICOM Segmentation (PS3.3 A.51) on the images they belong to, by highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
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
from server.volumetry.new_uids import NewUids

SERIES_NUMBER: Final = 190

# No code says "future liver remnant" or "specimen": both are coded as liver, the label tells which.
MEANINGS: Final[dict[str, tuple[Code, Code]]] = {
    "Liver": (codes.SCT.Organ, codes.SCT.Liver),
    "FLR": (codes.SCT.Organ, codes.SCT.Liver),
    "Specimen": (codes.SCT.Organ, codes.SCT.Liver),
    "Tumour": (codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm),  # CID 7159
}

# CIELab, PS3.3 C.10.7.1.1: what remains green, what is taken magenta, a tumour yellow, and the whole
# liver, which lies under the others, a dull brown [a choice of ours].
_COLOURS: Final = {
    "Liver": (45.0, 15.0, 20.0),
    "FLR": (70.0, -55.0, 45.0),
    "Specimen": (60.0, 65.0, -25.0),
    "Tumour": (88.0, -5.0, 80.0),
}


def as_segmentation(
    volumes: Mapping[str, Volume],
    images: SeriesGeometry,
    headers: Sequence[Dataset],
    *,
    description: str,
    method: str,
    content_label: str = "RESECTION",
    uids: NewUids | None = None,
) -> bytes:
    """A binary SEG as a Part 10 file: one segment for each of `volumes` (by label, of `MEANINGS`).

    `headers` are the images of the series with their file meta information, without pixels.
    `method` names how the regions were made (at most 64 characters), `content_label` is a Code
    String (PS3.5 6.2). Segments may overlap; a segment without a voxel is left out. Where two images
    lie at one place, the first of them counts.
    """
    uids = uids or NewUids.unused()
    by_place: dict[int, Dataset] = {}
    for header in headers:
        by_place.setdefault(images.index_of(along(images.normal, _position(header))), header)
    places = sorted(by_place)
    drawn = {label: volume for label, volume in volumes.items() if volume.any()}
    # Segments last, as highdicom wants them, and first in memory, where sums over them are fast.
    whole = len(places) == images.depth
    kept = [volume if whole else volume[places] for volume in drawn.values()]
    masks = np.moveaxis(np.stack(kept), 0, -1)
    sources = [_as_source(by_place[place]) for place in places]
    segmentation = _quietly(
        source_images=sources,
        pixel_array=masks,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, label, method) for number, label in enumerate(drawn, start=1)
        ],
        series_instance_uid=uids.SeriesInstanceUID,
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.SOPInstanceUID,
        instance_number=1,
        manufacturer="Margin",
        manufacturer_model_name="Margin",
        software_versions="1",
        device_serial_number="1",
        content_label=content_label,
        content_description=description[:64],
        series_description=description[:64],
    )
    file = BytesIO()
    segmentation.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _as_source(header: Dataset) -> Dataset:
    """A header as highdicom takes it: a character set that is there and empty is left out."""
    if header.get("SpecificCharacterSet") or "SpecificCharacterSet" not in header:
        return header
    source = Dataset(header)
    source.file_meta = header.file_meta
    del source.SpecificCharacterSet
    return source


def _quietly(**said: Any) -> Segmentation:
    """Hospitals write names of one component, against PS3.5 6.2.1.2; that is no news to anybody."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The string", UserWarning)
        return Segmentation(**said)


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
        display_color=CIELabColor(*_COLOURS[label]),
    )
