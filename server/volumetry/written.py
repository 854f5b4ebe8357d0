"""Masks written as a DICOM Segmentation (PS3.3 A.51) on the images they belong to.

highdicom describes it; the pixels are packed here. highdicom looks at every voxel of every segment
several times, which for the four segments of a large liver is most of a minute and a gigabyte: it is
shown images of one pixel, set where a segment has a voxel in that slice, and so makes the same frames.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
    SegmentsOverlapValues,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from server.dicom.enhanced import refuse_enhanced
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
    lie at one place, the first of them counts. Raises ImagesInOne for an enhanced image.
    """
    refuse_enhanced(headers)
    by_place = _by_place(headers, images)
    places = sorted(by_place)
    drawn = {label: volume for label, volume in volumes.items() if volume.any()}
    segmentation = _quietly(
        source_images=[_as_source(by_place[place]) for place in places],
        pixel_array=_where_drawn(drawn.values(), places),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, label, method) for number, label in enumerate(drawn, start=1)
        ],
        content_label=content_label,
        content_description=description[:64],
        series_description=description[:64],
        **_identity(uids or NewUids.unused()),
    )
    segmentation.Rows, segmentation.Columns = images.rows, images.columns
    segmentation.SegmentsOverlap = _overlap(list(drawn.values()), places).value
    by_uid = {str(header.SOPInstanceUID): place for place, header in by_place.items()}
    segmentation.PixelData = _packed(_frames(segmentation, list(drawn.values()), by_uid))
    file = BytesIO()
    segmentation.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _identity(uids: NewUids) -> dict[str, Any]:
    """Which object of which series this is, and what made it."""
    return {
        "series_instance_uid": uids.SeriesInstanceUID,
        "series_number": SERIES_NUMBER,
        "sop_instance_uid": uids.SOPInstanceUID,
        "instance_number": 1,
        "manufacturer": "Margin",
        "manufacturer_model_name": "Margin",
        "software_versions": "1",
        "device_serial_number": "1",
    }


def _by_place(headers: Sequence[Dataset], images: SeriesGeometry) -> dict[int, Dataset]:
    """The first header at each place, counted in slices from the lowest."""
    found: dict[int, Dataset] = {}
    for header in headers:
        found.setdefault(images.index_of(along(images.normal, _position(header))), header)
    return found


def _as_source(header: Dataset) -> Dataset:
    """A header as an image of one pixel; a character set that is there and empty is left out, since
    highdicom does not take it."""
    # An element of its own in a data set of its own: the headers are still the caller's.
    source = Dataset()
    source.update(header)
    source.file_meta = header.file_meta
    for size in ("Rows", "Columns"):
        source.add_new(size, "US", 1)
    if "SpecificCharacterSet" in source and not source.SpecificCharacterSet:
        del source.SpecificCharacterSet
    return source


def _where_drawn(volumes: Iterable[Volume], places: Sequence[int]) -> NDArray[np.uint8]:
    """Whether a segment has a voxel in a slice: uint8 of shape (places, 1, 1, segments)."""
    seen = [[volume[place].any() for place in places] for volume in volumes]
    return np.array(seen, np.uint8).T[:, None, None, :]


def _overlap(volumes: Sequence[Volume], places: Sequence[int]) -> SegmentsOverlapValues:
    for place in places:
        taken = np.zeros(volumes[0].shape[1:], np.bool_)
        for volume in volumes:
            mask = volume[place].astype(np.bool_)
            if np.any(taken & mask):
                return SegmentsOverlapValues.YES
            taken |= mask
    return SegmentsOverlapValues.NO


def _frames(
    described: Dataset, volumes: Sequence[Volume], places: Mapping[str, int]
) -> Iterator[Volume]:
    """The mask of each frame, in the order in which they are described."""
    shared = described.SharedFunctionalGroupsSequence[0]
    for frame in described.PerFrameFunctionalGroupsSequence:
        # What all frames have in common stands once, such as the number of the only segment.
        keyword = "SegmentIdentificationSequence"
        segment = (frame if keyword in frame else shared)[keyword][0]
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        place = places[str(source.ReferencedSOPInstanceUID)]
        yield volumes[segment.ReferencedSegmentNumber - 1][place]


def _packed(frames: Iterable[Volume]) -> bytes:
    """One bit per pixel, lowest first, frames following each other without padding (PS3.5 8.2 and
    Annex D.1), the whole of an even length. Eight frames always end with a byte.
    """
    packed = bytearray()
    waiting = iter(frames)
    while group := list(islice(waiting, 8)):
        packed += np.packbits(np.stack(group).ravel(), bitorder="little").tobytes()
    return bytes(packed) + b"\0" * (len(packed) % 2)


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
