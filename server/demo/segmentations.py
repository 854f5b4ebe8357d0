"""DICOM Segmentations of a phantom, as a viewer or a segmentation program would send them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from server.demo.anatomy import Region
from server.demo.phantoms import Phantom
from server.demo.phases import PhaseName
from server.dicom.uids import uid_from

Label = Literal["Liver", "FLR", "Tumour"]

_ORGAN: Final = codes.SCT.Organ
_ABNORMAL: Final = codes.SCT.MorphologicallyAbnormalStructure
# There is no code for a future liver remnant: it is coded as liver, and its label says which part.
_MEANING: Final[dict[Label, tuple[np.uint8, Code, Code]]] = {
    "Liver": (Region.LIVER, _ORGAN, codes.SCT.Liver),
    "FLR": (Region.FLR, _ORGAN, codes.SCT.Liver),
    "Tumour": (Region.TUMOUR, _ABNORMAL, codes.SCT.Neoplasm),  # CID 7159
}


def segment(
    phantom: Phantom,
    phase: PhaseName = "portal_venous",
    labels: Sequence[Label] = ("Liver", "FLR", "Tumour"),
) -> Dataset:
    """A binary SEG of the phantom's regions on the images of one phase; empty frames are left out.

    The FLR and the tumour lie inside the liver, so the segments overlap. The same phantom, phase
    and labels give the same SOPInstanceUID.
    """
    regions = phantom.regions()
    masks = np.stack([(regions & _MEANING[label][0]) > 0 for label in labels], axis=-1)
    images = phantom.headers(phantom.phase(phase))
    for image in images:
        # highdicom reads the source's own syntax, size and position; it never asks for its pixels.
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return encode(images, masks, labels, name=(phantom.name, phase))


def encode(
    images: Sequence[Dataset],
    masks: NDArray[np.bool_],
    labels: Sequence[str],
    *,
    name: tuple[str, ...],
    omit_empty_frames: bool = True,
    fractional: bool = False,
) -> Dataset:
    """A SEG over these images (in this order) from masks of shape (images, rows, columns,
    segments).

    `name` decides its UIDs. `fractional` writes the same masks as FRACTIONAL (0 or 255 of 255).
    """
    described = [_description(number, label) for number, label in enumerate(labels, start=1)]
    kind = SegmentationTypeValues.FRACTIONAL if fractional else SegmentationTypeValues.BINARY
    return Segmentation(
        source_images=list(images),
        pixel_array=masks.astype(np.float32 if fractional else np.uint8),
        segmentation_type=kind,
        segment_descriptions=described,
        series_instance_uid=uid_from("segmentation series", *name),
        series_number=100,
        sop_instance_uid=uid_from("segmentation", *name, *labels),
        instance_number=1,
        manufacturer="Margin",
        manufacturer_model_name="Synthetic phantom",
        software_versions="1",
        device_serial_number="1",
        content_label="VOLUMETRY",
        content_description="Regions of a synthetic phantom",
        omit_empty_frames=omit_empty_frames,
        series_description="Segmentation for volumetry",
    )


def _description(number: int, label: str) -> SegmentDescription:
    fallback = (Region.LIVER, codes.SCT.Tissue, codes.SCT.Tissue)
    _, category, kind = next((m for known, m in _MEANING.items() if known == label), fallback)
    return SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name="Voxels of the phantom", version="1", family=codes.CID7162.ManualProcessing
        ),
        tracking_uid=uid_from("tracking", label, str(number)),
        tracking_id=label,
    )
